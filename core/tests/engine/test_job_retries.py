"""Whole jobs that failed, tried again later: by the kernel that ran them, or by a worker."""

from __future__ import annotations

import math
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernels import PATIENCE, TurnedClock, all_events, noting, open_kernel, request, types
from queueing import agent_file, plugins, working
from steer import ApprovalSpec, JobRetrySpec, RetrySpec
from steer._engine.retries import wait_before_next_try
from steer.context import BudgetSpec
from steer.errors import ConfigError, ErrorCategory, ErrorInfo, ProviderError, SteerError
from steer.request import StoredRequest
from steer.values import JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio

NO_RETRY = RetrySpec(max_retries=0)
SOON = JobRetrySpec(attempts=2, first_wait_seconds=0.01)


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def agent(tmp_path: Path) -> str:
    return agent_file(tmp_path)


def overloaded(**more: object) -> ProviderError:
    fields = {"category": ErrorCategory.SERVER_ERROR, "retryable": True} | more
    return ProviderError("the provider is down", **fields)  # type: ignore[arg-type]  # its own fields


class Failures:
    """An agent whose second turn fails so often, with a tool in its first."""

    def __init__(self, *failures: SteerError) -> None:
        self.left = list(failures)
        self.notes: list[object] = []
        self.agent = Stepwise(
            turns=(Turn(text="One", calls=(Call(tool="note"),)), Turn(text="Two")),
            tools={"note": ToolSpec(run=noting(self.notes))},
            reach=self._reach,
        )

    async def _reach(self, name: str) -> None:
        if name == "asked:1" and self.left:
            raise self.left.pop(0)


async def test_a_job_that_failed_goes_on_from_its_last_record(url: str, agent: str) -> None:
    failing = Failures(overloaded(), overloaded())
    async with open_kernel(storage=url, registry=plugins(failing.agent)) as kernel:
        handle = await kernel.execute(
            request(agent, runtime="stepwise", retries=NO_RETRY, job_retries=SOON)
        )
        result = await handle.result()
        job, events = await handle.job(), await all_events(handle)
    assert (result.status, result.content) == (JobStatus.SUCCEEDED, "Two")
    assert len(failing.notes) == 1, "the tool ran again"
    assert (job.attempt, job.retries) == (3, 2)
    moves = [event.data for event in events if event.type == "job.status_changed"]
    assert [(move.old, move.new) for move in moves] == [
        ("running", "queued"),
        ("queued", "running"),
    ] * 2
    assert moves[0].reason == "the provider is down"
    assert moves[0].retry_in_ms is not None
    assert 5 <= moves[0].retry_in_ms <= 10
    assert sum(event.terminal for event in events) == 1
    assert "final.error" not in types(events)


async def test_a_job_that_is_out_of_tries_fails_with_its_last_error(url: str, agent: str) -> None:
    last = overloaded(category=ErrorCategory.RATE_LIMIT)
    failing = Failures(overloaded(), overloaded(), last)
    async with open_kernel(storage=url, registry=plugins(failing.agent)) as kernel:
        handle = await kernel.execute(
            request(agent, runtime="stepwise", retries=NO_RETRY, job_retries=SOON)
        )
        result = await handle.result()
        events = await all_events(handle)
    assert result.error is not None
    assert (result.status, result.error.category) == (JobStatus.FAILED, ErrorCategory.RATE_LIMIT)
    assert types(events)[-2:] == ["final.error", "job.failed"]


async def test_a_worker_tries_a_job_again_when_its_time_has_come(url: str, agent: str) -> None:
    failing = Failures(overloaded())
    async with open_kernel(storage=url, registry=plugins(failing.agent)) as kernel:
        handle = await kernel.submit(
            request(agent, runtime="stepwise", retries=NO_RETRY, job_retries=SOON)
        )
        async with working(kernel) as notes:
            assert (await handle.result()).status is JobStatus.SUCCEEDED
    assert [note.step for note in notes] == ["started", "retried", "started", "ended"]
    assert notes[1].reason == "the provider is down"
    assert notes[1].due_at is not None


async def test_another_process_may_take_the_next_try(tmp_path: Path, agent: str) -> None:
    url, clock = f"sqlite:///{tmp_path}/jobs.db", TurnedClock()
    failing, mended = Failures(overloaded()), Failures()
    spec = JobRetrySpec(attempts=1, first_wait_seconds=100)
    async with open_kernel(storage=url, registry=plugins(failing.agent), clock=clock) as kernel:
        handle = await kernel.execute(
            request(agent, runtime="stepwise", retries=NO_RETRY, job_retries=spec)
        )
        async for event in handle.events():
            if event.type == "job.status_changed":
                break
    async with open_kernel(storage=url, registry=plugins(mended.agent), clock=clock) as worker:
        await worker.work(until_idle=True)
        there = await worker.attach(handle.job_id)
        assert (await there.job()).status is JobStatus.QUEUED, "it is not due yet"
        clock.turn(100)
        await worker.work(until_idle=True, drain=PATIENCE)
        assert (await there.result()).status is JobStatus.SUCCEEDED
    assert (len(failing.notes), len(mended.notes)) == (1, 0)


async def test_a_job_that_waits_for_its_next_try_can_be_cancelled(agent: str) -> None:
    spec = JobRetrySpec(attempts=1, first_wait_seconds=100)
    failing = Failures(overloaded())
    async with open_kernel(registry=plugins(failing.agent)) as kernel:
        handle = await kernel.execute(
            request(agent, runtime="stepwise", retries=NO_RETRY, job_retries=spec)
        )
        async with anyio.create_task_group() as group:
            group.start_soon(handle.result)
            async for event in handle.events():
                if event.type == "job.status_changed":
                    break
            await handle.cancel(reason="never mind")
        assert (await handle.result()).status is JobStatus.CANCELLED


async def test_a_job_whose_time_would_be_up_before_its_next_try_fails_at_once(agent: str) -> None:
    failing = Failures(overloaded())
    asked = request(
        agent,
        runtime="stepwise",
        retries=NO_RETRY,
        job_retries=JobRetrySpec(attempts=1, first_wait_seconds=1000),
        budgets=BudgetSpec(max_runtime_seconds=100),
    )
    async with open_kernel(registry=plugins(failing.agent)) as kernel:
        result = await (await kernel.execute(asked)).result()
    assert result.error is not None
    assert (result.status, result.error.code) == (JobStatus.FAILED, "provider")


async def test_job_retries_of_a_live_object_are_refused() -> None:
    async with open_kernel() as kernel:
        with pytest.raises(ConfigError, match="cannot be tried again later"):
            await kernel.execute(request(job_retries=SOON))


async def test_what_a_failed_try_used_counts(agent: str) -> None:
    failing = Failures(overloaded())
    asked = request(
        agent,
        runtime="stepwise",
        retries=NO_RETRY,
        job_retries=SOON,
        budgets=BudgetSpec(max_tool_calls=1, max_turns=2),
    )
    async with open_kernel(registry=plugins(failing.agent)) as kernel:
        result = await (await kernel.execute(asked)).result()
    assert result.status is JobStatus.SUCCEEDED
    assert result.usage.requests == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"attempts": -1},
        {"factor": 0.5},
        {"first_wait_seconds": math.inf},
        {"max_wait_seconds": math.nan},
    ],
)
async def test_a_senseless_spec_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"job retries: {next(iter(fields))}"):
        JobRetrySpec(**fields)  # type: ignore[arg-type]  # one number of any field


@given(
    retries=st.integers(0, 2000),
    first=st.floats(0, 1e6),
    factor=st.floats(1, 1e6),
    most=st.floats(0, 1e6),
)
def test_no_wait_is_longer_than_the_longest(
    retries: int, first: float, factor: float, most: float
) -> None:
    spec = JobRetrySpec(
        attempts=retries + 1, first_wait_seconds=first, max_wait_seconds=most, factor=factor
    )
    wait = wait_before_next_try(overloaded().info(), retries, spec, left=None)
    assert wait is not None
    assert 0 <= wait <= most
    assert wait <= first * factor**retries if retries < 10 else True


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (overloaded().info(), True),
        (overloaded(retry_after=3.0).info(), True),
        (overloaded(retry_after=5000.0).info(), False),
        (overloaded(category=ErrorCategory.AUTHENTICATION).info(), False),
        (ErrorInfo(code="diverged", message="x", category=ErrorCategory.SERVER_ERROR), False),
        (ErrorInfo(code="runtime", message="x", category=ErrorCategory.TIMEOUT), True),
    ],
)
def test_what_may_pass_is_tried_again(error: ErrorInfo, retried: bool) -> None:
    wait = wait_before_next_try(error, 0, JobRetrySpec(attempts=1), left=None)
    assert (wait is not None) is retried
    if error.retry_after == 3.0:
        assert wait == 3.0


async def test_job_retries_beside_an_object_that_nobody_else_has_are_refused(agent: str) -> None:
    spec = JobRetrySpec(attempts=1)
    asked = request(agent, runtime="stepwise", user_context=object(), job_retries=spec)
    async with open_kernel(registry=plugins()) as kernel:
        with pytest.raises(ConfigError, match="its user_context is an object of this process"):
            await kernel.execute(asked)


async def test_a_job_that_is_started_over_asks_people_as_the_first_one_did(agent: str) -> None:
    failures = Failures(overloaded())
    spec = ApprovalSpec(unattended=True, expires_in_seconds=60.0)
    async with open_kernel(registry=plugins(failures.agent)) as kernel:
        first = await kernel.execute(request(agent, runtime="stepwise", approvals=spec))
        assert (await first.result()).status is JobStatus.FAILED
        again = await kernel.retry(first.job_id, repeat_tools=True)
        await again.result()
        old, new = [StoredRequest.decode((await one.job()).request) for one in (first, again)]
    assert (new.approvals, new) == (spec, old)
