"""Jobs that wait in a queue, and the workers that run them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from kernels import PATIENCE, TurnedClock, all_events, open_kernel, request, types
from pydantic import SecretStr
from queueing import agent_file, notes_into, plugins, working
from steer import ExecutionHandle, PolicyRef, PrepareOptions
from steer.context import BudgetSpec
from steer.errors import AgentError, ConfigError, IdempotencyConflict, PolicyDenied
from steer.plugins import PluginRegistry
from steer.ports.policy import RunQuestion, Verdict
from steer.values import JobStatus
from steer.working import WorkNote
from stepwise import Stepwise, Turn

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def agent(tmp_path: Path) -> str:
    return agent_file(tmp_path)


async def test_a_queued_job_is_run_by_a_worker(url: str, agent: str) -> None:
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise", tags=("a",)))
        job = await handle.job()
        assert (job.status, job.owner, job.attempt) == (JobStatus.QUEUED, None, 0)
        async with working(kernel) as notes:
            result = await handle.result()
        assert (result.status, result.content) == (JobStatus.SUCCEEDED, "Hello.")
        events, job = await all_events(handle), await handle.job()
        assert types(events)[:2] == ["job.started", "job.status_changed"]
        assert events[1].data.reason == "queued"
        assert [event.seq for event in events if event.seq] == list(range(1, job.last_seq + 1))
        assert [note.step for note in notes] == ["started", "ended"]
        assert (job.attempt, job.tags) == (1, ("a",))


async def test_a_reader_of_a_queued_job_sees_it_live_once_it_runs_here(agent: str) -> None:
    async with open_kernel(registry=plugins()) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))
        async with anyio.create_task_group() as group, working(kernel):
            events: list[Any] = []

            async def read() -> None:
                events.extend(await all_events(handle))

            group.start_soon(read)
            await handle.result()
        assert [event.type for event in events if event.seq is None], "no live delta"
        assert events[-1].type == "job.completed"


async def test_a_queued_job_is_followed_from_another_process(tmp_path: Path, agent: str) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    async with open_kernel(storage=url, registry=plugins()) as submitting:
        handle = await submitting.submit(request(agent, runtime="stepwise"))
        async with open_kernel(storage=url, registry=plugins()) as worker, working(worker):
            assert (await handle.result()).content == "Hello."
            assert (await all_events(handle))[-1].type == "job.completed"


async def test_a_queued_job_that_is_cancelled_never_runs(url: str, agent: str) -> None:
    notes: list[object] = []
    one = notes_into(notes)
    async with open_kernel(storage=url, registry=plugins(one)) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))
        await handle.cancel(reason="changed my mind", by="me")
        result = await handle.result()
        assert (result.status, notes) == (JobStatus.CANCELLED, [])
        await kernel.work(until_idle=True)
        assert notes == []


async def test_a_job_is_not_taken_before_its_time(url: str, agent: str) -> None:
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        later = await kernel.submit(request(agent, runtime="stepwise", delay=3600))
        dated = await kernel.submit(
            request(agent, runtime="stepwise", due_at=datetime.now(UTC) + timedelta(hours=1))
        )
        soon = await kernel.submit(request(agent, runtime="stepwise", delay=0.2))
        async with working(kernel):
            await soon.result()
        for handle in (later, dated):
            assert (await handle.job()).status is JobStatus.QUEUED


async def test_a_worker_takes_the_jobs_of_its_queues_and_scopes_only(url: str, agent: str) -> None:
    async with open_kernel(storage=url, registry=plugins()) as kernel:

        async def submit(queue: str, scope_id: str) -> ExecutionHandle:
            return await kernel.submit(
                request(agent, runtime="stepwise", queue=queue, scope_id=scope_id)
            )

        mine = await submit("mail", "acme")
        others = [await submit("default", "acme"), await submit("mail", "other")]
        await kernel.work(queue="mail", scopes=["acme"], until_idle=True, drain=PATIENCE)
        assert (await mine.job()).status is JobStatus.SUCCEEDED
        for handle in others:
            assert (await handle.job()).status is JobStatus.QUEUED
        await kernel.work(queue=["mail", "default"], until_idle=True, drain=PATIENCE)
        for handle in others:
            assert (await handle.job()).status is JobStatus.SUCCEEDED


async def test_a_worker_runs_no_more_jobs_than_it_may(agent: str) -> None:
    running, most = 0, 0
    three = anyio.Event()

    async def reach(name: str) -> None:
        nonlocal running, most
        if name == "asked:0":
            running += 1
            most = max(most, running)
            if running == 3:
                three.set()
            await three.wait()
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
        elif name == "said:0":
            running -= 1

    slow = Stepwise(turns=(Turn(text="x"),), reach=reach)
    async with open_kernel(registry=plugins(slow)) as kernel:
        handles = [await kernel.submit(request(agent, runtime="stepwise")) for _ in range(20)]
        await kernel.work(concurrency=3, until_idle=True, drain=PATIENCE)
        for handle in handles:
            assert (await handle.job()).status is JobStatus.SUCCEEDED
    assert most == 3


async def test_of_many_workers_one_runs_each_job(tmp_path: Path, agent: str) -> None:
    notes: list[object] = []
    one = notes_into(notes)
    url = f"sqlite:///{tmp_path}/jobs.db"
    async with open_kernel(storage=url, registry=plugins(one)) as submitting:
        handles = [await submitting.submit(request(agent, runtime="stepwise")) for _ in range(25)]
        async with (
            open_kernel(storage=url, registry=plugins(one)) as first,
            open_kernel(storage=url, registry=plugins(one)) as second,
            open_kernel(storage=url, registry=plugins(one)) as third,
            working(first),
            working(second),
            working(third),
        ):
            for handle in handles:
                assert (await handle.result()).status is JobStatus.SUCCEEDED
        assert len(notes) == 25
        assert {(await handle.job()).attempt for handle in handles} == {1}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"user_context": object()}, "user_context is an object of this process"),
        ({"options": PrepareOptions(api_key=SecretStr("k"))}, "api_key cannot be kept"),
    ],
)
async def test_what_no_worker_would_have_is_refused(
    agent: str, fields: dict[str, Any], says: str
) -> None:
    async with open_kernel(registry=plugins()) as kernel:
        with pytest.raises(ConfigError, match=says):
            await kernel.submit(request(agent, runtime="stepwise", **fields))
        assert not (await kernel.jobs()).items


async def test_an_agent_that_is_an_object_cannot_be_queued() -> None:
    async with open_kernel() as kernel:
        with pytest.raises(AgentError, match="is an object of this process"):
            await kernel.submit(request())


async def test_a_time_is_refused_where_the_job_starts_at_once(agent: str) -> None:
    async with open_kernel(registry=plugins()) as kernel:
        with pytest.raises(ConfigError, match=r"due_at and delay .* Use submit\(\)"):
            await kernel.execute(request(agent, runtime="stepwise", delay=1))


async def test_policy_refuses_a_job_before_it_is_queued(agent: str) -> None:
    policy = _runs(lambda: Verdict.deny("closed on Sundays"))
    async with open_kernel(registry=plugins(), policies=[policy]) as kernel:
        with pytest.raises(PolicyDenied, match="closed on Sundays"):
            await kernel.submit(request(agent, runtime="stepwise"))
        assert not (await kernel.jobs()).items


async def test_a_refusal_at_the_worker_keeps_its_reason(url: str, agent: str) -> None:
    """Seen elsewhere: queued to failed was no legal move, and hid why."""
    verdicts = [Verdict.allow("open"), Verdict.deny("closed on Sundays")]
    policy = _runs(lambda: verdicts.pop(0))
    async with open_kernel(storage=url, registry=plugins(), policies=[policy]) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))
        await kernel.work(until_idle=True)
        result = await handle.result()
    assert result.error is not None
    assert (result.status, result.error.code) == (JobStatus.FAILED, "policy_denied")
    assert "closed on Sundays" in result.error.message


async def test_a_worker_without_the_policy_of_a_job_leaves_it_to_one_that_has_it(
    tmp_path: Path, agent: str
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    ref = PolicyRef(name="runs", version="1")
    notes: list[object] = []
    one = notes_into(notes)
    policy = _runs(lambda: Verdict.allow("open"))
    async with open_kernel(storage=url, registry=plugins(one), policies=[policy]) as kernel:
        named = await kernel.submit(request(agent, runtime="stepwise", policies=(ref,)))
        selected = await kernel.submit(request(agent, runtime="stepwise"))
    told: list[WorkNote] = []
    async with open_kernel(storage=url, registry=plugins(one)) as worker:
        await worker.work(until_idle=True, tell=told.append)
        for handle in (named, selected):
            job = await worker.storage.jobs.get("default", handle.job_id)
            assert (job.status, job.attempt) == (JobStatus.QUEUED, 0)
    assert notes == []
    assert [(note.step, note.job.job_id) for note in told] == [
        ("left", named.job_id),
        ("left", selected.job_id),
    ]
    assert ["runs" in told[0].reason, "rules runs@1" in told[1].reason] == [True, True]
    async with open_kernel(storage=url, registry=plugins(one), policies=[policy]) as worker:
        await worker.work(until_idle=True)
        for handle in (named, selected):
            result = await (await worker.attach(handle.job_id)).result()
            # It ran, and came to its model, of which that policy says nothing.
            assert result.error is not None
            assert "policy does not allow the model" in result.error.message


async def test_a_worker_fails_a_job_whose_agent_has_changed_or_gone(agent: str) -> None:
    file = anyio.Path(agent)
    async with open_kernel(registry=plugins()) as kernel:
        changed = await kernel.submit(request(agent, runtime="stepwise"))
        await file.write_text('name = "agent"\ninstructions = "y"\n')
        await kernel.work(until_idle=True)
        gone = await kernel.submit(request(agent, runtime="stepwise"))
        await file.unlink()
        await kernel.work(until_idle=True)
        codes = [(await handle.result()).error for handle in (changed, gone)]
    assert [error.code for error in codes if error] == ["diverged", "agent"]


async def test_a_worker_fails_a_job_whose_runtime_is_not_installed(
    tmp_path: Path, agent: str
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))
    async with open_kernel(storage=url, registry=PluginRegistry.discover()) as worker:
        await worker.work(until_idle=True)
        result = await (await worker.attach(handle.job_id)).result()
    assert result.error is not None
    assert (result.status, result.error.code) == (JobStatus.FAILED, "plugin")
    assert "stepwise" in result.error.message


async def test_a_repeated_key_returns_the_queued_job(url: str, agent: str) -> None:
    asked = request(agent, runtime="stepwise", idempotency_key="k")
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        first = await kernel.submit(asked)
        assert (await kernel.submit(asked)).job_id == first.job_id
        with pytest.raises(IdempotencyConflict):
            await kernel.submit(request(agent, runtime="stepwise", idempotency_key="k", prompt="?"))
        # Who asks for it to be run at once gets it so.
        assert (await (await kernel.execute(asked)).result()).job_id == first.job_id
        assert len((await kernel.jobs()).items) == 1


async def test_an_overdue_job_ends_as_timed_out(url: str, agent: str) -> None:
    budgets = BudgetSpec(max_runtime_seconds=0.05)
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        handle = await kernel.submit(
            request(agent, runtime="stepwise", delay=3600, budgets=budgets)
        )
        # Nobody works here: the kernel that queued it sees to it.
        result = await handle.result()
        assert result.error is not None
        assert (result.status, result.error.code) == (JobStatus.TIMED_OUT, "deadline_exceeded")


async def test_a_worker_ends_overdue_jobs_that_others_queued(tmp_path: Path, agent: str) -> None:
    clock = TurnedClock()
    url = f"sqlite:///{tmp_path}/jobs.db"
    budgets = BudgetSpec(max_runtime_seconds=5)
    notes: list[object] = []
    one = notes_into(notes)
    async with open_kernel(storage=url, registry=plugins(one), clock=clock) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise", budgets=budgets))
    clock.turn(6)
    async with open_kernel(storage=url, registry=plugins(one), clock=clock) as worker:
        await worker.work(until_idle=True)
        result = await (await worker.attach(handle.job_id)).result()
    assert (result.status, notes) == (JobStatus.TIMED_OUT, [])


@pytest.mark.parametrize("how", [{"concurrency": 0}, {"queue": []}, {"queue": ""}])
async def test_a_worker_that_could_do_nothing_is_refused(how: dict[str, Any]) -> None:
    async with open_kernel() as kernel:
        with pytest.raises(ConfigError):
            await kernel.work(**how)


class _Runs:
    name = "runs"
    version = "1"

    def __init__(self, answer: Callable[[], Verdict]) -> None:
        self._answer = answer

    def evaluate(self, question: object, /) -> Verdict | None:
        return self._answer() if isinstance(question, RunQuestion) else None


def _runs(answer: Callable[[], Verdict]) -> _Runs:
    """A policy that answers whether an agent may run."""
    return _Runs(answer)
