"""Checks through a kernel: policies that fail, limits that are reached, and where a run stops."""

from __future__ import annotations

import asyncio

from steer import BudgetSpec
from steer.errors import BudgetExceeded
from steer.events import ToolDenied
from steer.ports.gate import ModelRequest, ToolCall
from steer.ports.policy import Question, ToolQuestion, Verdict
from steer.values import JobStatus, RunResult

from steer_conformance.checks import check
from steer_conformance.provider import Hold, Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.props import Props, answering, calling, results_in

# What policies have for an answer: the check waits for these seconds to pass.
_POLICY_SECONDS = 10.0


class _Raising:
    """A policy that does not know what to say of tools."""

    name = "raising"
    version = "1"

    def evaluate(self, question: Question, /) -> Verdict | None:
        if not isinstance(question, ToolQuestion):
            return Verdict.allow()
        raise LookupError("the table of rules is gone")


class _Silent:
    """A policy that never answers when it is asked for a tool."""

    name = "silent"
    version = "1"

    async def evaluate(self, question: Question, /) -> Verdict | None:
        if isinstance(question, ToolQuestion):
            await asyncio.Event().wait()
        return Verdict.allow()


@check("RT-13", requires="tools")
async def a_policy_that_raises_denies(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here"), answering("I see.")) as stage:
        result, events = await stage.job(
            stage.agent(tools=[props.look()]), kernel={"policies": [_Raising()]}
        )
        told = results_in(stage.provider.requests[1])
    assert props.looked == []
    assert sum(isinstance(event.data, ToolDenied) for event in events) == 1
    assert told["c1"]
    assert result.status is JobStatus.SUCCEEDED, result.error


@check("RT-13", requires="tools", seconds=90)
async def a_policy_that_is_late_denies(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here"), answering("I see.")) as stage:
        stage.be_patient(more=_POLICY_SECONDS)
        result, events = await stage.job(
            stage.agent(tools=[props.look()]), kernel={"async_policies": [_Silent()]}
        )
    assert props.looked == []
    assert sum(isinstance(event.data, ToolDenied) for event in events) == 1
    assert result.status is JobStatus.SUCCEEDED, result.error


@check("RT-15", requires="tools")
async def a_stop_instead_of_a_verdict_ends_the_run_as_it_is(case: RuntimeCase) -> None:
    props = Props()
    stop = BudgetExceeded("max_tool_calls", "the run has had its calls")

    def verdict(_call: ToolCall) -> None:
        raise stop

    async with case.stage(calling("look", "here")) as stage:
        gate = BareGate(verdict=verdict)
        error, _ = await stage.failure(stage.agent(tools=[props.look()]), gate=gate)
    assert error is stop, f"{error!r} came out instead"
    assert props.looked == []


@check("RT-15", requires=("tools", "model_gate"))
async def a_stop_instead_of_a_request_sends_nothing(case: RuntimeCase) -> None:
    props = Props()
    stop = BudgetExceeded("max_turns", "the run has had its turn")

    def admit(_request: ModelRequest) -> None:
        if props.looked:
            raise stop

    async with case.stage(calling("look", "here")) as stage:
        gate = BareGate(admit=admit)
        error, _ = await stage.failure(stage.agent(tools=[props.look()]), gate=gate)
        assert len(stage.provider.requests) == 1
    assert error is stop, f"{error!r} came out instead"


@check("RT-44", requires=("tools", "model_gate"))
async def a_run_ends_at_its_last_turn(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here")) as stage:
        result, _ = await stage.job(
            stage.agent(tools=[props.look()]), budgets=BudgetSpec(max_turns=1)
        )
        assert len(stage.provider.requests) == 1, "it asked again past its limit"
    _assert_limit(result, "max_turns")


@check("RT-44", requires="tools")
async def a_run_ends_at_its_last_tool_call(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "a"), calling("look", "b", first="d")) as stage:
        result, _ = await stage.job(
            stage.agent(tools=[props.look()]), budgets=BudgetSpec(max_tool_calls=1)
        )
        assert len(stage.provider.requests) == 2, "it asked again past its limit"
    assert props.looked == ["a"]
    _assert_limit(result, "max_tool_calls")


@check("RT-44", requires="model_gate")
async def a_request_past_the_tokens_is_not_sent(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        result, _ = await stage.job(budgets=BudgetSpec(max_tokens=1))
        assert stage.provider.requests == ()
    _assert_limit(result, "max_tokens")


@check("RT-44")
async def a_run_ends_when_its_time_is_up(case: RuntimeCase) -> None:
    turn = Turn("Never.", Hold("for ever", after=0))
    # On a busy machine the time can be up before the request is on its way.
    async with case.stage(turn, used_up=False) as stage, stage.kernel() as kernel:
        request = stage.request(budgets=BudgetSpec(max_runtime_seconds=0.5))
        handle = await kernel.execute(request)
        result = await handle.result()
        events = [event async for event in handle.events()]
        if stage.provider.requests:
            await stage.provider.wait_for_disconnect()
    assert result.status is JobStatus.TIMED_OUT
    assert result.still_running == ()
    assert sum(event.terminal for event in events) == 1


def _assert_limit(result: RunResult, limit: str) -> None:
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "budget_exceeded", result.error
    assert result.error.details == {"limit": limit}
