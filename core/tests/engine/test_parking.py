"""A job that waits for a person leaves its process, and whoever comes goes on with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import APPROVE, DENY, asked, asking, paying
from kernels import (
    PATIENCE,
    Moment,
    TurnedClock,
    all_events,
    noting,
    open_kernel,
    request,
    types,
)
from parking import (
    AT_ONCE,
    FoundAgain,
    asking_about,
    parked_request,
    parking_kernel,
    side_by_side,
    until,
)
from steer import ApprovalSpec, BudgetSpec
from steer.errors import ActionExpired
from steer.events import JobStatusChanged
from steer.ports.gate import EffectRun
from steer.ports.runtime import Finished, Prepared, Run, Suspended
from steer.values import ActionStatus, Expiry, JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio

STORAGES = ["memory://", "sqlite"]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("answer", [APPROVE, DENY, APPROVE | {"arguments": {"amount": 2}}])
async def test_a_parked_job_is_queued_by_the_answer_and_ends_as_if_it_had_never_left(
    storage: str, answer: Any, tmp_path: Path
) -> None:
    paid: list[Any] = []
    url = f"sqlite:///{tmp_path}/runs.db" if storage == "sqlite" else storage
    async with parking_kernel(paying(paid), storage=url) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        job = await until(handle, JobStatus.WAITING_ACTION)
        assert (job.status, job.owner) == (JobStatus.WAITING_ACTION, None)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        assert job.due_at == action.expires_at
        assert (action.status, paid) == (ActionStatus.PENDING, [])
        await kernel.resolve_action(action.action_id, answer, principal_id="bob")
        result = await handle.result()
        events = await all_events(handle)

    assert result.status is JobStatus.SUCCEEDED
    assert paid == ([] if answer == DENY else [answer.get("arguments", {"amount": 3})])
    assert result.usage.requests == 2
    assert [event.seq for event in events if event.seq] == list(range(1, len(types(events)) + 1))
    assert [kind for kind in types(events) if kind.startswith(("job", "action", "policy"))] == [
        "job.started",
        "policy.decided",
        "action.required",
        "job.status_changed",
        "action.resolved",
        "job.status_changed",
        "job.status_changed",
        *(["policy.decided"] if "arguments" in answer else []),
        "job.completed",
    ]
    required = next(event.data for event in events if event.type == "action.required")
    assert required.held == "suspended"
    moves = [event.data for event in events if isinstance(event.data, JobStatusChanged)]
    assert [move.new for move in moves] == [
        JobStatus.WAITING_ACTION,
        JobStatus.QUEUED,
        JobStatus.RUNNING,
    ]


async def test_a_call_is_held_for_its_inline_time_and_then_parked(tmp_path: Path) -> None:
    paid: list[Any] = []
    clock = TurnedClock()
    async with parking_kernel(paying(paid), clock=clock) as kernel:
        spec = ApprovalSpec(inline_seconds=60)
        handle = await kernel.execute(parked_request(tmp_path, approvals=spec))
        await asked(kernel, handle)
        await anyio.wait_all_tasks_blocked()
        assert (await handle.job()).status is JobStatus.RUNNING
        clock.turn(61)
        job = await until(handle, JobStatus.WAITING_ACTION)
    assert job.owner is None


async def test_an_answer_within_the_inline_time_parks_nothing(tmp_path: Path) -> None:
    paid: list[Any] = []
    async with parking_kernel(paying(paid), clock=TurnedClock()) as kernel:
        spec = ApprovalSpec(inline_seconds=60)
        handle = await kernel.execute(parked_request(tmp_path, approvals=spec))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, APPROVE)
        await handle.result()
        events = await all_events(handle)
    assert len(paid) == 1
    assert "job.status_changed" not in types(events)


async def test_what_runs_already_comes_to_its_end_before_the_job_is_parked(tmp_path: Path) -> None:
    paid: list[Any] = []
    work = Moment("work")
    done: list[str] = []

    async def other(run: EffectRun) -> str:
        await work("work")
        done.append(run.key)
        return "done"

    clock = TurnedClock()
    agent = side_by_side(paid, ToolSpec(run=other))
    async with parking_kernel(agent, policies=[asking_about("pay")], clock=clock) as kernel:
        spec = ApprovalSpec(inline_seconds=60)
        handle = await kernel.execute(parked_request(tmp_path, approvals=spec))
        (action,) = await asked(kernel, handle)
        await work.arrive()
        clock.turn(61)
        await anyio.wait_all_tasks_blocked()
        assert (await handle.job()).status is JobStatus.RUNNING
        work.go.set()
        await until(handle, JobStatus.WAITING_ACTION)
        await kernel.resolve_action(action.action_id, APPROVE)
        result = await handle.result()
    assert result.status is JobStatus.SUCCEEDED
    assert (len(paid), len(done)) == (1, 1)


async def test_several_calls_of_one_message_are_all_asked_before_the_job_is_parked(
    tmp_path: Path,
) -> None:
    paid: list[Any] = []
    agent = side_by_side(paid, ToolSpec(run=noting(paid)))
    async with parking_kernel(agent) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        parked = await until(handle, JobStatus.WAITING_ACTION)
        first, second = (await kernel.actions(job_id=handle.job_id)).items
        await kernel.resolve_action(second.action_id, APPROVE)
        await until(handle, JobStatus.WAITING_ACTION, after=parked.last_seq)
        assert len(paid) == 1
        await kernel.resolve_action(first.action_id, APPROVE)
        result = await handle.result()
        events = await all_events(handle)
    assert (result.status, len(paid)) == (JobStatus.SUCCEEDED, 2)
    assert types(events).count("action.required") == 2
    assert result.usage.requests == 2


async def test_a_runtime_that_does_not_come_back_is_cancelled_and_parked(tmp_path: Path) -> None:
    class Stays(FoundAgain):
        async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
            await super().run(prepared, run)
            stayed.set()
            await anyio.sleep_forever()
            raise AssertionError

    stayed = anyio.Event()
    clock = TurnedClock()
    async with parking_kernel(Stays(paying([])), clock=clock) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await stayed.wait()
        await anyio.wait_all_tasks_blocked()
        clock.turn(31)
        job = await until(handle, JobStatus.WAITING_ACTION)
    assert job.owner is None


async def test_a_state_that_a_runtime_suspends_with_is_refused(tmp_path: Path) -> None:
    class Stateful(FoundAgain):
        async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
            await super().run(prepared, run)
            return Suspended(state=b"mine")

    async with parking_kernel(Stateful(paying([]))) as kernel:
        result = await (await kernel.execute(parked_request(tmp_path))).result()
        (action,) = (await kernel.actions()).items
    assert result.error is not None
    assert "with a state of its own" in result.error.message
    assert action.status is ActionStatus.CANCELLED


async def test_cancelling_a_parked_job_withdraws_what_it_asked(tmp_path: Path) -> None:
    async with parking_kernel(paying([])) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        await kernel.cancel(handle.job_id)
        result = await handle.result()
        events = await all_events(handle)
        (action,) = (await kernel.actions()).items
    assert (result.status, action.status) == (JobStatus.CANCELLED, ActionStatus.CANCELLED)
    assert "action.cancelled" in types(events)


@pytest.mark.parametrize("on_expiry", [Expiry.DENY, Expiry.FAIL])
async def test_a_question_expires_while_the_job_is_parked(
    tmp_path: Path, on_expiry: Expiry
) -> None:
    paid: list[Any] = []
    clock = TurnedClock()
    spec = replace(AT_ONCE, expires_in_seconds=60, on_expiry=on_expiry)
    async with parking_kernel(paying(paid), clock=clock) as kernel:
        handle = await kernel.execute(parked_request(tmp_path, approvals=spec))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions()).items
        clock.turn(61)
        with pytest.raises(ActionExpired, match="expired at"):
            await kernel.resolve_action(action.action_id, APPROVE)
        result = await handle.result()
        events = await all_events(handle)
        (action,) = (await kernel.actions()).items
    assert (paid, action.status) == ([], ActionStatus.EXPIRED)
    assert "action.expired" in types(events)
    if on_expiry is Expiry.FAIL:
        assert result.error is not None
        assert (result.status, result.error.code) == (JobStatus.FAILED, "action_expired")
    else:
        assert result.status is JobStatus.SUCCEEDED


async def test_the_time_of_a_run_goes_on_while_it_is_parked(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with parking_kernel(paying([]), clock=clock) as kernel:
        budgets = BudgetSpec(max_runtime_seconds=60)
        handle = await kernel.execute(parked_request(tmp_path, budgets=budgets))
        job = await until(handle, JobStatus.WAITING_ACTION)
        assert job.due_at == job.deadline
        clock.turn(61)
        result = await handle.result()
        (action,) = (await kernel.actions()).items
    assert (result.status, action.status) == (JobStatus.TIMED_OUT, ActionStatus.CANCELLED)


async def test_under_another_policy_a_parked_call_is_asked_about_anew(tmp_path: Path) -> None:
    paid: list[Any] = []
    url = f"sqlite:///{tmp_path}/runs.db"
    async with parking_kernel(paying(paid), storage=url) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
    # By one that does not wait for the answer, and so does not go on with the job.
    async with parking_kernel(paying(paid), storage=url) as kernel:
        (action,) = (await kernel.actions()).items
        await kernel.resolve_action(action.action_id, APPROVE)
    newer = asking()
    newer.version = "2"
    async with parking_kernel(paying(paid), storage=url, policies=[newer]) as kernel:
        handle = await kernel.attach(handle.job_id)
        before = (await handle.job()).last_seq
        await kernel.resume(handle.job_id)
        await until(handle, JobStatus.WAITING_ACTION, after=before)
        assert paid == []
        first, second = (await kernel.actions(job_id=handle.job_id)).items
        assert (first.action_id, second.status) == (action.action_id, ActionStatus.PENDING)
        await kernel.resolve_action(second.action_id, APPROVE)
        await kernel.resume(handle.job_id)
        result = await handle.result()
    assert (result.status, len(paid)) == (JobStatus.SUCCEEDED, 1)


async def test_an_approval_for_the_rest_of_the_job_holds_after_it_was_parked(
    tmp_path: Path,
) -> None:
    paid: list[Any] = []
    url = f"sqlite:///{tmp_path}/runs.db"
    calls = ({"amount": 1}, {"amount": 2}, {"amount": 3})
    async with parking_kernel(paying(paid, *calls), storage=url) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
    async with parking_kernel(paying(paid, *calls), storage=url) as kernel:
        (action,) = (await kernel.actions()).items
        await kernel.resolve_action(action.action_id, APPROVE | {"remember": "tool"})
        result = await (await kernel.resume(handle.job_id)).result()
        assert len((await kernel.actions()).items) == 1
    assert (result.status, paid) == (JobStatus.SUCCEEDED, list(calls))


async def test_one_answer_for_a_tool_lets_the_calls_that_wait_beside_it_go(tmp_path: Path) -> None:
    paid: list[Any] = []
    calls = tuple(Call(tool="pay", arguments={"amount": n}, call_id=f"c{n}") for n in range(3))
    agent = Stepwise(
        turns=(Turn(calls=calls), Turn(text="Done.")), tools={"pay": ToolSpec(run=noting(paid))}
    )
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(agent))
        first, *others = await asked(kernel, handle, 3)
        await kernel.resolve_action(first.action_id, APPROVE | {"remember": "tool"})
        result = await handle.result()
        kept = [await kernel.action(other.action_id) for other in others]
    assert (result.status, len(paid)) == (JobStatus.SUCCEEDED, 3)
    assert {action.status for action in kept} == {ActionStatus.CANCELLED}


async def test_a_kernel_that_closes_parks_what_waits_for_a_person(tmp_path: Path) -> None:
    paid: list[Any] = []
    url = f"sqlite:///{tmp_path}/runs.db"
    async with parking_kernel(paying(paid), storage=url) as kernel:
        handle = await kernel.execute(parked_request(tmp_path, approvals=ApprovalSpec()))
        (action,) = await asked(kernel, handle)
    async with parking_kernel(paying(paid), storage=url) as kernel:
        handle = await kernel.attach(handle.job_id)
        assert (await handle.job()).status is JobStatus.WAITING_ACTION
        await kernel.resolve_action(action.action_id, APPROVE)
        await kernel.resume(handle.job_id)
        result = await handle.result()
    assert (result.status, len(paid)) == (JobStatus.SUCCEEDED, 1)


async def test_the_token_of_a_parked_job_still_answers(tmp_path: Path) -> None:
    paid: list[Any] = []
    async with parking_kernel(paying(paid)) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (required,) = await handle.pending_actions()
        assert required.token is not None
        await kernel.resolve_token(required.token, APPROVE)
        with anyio.fail_after(PATIENCE):
            assert (await handle.result()).status is JobStatus.SUCCEEDED
    assert len(paid) == 1
