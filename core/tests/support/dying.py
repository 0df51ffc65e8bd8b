"""A run that kills its own process with SIGKILL at one of its moments.

Run as a program: ``python dying.py URL FOLDER AT [EFFECT]``. AT is the name of a moment or its
number: they are counted in order, before and after every commit, around the tool's effect, and
wherever the agent's runtime tells of one. With 0 nothing dies. It prints the job's id and result.
With ``approve`` after EFFECT the payment is parked until a person approves it, which is done here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
from steer import (
    ApprovalSpec,
    ExecutionHandle,
    ExecutionRequest,
    PrepareOptions,
    RuntimeKernel,
)
from steer.clock import SystemClock
from steer.errors import ActionClosed
from steer.events import ActionRequired
from steer.ports.changes import Change
from steer.ports.gate import EffectRun
from steer.ports.storage import Committed, Storage
from steer.values import Effect, RunResult
from stepwise import Call, PreparedStepwise, Stepwise, StepwiseRuntime, ToolSpec, Turn, registry


class Death:
    """Counts moments; at the chosen one the process is gone, as if the power had failed."""

    def __init__(self, at: str) -> None:
        self._at = at
        self._count = 0

    def moment(self, name: str) -> None:
        self._count += 1
        if self._at in (name, str(self._count)):
            sys.stderr.write(f"died at {name}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)


class DyingStorage:
    """A storage that dies before or after a commit."""

    def __init__(self, inner: Storage, death: Death) -> None:
        self._inner = inner
        self._death = death
        self._number = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change], /
    ) -> Committed:
        self._number += 1
        number = self._number
        names = ", ".join(type(change).__name__ for change in changes)
        self._death.moment(f"before commit {number} ({names})")
        committed = await self._inner.commit(scope_id, job_id, fence, changes)
        self._death.moment(f"after commit {number} ({names})")
        return committed


class DyingRuntime(StepwiseRuntime):
    """Runs the agent of this file, whatever it is given, so that a reference is enough."""

    def __init__(self, agent: Stepwise) -> None:
        self._agent = agent

    def prepare(self, _agent: object, _options: PrepareOptions, /) -> PreparedStepwise:
        return PreparedStepwise(source=self._agent, fingerprint="dying")


def agent_of(folder: Path, death: Death, effect: Effect, *, asks: bool = False) -> Stepwise:
    async def pay(run: EffectRun) -> str:
        death.moment("before the effect")
        with (folder / "payments").open("a") as file:
            file.write(f"{run.key} {run.arguments}\n")
        assert run.keep is not None
        await run.keep(b"paid", name="receipt", media_type="text/plain")
        death.moment("after the effect")
        return "paid"

    async def look(_run: EffectRun) -> str:
        death.moment("in the tool without effect")
        return "42"

    async def reach(name: str) -> None:
        death.moment(name)
        await asyncio.sleep(0)

    return Stepwise(
        turns=(
            Turn(text="Hm", calls=(Call(tool="look", call_id="c0"),)),
            Turn(text="Pay", calls=(Call(tool="pay", arguments={"amount": 3}, call_id="c1"),)),
            Turn(text="Ok"),
        ),
        tools={
            "look": ToolSpec(run=look, effect=Effect.NONE),
            "pay": ToolSpec(run=pay, effect=effect, needs_approval=asks),
        },
        reach=reach,
    )


async def run(url: str, folder: str, at: str, effect: str = "once", approve: str = "") -> RunResult:
    """Start the program in this process: run the job, or go on with it."""
    death = Death(at)
    agent = agent_of(Path(folder), death, Effect(effect), asks=bool(approve))
    plugins = registry(DyingRuntime(agent))
    storage = DyingStorage(plugins.open_storage(url, SystemClock()), death)
    async with RuntimeKernel(storage=storage, registry=plugins) as kernel:
        handle = await kernel.execute(
            ExecutionRequest(
                agent=_agent_file(Path(folder)),
                runtime="stepwise",
                prompt="Pay the bill",
                idempotency_key="bill-7",
                approvals=ApprovalSpec(inline_seconds=0),
            )
        )
        death.moment("admitted")
        async with anyio.create_task_group() as group:
            if approve:
                group.start_soon(_approve, kernel, handle)
            result = await handle.result()
    await storage.aclose()
    return result


async def _approve(kernel: RuntimeKernel, handle: ExecutionHandle) -> None:
    """Approve whatever the job asks, or has asked and nobody has approved yet."""
    async for event in handle.events(live=False):
        if isinstance(event.data, ActionRequired):
            with suppress(ActionClosed):
                await kernel.resolve_action(
                    event.data.action_id, {"decision": "approve"}, principal_id="bob"
                )


def _agent_file(folder: Path) -> str:
    # Any definition will do: the runtime runs the agent of this file.
    path = folder / "agent.toml"
    if not path.exists():
        path.write_text('name = "dying"\ninstructions = "x"\n')
    return str(path)


if __name__ == "__main__":
    ended = asyncio.run(run(*sys.argv[1:]))
    sys.stdout.write(f"{ended.job_id} {ended.status}\n")
