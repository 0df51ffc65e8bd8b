"""What an author writes behaves as it does alone: the same callbacks, in order, the same requests.

Each case runs twice, with nothing but the SDK and under steer, and tells what its callbacks saw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agents import (
    Agent,
    AgentsException,
    FunctionToolResult,
    GuardrailFunctionOutput,
    HandoffInputData,
    InputGuardrail,
    InputGuardrailTripwireTriggered,
    OutputGuardrail,
    RunConfig,
    RunContextWrapper,
    Runner,
    StopAtTools,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolOutputGuardrail,
    ToolsToFinalOutputResult,
    function_tool,
    handoff,
)
from agents.extensions import handoff_filters
from agents.tool_context import ToolContext
from alone import AgentDiary, Ann, Made, RunDiary, Told, alone, sent, under_steer, workflow_of
from pydantic import BaseModel
from sdk_runs import MODEL, run_bare
from steer.errors import ErrorCategory, RuntimeFailure
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


def every_callback(told: Told) -> Made:  # noqa: C901 - many small functions
    """Hooks of both levels, instructions, guardrails of all kinds, ``is_enabled``, handoffs."""

    def instructions(context: Any, agent: Any) -> str:
        told("instructions", context, agent)
        return f"You are {agent.name}."

    def enabled(context: Any, agent: Any) -> bool:
        told("enabled", context, agent)
        return True

    def disabled(_context: Any, _agent: Any) -> bool:
        return False

    async def check_input(context: Any, agent: Any, asked: Any) -> GuardrailFunctionOutput:
        told("input", context, agent, str(asked))
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)

    def check_output(context: Any, agent: Any, output: Any) -> GuardrailFunctionOutput:
        told("output", context, agent, str(output))
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)

    def check_arguments(data: Any) -> ToolGuardrailFunctionOutput:
        told("arguments", data.context, data.agent, data.context.agent)
        return ToolGuardrailFunctionOutput.allow()

    def check_result(data: Any) -> ToolGuardrailFunctionOutput:
        told("result", data.context, data.agent, str(data.output))
        return ToolGuardrailFunctionOutput.reject_content("hidden")

    @function_tool(
        is_enabled=enabled,
        tool_input_guardrails=[ToolInputGuardrail(guardrail_function=check_arguments)],
        tool_output_guardrails=[ToolOutputGuardrail(guardrail_function=check_result)],
    )
    def act(context: ToolContext[Ann], what: str) -> str:
        told("acts", context, context.agent, what)
        return f"did {what}"

    @function_tool(is_enabled=disabled)
    def never() -> str:
        raise AssertionError

    def passed(context: Any) -> None:
        told("passes", context)

    billing: Agent[Any] = Agent(
        name="billing",
        instructions=instructions,
        model=MODEL,
        tools=[act, never],
        hooks=AgentDiary(told),
        output_guardrails=[OutputGuardrail(guardrail_function=check_output)],
    )
    triage: Agent[Any] = Agent(
        name="triage",
        instructions=instructions,
        model=MODEL,
        hooks=AgentDiary(told),
        handoffs=[handoff(billing, on_handoff=passed, is_enabled=enabled)],
        input_guardrails=[InputGuardrail(guardrail_function=check_input, run_in_parallel=False)],
    )
    billing.handoffs.append(triage)
    told.own = [triage, billing, act]
    return triage, RunDiary(told)


def filtered(told: Told) -> Made:
    """A handoff whose receiver is shown less than there was, and one that takes input."""

    class Reason(BaseModel):
        reason: str

    def because(context: Any, given: Reason) -> None:
        told("because", context, given.reason)

    def without_tools(data: HandoffInputData) -> HandoffInputData:
        return handoff_filters.remove_all_tools(data)

    @function_tool
    def act() -> str:
        return "acted"

    last: Agent[Any] = Agent(name="last", model=MODEL)
    middle: Agent[Any] = Agent(
        name="middle",
        model=MODEL,
        handoffs=[handoff(last, on_handoff=because, input_type=Reason)],
    )
    first: Agent[Any] = Agent(
        name="first",
        model=MODEL,
        tools=[act],
        handoffs=[handoff(middle, input_filter=without_tools)],
    )
    return first, None


def acting(behavior: Callable[[Told], Any]) -> Callable[[Told], Made]:
    """Two tools, and what the author wants to become of their results."""

    def make(told: Told) -> Made:
        @function_tool
        def look(at: str) -> str:
            return f"saw {at}"

        @function_tool
        def end(reason: str) -> str:
            return f"ended: {reason}"

        agent: Agent[Any] = Agent(
            name="a", model=MODEL, tools=[look, end], tool_use_behavior=behavior(told)
        )
        return agent, None

    return make


def until_enough(told: Told) -> Any:
    def decide(context: Any, results: list[FunctionToolResult]) -> ToolsToFinalOutputResult:
        told("decides", context, ", ".join(str(each.output) for each in results))
        enough = len(results) > 1
        return ToolsToFinalOutputResult(is_final_output=enough, final_output="Enough.")

    return decide


def enabled_agents(told: Told) -> Made:
    """Agents as tools, of which one is enabled by the context."""

    def by_context(context: Any, agent: Any) -> bool:
        told("enabled", context, agent)
        return True

    inner: Agent[Any] = Agent(name="inner", model=MODEL)
    hidden: Agent[Any] = Agent(name="hidden", model=MODEL)
    outer: Agent[Any] = Agent(
        name="outer",
        model=MODEL,
        tools=[
            inner.as_tool("inner", "Thinks.", is_enabled=by_context),
            hidden.as_tool("hidden", "Hides.", is_enabled=False),
        ],
    )
    told.own = [outer, inner]
    return outer, None


CASES: dict[str, tuple[Callable[[Told], Made], list[Turn]]] = {
    "every callback": (
        every_callback,
        [
            Turn(Call("transfer_to_billing", {}, id="h1")),
            Turn(Call("act", {"what": "one"}, id="c1")),
            Turn(Call("transfer_to_triage", {}, id="h2")),
            Turn(Call("transfer_to_billing", {}, id="h3")),
            Turn("Done."),
        ],
    ),
    "filters of handoffs": (
        filtered,
        [
            Turn(Call("act", {}, id="c1")),
            Turn(Call("transfer_to_middle", {}, id="h1")),
            Turn(Call("transfer_to_last", {"reason": "It is late."}, id="h2")),
            Turn("Done."),
        ],
    ),
    "stop on the first tool": (
        acting(lambda _told: "stop_on_first_tool"),
        [Turn(Call("look", {"at": "it"}, id="c1"))],
    ),
    "stop at a tool": (
        acting(lambda _told: StopAtTools(stop_at_tool_names=["end"])),
        [Turn(Call("look", {"at": "it"}, id="c1")), Turn(Call("end", {"reason": "late"}, id="c2"))],
    ),
    "stop when a function says so": (
        acting(until_enough),
        [
            Turn(Call("look", {"at": "it"}, id="c1")),
            Turn(Call("look", {"at": "a"}, id="c2"), Call("look", {"at": "b"}, id="c3")),
        ],
    ),
    "agents as tools that may be disabled": (
        enabled_agents,
        [Turn(Call("inner", {"input": "go"}, id="c1")), Turn("In."), Turn("Out.")],
    ),
}


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "at once"])
@pytest.mark.parametrize("case", CASES)
async def test_a_run_is_the_same_to_its_author_as_alone(case: str, streamed: bool) -> None:
    make, turns = CASES[case]
    bare, ours = Told(), Told()

    def workflow(told: Told) -> Callable[[RunConfig], Any]:
        made = make(told)
        return lambda config: workflow_of(told, made, config, streamed=streamed)

    expected = await alone(workflow(bare), turns)
    assert await under_steer(workflow(ours), turns) == expected
    assert ours.lines == bare.lines


@pytest.mark.parametrize("case", CASES)
async def test_an_agent_is_given_the_context_of_whoever_runs_it(case: str) -> None:
    make, turns = CASES[case]
    bare, ours = Told(), Told()
    agent, _ = make(bare)
    output, bodies = await alone(
        lambda config: workflow_of(bare, (agent, None), config, streamed=False), turns
    )
    agent, _ = make(ours)
    async with Provider(Script(turns)) as provider:
        run = BareRun(gate=BareGate(), user_context=ours.context)
        finished, _ = await run_bare(agent, provider, run=run)
        assert (finished.content, sent(provider)) == (output, bodies)
    assert ours.lines == bare.lines


def tripping(where: str) -> Callable[[Told], Made]:
    def trips(context: Any, agent: Any, value: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info="seen", tripwire_triggered=True)

    def trips_tool(data: Any) -> ToolGuardrailFunctionOutput:
        return ToolGuardrailFunctionOutput.raise_exception("seen")

    def make(told: Told) -> Made:
        before: ToolInputGuardrail[Any] = ToolInputGuardrail(guardrail_function=trips_tool)
        after: ToolOutputGuardrail[Any] = ToolOutputGuardrail(guardrail_function=trips_tool)

        @function_tool(
            tool_input_guardrails=[before] if where == "arguments" else [],
            tool_output_guardrails=[after] if where == "result" else [],
        )
        def act(context: RunContextWrapper[Ann]) -> str:
            told("acts", context)
            return "acted"

        sequential = InputGuardrail(guardrail_function=trips, run_in_parallel=False)
        return Agent(
            name="a",
            model=MODEL,
            tools=[act],
            input_guardrails=[sequential] if where == "input" else [],
            output_guardrails=[OutputGuardrail(guardrail_function=trips)]
            if where == "output"
            else [],
        ), None

    return make


@pytest.mark.parametrize("where", ["input", "output", "arguments", "result"])
async def test_a_guardrail_that_trips_ends_the_run_as_it_does_alone(where: str) -> None:
    make, turns = tripping(where), [Turn(Call("act", {}, id="c1")), Turn("Done.")]
    bare, ours = Told(), Told()
    with pytest.raises(AgentsException) as raised:
        await alone(lambda config: workflow_of(bare, make(bare), config), turns)
    async with Provider(Script(turns)) as provider:
        with pytest.raises(RuntimeFailure, match="stopped the run") as failed:
            await run_bare(workflow_of(ours, make(ours), RunConfig()), provider)
    assert failed.value.category is ErrorCategory.CONTENT_FILTER
    assert type(failed.value.__cause__) is type(raised.value)
    assert ours.lines == bare.lines


async def test_an_author_may_catch_a_guardrail_and_go_on() -> None:
    told = Told()
    strict, _ = tripping("input")(told)
    lenient: Agent[Any] = Agent(name="lenient", model=MODEL)

    async def workflow(asked: str) -> str:
        try:
            await Runner.run(strict, asked)
        except InputGuardrailTripwireTriggered as tripped:
            why = tripped.guardrail_result.output.output_info
            return f"{why}: {(await Runner.run(lenient, asked)).final_output}"
        return "not tripped"

    async with Provider(Script([Turn("Gently.")])) as provider:
        finished, _ = await run_bare(workflow, provider)
    assert finished.content == "seen: Gently."
