"""Whoever leaves between asking for a job and having it leaves no job that nobody can take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import APPROVE, asking, paying
from held import HeldStorage
from kernels import PATIENCE, all_events, open_kernel, request, types
from parking import FoundAgain, parked_request, parking_kernel, until
from queueing import agent_file, notes_into, plugins, working
from steer import ExecutionHandle, RuntimeKernel
from steer.clock import SystemClock
from steer.errors import Released
from steer.events import JobStatusChanged
from steer.memory import open_memory
from steer.plugins import PluginRegistry
from steer.ports.changes import Change, EventsAppended, JobClaimed, JobCreated
from steer.ports.money import BudgetPeriod, BudgetSubject, BudgetUnit
from steer.ports.policy import Question, RunQuestion, Verdict
from steer.ports.storage import Storage
from steer.values import JobStatus
from stepwise import Stepwise, Turn, registry

pytestmark = pytest.mark.anyio

both_sides = pytest.mark.parametrize("after", [True, False], ids=["made", "to be made"])
"""Whether the commit has been made by the moment that its caller leaves."""


def claims(changes: Sequence[Change]) -> bool:
    return isinstance(changes[0], JobClaimed)


def creates(changes: Sequence[Change]) -> bool:
    return isinstance(changes[0], JobCreated)


def parks_again(changes: Sequence[Change]) -> bool:
    if not isinstance(changes[0], EventsAppended):
        return False
    data = changes[0].events[-1].data
    return isinstance(data, JobStatusChanged) and data.reason == "it still waits for a person"


async def by_its_scope(storage: HeldStorage, call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Cancel a call as anyio does, while its commit is held; it may go on once that is done."""
    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await storage.arrive()
        group.cancel_scope.cancel()
        storage.go.set()


async def by_its_task(storage: HeldStorage, call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """The same as asyncio does it, twice: whoever stops a program is not patient."""

    async def body() -> None:
        await call()

    task = asyncio.create_task(body())
    await storage.arrive()
    task.cancel()
    await anyio.wait_all_tasks_blocked()
    storage.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def close_meanwhile(kernel: RuntimeKernel, storage: HeldStorage) -> None:
    """Close a kernel while its commit is held, which it waits for."""
    closed = anyio.Event()

    async def close() -> None:
        await kernel.aclose()
        closed.set()

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(close)
            await anyio.wait_all_tasks_blocked()
            assert not closed.is_set()
            storage.go.set()


async def goes_on(kernel: RuntimeKernel, job_id: str, *, attempt: int) -> None:
    """Resume a job with another kernel of this process, at once, and see it succeed."""
    handle = await kernel.resume(job_id)
    result = await handle.result()
    job, events = await handle.job(), await all_events(handle)
    assert (result.status, job.attempt) == (JobStatus.SUCCEEDED, attempt)
    assert [event.type for event in events if event.terminal] == ["job.completed"]
    assert [event.seq for event in events if event.seq] == list(range(1, len(types(events)) + 1))


async def queued_by(handle: ExecutionHandle) -> str:
    """The reason why a job that nobody holds was queued last."""
    job = await handle.job()
    assert (job.status, job.owner) == (JobStatus.QUEUED, None)
    moves = [event.data async for event in _so_far(handle, job.last_seq)]
    return [data.reason for data in moves if isinstance(data, JobStatusChanged)][-1]


async def _so_far(handle: ExecutionHandle, last: int) -> Any:
    async for event in handle.events(live=False):
        yield event
        if event.seq == last:
            return


@both_sides
async def test_a_kernel_that_closes_as_it_goes_on_with_a_job_gives_it_back(
    after: bool, tmp_path: Path
) -> None:
    paid: list[Any] = []
    storage = HeldStorage(open_memory(), claims, after=after)
    how: dict[str, Any] = {
        "storage": storage,
        "registry": registry(FoundAgain(paying(paid))),
        "policies": [asking()],
    }
    kernel = RuntimeKernel(**how)
    await kernel.open()
    handle = await kernel.execute(parked_request(tmp_path))
    await until(handle, JobStatus.WAITING_ACTION)
    (action,) = (await kernel.actions()).items
    await kernel.resolve_action(action.action_id, APPROVE)
    await storage.arrive()
    await close_meanwhile(kernel, storage)
    async with open_kernel(**how) as other:
        await queued_by(await other.attach(handle.job_id))
        await goes_on(other, handle.job_id, attempt=3)
    assert len(paid) == 1


@both_sides
async def test_a_kernel_that_closes_as_its_worker_takes_a_job_gives_it_back(
    after: bool, tmp_path: Path
) -> None:
    noted: list[Any] = []
    storage = HeldStorage(open_memory(), claims, after=after)
    how: dict[str, Any] = {"storage": storage, "registry": plugins(notes_into(noted))}
    kernel = RuntimeKernel(**how)
    await kernel.open()
    handle = await kernel.submit(request(agent_file(tmp_path), runtime="stepwise"))
    async with anyio.create_task_group() as group:
        group.start_soon(kernel.work)
        await storage.arrive()
        await close_meanwhile(kernel, storage)
    async with open_kernel(**how) as other:
        await goes_on(other, handle.job_id, attempt=2)
    assert len(noted) == 1


@both_sides
async def test_a_worker_that_is_cancelled_as_it_takes_a_job_gives_it_back(
    after: bool, tmp_path: Path
) -> None:
    noted: list[Any] = []
    storage = HeldStorage(open_memory(), claims, after=after)
    async with open_kernel(storage=storage, registry=plugins(notes_into(noted))) as kernel:
        handle = await kernel.submit(request(agent_file(tmp_path), runtime="stepwise"))
        await by_its_scope(storage, kernel.work)
        await queued_by(handle)
        async with working(kernel):
            assert (await handle.result()).status is JobStatus.SUCCEEDED
    assert len(noted) == 1


@both_sides
@pytest.mark.parametrize("leave", [by_its_scope, by_its_task])
async def test_a_job_whose_start_is_cancelled_is_queued_and_holds_nothing(
    after: bool, leave: Any, tmp_path: Path
) -> None:
    noted: list[Any] = []
    storage = HeldStorage(open_memory(), creates, after=after)
    how: dict[str, Any] = {"storage": storage, "registry": plugins(notes_into(noted))}
    asked = request(agent_file(tmp_path), runtime="stepwise")
    async with open_kernel(**how) as kernel, open_kernel(**how) as other:
        budget = await kernel.set_budget(
            "cap",
            subject=BudgetSubject.SCOPE,
            period=BudgetPeriod.DAY,
            unit=BudgetUnit.TOKENS,
            limit=100_000,
        )
        await leave(storage, lambda: kernel.execute(asked))
        (job,) = (await kernel.jobs()).items
        reason = await queued_by(await kernel.attach(job.job_id))
        assert reason == "whoever asked for it to run was cancelled"
        (account,) = (await kernel.accounts(budget)).items
        assert (account.spent, account.reserved) == (0, 0)
        await goes_on(other, job.job_id, attempt=2)
    assert len(noted) == 1


async def test_a_live_agent_whose_start_is_cancelled_never_runs_and_ends() -> None:
    noted: list[Any] = []
    storage = HeldStorage(open_memory(), creates, after=True)
    async with open_kernel(storage=storage) as kernel:
        await by_its_scope(storage, lambda: kernel.execute(request(notes_into(noted))))
        (job,) = (await kernel.jobs()).items
        events = await all_events(await kernel.attach(job.job_id))
    assert (job.status, noted) == (JobStatus.CANCELLED, [])
    assert types(events) == ["job.started", "final.error", "job.cancelled"]


async def test_the_start_of_a_job_that_was_cancelled_is_asked_for_again_by_its_key(
    tmp_path: Path,
) -> None:
    noted: list[Any] = []
    storage = HeldStorage(open_memory(), creates, after=True)
    asked = request(agent_file(tmp_path), runtime="stepwise", idempotency_key="one")
    async with open_kernel(storage=storage, registry=plugins(notes_into(noted))) as kernel:
        await by_its_scope(storage, lambda: kernel.execute(asked))
        result = await (await kernel.execute(asked)).result()
        assert len((await kernel.jobs()).items) == 1
    assert (result.status, len(noted)) == (JobStatus.SUCCEEDED, 1)


async def test_a_job_whose_queueing_is_cancelled_is_taken_by_a_worker(tmp_path: Path) -> None:
    storage = HeldStorage(open_memory(), creates)
    asked = request(agent_file(tmp_path), runtime="stepwise")
    async with open_kernel(storage=storage, registry=plugins()) as kernel:
        await by_its_scope(storage, lambda: kernel.submit(asked))
        (job,) = (await kernel.jobs()).items
        async with working(kernel):
            result = await (await kernel.attach(job.job_id)).result()
    assert result.status is JobStatus.SUCCEEDED


@both_sides
@pytest.mark.parametrize("leave", [by_its_scope, by_its_task])
@pytest.mark.parametrize("url", ["memory://", "sqlite:///jobs.db"])
async def test_a_resumption_that_is_cancelled_gives_the_job_back(
    after: bool, leave: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Any] = []
    monkeypatch.chdir(tmp_path)
    inner = PluginRegistry.discover().open_storage(url, SystemClock())
    storage = HeldStorage(inner, claims, after=after)
    how: dict[str, Any] = {"storage": storage, "registry": plugins(notes_into(noted))}
    async with open_kernel(**how) as kernel, open_kernel(**how) as other:
        handle = await kernel.submit(request(agent_file(tmp_path), runtime="stepwise"))
        await leave(storage, lambda: kernel.resume(handle.job_id))
        reason = await queued_by(handle)
        assert reason == "it could not be taken up: whoever took it was told to stop"
        await goes_on(other, handle.job_id, attempt=2)
    await inner.aclose()
    assert len(noted) == 1


async def test_a_job_is_resumed_as_its_kernel_goes_on_with_it_by_itself(tmp_path: Path) -> None:
    paid: list[Any] = []
    storage = HeldStorage(open_memory(), claims, after=True)
    async with parking_kernel(paying(paid), storage=storage) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions()).items
        await kernel.resolve_action(action.action_id, APPROVE)
        await storage.arrive()
        resumed = await kernel.resume(handle.job_id)
        storage.go.set()
        result = await resumed.result()
    assert (result.status, len(paid)) == (JobStatus.SUCCEEDED, 1)


async def parked(folder: Path, storage: Storage, paid: list[Any]) -> str:
    """Leave a job in a storage that waits for a person; return its id."""
    async with parking_kernel(paying(paid), storage=storage) as kernel:
        handle = await kernel.execute(parked_request(folder))
        await until(handle, JobStatus.WAITING_ACTION)
    return handle.job_id


async def test_a_parked_job_whose_resumption_is_cancelled_waits_on(tmp_path: Path) -> None:
    paid: list[Any] = []
    inner = open_memory()
    job_id = await parked(tmp_path, inner, paid)
    storage = HeldStorage(inner, claims, after=True)
    async with parking_kernel(paying(paid), storage=storage) as kernel:
        before = await inner.jobs.get("default", job_id)
        await by_its_scope(storage, lambda: kernel.resume(job_id))
        job = await inner.jobs.get("default", job_id)
        assert (job.status, job.owner, job.due_at) == (before.status, None, before.due_at)
        (action,) = (await kernel.actions()).items
        await kernel.resolve_action(action.action_id, APPROVE)
        await goes_on(kernel, job_id, attempt=3)
    assert len(paid) == 1


@pytest.mark.parametrize("late", [False, True])
async def test_a_parked_job_that_is_answered_as_its_resumption_is_cancelled_is_queued(
    late: bool, tmp_path: Path
) -> None:
    paid: list[Any] = []
    inner = open_memory()
    job_id = await parked(tmp_path, inner, paid)
    giving_back = HeldStorage(inner, parks_again)
    storage = HeldStorage(giving_back, claims, after=True)
    async with (
        parking_kernel(paying(paid), storage=storage) as kernel,
        parking_kernel(paying(paid), storage=inner) as other,
    ):
        (action,) = (await other.actions()).items
        async with anyio.create_task_group() as group:
            group.start_soon(kernel.resume, job_id)
            await storage.arrive()
            if not late:
                await other.resolve_action(action.action_id, APPROVE)
            group.cancel_scope.cancel()
            storage.go.set()
            if late:
                with anyio.CancelScope(shield=True):
                    await giving_back.arrive()
                    await other.resolve_action(action.action_id, APPROVE)
                    giving_back.go.set()
        await queued_by(await other.attach(job_id))
        await goes_on(other, job_id, attempt=3)
    assert len(paid) == 1


async def test_a_parked_job_ends_although_whoever_cancels_it_leaves(tmp_path: Path) -> None:
    paid: list[Any] = []
    inner = open_memory()
    job_id = await parked(tmp_path, inner, paid)
    storage = HeldStorage(inner, claims, after=True)
    async with parking_kernel(paying(paid), storage=storage) as kernel:
        await by_its_scope(storage, lambda: kernel.cancel(job_id))
        job = await inner.jobs.get("default", job_id)
        events = await all_events(await kernel.attach(job_id))
    assert (job.status, paid) == (JobStatus.CANCELLED, [])
    assert [event.type for event in events if event.terminal] == ["job.cancelled"]


class HeldPolicy:
    """Lets a run begin once the test says so."""

    name, version = "held", "1"

    def __init__(self) -> None:
        self.reached, self.go = anyio.Event(), anyio.Event()

    async def evaluate(self, question: Question, /) -> Verdict | None:
        if isinstance(question, RunQuestion):
            self.reached.set()
            await self.go.wait()
        return Verdict.allow()


async def test_a_job_that_is_made_ready_as_its_kernel_closes_is_refused_and_not_made() -> None:
    storage, policy = open_memory(), HeldPolicy()
    kernel = RuntimeKernel(storage=storage, registry=registry(), async_policies=[policy])
    await kernel.open()

    async def execute() -> None:
        with pytest.raises(Released, match="this kernel closed"):
            await kernel.execute(request(Stepwise(turns=(Turn(text="x"),))))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(execute)
            await policy.reached.wait()
            await kernel.aclose()
            policy.go.set()
    async with open_kernel(storage=storage) as other:
        assert not (await other.jobs()).items
