"""A run on the real CLI that kills its own process with SIGKILL at one of its moments.

Run as a program: ``python dying_run.py FOLDER BASE_URL AT``. Moments are counted in order, before
and after every commit; AT is the number of one. With 0 nothing dies. Started again it goes on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from governed import open_kernel, sqlite
from steer import ExecutionRequest
from steer.clock import SystemClock
from steer.plugins import PluginRegistry
from steer.ports.changes import Change
from steer.ports.storage import Committed, Storage
from steer.values import RunResult

__all__ = ["run"]


class _DyingStorage:
    """A storage whose process is gone before or after a commit, as if the power had failed."""

    def __init__(self, inner: Storage, at: int) -> None:
        self._inner = inner
        self._at = at
        self._moments = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change], /
    ) -> Committed:
        names = ", ".join(type(change).__name__ for change in changes)
        self._moment(f"before {names}")
        committed = await self._inner.commit(scope_id, job_id, fence, changes)
        self._moment(f"after {names}")
        return committed

    def _moment(self, name: str) -> None:
        self._moments += 1
        if self._moments == self._at:
            sys.stderr.write(f"died {name}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)


async def run(folder: Path, base_url: str, at: int = 0) -> RunResult:
    """Run the job of a folder in this process, or go on with it."""
    registry = PluginRegistry.discover()
    storage = _DyingStorage(registry.open_storage(sqlite(folder), SystemClock()), at)
    async with open_kernel(base_url, storage=storage, registry=registry) as kernel:
        handle = await kernel.execute(
            ExecutionRequest(
                agent=str(folder / "agent.py"), prompt="Pay the bill.", idempotency_key="bill-7"
            )
        )
        result = await handle.result()
    await storage.aclose()
    return result


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
