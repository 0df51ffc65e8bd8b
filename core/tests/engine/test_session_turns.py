"""Jobs of one session take their turns: in queues, over retries, crashes and waits for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import APPROVE, asking, paying
from kernels import PATIENCE, Moment, TurnedClock, noting, open_kernel
from parking import AT_ONCE, until
from queueing import agent_file, working
from steer import BudgetSpec, JobRetrySpec, RetrySpec
from steer.errors import ErrorCategory, ProviderError, SessionBusy
from steer.values import JobStatus, Message, Role, TextPart, user_message
from stepwise import Call, Stepwise, ToolSpec, Turn
from talking import Shown, kept, saying, talk

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def agent(tmp_path: Path) -> str:
    return agent_file(tmp_path)


async def test_queued_jobs_of_a_session_run_one_after_the_other_in_their_order(
    url: str, agent: str
) -> None:
    shown = Shown(saying("Yes"))
    async with open_kernel(storage=url, registry=shown.plugins) as kernel:
        handles = [await kernel.submit(talk(str(number), agent)) for number in range(4)]
        beside = await kernel.submit(talk("beside", agent, session_id="other"))
        await kernel.work(concurrency=8, until_idle=True, drain=PATIENCE)
        for handle in (*handles, beside):
            assert (await handle.result()).status is JobStatus.SUCCEEDED
        assert [line for line in await kept(kernel) if line.startswith("user")] == [
            f"user: {number}" for number in range(4)
        ]
    assert sorted(map(len, shown.runs)) == [1, 1, 3, 5, 7]


async def test_a_worker_leaves_a_job_whose_session_is_busy_until_that_job_has_ended(
    url: str, agent: str
) -> None:
    shown, place = Shown(saying("Yes")), Moment("said:0")
    async with open_kernel(storage=url, registry=shown.plugins) as kernel:
        first = await kernel.execute(talk("One", saying("1", reach=place)))
        await place.arrive()
        waits = [await kernel.submit(talk(prompt, agent)) for prompt in ("Two", "Three")]
        other = await kernel.submit(talk("Else", agent, session_id="other"))
        async with working(kernel) as notes:
            await other.result()
            assert [(await handle.job()).status for handle in waits] == [JobStatus.QUEUED] * 2
            place.go.set()
            for handle in waits:
                await handle.result()
    waited = [note for note in notes if note.step == "waits"]
    assert [note.job.job_id for note in waited] == [waits[0].job_id], "told more than once"
    assert first.job_id in waited[0].reason
    assert shown.runs[-1][::2] == ["user: One", "user: Two", "user: Three"]


async def test_a_worker_that_finds_only_busy_sessions_is_idle(url: str, agent: str) -> None:
    place = Moment("said:0")
    async with open_kernel(storage=url, registry=Shown().plugins) as kernel:
        first = await kernel.execute(talk("One", saying("1", reach=place)))
        await place.arrive()
        second = await kernel.submit(talk("Two", agent))
        await kernel.work(until_idle=True)
        assert (await second.job()).attempt == 0
        place.go.set()
        await first.result()
        await kernel.work(until_idle=True, drain=PATIENCE)
        assert (await second.job()).status is JobStatus.SUCCEEDED


async def test_a_job_whose_time_is_up_ends_while_its_session_is_busy(url: str, agent: str) -> None:
    clock, place = TurnedClock(), Moment("said:0")
    async with open_kernel(storage=url, registry=Shown().plugins, clock=clock) as kernel:
        first = await kernel.execute(talk("One", saying("1", reach=place)))
        await place.arrive()
        late = await kernel.submit(talk("Two", agent, budgets=BudgetSpec(max_runtime_seconds=5)))
        await kernel.work(until_idle=True)
        clock.turn(6)
        # By this worker, or by the kernel itself, which knows the job's deadline as well.
        await kernel.work(until_idle=True, drain=PATIENCE)
        assert (await late.result()).status is JobStatus.TIMED_OUT
        place.go.set()
        await first.result()
        assert await kept(kernel) == ["user: One", "assistant: 1"]


async def test_a_queued_job_is_told_when_it_runs_that_its_messages_do_not_fit(
    url: str, agent: str
) -> None:
    whole = (
        user_message("One?"),
        Message(role=Role.ASSISTANT, content=(TextPart(text="1"),)),
        user_message("Two?"),
    )
    async with open_kernel(storage=url, registry=Shown().plugins) as kernel:
        handles = [await kernel.submit(talk(None, agent, messages=whole)) for _ in range(2)]
        await kernel.work(until_idle=True, drain=PATIENCE)
        first, second = [await handle.result() for handle in handles]
    assert first.status is JobStatus.SUCCEEDED
    assert second.error is not None
    assert (second.error.code, second.status) == ("config", JobStatus.FAILED)


class Overloaded:
    """An agent that fails once in its second turn, after a tool."""

    def __init__(self, times: int = 1) -> None:
        self.left = times
        self.notes: list[Any] = []
        self.agent = Stepwise(
            turns=(Turn(text="One", calls=(Call(tool="note"),)), Turn(text="Two")),
            tools={"note": ToolSpec(run=noting(self.notes))},
            reach=self._reach,
        )

    async def _reach(self, name: str) -> None:
        if name == "asked:1" and self.left:
            self.left -= 1
            raise ProviderError(
                "the provider is down", category=ErrorCategory.SERVER_ERROR, retryable=True
            )


async def test_a_job_that_is_tried_again_keeps_its_session_and_adds_to_it_once(
    url: str, agent: str
) -> None:
    clock, failing = TurnedClock(), Overloaded()
    shown = Shown(failing.agent)
    spec = JobRetrySpec(attempts=1, first_wait_seconds=100)
    async with open_kernel(storage=url, registry=shown.plugins, clock=clock) as kernel:
        await (await kernel.execute(talk("Before", saying("Yes")))).result()
        handle = await kernel.execute(
            talk("Now", agent, retries=RetrySpec(max_retries=0), job_retries=spec)
        )
        await until(handle, JobStatus.QUEUED)
        with pytest.raises(SessionBusy, match=handle.job_id):
            await kernel.execute(talk("Between"))
        clock.turn(101)
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        assert await kept(kernel) == [
            "user: Before",
            "assistant: Yes",
            "user: Now",
            "assistant: Two",
        ]
    assert shown.runs[1] == shown.runs[2]
    assert len(failing.notes) == 1


async def test_a_job_that_is_started_over_is_shown_the_session_as_it_is_then(
    url: str, agent: str
) -> None:
    failing = Overloaded()
    shown = Shown(failing.agent)
    async with open_kernel(storage=url, registry=shown.plugins) as kernel:
        failed = await kernel.execute(talk("Now", agent, retries=RetrySpec(max_retries=0)))
        assert (await failed.result()).status is JobStatus.FAILED
        await (await kernel.execute(talk("Between", saying("Yes")))).result()
        again = await kernel.retry(failed.job_id, repeat_tools=True)
        await again.result()
        assert await kept(kernel) == [
            "user: Between",
            "assistant: Yes",
            "user: Now",
            "assistant: Two",
        ]


async def test_a_job_that_another_kernel_goes_on_with_sees_what_it_saw(
    tmp_path: Path, agent: str
) -> None:
    url, place = f"sqlite:///{tmp_path}/jobs.db", Moment("asked:1")
    notes: list[Any] = []

    def noting_agent(reach: Any = None) -> Stepwise:
        return Stepwise(
            turns=(Turn(text="One", calls=(Call(tool="note"),)), Turn(text="Two")),
            tools={"note": ToolSpec(run=noting(notes))},
            reach=reach,
        )

    async with open_kernel(storage=url, registry=Shown(saying("Yes")).plugins) as kernel:
        await (await kernel.execute(talk("Before", agent))).result()
    async with open_kernel(storage=url, registry=Shown(noting_agent(place)).plugins) as kernel:
        handle = await kernel.execute(talk("Now", agent))
        await place.arrive()
    shown = Shown(noting_agent())
    async with open_kernel(storage=url, registry=shown.plugins) as kernel:
        with pytest.raises(SessionBusy, match=handle.job_id):
            await kernel.execute(talk("Between"))
        resumed = await kernel.resume(handle.job_id)
        assert (await resumed.result()).status is JobStatus.SUCCEEDED
        assert len(await kept(kernel)) == 4
    assert shown.runs == [["user: Before", "assistant: Yes", "user: Now"]]
    assert len(notes) == 1


async def test_a_parked_job_keeps_its_session_until_somebody_has_answered(
    url: str, agent: str
) -> None:
    paid: list[Any] = []
    shown = Shown(paying(paid))
    async with open_kernel(storage=url, registry=shown.plugins, policies=[asking()]) as kernel:
        await (await kernel.execute(talk("Before", saying("Yes")))).result()
        handle = await kernel.execute(talk("Pay", agent, approvals=AT_ONCE))
        await until(handle, JobStatus.WAITING_ACTION)
        with pytest.raises(SessionBusy, match=handle.job_id):
            await kernel.execute(talk("Between"))
        queued = await kernel.submit(talk("After", agent, approvals=AT_ONCE))
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        read = await kept(kernel)
        assert (await queued.job()).status is JobStatus.QUEUED
    assert read[2] == "user: Pay"
    assert len(read) == 4
    assert shown.runs[1] == shown.runs[2] == ["user: Before", "assistant: Yes", "user: Pay"]
    assert len(paid) == 1
