"""What goes wrong at the provider, over real HTTP: one error, by type, with all it says."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from agents import Agent
from bare_gate import BareGate, BareRun
from pydantic import SecretStr
from sdk_runs import MODEL, open_bare, options_for, run_bare, run_in_kernel
from steer import PrepareOptions, RetrySpec
from steer.errors import BudgetExceeded, ErrorCategory, ProviderError, RuntimeFailure
from steer.events import ModelBlockDone, ModelToken
from steer.ports.gate import Sent
from steer.values import FinishReason, JobStatus
from steer_conformance.provider import (
    CHAT,
    RESPONSES,
    Drop,
    Failure,
    Garbage,
    Provider,
    Raw,
    Refusal,
    Script,
    StreamError,
    ToolCall,
    Truncate,
    Turn,
    Usage,
    render,
)

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
        (400, ErrorCategory.VALIDATION, False),
        (401, ErrorCategory.AUTHENTICATION, False),
        (402, ErrorCategory.QUOTA, False),
        (403, ErrorCategory.PERMISSION_DENIED, False),
        (404, ErrorCategory.NOT_FOUND, False),
        (408, ErrorCategory.TIMEOUT, True),
        (409, ErrorCategory.CONFLICT, True),
        (413, ErrorCategory.VALIDATION, False),
        (418, ErrorCategory.UNKNOWN, False),
        (422, ErrorCategory.VALIDATION, False),
        (429, ErrorCategory.RATE_LIMIT, True),
        (500, ErrorCategory.SERVER_ERROR, True),
        (502, ErrorCategory.SERVER_ERROR, True),
        (503, ErrorCategory.SERVER_ERROR, True),
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


async def test_a_closed_port_is_a_network_failure_that_was_never_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        gate = BareGate()
        async with open_bare() as runtime:
            options = PrepareOptions(
                base_url=f"http://127.0.0.1:{port}/v1", api_key=SecretStr("sk-x")
            )
            with pytest.raises(ProviderError) as raised:
                await runtime.run(runtime.prepare(plain(), options), BareRun(gate=gate))
    assert raised.value.category is ErrorCategory.NETWORK
    assert raised.value.retryable
    assert raised.value.fix is not None
    assert [sent for _, sent, _ in gate.failures] == [Sent.NO]


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


DIALECTS = {"responses": RESPONSES, "chat_completions": CHAT}


@pytest.mark.parametrize("mark", [Drop, Truncate])
@pytest.mark.parametrize("api", APIS)
async def test_an_answer_that_ends_too_early_is_an_error_wherever_it_is_cut(
    api: str, mark: Any
) -> None:
    """A clean end of the body is as wrong as a lost connection: neither is an answer."""
    said = ("Some words.", ToolCall("look", {"at": "it"}))
    async with open_bare() as runtime:
        async with Provider(Script([Turn("Some words.", chunk_size=4)])) as provider:
            await runtime.run(
                runtime.prepare(plain(), options_for(provider, config={"api": api})),
                BareRun(gate=BareGate()),
            )
            request = provider.requests[0]
        body = render(Turn(*said, chunk_size=4), DIALECTS[api], stream=True, request=request)
        # Chat has said all once there is a finish reason, Responses with its last event.
        end = body.rindex(b'"finish_reason":"') if api == "chat_completions" else len(body) - 3
        cuts = [Turn(*said, mark(after_bytes=size), chunk_size=4) for size in range(0, end, 11)]
        async with Provider(Script(cuts)) as provider:
            prepared = runtime.prepare(plain(), options_for(provider, config={"api": api}))
            for cut in cuts:
                gate = BareGate()
                with pytest.raises(ProviderError) as raised:
                    await runtime.run(prepared, BareRun(gate=gate))
                assert raised.value.category is ErrorCategory.NETWORK, cut.marks
                assert raised.value.retryable
                assert gate.usages == []
                assert [sent for _, sent, _ in gate.failures] == [Sent.UNKNOWN]


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
            finished = await runtime.run(prepared, BareRun(gate=gate))
    assert finished.content == "Hi"
    assert gate.usages == [None]


@pytest.mark.parametrize("api", APIS)
async def test_garbage_in_a_stream_is_an_error(api: str) -> None:
    error, _ = await failure_of(Turn("Some words.", Garbage(after=1), chunk_size=4), api)
    assert (error.category, error.retryable) == (ErrorCategory.NETWORK, True)


@pytest.mark.parametrize(
    "reply",
    [
        Raw(b"<html>hello</html>", content_type="text/html"),
        Raw(b"", content_type="text/event-stream"),
        Raw(b"data: 17\n\n", content_type="text/event-stream"),
        Raw(b'data: {"type": "response.completed"}\n\n', content_type="text/event-stream"),
        Raw(b"\xff\xfe\x00", content_type="text/event-stream"),
    ],
)
@pytest.mark.parametrize("api", APIS)
async def test_an_answer_that_is_none_is_an_error_of_the_provider(reply: Raw, api: str) -> None:
    error, _ = await failure_of(reply, api)
    assert isinstance(error, ProviderError)
    assert error.category is ErrorCategory.NETWORK


@pytest.mark.parametrize("api", APIS)
async def test_an_error_inside_a_stream_has_the_category_of_its_code(api: str) -> None:
    broken = StreamError(Failure(429, code="rate_limit_exceeded", message="Slow down."), after=1)
    error, gate = await failure_of(Turn("Some words.", broken, chunk_size=4), api)
    assert (error.category, error.retryable) == (ErrorCategory.RATE_LIMIT, True)
    assert "Slow down." in error.message
    assert [sent for _, sent, _ in gate.failures] == [Sent.UNKNOWN]


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


async def test_a_provider_error_crosses_the_kernel_unchanged() -> None:
    async with Provider(Script([Failure(429, retry_after=3, message="Slow.")])) as provider:
        result, events = await run_in_kernel(plain(), provider, retries=RetrySpec(max_retries=0))
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.category is ErrorCategory.RATE_LIMIT
    assert (result.error.status_code, result.error.retry_after) == (429, 3.0)
    assert result.error.retryable
    assert sum(event.terminal for event in events) == 1
