"""A kernel that closes while its jobs are on the move: nobody waits for ever."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from asking import asking, paying
from held import HeldStorage
from kernels import PATIENCE, Moment, open_kernel
from parking import FoundAgain, parked_request
from queueing import agent_file, plugins
from steer import ExecutionRequest, RuntimeKernel
from steer.errors import Released
from steer.memory import open_memory
from steer.ports.changes import Change, JobMoved
from steer.values import JobStatus
from stepwise import Stepwise, Turn, registry

pytestmark = pytest.mark.anyio


def parks(changes: Sequence[Change]) -> bool:
    return any(
        isinstance(change, JobMoved) and change.status is JobStatus.WAITING_ACTION
        for change in changes
    )


async def test_whoever_waits_for_a_job_is_told_where_it_is_parked_as_the_kernel_closes(
    tmp_path: Path,
) -> None:
    storage = HeldStorage(open_memory(), parks)
    kernel = RuntimeKernel(
        storage=storage, registry=registry(FoundAgain(paying([]))), policies=[asking()]
    )
    await kernel.open()
    handle = await kernel.execute(parked_request(tmp_path))
    await storage.arrive()

    async def wait() -> None:
        with pytest.raises(Released):
            await handle.result()

    with anyio.fail_after(PATIENCE / 6):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            group.start_soon(kernel.aclose)
            await anyio.wait_all_tasks_blocked()
            storage.go.set()


async def test_a_worker_takes_nothing_more_once_its_kernel_closes(tmp_path: Path) -> None:
    storage, moment = open_memory(), Moment("asked:0")
    agent = Stepwise(turns=(Turn(text="x"),), reach=moment)
    kernel = RuntimeKernel(storage=storage, registry=plugins(agent))
    await kernel.open()
    handle = await kernel.submit(
        ExecutionRequest(agent=agent_file(tmp_path), runtime="stepwise", prompt="Hi")
    )
    with anyio.fail_after(PATIENCE / 6):
        async with anyio.create_task_group() as group:
            group.start_soon(kernel.work)
            await moment.arrive()
            await kernel.aclose()
    async with open_kernel(storage=storage, registry=plugins()) as other:
        job = await other.storage.jobs.get("default", handle.job_id)
        assert (job.status, job.attempt) == (JobStatus.QUEUED, 1)


async def test_a_kernel_whose_block_is_cancelled_gives_back_what_it_runs(tmp_path: Path) -> None:
    storage, moment = open_memory(), Moment("asked:0")
    agent = Stepwise(turns=(Turn(text="x"),), reach=moment)
    asked = ExecutionRequest(agent=agent_file(tmp_path), runtime="stepwise", prompt="Hi")
    with anyio.CancelScope() as scope:
        async with RuntimeKernel(storage=storage, registry=plugins(agent)) as kernel:
            handle = await kernel.execute(asked)
            await moment.arrive()
            scope.cancel()
    job = await storage.jobs.get("default", handle.job_id)
    assert (job.status, job.owner) == (JobStatus.QUEUED, None)


async def test_a_kernel_that_is_cancelled_while_it_drains_gives_back_what_it_runs(
    tmp_path: Path,
) -> None:
    storage, moment = open_memory(), Moment("asked:0")
    agent = Stepwise(turns=(Turn(text="x"),), reach=moment)
    kernel = RuntimeKernel(storage=storage, registry=plugins(agent))
    await kernel.open()
    handle = await kernel.execute(
        ExecutionRequest(agent=agent_file(tmp_path), runtime="stepwise", prompt="Hi")
    )
    await moment.arrive()
    with anyio.fail_after(PATIENCE / 6):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: kernel.aclose(drain=PATIENCE))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
    job = await storage.jobs.get("default", handle.job_id)
    assert (job.status, job.owner) == (JobStatus.QUEUED, None)
