"""How many jobs a second one process admits, runs and ends, 40 at a time.

The runtime does next to nothing (two model turns and a tool that returns at once), so what is
measured is steer. On sqlite each job waits for three durable commits; concurrent jobs share them,
and the same run shows how many commits a second the file takes one after another.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
from steer import ExecutionRequest, PrepareOptions, RuntimeKernel
from steer.capabilities import Capabilities, ModelGate, UsageSource
from steer.clock import SystemClock
from steer.memory import open_memory
from steer.plugin import RuntimePlugin
from steer.plugins import PluginRegistry
from steer.ports.changes import SessionAppended
from steer.ports.gate import EffectRun, ModelRequest, ToolCall
from steer.ports.runtime import Finished, Run, ToolInfo
from steer.ports.storage import Storage
from steer.sqlite import open_sqlite
from steer.values import Usage

CONCURRENT = 40
USAGE = Usage(requests=1, input_tokens=10, output_tokens=5)
CAPABILITIES = Capabilities(model_gate=ModelGate.NATIVE, usage=UsageSource.PROVIDER, tools=True)


class Quick:
    """An agent without a mind."""


@dataclass(frozen=True)
class Ready:
    """``Quick``, prepared."""

    agent: str = "quick"
    model: str = "none"
    provider: str = "none"
    fingerprint: str = "quick"
    capabilities: Capabilities = CAPABILITIES
    ungated: tuple[ToolInfo, ...] = ()
    current: bool = True


class QuickRuntime:
    """Two turns and a tool, as fast as they go."""

    def prepare(self, _agent: object, _options: PrepareOptions, /) -> Ready:
        return Ready()

    async def run(self, _prepared: object, run: Run, /) -> Finished:
        for turn in range(2):
            request = ModelRequest(digest=str(turn), model="none")
            async with run.gate.model_call(request) as call:
                call.complete(b"{}", USAGE)
            if turn == 0:
                tool = ToolCall(call_id="c", tool="look", message=call.message, arguments={})
                decision = await run.gate.authorize(tool)
                if decision.grant is not None:
                    await run.gate.call(tool, decision.grant, _look)
        return Finished(content="done")

    async def aclose(self) -> None:
        """Nothing was opened."""


async def _look(_run: EffectRun) -> str:
    return "seen"


def plugins() -> PluginRegistry:
    registry = PluginRegistry.discover()
    registry.register(
        RuntimePlugin(
            name="quick",
            summary="Nothing, quickly",
            contract=1,
            open=lambda _config: QuickRuntime(),
            capabilities=CAPABILITIES,
            native_types=(f"{Quick.__module__}.{Quick.__qualname__}",),
        )
    )
    return registry


async def jobs_a_second(storage: Storage, jobs: int) -> float:
    async with RuntimeKernel(storage=storage, registry=plugins()) as kernel:
        left = iter(range(jobs))

        async def one_after_another() -> None:
            for _ in left:
                handle = await kernel.execute(ExecutionRequest(agent=Quick(), prompt="Go"))
                await handle.result()

        start = time.perf_counter()
        async with anyio.create_task_group() as group:
            for _ in range(CONCURRENT):
                group.start_soon(one_after_another)
        return jobs / (time.perf_counter() - start)


async def commits_a_second(storage: Storage, commits: int) -> float:
    start = time.perf_counter()
    for version in range(commits):
        change = SessionAppended(session_id="s", expected_version=version, items=("x",))
        await storage.commit("bench", None, None, [change])
    return commits / (time.perf_counter() - start)


@contextlib.asynccontextmanager
async def file() -> AsyncIterator[Storage]:
    with tempfile.TemporaryDirectory() as folder:
        storage = open_sqlite(Path(folder) / "jobs.db", SystemClock())
        yield storage
        await storage.aclose()


async def main(jobs: int) -> None:
    rate = await jobs_a_second(open_memory(SystemClock()), jobs)
    print(f"memory  {rate:7.0f} jobs/s, {CONCURRENT} at a time")
    async with file() as storage:
        alone = await commits_a_second(storage, 500)
    async with file() as storage:
        rate = await jobs_a_second(storage, jobs)
        commits = storage.commits  # type: ignore[attr-defined]  # sqlite's own count
    print(
        f"sqlite  {rate:7.0f} jobs/s, {CONCURRENT} at a time, {commits / jobs:.2f} commits a job;"
        f" {alone:.0f} commits/s one by one: x{3 * rate / alone:.2f} of what three each would allow"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Jobs a second")
    parser.add_argument("--jobs", type=int, default=2000)
    asyncio.run(main(parser.parse_args().jobs))
