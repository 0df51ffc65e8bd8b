"""A tool asks a person in the middle of its work; an application asks in a job's name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from asking import asked
from kernels import TurnedClock, all_events, open_kernel, request, types
from steer import ApprovalSpec, ToolContext, tool
from steer.errors import ActionClosed, ConfigError, InvalidTransition
from steer.ports.gate import EffectRun
from steer.values import ActionStatus, ActionType, Expiry, JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio

QUESTION = {"message": "Really?"}


def agent_that_runs(run: Callable[[EffectRun], Any]) -> Stepwise:
    return Stepwise(
        turns=(Turn(calls=(Call(tool="work", call_id="c0"),)), Turn(text="Done.")),
        tools={"work": ToolSpec(run=run)},
    )


def context_of(run: EffectRun) -> ToolContext:
    return ToolContext(
        job_id="",
        scope_id="",
        principal_id="",
        call_id="",
        effect_key=run.key,
        ask=run.ask,
    )


def nothing_abandoned(_: Future[Any]) -> None:
    raise AssertionError("the thread was left behind")


async def test_a_tool_asks_and_goes_on_with_the_answer() -> None:
    async def work(run: EffectRun) -> Any:
        first = await context_of(run).require_action("confirm", QUESTION)
        second = await context_of(run).require_action("input", {"message": "How much?"})
        return [first, second]

    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent_that_runs(work)))
        (first,) = await asked(kernel, handle)
        assert (first.type, first.payload) == (ActionType.CONFIRM, QUESTION)
        await kernel.resolve_action(first.action_id, {"confirmed": True})
        _, second = await asked(kernel, handle, 2)
        await kernel.resolve_action(second.action_id, {"value": "3"})
        await handle.result()
        events = await all_events(handle)
    ended = next(event.data for event in events if event.type == "tool.end")
    assert ended.result == [{"confirmed": True}, {"value": "3"}]


async def test_a_sync_tool_asks_from_its_thread() -> None:
    @tool
    def work(context: ToolContext) -> Any:
        """Ask."""
        assert threading.current_thread() is not threading.main_thread()
        return context.require_action_sync("confirm", QUESTION)

    async def run_it(run: EffectRun) -> Any:
        return await work.run(work.parse({}), context_of(run), abandoned=nothing_abandoned)

    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent_that_runs(run_it)))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, {"confirmed": False})
        await handle.result()
        events = await all_events(handle)
    ended = next(event.data for event in events if event.type == "tool.end")
    assert ended.result == {"confirmed": False}


@pytest.mark.parametrize("on_expiry", list(Expiry))
async def test_a_tool_says_what_holds_when_nobody_answers(on_expiry: Expiry) -> None:
    default = {"confirmed": False} if on_expiry is Expiry.DEFAULT else None

    async def work(run: EffectRun) -> Any:
        return await context_of(run).require_action(
            "confirm", QUESTION, expires_in=60, on_expiry=on_expiry, default=default
        )

    clock = TurnedClock()
    async with open_kernel(clock=clock) as kernel:
        handle = await kernel.execute(request(agent_that_runs(work)))
        (action,) = await asked(kernel, handle)
        clock.turn(61)
        result = await handle.result()
        events = await all_events(handle)
        kept = await kernel.action(action.action_id)
    assert kept.status is ActionStatus.EXPIRED
    assert "action.expired" in types(events)
    if on_expiry is Expiry.FAIL:
        assert result.error is not None
        assert (result.status, result.error.code) == (JobStatus.FAILED, "action_expired")
        return
    assert result.status is JobStatus.SUCCEEDED
    if on_expiry is Expiry.DEFAULT:
        ended = next(event.data for event in events if event.type == "tool.end")
        assert ended.result == default
    else:
        failed = next(event.data for event in events if event.type == "tool.error")
        assert failed.error.code == "action_expired"


@pytest.mark.parametrize(
    ("asks", "problem"),
    [
        ({"action_type": "approval"}, "only the gate asks for approvals"),
        ({"expires_in": 0}, "expires_in is 0 s"),
        ({"on_expiry": "default"}, "belong together"),
        ({"default": {"confirmed": True}}, "belong together"),
    ],
)
async def test_a_question_that_cannot_be_asked_is_the_tools_error(
    asks: dict[str, Any], problem: str
) -> None:
    given = {"action_type": "confirm", "payload": QUESTION} | asks

    async def work(run: EffectRun) -> Any:
        return await context_of(run).require_action(**given)

    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent_that_runs(work)))
        await handle.result()
        events = await all_events(handle)
    failed = next(event.data for event in events if event.type == "tool.error")
    assert problem in failed.error.message


async def test_an_unattended_run_asks_nobody() -> None:
    async def work(run: EffectRun) -> Any:
        return await context_of(run).require_action("confirm", QUESTION)

    async with open_kernel() as kernel:
        spec = ApprovalSpec(unattended=True)
        handle = await kernel.execute(request(agent_that_runs(work), approvals=spec))
        await handle.result()
        events = await all_events(handle)
    assert "action.required" not in types(events)
    failed = next(event.data for event in events if event.type == "tool.error")
    assert "unattended" in failed.error.message


async def test_an_application_asks_in_the_name_of_a_job_and_waits() -> None:
    async def work(_run: EffectRun) -> Any:
        required = await kernel.require_action(handle.job_id, "confirm", QUESTION)
        assert required.token is not None
        await kernel.resolve_token(required.token, {"confirmed": True}, principal_id="bob")
        return (await kernel.wait_action(required.action.action_id)).resolution

    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent_that_runs(work)))
        await handle.result()
        events = await all_events(handle)
        with pytest.raises(InvalidTransition, match="succeeded asks nobody"):
            await kernel.require_action(handle.job_id, "confirm", QUESTION)
    ended = next(event.data for event in events if event.type == "tool.end")
    assert ended.result == {"confirmed": True}
    resolved = next(event.data for event in events if event.type == "action.resolved")
    assert (resolved.by, resolved.via) == ("bob", "token")


async def test_a_question_can_be_waited_for_only_so_long() -> None:
    async def work(_run: EffectRun) -> Any:
        required = await kernel.require_action(handle.job_id, "confirm", QUESTION)
        waited = await kernel.wait_action(required.action.action_id, seconds=0)
        return waited.status.value

    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent_that_runs(work)))
        await handle.result()
        events = await all_events(handle)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        with pytest.raises(ActionClosed):
            await kernel.resolve_action(action.action_id, {"confirmed": True})
    ended = next(event.data for event in events if event.type == "tool.end")
    assert ended.result == "pending"
    assert action.status is ActionStatus.CANCELLED


async def test_a_context_without_a_gate_says_so() -> None:
    context = ToolContext(job_id="", scope_id="", principal_id="", call_id="", effect_key="")
    with pytest.raises(ConfigError, match="no way to ask"):
        await context.require_action("confirm", QUESTION)
