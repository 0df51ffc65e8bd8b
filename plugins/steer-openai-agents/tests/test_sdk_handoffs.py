"""Handoffs that the gate denies: the model reads why, and nothing else of a handoff happens."""

from __future__ import annotations

from typing import Any

import pytest
from agents import (
    Agent,
    AgentHooks,
    HandoffInputData,
    ModelSettings,
    RunConfig,
    RunHooks,
    Runner,
    function_tool,
    handoff,
)
from sdk_runs import MODEL, run_bare, run_in_kernel
from steer.errors import RuntimeFailure
from steer.events import AgentDone, AgentHandoff, AgentStarted
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.ports.policy import Question, ToolKind, ToolQuestion, Verdict
from steer.values import JobStatus
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate
from steer_openai_agents.frame import current_frame

pytestmark = pytest.mark.anyio


def deny_handoffs(call: ToolCall) -> Decision | None:
    if call.kind is ToolKind.HANDOFF:
        return Decision(outcome=GateOutcome.DENY, reason=f"Stay, {call.agent}.")
    return None


class Heard:
    """Callbacks of every kind that has to do with a handoff, which note that they were called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_handoff(self, _context: Any) -> None:
        self.calls.append("on_handoff")

    def filter(self, data: HandoffInputData) -> HandoffInputData:
        self.calls.append("filter")
        return data

    def of_agent(self) -> AgentHooks[Any]:
        calls = self.calls

        class Hooks(AgentHooks[Any]):
            async def on_start(self, context: Any, agent: Any) -> None:
                calls.append(f"{agent.name} starts")

            async def on_handoff(self, context: Any, agent: Any, source: Any) -> None:
                calls.append("agent's on_handoff")

        return Hooks()

    def of_run(self) -> RunHooks[Any]:
        calls = self.calls

        class Hooks(RunHooks[Any]):
            async def on_agent_start(self, context: Any, agent: Any) -> None:
                calls.append(f"{agent.name} starts in the run")

            async def on_handoff(self, context: Any, from_agent: Any, to_agent: Any) -> None:
                calls.append("run's on_handoff")

        return Hooks()


def triage_to(billing: Agent[Any], heard: Heard, **fields: Any) -> Agent[Any]:
    way = handoff(billing, on_handoff=heard.on_handoff, input_filter=heard.filter)
    return Agent(name="triage", model=MODEL, handoffs=[way], hooks=heard.of_agent(), **fields)


def billing_of(heard: Heard) -> Agent[Any]:
    return Agent(name="billing", model=MODEL, hooks=heard.of_agent())


async def test_a_denied_handoff_is_told_to_the_model_and_the_same_agent_goes_on() -> None:
    heard = Heard()
    triage = triage_to(billing_of(heard), heard, instructions="I am triage.")
    turns = [Turn(Call("transfer_to_billing", id="h1")), Turn("I stay.")]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(triage, provider, gate=BareGate(verdict=deny_handoffs))
        second = provider.requests[1].body
    assert finished.content == "I stay."
    assert second["instructions"] == "I am triage."
    assert second["input"][-1] == {
        "type": "function_call_output",
        "call_id": "h1",
        "output": "Stay, triage.",
    }
    assert heard.calls == ["triage starts"]
    assert run.told(AgentHandoff) == []
    assert [each.name for each in run.told(AgentStarted)] == ["triage"]
    assert [each.name for each in run.told(AgentDone)] == ["triage"]
    assert run.gate.ran == []


@pytest.mark.parametrize("nested_history", [False, True])
async def test_the_conversation_is_what_it_was_plus_the_denial(nested_history: bool) -> None:
    billing = Agent[Any](name="billing", model=MODEL)
    way = handoff(billing, nest_handoff_history=nested_history)
    triage = Agent[Any](name="triage", model=MODEL, handoffs=[way])
    turns = [Turn(Call("transfer_to_billing", id="h1")), Turn("I stay.")]
    async with Provider(Script(turns)) as provider:
        await run_bare(triage, provider, gate=BareGate(verdict=deny_handoffs))
        first, second = (request.body["input"] for request in provider.requests)
    assert second[: len(first)] == first
    assert [item["type"] for item in second[len(first) :]] == [
        "function_call",
        "function_call_output",
    ]


@pytest.mark.parametrize("how", ["run", "run_streamed"])
async def test_hooks_and_filters_of_a_nested_run_hear_nothing_of_a_denied_handoff(how: str) -> None:
    heard = Heard()
    inner = triage_to(billing_of(heard), heard)
    inner.handoffs = [handoff(billing_of(heard), on_handoff=heard.on_handoff)]

    @function_tool
    async def delegate() -> str:
        config = RunConfig(handoff_input_filter=heard.filter)
        if how == "run":
            result = await Runner.run(inner, "go", hooks=heard.of_run(), run_config=config)
            return str(result.final_output)
        streamed = Runner.run_streamed(inner, "go", hooks=heard.of_run(), run_config=config)
        async for _ in streamed.stream_events():
            pass
        return str(streamed.final_output)

    outer = Agent[Any](name="outer", model=MODEL, tools=[delegate])
    turns = [
        Turn(Call("delegate")),
        Turn(Call("transfer_to_billing")),
        Turn("I stay."),
        Turn("Done."),
    ]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(outer, provider, gate=BareGate(verdict=deny_handoffs))
        provider.assert_used_up()
    assert run.gate.outcomes[-1].value == "I stay."
    assert sorted(heard.calls) == ["triage starts", "triage starts in the run"]


async def test_a_handoff_that_is_allowed_after_a_denied_one_is_a_handoff() -> None:
    heard = Heard()
    triage = triage_to(billing_of(heard), heard)

    def deny_first(call: ToolCall) -> Decision | None:
        return deny_handoffs(call) if call.call_id == "h1" else None

    turns = [
        Turn(Call("transfer_to_billing", id="h1")),
        Turn(Call("transfer_to_billing", id="h2")),
        Turn("Paid."),
    ]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(triage, provider, gate=BareGate(verdict=deny_first))
        outputs = [
            item["output"] for item in provider.requests[2].body["input"] if "output" in item
        ]
    assert finished.content == "Paid."
    assert outputs == ["Stay, triage.", '{"assistant": "billing"}']
    assert heard.calls == [
        "triage starts",
        "on_handoff",
        "agent's on_handoff",
        "filter",
        "billing starts",
    ]
    assert [each.target for each in run.told(AgentHandoff)] == ["billing"]


async def test_a_choice_that_the_author_forced_is_free_again_after_a_denial() -> None:
    heard = Heard()
    settings = ModelSettings(tool_choice="transfer_to_billing")
    triage = triage_to(billing_of(heard), heard, model_settings=settings)
    turns = [Turn(Call("transfer_to_billing")), Turn("I stay.")]
    async with Provider(Script(turns)) as provider:
        await run_bare(triage, provider, gate=BareGate(verdict=deny_handoffs))
        first, second = (request.body for request in provider.requests)
    assert first["tool_choice"] == {"type": "function", "name": "transfer_to_billing"}
    assert "tool_choice" not in second


async def test_tools_of_the_same_message_run_before_a_denied_handoff() -> None:
    @function_tool
    def act() -> str:
        return "acted"

    heard = Heard()
    triage = triage_to(billing_of(heard), heard, tools=[act])
    turns = [Turn(Call("act"), Call("transfer_to_billing")), Turn("I stay.")]
    async with Provider(Script(turns)) as provider:
        await run_bare(triage, provider, gate=BareGate(verdict=deny_handoffs))
        outputs = [
            item["output"] for item in provider.requests[1].body["input"] if "output" in item
        ]
    assert outputs == ["acted", "Stay, triage."]


async def test_a_model_that_insists_on_a_denied_handoff_is_stopped() -> None:
    class NoHandoffs:
        name = "no-handoffs"
        version = "1"

        def evaluate(self, question: Question, /) -> Verdict | None:
            tool = isinstance(question, ToolQuestion)
            return Verdict.deny("Stay.") if tool else Verdict.allow()

    heard = Heard()
    triage = triage_to(billing_of(heard), heard)
    script = Script([Turn(Call("transfer_to_billing"))], repeat=True)
    async with Provider(script) as provider:
        result, events = await run_in_kernel(triage, provider, kernel={"policies": [NoHandoffs()]})
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "policy_denied"
    assert "in a row" in result.error.message
    assert sum(event.type == "tool.denied" for event in events) == 10
    assert heard.calls == ["triage starts"]


async def test_a_denied_handoff_is_denied_again_on_a_replay() -> None:
    heard = Heard()
    triage = triage_to(billing_of(heard), heard)
    turns = [Turn(Call("transfer_to_billing")), Turn("I stay.")]
    async with Provider(Script(turns)) as provider:
        finished, first = await run_bare(triage, provider, gate=BareGate(verdict=deny_handoffs))
        gate = BareGate(first.gate.records.until(), verdict=deny_handoffs)
        again, _ = await run_bare(triage, provider, gate=gate)
    assert again == finished
    assert gate.sent == []


async def test_a_denied_handoff_that_nobody_can_be_told_of_fails_the_run_with_the_reason() -> None:
    def deny(_call: ToolCall) -> Decision:
        # The SDK as it is always says whose turn it is.
        current_frame().turn_of = None
        return Decision(outcome=GateOutcome.DENY, reason="Not on a Sunday.")

    triage: Agent[Any] = Agent(
        name="triage", model=MODEL, handoffs=[Agent(name="billing", model=MODEL)]
    )
    async with Provider(Script([Turn(Call("transfer_to_billing"))])) as provider:
        with pytest.raises(RuntimeFailure, match=r"billing was denied .*: Not on a Sunday\."):
            await run_bare(triage, provider, gate=BareGate(verdict=deny))
