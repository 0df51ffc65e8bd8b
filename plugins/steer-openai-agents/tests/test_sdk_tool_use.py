"""What surrounds tools: guardrails, hooks, the end of a turn, and agents that call each other."""

from __future__ import annotations

from typing import Any

import pytest
from agents import (
    Agent,
    AgentHooks,
    FunctionToolResult,
    RunConfig,
    Runner,
    StopAtTools,
    ToolExecutionConfig,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolOutputGuardrail,
    ToolsToFinalOutputResult,
    function_tool,
)
from agents.tool_context import ToolContext
from sdk_runs import MODEL, run_bare
from steer.errors import RuntimeFailure
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate

pytestmark = pytest.mark.anyio


@function_tool
def act(text: str) -> str:
    return f"acted on {text}"


@function_tool
def look() -> str:
    return "looked"


def worker(**fields: Any) -> Agent[Any]:
    return Agent(name="worker", model=MODEL, **({"tools": [act, look]} | fields))


BOTH = Turn(Call("look"), Call("act", {"text": "it"}))


@pytest.mark.parametrize(
    ("behavior", "said"),
    [
        ("run_llm_again", "Done."),
        ("stop_on_first_tool", "looked"),
        (StopAtTools(stop_at_tool_names=["act"]), "acted on it"),
        (StopAtTools(stop_at_tool_names=["other"]), "Done."),
    ],
    ids=str,
)
async def test_a_turn_ends_as_the_author_wants(behavior: Any, said: str) -> None:
    async with Provider(Script([BOTH, Turn("Done.")])) as provider:
        finished, run = await run_bare(worker(tool_use_behavior=behavior), provider)
    assert finished.content == said
    assert len(run.gate.ran) == 2


@pytest.mark.parametrize("final", [True, False])
async def test_an_authors_own_end_of_a_turn_is_given_the_authors_own_tools(final: bool) -> None:
    seen: list[Any] = []

    async def decide(_context: Any, results: list[FunctionToolResult]) -> ToolsToFinalOutputResult:
        seen.extend(result.tool for result in results)
        return ToolsToFinalOutputResult(is_final_output=final, final_output="decided")

    async with Provider(Script([BOTH, Turn("Done.")])) as provider:
        finished, _ = await run_bare(worker(tool_use_behavior=decide), provider)
    assert finished.content == ("decided" if final else "Done.")
    assert [each is own for each, own in zip(seen, (look, act), strict=True)] == [True, True]


async def test_guardrails_of_a_tool_are_given_the_authors_own_agent() -> None:
    seen: list[Any] = []

    def check(data: Any) -> ToolGuardrailFunctionOutput:
        seen.extend([data.agent, data.context.agent])
        return ToolGuardrailFunctionOutput.allow()

    @function_tool(
        tool_input_guardrails=[ToolInputGuardrail(guardrail_function=check)],
        tool_output_guardrails=[ToolOutputGuardrail(guardrail_function=check)],
    )
    def careful(context: ToolContext[Any]) -> str:
        seen.append(context.agent)
        return "careful"

    class Hooks(AgentHooks[Any]):
        async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
            seen.append(context.agent)

    agent = worker(tools=[careful], hooks=Hooks())
    async with Provider(Script([Turn(Call("careful")), Turn("Done.")])) as provider:
        await run_bare(agent, provider)
    assert len(seen) == 6
    assert all(each is agent for each in seen)


async def test_what_an_output_guardrail_rejects_the_model_does_not_read_also_on_a_replay() -> None:
    async def hide(data: Any) -> ToolGuardrailFunctionOutput:
        assert data.output == "the password"
        return ToolGuardrailFunctionOutput.reject_content("That is a secret.")

    @function_tool(tool_output_guardrails=[ToolOutputGuardrail(guardrail_function=hide)])
    def tell() -> str:
        return "the password"

    async with Provider(Script([Turn(Call("tell")), Turn("Done.")])) as provider:
        _, first = await run_bare(worker(tools=[tell]), provider)
        output = provider.requests[1].body["input"][-1]["output"]
        _, second = await run_bare(
            worker(tools=[tell]), provider, gate=BareGate(first.gate.records.until())
        )
    assert output == "That is a secret."
    assert first.gate.outcomes[0].value == "the password"
    assert second.gate.sent == []


@pytest.mark.parametrize("side", ["input", "output"])
async def test_a_guardrail_of_a_tool_that_trips_ends_the_run(side: str) -> None:
    def trip(_data: Any) -> ToolGuardrailFunctionOutput:
        return ToolGuardrailFunctionOutput.raise_exception()

    kind: Any = ToolInputGuardrail if side == "input" else ToolOutputGuardrail
    guardrails: Any = {f"tool_{side}_guardrails": [kind(guardrail_function=trip, name="fence")]}
    tool = function_tool(lambda: "acted", name_override="tripping", **guardrails)
    gate = BareGate()
    async with Provider(Script([Turn(Call("tripping"))])) as provider:
        with pytest.raises(RuntimeFailure, match="fence"):
            await run_bare(worker(tools=[tool]), provider, gate=gate)
    assert len(gate.ran) == (side == "output")


async def test_a_tool_that_a_hook_adds_while_the_run_runs_is_gated() -> None:
    @function_tool
    def late() -> str:
        raise AssertionError

    class Hooks(AgentHooks[Any]):
        async def on_start(self, context: Any, agent: Any) -> None:
            agent.tools.append(late)

    def deny(_call: ToolCall) -> Decision:
        return Decision(outcome=GateOutcome.DENY, reason="No.")

    async with Provider(Script([Turn(Call("late")), Turn("Then not.")])) as provider:
        gate = BareGate(verdict=deny)
        await run_bare(worker(tools=[], hooks=Hooks()), provider, gate=gate)
        assert provider.requests[1].body["input"][-1]["output"] == "No."
    assert [call.tool for call in gate.asked] == ["late"]


async def test_agents_that_are_each_others_tools_are_gated_all_the_way_down() -> None:
    ping, pong = worker(), worker()
    ping.tools = [pong.as_tool("pong", "")]
    pong.tools = [ping.as_tool("ping", ""), act]
    turns = [
        Turn(Call("pong", {"input": "1"}, id="a")),
        Turn(Call("ping", {"input": "2"}, id="b")),
        Turn(Call("pong", {"input": "3"}, id="c")),
        Turn(Call("act", {"text": "it"}, id="d")),
        Turn("3."),
        Turn("2."),
        Turn("1."),
        Turn("0."),
    ]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(ping, provider)
    assert finished.content == "0."
    assert [(call.tool, call.path) for call in run.gate.asked] == [
        ("pong", ()),
        ("ping", ("a",)),
        ("pong", ("a", "b")),
        ("act", ("a", "b", "c")),
    ]


async def test_tools_that_the_author_wants_one_by_one_run_one_by_one() -> None:
    log: list[str] = []

    @function_tool
    async def step(name: str) -> str:
        log.append(f"{name} begins")
        # Gives way to whoever else would run at the same time.
        await Runner.run(Agent(name="pause", model=MODEL), "pause")
        log.append(f"{name} ends")
        return name

    inner = worker(tools=[step])

    @function_tool
    async def delegate() -> str:
        config = RunConfig(tool_execution=ToolExecutionConfig(max_function_tool_concurrency=1))
        return str((await Runner.run(inner, "go", run_config=config)).final_output)

    steps = Turn(Call("step", {"name": "a"}), Call("step", {"name": "b"}))
    turns = [Turn(Call("delegate")), steps, Turn("."), Turn("."), Turn("In."), Turn("Out.")]
    async with Provider(Script(turns)) as provider:
        await run_bare(worker(tools=[delegate]), provider)
        provider.assert_used_up()
    assert log == ["a begins", "a ends", "b begins", "b ends"]
