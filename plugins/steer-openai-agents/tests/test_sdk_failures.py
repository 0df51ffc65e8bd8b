"""What goes wrong at the provider, over real HTTP: one error, by type, with all it says."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent
from sdk_runs import MODEL, finish, open_bare, options_for, run_bare
from steer import PrepareOptions
from steer.errors import BudgetExceeded, ErrorCategory, ProviderError, RuntimeFailure
from steer.events import ModelBlockDone, ModelToken
from steer.ports.gate import Sent
from steer.values import FinishReason
from steer_conformance.provider import (
    CHAT,
    Drop,
    Failure,
    Provider,
    Raw,
    Refusal,
    Script,
    ToolCall,
    Truncate,
    Turn,
    Usage,
    render,
)
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio

APIS = ("responses", "chat_completions")


def plain() -> Agent[Any]:
    return Agent(name="plain", instructions="Be brief.", model=MODEL)


async def failure_of(
    reply: Any, api: str = "responses", agent: Agent[Any] | None = None
) -> tuple[Any, BareGate]:
    """Run into a reply; return what is raised, and the gate that was told."""
    gate = BareGate()
    async with Provider(Script([reply])) as provider:
        with pytest.raises((ProviderError, RuntimeFailure, BudgetExceeded)) as raised:
            await run_bare(agent or plain(), provider, gate=gate, config={"api": api})
        assert len(provider.requests) == 1, "the client tried again on its own"
    return raised.value, gate


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("status", "category", "retryable"),
    [
        (402, ErrorCategory.QUOTA, False),
        (408, ErrorCategory.TIMEOUT, True),
        (409, ErrorCategory.CONFLICT, True),
        (418, ErrorCategory.UNKNOWN, False),
        (429, ErrorCategory.RATE_LIMIT, True),
        (504, ErrorCategory.TIMEOUT, True),
        (529, ErrorCategory.SERVER_ERROR, True),
    ],
)
async def test_a_status_becomes_a_category(
    status: int, category: ErrorCategory, retryable: bool, api: str
) -> None:
    error, gate = await failure_of(Failure(status, message="Because."), api)
    assert isinstance(error, ProviderError)
    assert (error.category, error.status_code, error.retryable) == (category, status, retryable)
    assert error.message == f"openai answered {status}: Because."
    assert error.provider == "openai"
    assert error.__cause__ is not None
    assert [(told, sent) for told, sent, _ in gate.failures] == [(error, Sent.REJECTED)]


async def test_a_used_up_quota_is_no_rate_limit() -> None:
    error, _ = await failure_of(Failure(429, code="insufficient_quota"))
    assert (error.category, error.retryable) == (ErrorCategory.QUOTA, False)


async def test_a_content_filter_is_told_from_a_wrong_request() -> None:
    error, _ = await failure_of(Failure(400, code="content_filter"))
    assert error.category is ErrorCategory.CONTENT_FILTER


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
async def test_what_the_server_says_about_waiting_is_kept(
    headers: dict[str, str], seconds: float | None
) -> None:
    error, _ = await failure_of(Failure(429, headers=headers))
    assert error.retry_after == seconds


async def test_the_server_may_say_itself_whether_to_try_again() -> None:
    error, _ = await failure_of(Failure(500, headers={"x-should-retry": "false"}))
    assert not error.retryable
    error, _ = await failure_of(Failure(400, headers={"x-should-retry": "true"}))
    assert error.retryable


async def test_a_server_that_stays_silent_is_a_time_out() -> None:
    gate = BareGate()
    async with Provider(Script([Turn("Late", latency=30)])) as provider, open_bare() as runtime:
        prepared = runtime.prepare(plain(), options_for(provider, config={"timeout": 0.2}))
        with pytest.raises(ProviderError) as raised:
            await runtime.run(prepared, BareRun(gate=gate))
    assert raised.value.category is ErrorCategory.TIMEOUT
    assert [sent for _, sent, _ in gate.failures] == [Sent.UNKNOWN]


async def test_a_missing_key_says_so() -> None:
    async with open_bare() as runtime:
        prepared = runtime.prepare(plain(), PrepareOptions())
        with pytest.raises(ProviderError, match="OPENAI_API_KEY") as raised:
            await runtime.run(prepared, BareRun(gate=BareGate()))
    assert raised.value.category is ErrorCategory.AUTHENTICATION


@pytest.mark.parametrize("api", APIS)
async def test_words_said_before_the_end_broke_off_were_told_live(api: str) -> None:
    run = BareRun(gate=BareGate())
    async with Provider(Script([Turn("Some words.", Drop(after=2), chunk_size=4)])) as provider:
        with pytest.raises(ProviderError):
            await run_bare(plain(), provider, run=run, config={"api": api})
    assert "".join(token.text for token in run.told(ModelToken)) == "Some wor"


async def test_chat_needs_neither_its_count_nor_its_done_mark() -> None:
    async with open_bare() as runtime:
        config = {"api": "chat_completions"}
        async with Provider(Script([Turn("Hi")])) as provider:
            prepared = runtime.prepare(plain(), options_for(provider, config=config))
            await runtime.run(prepared, BareRun(gate=BareGate()))
            request = provider.requests[0]
        body = render(Turn("Hi"), CHAT, stream=True, request=request)
        end = body.index(b"\n\n", body.rindex(b'"finish_reason":"')) + 2
        async with Provider(Script([Turn("Hi", Truncate(after_bytes=end))])) as provider:
            prepared = runtime.prepare(plain(), options_for(provider, config=config))
            gate = BareGate()
            finished = await finish(runtime, prepared, BareRun(gate=gate))
    assert finished.content == "Hi"
    assert gate.usages == [None]


async def test_an_end_without_a_response_is_an_error_of_the_provider() -> None:
    end = Raw(b'data: {"type": "response.completed"}\n\n', content_type="text/event-stream")
    error, _ = await failure_of(end)
    assert isinstance(error, ProviderError)
    assert error.category is ErrorCategory.NETWORK


async def test_a_failed_response_is_an_error_with_what_it_cost() -> None:
    usage = Usage(input_tokens=31, output_tokens=7)
    error, gate = await failure_of(Turn("Some words.", stop="failed", usage=usage))
    assert isinstance(error, ProviderError)
    ((_, sent, used),) = gate.failures
    assert sent is Sent.UNKNOWN
    assert used is None or (used.input_tokens, used.output_tokens) == (31, 7)


async def test_an_incomplete_response_names_the_limit_and_what_it_cost() -> None:
    usage = Usage(input_tokens=31, output_tokens=7)
    error, gate = await failure_of(Turn("Some words.", stop="max_tokens", usage=usage))
    assert isinstance(error, BudgetExceeded)
    assert error.limit == "max_output_tokens"
    ((_, _, used),) = gate.failures
    assert used is not None
    assert (used.requests, used.input_tokens, used.output_tokens) == (1, 31, 7)


async def test_an_incomplete_response_of_a_nested_run_is_the_same_error() -> None:
    """The SDK returns it as an answer where nobody streams."""
    inner = plain()
    tool = inner.as_tool("inner", "Asks.", failure_error_function=None)
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[tool])
    async with Provider(
        Script([Turn(ToolCall("inner", {"input": "?"})), Turn("Some", stop="max_tokens")])
    ) as provider:
        with pytest.raises(BudgetExceeded, match="no room"):
            await run_bare(outer, provider)


async def test_a_filtered_response_is_a_content_filter() -> None:
    error, _ = await failure_of(Turn("Some words.", stop="content_filter"))
    assert error.category is ErrorCategory.CONTENT_FILTER


async def test_chat_cut_at_its_limit_is_an_answer_that_says_so() -> None:
    async with Provider(Script([Turn("Some words.", stop="max_tokens")])) as provider:
        finished, _ = await run_bare(plain(), provider, config={"api": "chat_completions"})
    assert finished.content == "Some words."
    assert finished.finish_reason is FinishReason.MAX_OUTPUT_TOKENS


@pytest.mark.parametrize("api", APIS)
async def test_a_refusal_is_an_answer_that_says_so(api: str) -> None:
    async with Provider(Script([Turn(Refusal("I would rather not."))])) as provider:
        finished, run = await run_bare(plain(), provider, config={"api": api})
    assert finished.content == "I would rather not."
    assert finished.finish_reason is FinishReason.REFUSAL
    assert [block.kind for block in run.told(ModelBlockDone)] == ["refusal"]


async def test_a_refusal_where_structure_was_promised_is_an_error() -> None:
    agent: Agent[Any] = Agent(name="typed", model=MODEL, output_type=list[int])
    error, _ = await failure_of(Turn(Refusal("No.")), agent=agent)
    assert error.category is ErrorCategory.CONTENT_FILTER


async def test_an_answer_that_does_not_fit_the_output_type_is_a_schema_error() -> None:
    agent: Agent[Any] = Agent(name="typed", model=MODEL, output_type=list[int])
    gate = BareGate()
    async with Provider(Script([Turn("ten")])) as provider:
        with pytest.raises(RuntimeFailure) as raised:
            await run_bare(agent, provider, gate=gate)
    assert raised.value.category is ErrorCategory.SCHEMA
    assert len(gate.usages) == 1, "the request was answered and paid for"
