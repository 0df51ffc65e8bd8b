"""Jobs that a kernel parked or queued: it goes on with them by itself, without a storm."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import APPROVE, asking, paying
from kernels import PATIENCE, TurnedClock, all_events, open_kernel, request
from parking import FoundAgain, parked_request, until
from queueing import agent_file, plugins
from steer import ExecutionHandle, RuntimeKernel
from steer._engine import following, waiting
from steer._engine.topics import queue_topic
from steer.errors import Released
from steer.memory import open_memory
from steer.values import JobStatus
from stepwise import registry
from turned_signals import TurnedSignals

pytestmark = pytest.mark.anyio

MANY = 300


class Counted:
    """A part of a storage whose calls are counted by name."""

    def __init__(self, inner: Any, calls: Counter[str], name: str) -> None:
        self._inner, self._calls, self._name = inner, calls, name

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._inner, method)

        async def counted(*arguments: Any, **named: Any) -> Any:
            self._calls[f"{self._name}.{method}"] += 1
            return await found(*arguments, **named)

        return counted


class CountedStorage:
    """A storage in memory whose reads are counted."""

    def __init__(self) -> None:
        self.inner = open_memory()
        self.calls: Counter[str] = Counter()
        self.jobs = Counted(self.inner.jobs, self.calls, "jobs")
        self.journal = Counted(self.inner.journal, self.calls, "journal")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_an_application_awaits_what_people_answer_elsewhere(
    tmp_path: Path, kind: str
) -> None:
    paid: list[Any] = []
    url = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/jobs.db"
    plugged = registry(FoundAgain(paying(paid)))
    async with open_kernel(storage=url, registry=plugged, policies=[asking()]) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        events: list[Any] = []

        async def read() -> None:
            events.extend(await all_events(handle))

        async def answer(other: Any) -> None:
            await until(handle, JobStatus.WAITING_ACTION)
            (action,) = (await other.actions(job_id=handle.job_id)).items
            await other.resolve_action(action.action_id, APPROVE, principal_id="bob")

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            if kind == "memory":
                group.start_soon(answer, kernel)
            else:
                other = await group.start(_another, url, plugged, answer)
                del other
            result = await handle.result()
    assert (result.status, len(paid)) == (JobStatus.SUCCEEDED, 1)
    assert events[-1].type == "job.completed"


async def _another(url: str, plugged: Any, answer: Any, *, task_status: Any) -> None:
    """Answer in a kernel of its own, as another process would."""
    async with open_kernel(storage=url, registry=plugged, policies=[asking()]) as kernel:
        task_status.started()
        await answer(kernel)


async def test_waiting_for_many_parked_jobs_reads_by_wakes_and_not_by_jobs(
    tmp_path: Path,
) -> None:
    paid: list[Any] = []
    storage = CountedStorage()
    plugged = registry(FoundAgain(paying(paid)))
    async with open_kernel(storage=storage, registry=plugged, policies=[asking()]) as kernel:
        handles = [await kernel.execute(parked_request(tmp_path)) for _ in range(MANY)]
        for handle in handles:
            await until(handle, JobStatus.WAITING_ACTION)
        done: list[str] = []

        async def wait_for(handle: ExecutionHandle) -> None:
            await handle.result()
            done.append(handle.job_id)

        async with anyio.create_task_group() as group:
            for handle in handles:
                group.start_soon(wait_for, handle)
            await anyio.wait_all_tasks_blocked()
            (action,) = (await kernel.actions(job_id=handles[7].job_id)).items
            storage.calls.clear()
            await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
            with anyio.fail_after(PATIENCE):
                while not done:
                    await anyio.lowlevel.checkpoint()
            assert done == [handles[7].job_id]
            # The others were not asked about, neither by who goes on nor by who waits.
            assert storage.calls.total() < MANY / 5, storage.calls
            group.cancel_scope.cancel()
    assert len(paid) == 1


async def test_a_parked_job_that_another_kernel_takes_ends_for_who_waits_here(
    tmp_path: Path,
) -> None:
    paid: list[Any] = []
    url = f"sqlite:///{tmp_path}/jobs.db"
    plugged = registry(FoundAgain(paying(paid)))
    async with (
        open_kernel(storage=url, registry=plugged, policies=[asking()]) as kernel,
        open_kernel(storage=url, registry=plugged, policies=[asking()]) as other,
    ):
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        async with anyio.create_task_group() as group:
            group.start_soon(handle.result)
            there = await other.resume(handle.job_id)
            (action,) = (await other.actions(job_id=handle.job_id)).items
            await other.resolve_action(action.action_id, APPROVE, principal_id="bob")
            ended = await there.result()
        assert (await handle.result()).status is ended.status is JobStatus.SUCCEEDED
    assert len(paid) == 1


async def test_whoever_waits_for_a_queued_job_is_told_when_the_kernel_closes(
    tmp_path: Path,
) -> None:
    agent = agent_file(tmp_path)
    async with anyio.create_task_group() as group, open_kernel(registry=plugins()) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))

        async def wait() -> None:
            with pytest.raises(Released):
                await handle.result()

        group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()


async def test_waiting_for_jobs_that_workers_parked_reads_by_wakes_too(tmp_path: Path) -> None:
    storage, clock = CountedStorage(), TurnedClock()
    signals = TurnedSignals(storage.inner.signals, clock)
    plugged = registry(FoundAgain(paying([])))
    async with (
        open_kernel(
            storage=storage, signals=signals, registry=plugged, policies=[asking()]
        ) as kernel,
        open_kernel(storage=storage.inner, registry=plugged, policies=[asking()]) as other,
        anyio.create_task_group() as group,
    ):
        handles = [await kernel.submit(parked_request(tmp_path)) for _ in range(MANY // 6)]
        for handle in handles:
            group.start_soon(handle.result)
        await other.work(until_idle=True, drain=PATIENCE, concurrency=MANY)
        while _any_lent(kernel, handles):
            # The kernel looks again although no signal tells it to.
            clock.turn(2 * waiting.POLL_SECONDS)
            await anyio.wait_all_tasks_blocked()
        storage.calls.clear()
        for _ in range(3):
            clock.turn(following.POLL_SECONDS)
            await anyio.wait_all_tasks_blocked()
        # Whoever follows a job that runs elsewhere would have looked at it three times.
        assert storage.calls["journal.events"] <= len(handles)
        group.cancel_scope.cancel()


def _any_lent(kernel: RuntimeKernel, handles: list[ExecutionHandle]) -> bool:
    known = kernel._opened().waiting
    return any(known.news_of((handle.scope_id, handle.job_id)) is None for handle in handles)


async def test_an_answer_holds_although_it_cannot_be_signalled(tmp_path: Path) -> None:
    storage = open_memory()
    signals = Mute(storage.signals)
    plugged = registry(FoundAgain(paying([])))
    async with open_kernel(
        storage=storage, signals=signals, registry=plugged, policies=[asking()]
    ) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        signals.mute = True
        await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def test_a_parked_job_is_gone_on_with_although_nobody_could_listen_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.01)
    storage = open_memory()
    signals = Mute(storage.signals)
    signals.deaf = True
    plugged = registry(FoundAgain(paying([])))
    async with open_kernel(
        storage=storage, signals=signals, registry=plugged, policies=[asking()]
    ) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        await signals.asked.wait()
        await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
        assert (await handle.result()).status is JobStatus.SUCCEEDED


class Mute:
    """Signals that cannot be given for a while, or not be listened to once."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.mute = self.deaf = False
        self.asked = anyio.Event()

    def subscribe(self, scope_id: str, topic: str, /) -> Any:
        if self.deaf and topic == queue_topic("default"):
            self.deaf = False
            self.asked.set()
            raise OSError("away")
        return self._inner.subscribe(scope_id, topic)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def publish(self, scope_id: str, topic: str, /) -> None:
        if self.mute:
            raise OSError("away")
        await self._inner.publish(scope_id, topic)
