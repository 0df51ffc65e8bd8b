"""Workers and foreground runs as processes of their own.

Run as a program:

- ``worker URL FOLDER die N`` works off what is due, and kills itself at its N-th moment around a
  commit; with 0 it does not.
- ``worker URL FOLDER stop NAME`` stops itself, to be continued, at the first moment so called.
- ``worker URL FOLDER stop-asks NAME`` does so at the second one, and a person must let it pay.
- ``worker URL FOLDER stay`` works until it gets SIGTERM; its jobs note the process they run in.
- ``runs URL FOLDER COUNT`` runs so many of those jobs itself.

Workers print the steps of their jobs.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import anyio
from dying import Death, DyingStorage, agent_of
from queueing import agent_file, plugins
from steer import ExecutionRequest, RuntimeKernel
from steer.clock import SystemClock
from steer.ports.gate import EffectRun
from steer.values import Effect
from steer.working import WorkNote
from stepwise import Call, Stepwise, ToolSpec, Turn

AT_ONCE = 10


class AtCommits(Death):
    """Dies at a moment around a commit, counted from 1."""

    def moment(self, name: str) -> None:
        if " commit " in name:
            super().moment(name)


class Stopping(Death):
    """Stops the process when so many moments have had this in their names."""

    def __init__(self, name: str, times: int) -> None:
        super().__init__("0")
        self._name = name
        self._left = times

    def moment(self, name: str) -> None:
        if re.search(self._name, name):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGSTOP)


def notes_pid(folder: Path) -> Stepwise:
    """An agent whose tool notes which process it runs in."""

    async def note(_run: EffectRun) -> str:
        with (folder / "pids").open("a") as file:
            file.write(f"{os.getpid()}\n")
        return "noted"

    turns = (Turn(text="x", calls=(Call(tool="note"),)), Turn(text="y"))
    return Stepwise(turns=turns, tools={"note": ToolSpec(run=note)})


async def worker(url: str, folder: str, how: str, at: str = "0") -> None:
    """Work as the program says."""
    asks, stays = how == "stop-asks", how == "stay"
    death = Stopping(at, 1 + asks) if how.startswith("stop") else AtCommits(at)
    if stays:
        agent = notes_pid(Path(folder))
    else:
        agent = agent_of(Path(folder), death, Effect.ONCE, asks=asks)
    registry = plugins(agent)
    storage = DyingStorage(registry.open_storage(url, SystemClock()), death)
    stop = anyio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with RuntimeKernel(storage=storage, registry=registry) as kernel:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await kernel.work(stop=stop, until_idle=not stays, drain=60.0, tell=_tell)
    await storage.aclose()


async def runs(url: str, folder: str, count: str) -> None:
    """Run jobs in this process, some at a time."""
    limiter = anyio.CapacityLimiter(AT_ONCE)
    agent = agent_file(Path(folder))
    async with RuntimeKernel(storage=url, registry=plugins(notes_pid(Path(folder)))) as kernel:

        async def run() -> None:
            async with limiter:
                request = ExecutionRequest(agent=agent, runtime="stepwise", prompt="Hi")
                result = await (await kernel.execute(request)).result()
                sys.stdout.write(f"{result.status}\n")

        async with anyio.create_task_group() as group:
            for _ in range(int(count)):
                group.start_soon(run)


def _tell(note: WorkNote) -> None:
    status = note.result.status if note.result else ""
    sys.stdout.write(f"{note.step} {status}".rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    asyncio.run(worker(*arguments) if what == "worker" else runs(*arguments))
