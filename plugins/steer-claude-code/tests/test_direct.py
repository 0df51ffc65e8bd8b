"""What is told, admitted and counted where the CLI asks models by itself."""

from __future__ import annotations

import asyncio

import pytest
from anyio.lowlevel import checkpoint
from claude_agent_sdk import (
    AssistantMessage,
    RateLimitEvent,
    RateLimitInfo,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    TextBlock,
    ToolUseBlock,
)
from claude_agent_sdk.types import ModelUsage
from direct_runs import AGENT, MODEL, DirectRun, delegating, ledger, run_direct, subagent_rules
from steer.errors import ErrorCategory, PolicyDenied, RuntimeFailure
from steer.events import ModelBlockDone, ModelReasoning, ModelToken, Unknown
from steer.ports.gate import ModelRequest, Sent
from steer.values import Usage as CountedUsage
from steer_claude_code.active import ActiveRun
from steer_claude_code.agent.asking import Asking
from steer_claude_code.run.direct import Direct
from steer_conformance.provider import (
    Hold,
    Reasoning,
    Request,
    Rule,
    Script,
    ToolCall,
    Turn,
    Usage,
)
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio

ADD = "mcp__steer__add"


async def test_text_reasoning_and_parallel_calls_are_told_as_they_arrive_and_booked_once() -> None:
    reached: list[str] = []
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
        ),
        gate=BareGate(reach=reached.append),
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
    assert [call.call_id for call in gate.asked] == ["first", "second"]
    moments = [moment for moment in reached if moment.startswith(("completed", "authorize"))]
    assert moments == ["completed c1", "authorize first", "authorize second", "completed c2"]
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
    assert not gate.records.log
    overruns = [each.raw for each in outcome.run.told(Unknown) if each.name == "overrun"]
    assert [(raw["model"], raw["usage"]["input_tokens"]) for raw in overruns] == [(MODEL, 10)]


async def test_a_run_that_is_cut_off_books_what_it_has_heard() -> None:
    def stop(outcome: DirectRun, message: object) -> None:
        if isinstance(message, StreamEvent) and message.event["type"] == "content_block_delta":
            outcome.active.stop(RuntimeFailure("enough"))

    outcome = await run_direct(
        Script([Turn("On and on.", Hold("midway", after=2), chunk_size=4)]), on_message=stop
    )
    gate = outcome.run.gate
    gate.check()
    [(error, sent, usage)] = gate.failures
    assert (error.category, sent) == (ErrorCategory.CANCELLED, Sent.UNKNOWN)
    assert usage is not None
    assert usage.estimated
    assert ledger(gate).output_tokens >= outcome.provider.bill.total.output_tokens
    assert not gate.records.log


@pytest.mark.long
async def test_subagents_side_by_side_and_inside_of_each_other_are_told_apart() -> None:
    def helper(name: str) -> ToolCall:
        task = {"description": "help", "prompt": name, "subagent_type": "helper"}
        return ToolCall("Agent", task, id=f"call_{name}")

    def turn(name: str, *, after: bool, said: Turn) -> Rule:
        def asked(request: Request) -> bool:
            users = [each.text for each in request.messages if each.role == "user"]
            return any(name in text for text in users) and bool(request.tool_results) is after

        return Rule(asked, said)

    def used(tokens: int) -> Usage:
        return Usage(input_tokens=tokens * 10, output_tokens=tokens)

    outcome = await run_direct(
        Script(
            rules=[
                turn("ONE", after=False, said=Turn("Nesting.", helper("INNER"), usage=used(3))),
                turn("ONE", after=True, said=Turn("One.", usage=used(4))),
                turn("TWO", after=False, said=Turn("Two.", usage=used(5))),
                turn("INNER", after=False, said=Turn("Inner.", usage=used(6))),
                turn("Go on", after=False, said=Turn("Both.", helper("ONE"), helper("TWO"))),
                turn("Go on", after=True, said=Turn("Done.")),
            ]
        )
    )
    gate = outcome.run.gate
    gate.check()
    assert outcome.said() == ["Both.", "Done."]
    assert outcome.said(("call_ONE",)) == ["Nesting.", "One."]
    assert outcome.said(("call_TWO",)) == ["Two."]
    assert outcome.said(("call_ONE", "call_INNER")) == ["Inner."]
    booked, bill = ledger(gate), outcome.provider.bill.total
    assert (booked.input_tokens, booked.output_tokens) == (bill.input_tokens, bill.output_tokens)
    assert len(outcome.direct.spoken[1]["content"]) == 2


# ---- without a process: what the order of its messages does --------------------------------------


def heard_by(gate: BareGate) -> tuple[Direct, BareRun]:
    run = BareRun(gate=gate)
    active = ActiveRun(run, agent=AGENT)
    return Direct(active=active, asking=Asking(agent=AGENT)), run


async def test_who_asks_about_a_call_before_it_is_told_waits_for_it() -> None:
    direct, _ = heard_by(BareGate())
    asking = asyncio.create_task(direct.proposed("early"))
    await checkpoint()
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
    await checkpoint()
    await direct.close()
    with pytest.raises(RuntimeFailure, match="no model of this run has proposed the call never"):
        await asking
    with pytest.raises(RuntimeFailure, match="never"):
        await direct.proposed("never")


async def test_what_steer_has_no_word_for_is_kept_as_it_is() -> None:
    direct, run = heard_by(BareGate())
    info = RateLimitInfo(status="rejected", raw={"status": "rejected", "resetsAt": 7})
    await direct.hear(RateLimitEvent(rate_limit_info=info, uuid="u", session_id="s"))
    await direct.hear(SystemMessage(subtype="informational", data={"content": "Mind the gap."}))
    assert run.told(Unknown) == [
        Unknown(
            source="claude-code",
            name="rate_limit_event",
            raw={"status": "rejected", "resetsAt": 7},
        ),
        Unknown(source="claude-code", name="informational", raw={"content": "Mind the gap."}),
    ]


async def test_what_the_cli_asked_beside_its_agents_is_booked_once() -> None:
    gate = BareGate()
    direct, _ = heard_by(gate)
    result = ResultMessage(
        subtype="success",
        duration_ms=1,
        duration_api_ms=1,
        is_error=False,
        num_turns=1,
        session_id="s",
        model_usage={"small": model_usage(input_tokens=7, output_tokens=2)},
    )
    # With work in the background there are several results, and each holds all sums so far.
    await direct.hear(result)
    await direct.hear(result)
    [(_, _, usage)] = gate.failures
    assert usage == CountedUsage(input_tokens=7, output_tokens=2)
    assert [(each.model, each.path) for each in gate.requests] == [("small", ("claude-code",))]


async def test_what_a_subagent_says_without_a_beginning_is_told_all_the_same() -> None:
    direct, run = heard_by(BareGate())
    message = AssistantMessage(
        content=[TextBlock(text="Well.")], model=MODEL, message_id="m", parent_tool_use_id="outer"
    )
    await direct.hear(message)
    await direct.close()
    assert [each.text for each in run.told(ModelToken, ("outer",))] == ["Well."]
    run.gate.check()


def model_usage(*, input_tokens: int, output_tokens: int) -> ModelUsage:
    return ModelUsage(
        inputTokens=input_tokens,
        outputTokens=output_tokens,
        cacheReadInputTokens=0,
        cacheCreationInputTokens=0,
        webSearchRequests=0,
        costUSD=0.0,
        contextWindow=0,
        maxOutputTokens=0,
    )
