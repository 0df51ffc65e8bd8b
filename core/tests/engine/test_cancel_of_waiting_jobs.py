"""Cancelling a job just as it is given up for a while: no request to stop is lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import asking, paying
from held import HeldStorage
from kernels import PATIENCE, Moment, open_kernel
from parking import FoundAgain, parked_request, until
from steer import ExecutionHandle, JobRetrySpec
from steer.errors import ErrorCategory, ProviderError
from steer.events import ActionRequired
from steer.memory import open_memory
from steer.ports.changes import CancelRequested, Change, EventsAppended, JobMoved
from steer.ports.storage import Storage
from steer.values import JobStatus, RunResult
from stepwise import Stepwise, Turn, registry

pytestmark = pytest.mark.anyio


def kernel_of(storage: Storage, agent: Stepwise | None = None) -> Any:
    return open_kernel(
        storage=storage,
        registry=registry(FoundAgain(agent or paying([]))),
        policies=[asking()],
    )


def tells_a_question(changes: Sequence[Change]) -> bool:
    return any(
        isinstance(change, EventsAppended)
        and any(isinstance(event.data, ActionRequired) for event in change.events)
        for change in changes
    )


def gives_up(changes: Sequence[Change]) -> bool:
    moves = [change.status for change in changes if isinstance(change, JobMoved)]
    return bool(moves) and not moves[-1].terminal


def asks_to_stop(changes: Sequence[Change]) -> bool:
    return any(isinstance(change, CancelRequested) for change in changes)


async def ended(handle: ExecutionHandle) -> RunResult:
    with anyio.fail_after(PATIENCE / 6):
        return await handle.result()


async def test_a_run_that_is_about_to_be_parked_is_cancelled_instead(tmp_path: Path) -> None:
    storage = HeldStorage(open_memory(), tells_a_question)
    async with kernel_of(storage) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await storage.arrive()
        # The run has come back to be parked, and waits for what is to be committed before.
        await anyio.wait_all_tasks_blocked()
        await kernel.cancel(handle.job_id)
        storage.go.set()
        assert (await ended(handle)).status is JobStatus.CANCELLED


async def test_cancelling_reaches_a_job_that_its_process_parks_meanwhile(tmp_path: Path) -> None:
    inner = open_memory()
    storage = HeldStorage(inner, gives_up)
    async with kernel_of(storage) as kernel, kernel_of(inner) as other:
        handle = await kernel.execute(parked_request(tmp_path))
        await storage.arrive()
        await other.cancel(handle.job_id, reason="enough")
        storage.go.set()
        result = await ended(handle)
        assert (result.status, result.error and result.error.message) == (
            JobStatus.CANCELLED,
            "enough",
        )


async def test_cancelling_reaches_a_job_that_was_parked_since_it_was_looked_up(
    tmp_path: Path,
) -> None:
    inner, moment = open_memory(), Moment("answered:0")
    storage = HeldStorage(inner, asks_to_stop)
    held = paying([])
    agent = Stepwise(turns=held.turns, tools=held.tools, reach=moment)
    async with kernel_of(inner, agent) as kernel, kernel_of(storage) as other:
        handle = await kernel.execute(parked_request(tmp_path))
        await moment.arrive()
        async with anyio.create_task_group() as group:
            group.start_soon(other.cancel, handle.job_id)
            await storage.arrive()
            moment.go.set()
            await until(handle, JobStatus.WAITING_ACTION)
            storage.go.set()
        assert (await ended(handle)).status is JobStatus.CANCELLED


async def test_a_worker_ends_a_parked_job_whose_canceller_died(tmp_path: Path) -> None:
    storage = open_memory()
    async with kernel_of(storage) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
    asked = CancelRequested(reason="enough", by="bob")
    await storage.commit("default", handle.job_id, None, [asked])
    async with kernel_of(storage) as worker:
        await worker.work(until_idle=True, drain=PATIENCE)
        job = await worker.storage.jobs.get("default", handle.job_id)
        assert job.result is not None
        assert job.result.error is not None
        assert (job.status, job.result.error.message) == (JobStatus.CANCELLED, "enough")


async def test_cancelling_reaches_a_job_that_its_process_queues_for_another_try(
    tmp_path: Path,
) -> None:
    inner = open_memory()
    storage = HeldStorage(inner, gives_up)
    error = ProviderError(
        "the provider is down",
        category=ErrorCategory.SERVER_ERROR,
        retryable=True,
        retry_after=3600.0,
    )
    agent = Stepwise(turns=(Turn(text="x", failures=(error,)),))
    retries = JobRetrySpec(attempts=3, max_wait_seconds=7200.0)
    async with kernel_of(storage, agent) as kernel, kernel_of(inner) as other:
        handle = await kernel.execute(parked_request(tmp_path, job_retries=retries))
        await storage.arrive()
        await other.cancel(handle.job_id)
        storage.go.set()
        assert (await ended(handle)).status is JobStatus.CANCELLED
