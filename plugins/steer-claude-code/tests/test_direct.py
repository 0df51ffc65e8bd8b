"""What is told, admitted and counted where the CLI asks models by itself."""

from __future__ import annotations

import asyncio

import pytest
from claude_agent_sdk import AssistantMessage, RateLimitEvent, RateLimitInfo, ToolUseBlock
from direct_runs import AGENT, MODEL, delegating, ledger, run_direct, subagent_rules
from steer.errors import PolicyDenied, RuntimeFailure
from steer.events import ModelBlockDone, ModelReasoning, ModelToken, Unknown
from steer.ports.gate import ModelRequest
from steer_claude_code.active import ActiveRun
from steer_claude_code.asking import Asking
from steer_claude_code.direct import Direct
from steer_conformance.provider import Reasoning, Script, ToolCall, Turn, Usage
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio

ADD = "mcp__steer__add"


async def test_text_reasoning_and_parallel_calls_are_told_as_they_arrive_and_booked_once() -> None:
    outcome = await run_direct(
        Script(
            [
                Turn(
                    Reasoning("Two sums."),
                    "Let me add that up.",
                    ToolCall(ADD, {"a": 1, "b": 2}, id="first"),
                    ToolCall(ADD, {"a": 3, "b": 4}, id="second"),
                    usage=Usage(
                        input_tokens=100,
                        output_tokens=20,
                        cached_tokens=30,
                        cache_write_tokens=10,
                        reasoning_tokens=3,
                    ),
                ),
                Turn("Three and seven.", chunk_size=4),
            ]
        )
    )
    run, direct, gate = outcome.run, outcome.direct, outcome.run.gate
    gate.check()
    assert outcome.said() == ["Let me add that up.", "Three and seven."]
    assert [each.text for each in run.told(ModelReasoning)] == ["Two sums."]
    assert [(each.kind, each.tool) for each in run.told(ModelBlockDone)] == [
        ("reasoning", None), ("text", None), ("tool_call", "add"), ("tool_call", "add"),
        ("text", None),
    ]  # fmt: skip
    assert (direct.text, direct.finish_reason) == ("Three and seven.", "end_turn")
    assert [message["role"] for message in direct.spoken] == ["assistant", "user", "assistant"]
    assert {block["tool_use_id"] for block in direct.spoken[1]["content"]} == {"first", "second"}
    booked, bill = ledger(gate), outcome.provider.bill.total
    assert (booked.requests, booked.estimated) == (2, False)
    for name in ("input", "output", "cached", "cache_write", "reasoning"):
        assert getattr(booked, f"{name}_tokens") == getattr(bill, f"{name}_tokens"), name
    # Both calls wait for the end of the message, and begin in the model's order.
    assert outcome.moments == ["message over", "begun first", "begun second", "message over"]
    assert [call.message for call in outcome.proposed] == [0, 0]
    assert [record.finish_reason for record in gate.records.models[()]] == ["tool_use", "end_turn"]


async def test_a_subagent_is_told_on_its_path_and_its_usage_is_counted_in_the_end() -> None:
    outcome = await run_direct(
        Script(
            [delegating("I ask."), Turn("All done.")],
            rules=subagent_rules(
                Turn(
                    Reasoning("Easy."),
                    "I add.",
                    ToolCall(ADD, {"a": 1, "b": 2}, id="inner"),
                    usage=Usage(input_tokens=55, output_tokens=7),
                ),
                Turn("Three.", usage=Usage(input_tokens=66, output_tokens=9)),
            ),
        )
    )
    gate, path = outcome.run.gate, ("toolu_agent",)
    gate.check()
    assert outcome.said() == ["I ask.", "All done."]
    assert outcome.said(path) == ["I add.", "Three."]
    assert [(call.call_id, call.place.path, call.place.agent) for call in outcome.proposed] == [
        ("toolu_agent", (), AGENT), ("inner", path, "helper"),
    ]  # fmt: skip
    assert [record.index for record in gate.records.models[path]] == [0, 1]
    booked, bill = ledger(gate), outcome.provider.bill.total
    assert (booked.input_tokens, booked.output_tokens) == (bill.input_tokens, bill.output_tokens)
    assert booked.requests == len(outcome.provider.requests) == 4
    # Nobody says of which message how much was output: the sum is right, its parts are guesses.
    assert booked.estimated


async def test_a_refused_model_stops_the_run_and_its_one_request_is_on_record() -> None:
    def refuse(request: ModelRequest) -> None:
        raise PolicyDenied(f"not {request.model}")

    gate = BareGate(admit=refuse)
    outcome = await run_direct(Script([Turn("Hello.")], repeat=True), gate=gate)
    gate.check()
    assert isinstance(outcome.active.stopped, PolicyDenied)
    assert outcome.active.stopped.message == f"not {MODEL}"
    assert len(outcome.provider.requests) == 1
    assert not outcome.run.told(ModelToken)
    assert outcome.direct.spoken == [] or not gate.records.log
    overruns = [each.raw for each in outcome.run.told(Unknown) if each.name == "overrun"]
    assert [(raw["model"], raw["usage"]["input_tokens"]) for raw in overruns] == [(MODEL, 10)]


# ---- without a process: what the order of its messages does --------------------------------------


def heard_by(gate: BareGate) -> tuple[Direct, BareRun]:
    run = BareRun(gate=gate)
    active = ActiveRun(run, agent=AGENT)
    return Direct(active=active, asking=Asking(agent=AGENT)), run


async def test_who_asks_about_a_call_before_it_is_told_waits_for_it() -> None:
    direct, _ = heard_by(BareGate())
    asking = asyncio.create_task(direct.proposed("early"))
    await asyncio.sleep(0)
    assert not asking.done()
    await direct.hear(
        AssistantMessage(
            content=[ToolUseBlock(id="early", name="Read", input={"file_path": "a"})],
            model=MODEL,
            message_id="msg",
            usage={"input_tokens": 1, "output_tokens": 1},
        )
    )
    assert (await asking).arguments == {"file_path": "a"}
    await direct.close()


async def test_who_asks_about_a_call_that_never_comes_is_told_so_when_the_run_ends() -> None:
    direct, _ = heard_by(BareGate())
    asking = asyncio.create_task(direct.proposed("never"))
    await asyncio.sleep(0)
    await direct.close()
    with pytest.raises(RuntimeFailure, match="no model of this run has proposed the call never"):
        await asking
    with pytest.raises(RuntimeFailure, match="never"):
        await direct.proposed("never")


async def test_what_steer_has_no_word_for_is_kept_as_it_is() -> None:
    direct, run = heard_by(BareGate())
    info = RateLimitInfo(status="rejected", raw={"status": "rejected", "resetsAt": 7})
    await direct.hear(RateLimitEvent(rate_limit_info=info, uuid="u", session_id="s"))
    assert run.told(Unknown) == [
        Unknown(
            source="claude-code",
            name="rate_limit_event",
            raw={"status": "rejected", "resetsAt": 7},
        )
    ]
