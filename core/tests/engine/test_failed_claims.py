"""Jobs that were claimed and could not be taken up: held by nobody, and due again a while later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from kernels import TurnedClock, all_events, open_kernel, request
from queueing import agent_file, plugins, working
from steer._engine.claimed import AGAIN_SECONDS
from steer.errors import StorageError
from steer.memory import open_memory
from steer.plugins import PluginRegistry
from steer.values import JobStatus

pytestmark = pytest.mark.anyio


class Unread:
    """A storage of which one part cannot be read for some jobs; ``failed`` counts."""

    def __init__(self, inner: Any, part: str, method: str) -> None:
        self._inner = inner
        self.jobs_unread: set[str] = set()
        self.failed = 0
        setattr(self, part, _Unread(self, getattr(inner, part), method))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Unread:
    def __init__(self, whole: Unread, inner: Any, method: str) -> None:
        self._inner = inner
        read = getattr(inner, method)

        async def failing(*given: Any, **named: Any) -> Any:
            if whole.jobs_unread.intersection(given):
                whole.failed += 1
                raise StorageError("the disk cannot be read")
            return await read(*given, **named)

        setattr(self, method, failing)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize(("part", "method"), [("journal", "events"), ("records", "load")])
async def test_a_job_that_cannot_be_read_is_given_back_and_others_are_taken(
    tmp_path: Path, kind: str, part: str, method: str
) -> None:
    clock = TurnedClock()
    url = f"sqlite:///{tmp_path}/jobs.db"
    inner = open_memory(clock) if kind == "memory" else open_sqlite(url, clock)
    storage = Unread(inner, part, method)
    asked = request(agent_file(tmp_path), runtime="stepwise")
    async with open_kernel(storage=storage, registry=plugins(), clock=clock) as kernel:
        unread = await kernel.submit(asked)
        other = await kernel.submit(asked)
        storage.jobs_unread.add(unread.job_id)
        async with working(kernel):
            assert (await other.result()).status is JobStatus.SUCCEEDED
        job = await unread.job()
        assert (job.status, job.owner, storage.failed) == (JobStatus.QUEUED, None, 1)
        assert job.due_at is not None
        assert (job.due_at - clock.now()).total_seconds() == AGAIN_SECONDS

        storage.jobs_unread.clear()
        clock.turn(AGAIN_SECONDS)
        async with working(kernel):
            assert (await unread.result()).status is JobStatus.SUCCEEDED
        told = [e.data for e in await all_events(unread) if e.type == "job.status_changed"]
        assert [(data.old, data.new) for data in told] == [
            (JobStatus.RUNNING, JobStatus.QUEUED),
            (JobStatus.QUEUED, JobStatus.RUNNING),
        ]
        assert told[0].reason == "it could not be taken up: the disk cannot be read"
    await inner.aclose()


async def test_a_claim_that_is_cancelled_gives_the_job_back_at_once(tmp_path: Path) -> None:
    storage = Held(open_memory())
    asked = request(agent_file(tmp_path), runtime="stepwise")
    async with open_kernel(storage=storage, registry=plugins()) as kernel:
        handle = await kernel.submit(asked)
        async with anyio.create_task_group() as group:
            group.start_soon(kernel.work)
            await storage.reached.wait()
            group.cancel_scope.cancel()
        job = await handle.job()
        assert (job.status, job.owner) == (JobStatus.QUEUED, None)
        storage.go.set()
        async with working(kernel):
            assert (await handle.result()).status is JobStatus.SUCCEEDED


class Held:
    """A storage that takes long to read what a claimed job is run again from."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.reached, self.go = anyio.Event(), anyio.Event()
        self.records = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def load(self, scope_id: str, job_id: str, /) -> Any:
        self.reached.set()
        await self.go.wait()
        return await self._inner.records.load(scope_id, job_id)


def open_sqlite(url: str, clock: TurnedClock) -> Any:
    return PluginRegistry.discover().open_storage(url, clock)
