"""Requests that fail and are made again, over real HTTP, by the gate's leave alone."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from agents import Agent, ModelRetrySettings, ModelSettings, Runner, function_tool, retry_policies
from agents.models.openai_responses import OpenAIResponsesModel
from openai import AsyncOpenAI
from sdk_runs import MODEL, durable_types, run_bare, run_in_kernel
from steer import RetrySpec
from steer.errors import ErrorCategory, ProviderError
from steer.events import ModelDone, ModelRetracted, UsageReported
from steer.ports.gate import Sent
from steer.values import JobStatus
from steer_conformance.provider import (
    Drop,
    Failure,
    Garbage,
    Provider,
    Reply,
    Script,
    StreamError,
    ToolCall,
    Truncate,
    Turn,
    Usage,
)
from steer_conformance.suites.runtime import BareGate

pytestmark = pytest.mark.anyio

APIS = ("responses", "chat_completions")
AT_ONCE = RetrySpec(first_wait_seconds=0)
HELLO = Turn("Hello.", usage=Usage(input_tokens=10, output_tokens=5))


def plain(**fields: Any) -> Agent[Any]:
    return Agent(**({"name": "plain", "model": MODEL} | fields))


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "reply",
    [
        Failure(429, retry_after=0),
        Failure(503),
        Turn("Never", Drop()),
        Turn("Half of it", Drop(after=2), chunk_size=2),
        Turn("Half of it", Truncate(after_bytes=400)),
        Turn("Half of it", Garbage(after=1), chunk_size=2),
        Turn("Half of it", StreamError(Failure(500, code="server_error"), after=1)),
    ],
    ids=["429", "503", "drop", "drop-midway", "truncated", "garbage", "error-midway"],
)
async def test_what_may_go_better_the_next_time_is_asked_again(reply: Reply, api: str) -> None:
    async with Provider(Script([reply, HELLO])) as provider:
        result, events = await run_in_kernel(
            plain(), provider, retries=AT_ONCE, options={"config": {"api": api}}
        )
        first, second = provider.requests
    assert (result.status, result.content, result.turns) == (JobStatus.SUCCEEDED, "Hello.", 1)
    assert first.raw == second.raw
    [retracted] = [event.data for event in events if isinstance(event.data, ModelRetracted)]
    assert retracted.blocks_too
    assert retracted.retry_in_ms == 0
    assert durable_types(events).count("model.started") == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_would_fail_again_is_asked_once(status: int) -> None:
    async with Provider(Script([Failure(status), HELLO])) as provider:
        result, _ = await run_in_kernel(plain(), provider, retries=AT_ONCE)
        assert len(provider.requests) == 1
    assert result.status is JobStatus.FAILED


async def test_a_server_that_forbids_it_is_not_asked_again() -> None:
    refusal = Failure(500, headers={"x-should-retry": "false"})
    async with Provider(Script([refusal, HELLO])) as provider:
        result, _ = await run_in_kernel(plain(), provider, retries=AT_ONCE)
        assert len(provider.requests) == 1
    assert result.status is JobStatus.FAILED


async def test_patience_ends_with_the_error_of_the_last_try() -> None:
    replies = [Failure(429, retry_after=0), Failure(500), Failure(503, message="Still down.")]
    async with Provider(Script([*replies, HELLO])) as provider:
        result, _ = await run_in_kernel(plain(), provider, retries=AT_ONCE)
        assert len(provider.requests) == 3
    assert result.error is not None
    assert (result.error.status_code, result.error.message) == (
        503,
        "openai answered 503: Still down.",
    )


async def test_every_try_is_booked() -> None:
    script = Script([Turn("Half of it", Drop(after=2), chunk_size=2), HELLO])
    async with Provider(script) as provider:
        agent = plain(model_settings=ModelSettings(max_tokens=50))
        result, events = await run_in_kernel(agent, provider, retries=AT_ONCE)
        asked = len(provider.requests[0].raw)
    reports = [event.data.usage for event in events if isinstance(event.data, UsageReported)]
    assert [(usage.input_tokens, usage.output_tokens, usage.estimated) for usage in reports] == [
        (asked, 50, True),
        (10, 5, False),
    ]
    assert result.usage.total_tokens == asked + 50 + 15


async def test_a_connection_that_is_refused_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        gate = BareGate(retries=2)
        async with Provider(Script()) as provider:
            with pytest.raises(ProviderError) as raised:
                await run_bare(plain(), provider, gate=gate, base_url=closed)
    assert raised.value.category is ErrorCategory.NETWORK
    assert [sent for _, sent, _ in gate.failures] == [Sent.NO] * 3


async def test_a_tool_does_not_run_again_with_the_request_that_follows_it() -> None:
    ran: list[str] = []

    @function_tool
    def note(text: str) -> str:
        """Note."""
        ran.append(text)
        return "noted"

    script = Script([Turn(ToolCall("note", {"text": "a"})), Failure(500), Turn("Done.")])
    async with Provider(script) as provider:
        result, _ = await run_in_kernel(plain(tools=[note]), provider, retries=AT_ONCE)
    assert (result.content, result.turns, ran) == ("Done.", 2, ["a"])


async def test_an_author_who_retries_has_the_sdk_do_it_under_the_gate() -> None:
    settings = ModelSettings(
        retry=ModelRetrySettings(
            max_retries=3,
            policy=retry_policies.http_status([503]),
            backoff={"initial_delay": 0, "jitter": False},
        )
    )
    async with Provider(Script([Failure(503), Failure(503), Failure(503), HELLO])) as provider:
        result, events = await run_in_kernel(
            plain(model_settings=settings), provider, retries=AT_ONCE
        )
        assert len(provider.requests) == 4
    assert result.status is JobStatus.SUCCEEDED
    retracted = [event.data for event in events if isinstance(event.data, ModelRetracted)]
    assert [data.retry_in_ms for data in retracted] == [None] * 3


@pytest.mark.parametrize("chosen", [0, 1])
async def test_an_author_who_chose_how_often_a_client_tries_again_is_heeded(chosen: int) -> None:
    async with Provider(Script([Failure(503)], repeat=True)) as provider:
        client = AsyncOpenAI(
            api_key="sk-scripted", base_url=provider.openai_base_url, max_retries=chosen
        )
        agent = plain(model=OpenAIResponsesModel(MODEL, client))
        result, _ = await run_in_kernel(
            agent,
            provider,
            retries=RetrySpec(max_retries=9, first_wait_seconds=0),
            options={"base_url": None, "api_key": None},
        )
        assert len(provider.requests) == 1 + chosen
        await client.close()
    assert result.status is JobStatus.FAILED


async def test_a_stream_that_authors_follow_is_not_begun_again_under_them() -> None:
    heard: list[str] = []

    @function_tool
    async def ask() -> str:
        """Ask another agent, and follow what it says."""
        result = Runner.run_streamed(plain(name="inner"), "Well?")
        async for event in result.stream_events():
            heard.append(event.type)  # noqa: PERF401 - it counts although the stream fails
        return str(result.final_output)

    broken = Turn("Half of it", Drop(after=2), chunk_size=2)
    script = Script([Turn(ToolCall("ask", {})), broken, Turn("It failed.")])
    async with Provider(script) as provider:
        result, _ = await run_in_kernel(plain(tools=[ask]), provider, retries=AT_ONCE)
        assert len(provider.requests) == 3
    assert result.content == "It failed."
    assert heard


async def test_a_stream_of_which_nothing_was_heard_is_begun_again() -> None:
    @function_tool
    async def ask() -> str:
        """Ask another agent, and follow what it says."""
        result = Runner.run_streamed(plain(name="inner"), "Well?")
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    script = Script([Turn(ToolCall("ask", {})), Failure(503), Turn("Fine."), Turn("It is fine.")])
    async with Provider(script) as provider:
        result, _ = await run_in_kernel(plain(tools=[ask]), provider, retries=AT_ONCE)
    assert (result.status, result.content) == (JobStatus.SUCCEEDED, "It is fine.")


@pytest.mark.parametrize("api", APIS)
async def test_what_the_provider_says_beside_its_answer_is_kept(api: str) -> None:
    async with Provider(Script([HELLO])) as provider:
        _, events = await run_in_kernel(plain(), provider, options={"config": {"api": api}})
    [done] = [event.data for event in events if isinstance(event.data, ModelDone)]
    assert done.metadata["request_id"].startswith("req_")
