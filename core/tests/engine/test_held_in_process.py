"""Jobs that wait for a person in their process, because nobody could take them up without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import APPROVE, asked, asking, paying
from kernels import (
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
from steer import ApprovalSpec
from steer.capabilities import Suspension
from steer.ports.gate import EffectRun
from steer.values import JobStatus
from stepwise import CAPABILITIES, Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio


async def test_an_agent_that_nobody_finds_again_is_held(tmp_path: Path) -> None:
    paid: list[Any] = []
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(paying(paid), approvals=AT_ONCE))
        (action,) = await asked(kernel, handle)
        assert (await handle.job()).status is JobStatus.RUNNING
        await kernel.resolve_action(action.action_id, APPROVE)
        await handle.result()
        events = await all_events(handle)
    required = next(event.data for event in events if event.type == "action.required")
    assert (required.held, len(paid)) == ("inline", 1)


async def test_a_runtime_that_cannot_suspend_holds_its_calls(tmp_path: Path) -> None:
    paid: list[Any] = []
    capabilities = replace(CAPABILITIES, suspend=Suspension.NONE)
    async with parking_kernel(FoundAgain(paying(paid), capabilities)) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        (action,) = await asked(kernel, handle)
        assert (await handle.job()).status is JobStatus.RUNNING
        await kernel.resolve_action(action.action_id, APPROVE)
        await handle.result()
    assert len(paid) == 1


async def test_where_one_call_can_be_left_the_others_are_waited_for(tmp_path: Path) -> None:
    paid: list[Any] = []
    capabilities = replace(CAPABILITIES, suspend=Suspension.ONE_PER_MESSAGE)
    runtime = FoundAgain(side_by_side(paid, ToolSpec(run=noting(paid))), capabilities)
    clock = TurnedClock()
    async with parking_kernel(runtime, clock=clock) as kernel:
        spec = ApprovalSpec(inline_seconds=60)
        handle = await kernel.execute(parked_request(tmp_path, approvals=spec))
        first, _ = await asked(kernel, handle, 2)
        await anyio.wait_all_tasks_blocked()
        clock.turn(61)
        await anyio.wait_all_tasks_blocked()
        assert (await handle.job()).status is JobStatus.RUNNING
        await kernel.resolve_action(first.action_id, APPROVE)
        await until(handle, JobStatus.WAITING_ACTION)
    assert len(paid) == 1


async def test_a_tool_that_asks_itself_keeps_the_job_in_its_process(tmp_path: Path) -> None:
    paid: list[Any] = []

    async def other(run: EffectRun) -> Any:
        assert run.ask is not None
        return await run.ask("confirm", {"message": "Really?"})

    agent = side_by_side(paid, ToolSpec(run=other))
    clock = TurnedClock()
    async with parking_kernel(agent, policies=[asking_about("pay")], clock=clock) as kernel:
        spec = ApprovalSpec(inline_seconds=60)
        handle = await kernel.execute(parked_request(tmp_path, approvals=spec))
        actions = await asked(kernel, handle, 2)
        await anyio.wait_all_tasks_blocked()
        clock.turn(61)
        await anyio.wait_all_tasks_blocked()
        assert (await handle.job()).status is JobStatus.RUNNING
        for action in actions:
            yes = APPROVE if action.type == "approval" else {"confirmed": True}
            await kernel.resolve_action(action.action_id, yes)
        result = await handle.result()
    assert (result.status, len(paid)) == (JobStatus.SUCCEEDED, 1)


async def test_a_run_with_an_object_that_nobody_else_has_is_held(tmp_path: Path) -> None:
    paid: list[Any] = []
    async with parking_kernel(paying(paid)) as kernel:
        handle = await kernel.execute(parked_request(tmp_path, user_context={"till": 7}))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
        await handle.result()
        assert "job.status_changed" not in types(await all_events(handle))
    assert paid == [{"amount": 3}]


async def test_a_job_is_parked_when_who_looks_at_it_says_so(tmp_path: Path) -> None:
    paid: list[Any] = []
    async with parking_kernel(paying(paid)) as kernel:
        handle = await kernel.execute(parked_request(tmp_path, approvals=ApprovalSpec()))
        (action,) = await asked(kernel, handle)
        assert (await handle.job()).status is JobStatus.RUNNING
        assert await handle.park()
        assert (await until(handle, JobStatus.WAITING_ACTION)).owner is None
        await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
        assert (await handle.result()).status is JobStatus.SUCCEEDED
    assert len(paid) == 1


async def test_a_job_whose_tool_asks_says_that_it_cannot_be_parked(tmp_path: Path) -> None:
    async def other(run: EffectRun) -> Any:
        assert run.ask is not None
        return await run.ask("confirm", {"message": "Really?"})

    agent = Stepwise(
        turns=(Turn(calls=(Call(tool="work"),)), Turn(text="Done.")),
        tools={"work": ToolSpec(run=other)},
    )
    async with parking_kernel(agent, policies=[asking_about()]) as kernel:
        handle = await kernel.execute(parked_request(tmp_path, approvals=ApprovalSpec()))
        (action,) = await asked(kernel, handle)
        assert not await handle.park()
        assert (await handle.job()).status is JobStatus.RUNNING
        await kernel.resolve_action(action.action_id, {"confirmed": True})
        await handle.result()
        assert "job.status_changed" not in types(await all_events(handle))


async def test_a_job_that_runs_elsewhere_is_not_parked_from_here(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    async with parking_kernel(paying([]), storage=url) as kernel, open_kernel(storage=url) as other:
        handle = await kernel.execute(parked_request(tmp_path, approvals=ApprovalSpec()))
        await asked(kernel, handle)
        assert await (await other.attach(handle.job_id)).park()
        assert (await handle.job()).status is JobStatus.RUNNING
        await handle.cancel()
