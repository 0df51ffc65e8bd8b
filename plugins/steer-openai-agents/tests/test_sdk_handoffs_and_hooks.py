"""Handoffs are gated all the way, and callbacks see the author's own objects."""

from __future__ import annotations

from typing import Any

import pytest
from agents import (
    Agent,
    AgentHooks,
    GuardrailFunctionOutput,
    InputGuardrail,
    OutputGuardrail,
    RunHooks,
    Runner,
    function_tool,
    handoff,
)
from sdk_runs import MODEL, run_bare
from small_agents import worker
from steer.events import AgentDone, AgentHandoff, AgentStarted
from steer.ports.policy import ToolKind
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call

pytestmark = pytest.mark.anyio


async def test_a_handoff_changes_the_floor_and_says_so() -> None:
    billing = worker("billing")
    triage: Agent[Any] = Agent(name="triage", model=MODEL, handoffs=[billing])
    turns = [
        Turn(Call("transfer_to_billing", id="h1")),
        Turn(Call("act", id="c1")),
        Turn("Paid."),
    ]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(triage, provider)
    assert finished.content == "Paid."
    (passed,) = run.told(AgentHandoff)
    assert (passed.source, passed.target) == ("triage", "billing")
    assert [each.name for each in run.told(AgentStarted)] == ["triage", "billing"]
    assert [each.name for each in run.told(AgentDone)] == ["triage", "billing"]
    asked = [(call.call_id, call.kind, call.agent, call.path) for call in run.gate.asked]
    assert asked == [
        ("h1", ToolKind.HANDOFF, "triage", ()),
        ("c1", ToolKind.FUNCTION, "billing", ()),
    ]


async def test_handoffs_in_a_circle_are_gated_all_the_way() -> None:
    billing, triage = worker("billing"), worker("triage")
    billing.handoffs.append(triage)
    triage.handoffs.append(billing)
    turns = [
        Turn(Call("transfer_to_billing")),
        Turn(Call("transfer_to_triage")),
        Turn(Call("transfer_to_billing")),
        Turn(Call("act")),
        Turn("Done."),
    ]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(triage, provider)
    assert [call.tool for call in run.gate.asked] == [
        "transfer_to_billing",
        "transfer_to_triage",
        "transfer_to_billing",
        "act",
    ]


class Seen:
    """Callbacks of every kind, which keep what they are given."""

    def __init__(self) -> None:
        self.things: list[tuple[str, Any]] = []

    def instructions(self, _context: Any, agent: Any) -> str:
        self.things.append(("instructions", agent))
        return "Work."

    def enabled(self, _context: Any, agent: Any) -> bool:
        self.things.append(("enabled", agent))
        return True

    async def check_input(self, _context: Any, agent: Any, _input: Any) -> GuardrailFunctionOutput:
        self.things.append(("input", agent))
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)

    def check_output(self, _context: Any, agent: Any, _output: Any) -> GuardrailFunctionOutput:
        self.things.append(("output", agent))
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)


class SeenHooks(AgentHooks[Any]):
    def __init__(self, seen: Seen) -> None:
        self.things = seen.things

    async def on_start(self, context: Any, agent: Any) -> None:
        self.things.append(("start", agent))

    async def on_end(self, context: Any, agent: Any, output: Any) -> None:
        self.things.append(("end", agent))

    async def on_handoff(self, context: Any, agent: Any, source: Any) -> None:
        self.things.extend([("handoff", agent), ("handoff", source)])

    async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
        self.things.extend([("tool", agent), ("tool", tool)])

    async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
        self.things.append(("llm", agent))


async def test_callbacks_are_given_the_authors_own_objects() -> None:
    seen = Seen()

    @function_tool(is_enabled=seen.enabled)
    def act() -> str:
        return "acted"

    billing: Agent[Any] = Agent(
        name="billing",
        instructions=seen.instructions,
        model=MODEL,
        tools=[act],
        hooks=SeenHooks(seen),
        output_guardrails=[OutputGuardrail(guardrail_function=seen.check_output)],
    )
    triage: Agent[Any] = Agent(
        name="triage",
        model=MODEL,
        hooks=SeenHooks(seen),
        handoffs=[handoff(billing, is_enabled=seen.enabled)],
        input_guardrails=[InputGuardrail(guardrail_function=seen.check_input)],
    )
    turns = [Turn(Call("transfer_to_billing")), Turn(Call("act")), Turn("Paid.")]
    async with Provider(Script(turns)) as provider:
        await run_bare(triage, provider)
    kinds = "start end handoff tool llm instructions enabled input output"
    assert {name for name, _ in seen.things} == set(kinds.split())
    for name, thing in seen.things:
        assert any(thing is own for own in (triage, billing, act)), name


async def test_hooks_of_a_nested_run_are_given_the_authors_own_objects() -> None:
    inner, seen = worker(), []

    class Hooks(RunHooks[Any]):
        async def on_agent_start(self, context: Any, agent: Any) -> None:
            seen.append(agent)

        async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
            seen.append(tool)

    @function_tool
    async def delegate() -> str:
        return str((await Runner.run(inner, "go", hooks=Hooks())).final_output)

    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[delegate])
    turns = [Turn(Call("delegate")), Turn(Call("act")), Turn("In."), Turn("Out.")]
    async with Provider(Script(turns)) as provider:
        await run_bare(outer, provider)
    assert seen[0] is inner
    assert seen[1] is inner.tools[0]
