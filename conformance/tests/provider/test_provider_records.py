"""What a provider remembers, when it says so, and how it begins and ends."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI, OpenAI
from steer_conformance.provider import (
    Drop,
    Hold,
    Match,
    Provider,
    Request,
    Rule,
    Script,
    Turn,
    Usage,
)

Connect = Callable[[Provider], OpenAI]


def test_a_request_is_kept_as_it_came(openai_client: Connect) -> None:
    with Provider(Script([Turn("Hi")])) as provider:
        openai_client(provider).responses.create(
            model="gpt-9",
            instructions="Be brief.",
            input="What now?",
            tools=[{"type": "function", "name": "f", "parameters": {}, "strict": False}],
            extra_headers={"X-Trace": "t1"},
        )
        (request,) = provider.requests
    assert (request.index, request.dialect, request.path) == (1, "responses", "/v1/responses")
    assert (request.model, request.stream, request.tools) == ("gpt-9", False, ("f",))
    assert [(message.role, message.text) for message in request.messages] == [
        ("system", "Be brief."),
        ("user", "What now?"),
    ]
    assert (request.headers["x-trace"], request.body["input"]) == ("t1", "What now?")
    assert json.loads(request.raw) == request.body
    assert request.reply == Turn("Hi")
    assert request.ended_at is not None
    assert request.at <= request.ended_at <= monotonic()
    assert (request.finished, request.disconnected, request.error) == (True, False, None)


def test_the_query_of_a_request_is_kept() -> None:
    body = {
        "model": "m",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Now."}],
    }
    with Provider(Script([Turn("Hi")])) as provider:
        httpx2.post(f"{provider.url}/v1/messages?beta=true", json=body)
        (request,) = provider.requests
    assert (request.path, request.query) == ("/v1/messages", "beta=true")
    assert [message.role for message in request.messages] == ["system", "user", "system"]
    assert request.last_user_text == "Hi"


def test_the_bill_is_summed_by_model(openai_client: Connect) -> None:
    turn = Turn("Hi", usage=Usage(input_tokens=10, output_tokens=2, cached_tokens=4))
    with Provider(Script([turn], repeat=True)) as provider:
        client = openai_client(provider)
        for model in ("a", "b", "a"):
            client.responses.create(model=model, input="Hi")
        bill = provider.bill
    assert bill.total == Usage(input_tokens=30, output_tokens=6, cached_tokens=12)
    assert bill.by_model["a"] == Usage(input_tokens=20, output_tokens=4, cached_tokens=8)
    assert bill.by_model["b"] == turn.usage


def test_a_reply_is_billed_before_its_reader_can_have_its_end(caller: Any) -> None:
    with Provider(Script([Turn("Hi there")], repeat=True)) as provider:
        for count in range(1, 21):
            caller.ask(provider)
            assert provider.bill.total.output_tokens == 5 * count
            assert all(request.finished for request in provider.requests)


@pytest.mark.anyio
async def test_a_client_that_leaves_is_seen_and_billed_for_what_it_got() -> None:
    usage = Usage(input_tokens=100, output_tokens=10)
    turn = Turn("abcdefghij", Hold("midway", after=4), chunk_size=1, usage=usage)
    async with Provider(Script([turn])) as provider:
        async with AsyncOpenAI(base_url=provider.openai_base_url, api_key="any") as client:
            stream = await client.responses.create(model="m", input="Hi", stream=True)
            await provider.reached("midway")
            await stream.close()
        request = await provider.wait_for_disconnect()
        assert (request.deltas, request.finished, request.disconnected) == (4, False, True)
        assert provider.bill.total == Usage(input_tokens=100, output_tokens=4)


@pytest.mark.anyio
async def test_a_client_that_leaves_during_a_gap_is_seen() -> None:
    async with (
        Provider(Script([Turn("abcd", chunk_size=1, gap=60)])) as provider,
        AsyncOpenAI(base_url=provider.openai_base_url, api_key="any") as client,
    ):
        stream = await client.responses.create(model="m", input="Hi", stream=True)
        await anext(aiter(stream))
        await stream.close()
        request = await provider.wait_for_disconnect()
        assert not request.finished


def test_a_client_that_does_not_read_holds_up_nobody_else(openai_client: Connect) -> None:
    flood = Turn("x" * 20_000_000, chunk_size=1_000_000)
    with Provider(Script([flood, Turn("Hi")])) as provider:
        host, port = provider.url.removeprefix("http://").split(":")
        body = json.dumps({"model": "m", "input": "Hi", "stream": True}).encode()
        head = b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
        with socket.create_connection((host, int(port))) as lazy:
            lazy.sendall(head % len(body) + body)
            lazy.recv(1)
            answer = openai_client(provider).responses.create(model="m", input="Hi")
            assert answer.output_text == "Hi"
            assert not provider.requests[0].finished
        gone = provider.wait_for_disconnect_sync()
        assert 0 < gone.deltas < flood.deltas


@pytest.mark.anyio
async def test_cancelling_a_call_that_waits_for_its_first_byte_is_seen() -> None:
    async with (
        Provider(Script([Turn("Hi", Hold("start", after=None))])) as provider,
        AsyncAnthropic(base_url=provider.url, api_key="any") as client,
    ):
        call = asyncio.create_task(client.messages.create(model="m", max_tokens=5, messages=[]))
        await provider.reached("start")
        call.cancel()
        request = await provider.wait_for_disconnect()
        assert request.billed.total_tokens == 0


@pytest.mark.anyio
async def test_a_held_stream_goes_on_when_it_is_released() -> None:
    turn = Turn("abcd", Hold("first", after=1), Hold("second", after=2), chunk_size=1)
    heard: list[str] = []
    async with Provider(Script([turn])) as provider:

        async def listen() -> None:
            async with AsyncOpenAI(base_url=provider.openai_base_url, api_key="any") as client:
                stream = await client.chat.completions.create(model="m", messages=[], stream=True)
                heard.extend([each.choices[0].delta.content or "" async for each in stream])

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listen())
            await provider.reached("first")
            assert provider.requests[0].deltas == 1
            provider.release("first")
            await provider.reached("second")
            assert provider.requests[0].deltas == 2
            provider.release("second")
    assert "".join(heard) == "abcd"


def test_a_hold_released_beforehand_holds_nobody(caller: Any) -> None:
    with Provider(Script([Turn("abcd", Hold("gate"))])) as provider:
        provider.release("gate")
        assert caller.ask(provider).said == "abcd"
        provider.reached_sync("gate")


def test_a_hold_keeps_back_a_reply_that_is_not_streamed(openai_client: Connect) -> None:
    with Provider(Script([Turn("abcd", Hold("gate", after=1))])) as provider:
        client = openai_client(provider)
        answers: list[str] = []

        def call() -> None:
            answers.append(client.responses.create(model="m", input="Hi").output_text)

        thread = threading.Thread(target=call)
        thread.start()
        provider.reached_sync("gate")
        assert answers == []
        provider.release("gate")
        thread.join(5)
        assert answers == ["abcd"]


@pytest.mark.anyio
async def test_a_wait_in_vain_says_what_it_waited_for() -> None:
    async with Provider(Script()) as provider:
        with pytest.raises(TimeoutError, match=r"fewer than 1 requests came within 0\.01 s"):
            await provider.wait_for_requests(1, timeout=0.01)
        with pytest.raises(TimeoutError, match="fewer than 2 clients disconnected"):
            provider.wait_for_disconnect_sync(2, timeout=0.01)
        with pytest.raises(TimeoutError, match="hold 'x' was not reached 1 times"):
            await provider.reached("x", timeout=0.01)


@pytest.mark.anyio
async def test_fifty_clients_at_once_each_get_their_own_answer() -> None:
    def echo(request: Request) -> Turn:
        return Turn(f"for {request.last_user_text}", chunk_size=1)

    async with (
        Provider(Script(rules=[Rule(Match(), echo)])) as provider,
        AsyncOpenAI(base_url=provider.openai_base_url, api_key="any", max_retries=0) as client,
    ):

        async def ask(number: int) -> str:
            if number % 2:
                response = await client.responses.create(model="m", input=str(number))
                return response.output_text
            stream = await client.responses.create(model="m", input=str(number), stream=True)
            return "".join(
                [e.delta async for e in stream if e.type == "response.output_text.delta"]
            )

        answers = await asyncio.gather(*[ask(number) for number in range(50)])
        assert answers == [f"for {number}" for number in range(50)]
        assert sorted(each.index for each in provider.requests) == list(range(1, 51))
        assert provider.bill.total.input_tokens == 500


@pytest.mark.anyio
async def test_each_turn_is_taken_once_by_fifty_clients() -> None:
    turns = [Turn(str(number)) for number in range(50)]
    async with (
        Provider(Script(turns)) as provider,
        AsyncOpenAI(base_url=provider.openai_base_url, api_key="any", max_retries=0) as client,
    ):
        replies = await asyncio.gather(
            *[client.responses.create(model="m", input="Hi") for _ in range(50)]
        )
        assert sorted(int(reply.output_text) for reply in replies) == list(range(50))
        assert len({reply.id for reply in replies}) == 50
        provider.assert_used_up()


@pytest.mark.anyio
async def test_fifty_streams_are_held_and_let_go_together() -> None:
    script = Script([Turn("abcd", Hold("gate", after=2), chunk_size=1)], repeat=True)
    async with (
        Provider(script) as provider,
        AsyncOpenAI(base_url=provider.openai_base_url, api_key="any", max_retries=0) as client,
    ):

        async def ask() -> int:
            stream = await client.responses.create(model="m", input="Hi", stream=True)
            return len([event async for event in stream])

        calls = [asyncio.create_task(ask()) for _ in range(50)]
        await provider.reached("gate", times=50)
        assert [each.deltas for each in provider.requests] == [2] * 50
        provider.release("gate")
        assert len(set(await asyncio.gather(*calls))) == 1


def provider_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "scripted-provider"]


def test_a_provider_ends_at_once_and_leaves_no_thread(openai_client: Connect) -> None:
    with Provider(Script([Turn("abcd", Hold("never"), chunk_size=1)])) as provider:
        stream = openai_client(provider).responses.create(model="m", input="Hi", stream=True)
        provider.reached_sync("never")
        began = monotonic()
    assert monotonic() - began < 2
    assert provider_threads() == []
    assert not provider.requests[0].disconnected  # the provider left, not the client
    stream.close()


@pytest.mark.anyio
async def test_an_async_provider_ends_while_its_clients_still_read() -> None:
    async with Provider(Script([Turn("abcd", Hold("never"))])) as provider:
        client = AsyncOpenAI(base_url=provider.openai_base_url, api_key="any", max_retries=0)
        stream = await client.responses.create(model="m", input="Hi", stream=True)
        await provider.reached("never")
        began = monotonic()
    assert monotonic() - began < 2
    assert provider_threads() == []
    await stream.close()
    await client.close()


@pytest.mark.anyio
async def test_a_rule_that_blocks_is_named_when_the_provider_cannot_end() -> None:
    blocked, unblock = threading.Event(), threading.Event()

    def block(_: Request) -> Turn:
        blocked.set()
        unblock.wait(10)
        return Turn("Hi")

    provider = Provider(Script(rules=[Rule(Match(), block)])).start()
    client = AsyncOpenAI(base_url=provider.openai_base_url, api_key="any", max_retries=0)
    call = asyncio.create_task(client.responses.create(model="m", input="Hi"))
    await asyncio.to_thread(blocked.wait, 5)
    with pytest.raises(RuntimeError, match="does a rule block"):
        await provider.__aexit__(None, None, None)
    unblock.set()
    provider.close()
    assert provider_threads() == []
    await asyncio.gather(call, return_exceptions=True)
    await client.close()


def test_a_client_that_leaves_in_mid_request_asked_nothing(openai_client: Connect) -> None:
    with Provider(Script([Turn("Hi")])) as provider:
        host, port = provider.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as hasty:
            hasty.sendall(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{")
        openai_client(provider).responses.create(model="m", input="Hi")
        assert len(provider.wait_for_requests_sync(1)) == 1
        provider.assert_used_up()


def test_what_was_recorded_outlives_the_provider(openai_client: Connect) -> None:
    with Provider(Script([Turn("Hi")])) as provider:
        openai_client(provider).responses.create(model="m", input="Hi")
    assert len(provider.requests) == 1
    assert provider.bill.total == Usage()
    provider.close()  # harmless


def test_a_provider_is_started_once() -> None:
    provider = Provider(Script())
    with pytest.raises(RuntimeError, match="once it is started"):
        _ = provider.url
    with provider, pytest.raises(RuntimeError, match="started once"):
        provider.start()


def test_a_port_that_is_taken_is_an_error_of_the_system() -> None:
    with Provider(Script()) as provider:
        port = int(provider.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Provider(Script(), port=port).start()
    assert provider_threads() == []


def test_the_port_is_free_again_afterwards() -> None:
    with Provider(Script()) as provider:
        port = int(provider.url.rpartition(":")[2])
    with Provider(Script(), port=port) as again:
        assert again.url == provider.url


def test_connections_are_kept_alive_and_not_delayed() -> None:
    body = {"model": "m", "input": "Hi"}
    with Provider(Script([Turn("Hi")], repeat=True)) as provider, httpx2.Client() as client:
        durations = []
        for _ in range(20):
            began = monotonic()
            client.post(f"{provider.openai_base_url}/responses", json=body)
            durations.append(monotonic() - began)
    # Nagle's algorithm would delay every single call by 40 ms.
    assert min(durations) < 0.03


def test_nothing_is_logged_and_no_logger_is_touched(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Provider(Script([Turn("Hi"), Turn("Hi", Drop()), Turn("Hi", Drop(after=1))])) as provider:
        url = f"{provider.openai_base_url}/responses"
        body = {"model": "m", "input": "Hi", "stream": True}
        assert httpx2.post(url, json=body).status_code == 200
        for _ in range(2):
            with pytest.raises(httpx2.RemoteProtocolError):
                httpx2.post(url, json=body)
    assert [each.name for each in caplog.records if each.name.startswith("uvicorn")] == []
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        assert (logger.level, logger.handlers, logger.propagate) == (logging.NOTSET, [], True)


def test_an_ipv6_address_is_written_as_urls_want_it() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        provider = Provider(Script(), host="::1").start()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with httpx2.Client() as client:
        assert provider.url.startswith("http://[::1]:")
        assert client.get(f"{provider.openai_base_url}/models").status_code == 200
    provider.close()
