"""Requests of the CLI's own that fail: what was said of them is withdrawn, and nothing is lost."""

from __future__ import annotations

import pytest
from direct_runs import MODEL, DirectRun, ledger, run_direct
from steer.errors import BudgetExceeded, ErrorCategory, ProviderError, SteerError
from steer.events import ModelRetracted, ModelToken, Unknown
from steer.ports.gate import Sent
from steer_claude_code.process.failures_of_result import result_failure
from steer_conformance.provider import (
    Drop,
    Failure,
    Hold,
    Reasoning,
    Refusal,
    Script,
    StreamError,
    ToolCall,
    Turn,
    Usage,
)

pytestmark = pytest.mark.anyio

ADD = "mcp__steer__add"
SUM = ToolCall(ADD, {"a": 1, "b": 2}, id="sum")


def failure_of(outcome: DirectRun) -> SteerError | None:
    assert outcome.result is not None
    return result_failure(outcome.result, word=outcome.direct.word)


def no_vendor_text(outcome: DirectRun) -> None:
    """What the CLI writes of an error is in no event, no answer and no record."""
    said = [token.text for token in outcome.run.told(ModelToken)]
    assert not any("API Error" in text for text in [*said, outcome.direct.text])
    assert "API Error" not in str(outcome.direct.spoken)


def is_covered(outcome: DirectRun) -> None:
    """The ledger is not below what the provider has billed."""
    booked, bill = ledger(outcome.run.gate), outcome.provider.bill.total
    assert booked.input_tokens >= bill.input_tokens
    assert booked.output_tokens >= bill.output_tokens
    assert booked.requests >= len([each for each in outcome.provider.requests if each.deltas])


async def test_a_stream_that_drops_is_withdrawn_and_the_next_answer_counts() -> None:
    outcome = await run_direct(
        Script(
            [
                Turn("Half of it.", Hold("midway", after=2), Drop(after=2), chunk_size=4),
                Turn("All of it."),
            ]
        ),
        retries=2,
        release_after=2,
    )
    gate = outcome.run.gate
    gate.check()
    assert outcome.said() == ["Half of ", "All of it."]
    [(error, sent, usage)] = gate.failures
    assert isinstance(error, ProviderError)
    assert (error.category, sent) == (ErrorCategory.NETWORK, Sent.UNKNOWN)
    assert usage is not None
    assert usage.estimated
    assert [record.index for record in gate.records.models[()]] == [0]
    assert outcome.direct.text == "All of it."
    assert [message["role"] for message in outcome.direct.spoken] == ["assistant"]
    # The one that broke off once, the other once: the CLI's own sums add nothing.
    assert ledger(gate).input_tokens == outcome.provider.bill.total.input_tokens == 20
    is_covered(outcome)
    assert failure_of(outcome) is None


async def test_an_error_in_a_stream_is_withdrawn_and_the_answer_that_comes_whole_counts() -> None:
    outcome = await run_direct(
        Script(
            [
                Turn("Half of it.", StreamError(Failure(529), after=2), chunk_size=4),
                Turn(Reasoning("Hm."), "Now.", SUM),
                Turn("Three."),
            ]
        ),
        retries=2,
    )
    gate = outcome.run.gate
    gate.check()
    assert [each.stream for each in outcome.provider.requests] == [True, False, True]
    assert outcome.said() == ["Half of ", "Now.", "Three."]
    assert len(gate.failures) == 1
    assert [record.index for record in gate.records.models[()]] == [0, 1]
    assert [call.message for call in outcome.proposed] == [0]
    assert [message["role"] for message in outcome.direct.spoken] == [
        "assistant", "user", "assistant",
    ]  # fmt: skip
    assert ledger(gate).input_tokens == outcome.provider.bill.total.input_tokens == 30
    is_covered(outcome)


async def test_a_drop_after_a_call_keeps_the_call_and_no_text_of_the_vendors() -> None:
    outcome = await run_direct(
        Script(
            [
                Turn("I add.", SUM, "And then I", Hold("midway", after=3), Drop(after=3)),
                Turn("Three."),
            ]
        ),
        retries=2,
        release_after=3,
    )
    gate = outcome.run.gate
    gate.check()
    no_vendor_text(outcome)
    [retracted] = outcome.run.told(ModelRetracted)
    assert not retracted.blocks_too
    assert [call.call_id for call in outcome.proposed] == ["sum"]
    first, _, last = outcome.direct.spoken
    assert [block["type"] for block in first["content"]] == ["text", "tool_use"]
    assert last["content"][0]["text"] == outcome.direct.text == "Three."
    assert [record.finish_reason for record in gate.records.models[()]] == [None, "end_turn"]
    is_covered(outcome)


@pytest.mark.long
async def test_a_drop_after_a_text_keeps_the_text_as_the_cli_does() -> None:
    outcome = await run_direct(
        Script(
            [
                Turn("Half", " of it.", Hold("midway", after=2), Drop(after=2), chunk_size=4),
                Turn("The rest."),
            ]
        ),
        retries=2,
        release_after=2,
    )
    outcome.run.gate.check()
    assert [block["text"] for said in outcome.direct.spoken for block in said["content"]] == [
        "Half", "The rest.",
    ]  # fmt: skip
    assert [record.index for record in outcome.run.gate.records.models[()]] == [0, 1]
    is_covered(outcome)


async def test_a_rejected_request_costs_nothing_and_the_cli_makes_it_again() -> None:
    outcome = await run_direct(
        Script([Failure(429, retry_after=0), Turn("Now it works.")]), retries=2
    )
    gate = outcome.run.gate
    gate.check()
    [(error, sent, usage)] = gate.failures
    assert isinstance(error, ProviderError)
    assert (error.status_code, error.category) == (429, ErrorCategory.RATE_LIMIT)
    assert (sent, usage) == (Sent.REJECTED, None)
    booked, bill = ledger(gate), outcome.provider.bill.total
    assert (booked.input_tokens, booked.output_tokens) == (bill.input_tokens, bill.output_tokens)
    assert outcome.direct.text == "Now it works."


@pytest.mark.long
async def test_a_request_that_is_lost_before_its_answer_is_booked_with_the_same_input() -> None:
    outcome = await run_direct(
        Script([Turn("Lost.", Drop()), Turn("Found.", usage=Usage(input_tokens=40))]),
        retries=1,
    )
    outcome.run.gate.check()
    [(_, sent, usage)] = outcome.run.gate.failures
    assert sent is Sent.UNKNOWN
    assert usage is not None
    assert (usage.input_tokens, usage.estimated) == (40, True)


async def test_a_key_that_is_wrong_is_an_authentication_error_and_no_answer() -> None:
    outcome = await run_direct(Script([Failure(401)], repeat=True))
    outcome.run.gate.check()
    no_vendor_text(outcome)
    error = failure_of(outcome)
    assert isinstance(error, ProviderError)
    assert (error.category, error.status_code) == (ErrorCategory.AUTHENTICATION, 401)
    assert not error.retryable
    assert outcome.direct.text == ""
    [(_, sent, usage)] = outcome.run.gate.failures
    assert (sent, usage) == (Sent.REJECTED, None)


@pytest.mark.long
async def test_a_provider_that_drops_every_answer_is_a_network_error_that_may_be_tried_again() -> (
    None
):
    outcome = await run_direct(Script([Turn("Lost.", Drop(after=1))], repeat=True), retries=1)
    outcome.run.gate.check()
    error = failure_of(outcome)
    assert isinstance(error, ProviderError)
    assert (error.category, error.retryable) == (ErrorCategory.NETWORK, True)
    assert [sent for _, sent, _ in outcome.run.gate.failures] == [Sent.UNKNOWN, Sent.UNKNOWN]


async def test_a_model_that_declines_has_answered() -> None:
    outcome = await run_direct(
        Script([Turn(Refusal("I must not."))], repeat=True),
        environment={"CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1"},
    )
    outcome.run.gate.check()
    no_vendor_text(outcome)
    assert failure_of(outcome) is None
    assert (outcome.direct.text, outcome.direct.finish_reason) == ("I must not.", "refusal")
    refused = [each.name for each in outcome.run.told(Unknown)]
    assert refused == ["model_refusal_no_fallback"]
    booked, bill = ledger(outcome.run.gate), outcome.provider.bill.total
    assert (booked.input_tokens, booked.output_tokens) == (bill.input_tokens, bill.output_tokens)


@pytest.mark.long
async def test_an_answer_without_room_to_end_is_an_answer() -> None:
    outcome = await run_direct(Script([Turn("On and on", stop="max_tokens")], repeat=True))
    outcome.run.gate.check()
    no_vendor_text(outcome)
    assert failure_of(outcome) is None
    assert (outcome.direct.text, outcome.direct.finish_reason) == ("On and on", "max_tokens")
    # The CLI asks the model to go on, three times.
    assert ledger(outcome.run.gate).requests == len(outcome.provider.requests) == 4


async def test_turns_that_are_used_up_are_a_limit_and_all_of_them_are_booked() -> None:
    outcome = await run_direct(Script([Turn(ToolCall(ADD, {"a": 1, "b": 2}))] * 3), max_turns=2)
    outcome.run.gate.check()
    error = failure_of(outcome)
    assert isinstance(error, BudgetExceeded)
    assert error.limit == "max_turns"
    booked, bill = ledger(outcome.run.gate), outcome.provider.bill.total
    assert booked.requests == len(outcome.provider.requests) == 2
    assert (booked.input_tokens, booked.output_tokens) == (bill.input_tokens, bill.output_tokens)
    assert {record.model for record in outcome.run.gate.records.models[()]} == {MODEL}


@pytest.mark.long
async def test_a_budget_of_the_cli_that_is_used_up_is_a_limit_and_its_last_request_is_booked() -> (
    None
):
    dear = Usage(input_tokens=1_000_000, output_tokens=20)
    outcome = await run_direct(
        Script([Turn(ToolCall(ADD, {"a": 1, "b": 2}), usage=dear)] * 2), max_budget_usd=1
    )
    outcome.run.gate.check()
    error = failure_of(outcome)
    assert isinstance(error, BudgetExceeded)
    assert error.limit == "max_budget_usd"
    booked = ledger(outcome.run.gate)
    assert (booked.requests, booked.input_tokens, booked.output_tokens) == (1, 1_000_000, 20)
