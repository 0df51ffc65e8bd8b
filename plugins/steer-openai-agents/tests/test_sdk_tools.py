"""Function tools: asked before they run, run once, and told to the model as the SDK would."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import anyio
import pytest
from agents import (
    FunctionTool,
    RunContextWrapper,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    function_tool,
)
from agents.exceptions import UserError
from agents.tool_context import ToolContext
from sdk_runs import PATIENCE, durable_types, open_bare, options_for, run_bare, run_in_kernel
from steer.errors import ErrorCategory, RuntimeFailure
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.ports.policy import Question, ToolKind, ToolQuestion, Verdict
from steer.ports.records import Grant
from steer.values import Effect, EffectStatus, JobStatus
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun
from tool_runs import DEFAULT_TEXT, told_to_the_model, with_tools

pytestmark = pytest.mark.anyio


def deny(_call: ToolCall) -> Decision:
    return Decision(outcome=GateOutcome.DENY, reason="Not on a Sunday.")


async def test_a_tool_runs_and_the_model_reads_its_result() -> None:
    @function_tool
    async def add(a: int, b: int) -> int:
        return a + b

    output, run = await told_to_the_model(add, {"a": 2, "b": 3})
    assert output == "5"
    (call,) = run.gate.asked
    assert call == run.gate.ran[0]
    assert (call.tool, call.call_id, call.path, call.message) == ("add", "c1", (), 0)
    assert call.arguments == {"a": 2, "b": 3}
    assert (call.kind, call.effect, call.agent) == (ToolKind.FUNCTION, Effect.ONCE, "worker")
    assert run.gate.outcomes[0].value == 5


async def test_a_denied_tool_never_runs_and_the_model_reads_why() -> None:
    ran = []

    @function_tool
    def act() -> str:
        ran.append(1)
        return "acted"

    output, run = await told_to_the_model(act, gate=BareGate(verdict=deny))
    assert output == "Not on a Sunday."
    assert ran == []
    assert run.gate.ran == []


async def test_a_denial_is_an_event_and_the_run_goes_on() -> None:
    class NoActing:
        name = "no-acting"
        version = "1"

        def evaluate(self, question: Question, /) -> Verdict | None:
            tool = isinstance(question, ToolQuestion)
            return Verdict.deny("Not on a Sunday.") if tool else Verdict.allow()

    @function_tool
    def act() -> str:
        raise AssertionError

    async with Provider(Script([Turn(Call("act")), Turn("Then not.")])) as provider:
        result, events = await run_in_kernel(
            with_tools(act), provider, kernel={"policies": [NoActing()]}
        )
    assert result.status is JobStatus.SUCCEEDED
    assert result.content == "Then not."
    types = durable_types(events)
    assert "tool.denied" in types
    assert "tool.start" not in types


async def test_arguments_that_policy_rewrote_are_the_ones_that_run() -> None:
    @function_tool
    def pay(amount: int) -> str:
        return f"paid {amount}"

    def cheaper(call: ToolCall) -> Decision:
        grant = Grant(grant_id="g", key=call.key, digest="", policy="p")
        return Decision(outcome=GateOutcome.ALLOW, grant=grant, arguments={"amount": 1})

    output, run = await told_to_the_model(pay, {"amount": 100}, gate=BareGate(verdict=cheaper))
    assert output == "paid 1"
    assert run.gate.asked[0].arguments == {"amount": 100}


async def test_arguments_that_are_no_json_reach_the_gate_as_text() -> None:
    @function_tool
    def act(a: int) -> str:
        raise AssertionError

    output, run = await told_to_the_model(act, '{"a": ')
    assert run.gate.asked[0].arguments == '{"a": '
    assert run.gate.outcomes[0].status is EffectStatus.FAILED
    assert output == DEFAULT_TEXT


async def test_a_failing_tool_tells_the_model_what_the_sdk_would_and_counts_as_failed() -> None:
    @function_tool
    def act() -> str:
        raise ValueError("the disk is full")

    output, run = await told_to_the_model(act)
    assert output == DEFAULT_TEXT
    (outcome,) = run.gate.outcomes
    assert outcome.status is EffectStatus.FAILED
    assert outcome.error is not None
    assert outcome.error.message == "ValueError: the disk is full"


async def test_an_authors_own_words_for_a_failure_reach_the_model() -> None:
    def words(_context: RunContextWrapper[Any], error: Exception) -> str:
        return f"Sorry: {error}"

    @function_tool(failure_error_function=words)
    async def act() -> str:
        raise ValueError("the disk is full")

    output, run = await told_to_the_model(act)
    assert output == "Sorry: the disk is full"
    assert run.gate.outcomes[0].status is EffectStatus.FAILED


async def test_a_failure_that_the_author_lets_through_fails_the_run() -> None:
    @function_tool(failure_error_function=None)
    async def act() -> str:
        raise ValueError("the disk is full")

    gate = BareGate()
    async with Provider(Script([Turn(Call("act"))])) as provider:
        with pytest.raises(RuntimeFailure, match="the tool act failed: ValueError") as raised:
            await run_bare(with_tools(act), provider, gate=gate)
    assert isinstance(raised.value.__cause__, UserError | ValueError)
    assert gate.outcomes[0].status is EffectStatus.FAILED


async def test_a_time_out_is_told_as_the_sdk_tells_it_and_counts_as_timed_out() -> None:
    stopped = []

    @function_tool(timeout=0.05)
    async def act() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(1)
        return "never"

    output, run = await told_to_the_model(act)
    assert output == "Tool 'act' timed out after 0.05 seconds."
    assert run.gate.outcomes[0].status is EffectStatus.TIMED_OUT
    assert stopped == [1]


async def test_a_time_out_that_the_author_wants_raised_fails_the_run() -> None:
    @function_tool(timeout=0.05, timeout_behavior="raise_exception")
    async def act() -> str:
        await asyncio.Event().wait()
        return "never"

    gate = BareGate()
    async with Provider(Script([Turn(Call("act"))])) as provider:
        with pytest.raises(RuntimeFailure) as raised:
            await run_bare(with_tools(act), provider, gate=gate)
    assert raised.value.category is ErrorCategory.TIMEOUT
    assert gate.outcomes[0].status is EffectStatus.TIMED_OUT


async def test_the_time_a_verdict_takes_is_not_the_tools() -> None:
    @function_tool(timeout=0.2)
    async def act() -> str:
        return "quick"

    class Slow(BareGate):
        async def authorize(self, call: ToolCall, /) -> Decision:
            await anyio.sleep(0.5)  # longer than the tool has
            return await super().authorize(call)

    output, _ = await told_to_the_model(act, gate=Slow())
    assert output == "quick"


async def test_a_tools_own_time_out_error_is_a_failure() -> None:
    @function_tool
    async def act() -> str:
        raise TimeoutError("the printer")

    output, run = await told_to_the_model(act)
    assert output == DEFAULT_TEXT
    assert run.gate.outcomes[0].status is EffectStatus.FAILED


async def test_the_authors_own_guardrail_comes_first() -> None:
    async def no(_data: Any) -> ToolGuardrailFunctionOutput:
        return ToolGuardrailFunctionOutput.reject_content("The author says no.")

    @function_tool(tool_input_guardrails=[ToolInputGuardrail(guardrail_function=no)])
    def act() -> str:
        raise AssertionError

    output, run = await told_to_the_model(act)
    assert output == "The author says no."
    assert run.gate.asked == []


async def test_a_tool_is_given_the_context_that_it_declares() -> None:
    seen: list[Any] = []

    @function_tool
    def look(context: ToolContext[Any]) -> str:
        seen.append((context.tool_name, context.tool_call_id, context.context))
        return "seen"

    async def invoke(context: RunContextWrapper[Any], _arguments: str) -> str:
        seen.append(type(context))
        return "seen"

    plain = FunctionTool(
        name="plain", description="", params_json_schema={}, on_invoke_tool=invoke,
        strict_json_schema=False,
    )  # fmt: skip
    turns = [Turn(Call("look", id="c1"), Call("plain", id="c2")), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        run = BareRun(gate=BareGate(), user_context="mine")
        await run_bare(with_tools(look, plain), provider, run=run)
    assert ("look", "c1", "mine") in seen
    assert RunContextWrapper in seen


async def test_tools_of_one_message_run_side_by_side() -> None:
    both = anyio.Event()
    here = []

    @function_tool
    async def meet(name: str) -> str:
        here.append(name)
        if len(here) == 2:
            both.set()
        await both.wait()
        return name

    turns = [Turn(Call("meet", {"name": "a"}), Call("meet", {"name": "b"})), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(with_tools(meet), provider)
    assert sorted(here) == ["a", "b"]
    assert {call.message for call in run.gate.ran} == {0}


async def test_a_call_of_the_next_message_has_the_next_index() -> None:
    @function_tool
    def step() -> str:
        return "ok"

    turns = [Turn(Call("step", id="x")), Turn(Call("step", id="y")), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(with_tools(step), provider)
    assert [(call.call_id, call.message) for call in run.gate.ran] == [("x", 0), ("y", 1)]


async def test_a_tool_that_ends_the_run_gives_its_result() -> None:
    @function_tool
    def act() -> str:
        return "acted"

    async with Provider(Script([Turn(Call("act"))])) as provider:
        agent = with_tools(act, tool_use_behavior="stop_on_first_tool")
        finished, _ = await run_bare(agent, provider)
    assert finished.content == "acted"
    assert finished.finish_reason == "tool_result"


async def test_a_tool_added_while_the_run_runs_is_gated() -> None:
    @function_tool
    def late() -> str:
        raise AssertionError

    agent = with_tools()

    @function_tool
    def unlock() -> str:
        agent.tools.append(late)
        return "unlocked"

    agent.tools.append(unlock)

    def only_unlock(call: ToolCall) -> Decision | None:
        return None if call.tool == "unlock" else deny(call)

    turns = [Turn(Call("unlock")), Turn(Call("late")), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(agent, provider, gate=BareGate(verdict=only_unlock))
        provider.assert_used_up()
    assert [call.tool for call in run.gate.asked] == ["unlock", "late"]


async def test_the_thread_of_a_sync_tool_is_named_while_it_runs_on() -> None:
    began, let_go = threading.Event(), threading.Event()

    @function_tool
    def block() -> str:
        began.set()
        let_go.wait(PATIENCE)
        return "late"

    gate = BareGate()
    script = Script([Turn(Call("block", id="c9"))])
    async with Provider(script) as provider, open_bare() as runtime:
        prepared = runtime.prepare(with_tools(block), options_for(provider))
        async with anyio.create_task_group() as group:

            async def run() -> None:
                await runtime.run(prepared, BareRun(gate=gate))

            group.start_soon(run)
            await anyio.to_thread.run_sync(began.wait, PATIENCE)
            group.cancel_scope.cancel()
        assert list(gate.running.values()) == ["tool block (c9)"]
        let_go.set()
        await asyncio.wait_for(gate.ended.wait(), PATIENCE)
    assert gate.running == {}


async def test_a_sync_tool_that_returned_is_named_no_more() -> None:
    @function_tool
    def quick() -> str:
        return "quick"

    _, run = await told_to_the_model(quick)
    await asyncio.wait_for(run.gate.ended.wait(), PATIENCE)
    assert run.gate.running == {}
