"""The loopback endpoint: who is answered, and what ends with whom."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from steer_claude_code.models.endpoint import Answer, Arrived, Endpoint, Reply

pytestmark = pytest.mark.anyio

PATH = "/v1/messages?beta=true"


async def echo(arrived: Arrived) -> Reply:
    return Reply(headers={"x-said": arrived.headers["x-say"]}, body=arrived.body)


@asynccontextmanager
async def asked(answer: Answer = echo) -> AsyncIterator[tuple[Endpoint, httpx2.AsyncClient]]:
    async with Endpoint(answer) as endpoint:
        headers = {"x-api-key": endpoint.token, "X-Say": "hello"}
        base = httpx2.AsyncClient(base_url=endpoint.url, headers=headers, timeout=10, verify=False)
        async with base as client:
            yield endpoint, client


async def test_a_request_with_the_token_is_answered() -> None:
    async with asked() as (endpoint, client):
        assert endpoint.url.startswith("http://127.0.0.1:")
        reply = await client.post(PATH, content=b"body")
        assert (reply.status_code, reply.headers["x-said"], reply.content) == (
            200,
            "hello",
            b"body",
        )
        bearer = {"x-api-key": "", "authorization": f"Bearer {endpoint.token}"}
        assert (await client.post(PATH, headers=bearer)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": ""},
        {"x-api-key": "guess"},
        {"x-api-key": "gu\xe9ss"},
        {"x-api-key": "", "authorization": "Bearer guess"},
        {"x-api-key": "", "authorization": "Basic guess"},
    ],
    ids=["none", "wrong", "not-ascii", "wrong-bearer", "basic"],
)
async def test_who_does_not_know_the_token_is_not_answered(headers: dict[str, str]) -> None:
    async with asked(never) as (_, client):
        given = httpx2.Headers(headers, encoding="latin-1")
        reply = await client.post(PATH, headers=given)
        assert reply.status_code == 401
        assert reply.json()["error"]["type"] == "authentication_error"


async def never(_arrived: Arrived) -> Reply:
    raise AssertionError("this was not to be answered")


async def test_two_endpoints_do_not_know_each_others_tokens() -> None:
    async with asked() as (one, client), asked(never) as (other, _):
        assert one.token != other.token
        reply = await client.post(f"{other.url}{PATH}")
        assert reply.status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", PATH), ("POST", "/v1/messages/count_tokens"), ("POST", "/v1/complete"), ("HEAD", "/")],
)
async def test_nothing_else_is_there(method: str, path: str) -> None:
    async with asked(never) as (_, client):
        reply = await client.request(method, path)
        assert reply.status_code == 404
        assert reply.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("said", [True, False], ids=["said", "unsaid"])
async def test_a_body_that_is_too_long_is_refused(said: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(50)

    small = Endpoint(never, max_bytes=100)
    async with small as endpoint, httpx2.AsyncClient(verify=False) as client:
        reply = await client.post(
            f"{endpoint.url}{PATH}",
            headers={"x-api-key": endpoint.token},
            content=bytes(101) if said else chunks(),
        )
    assert reply.status_code == 413
    assert "100 bytes" in reply.json()["error"]["message"]


async def test_without_a_run_the_cli_is_told_so() -> None:
    async with Endpoint() as endpoint, httpx2.AsyncClient(verify=False) as client:
        headers = {"x-api-key": endpoint.token}
        reply = await client.post(f"{endpoint.url}{PATH}", headers=headers)
        assert reply.status_code == 400
        assert "no run" in reply.json()["error"]["message"]
        endpoint.answer = echo
        headers["x-say"] = "now"
        reply = await client.post(f"{endpoint.url}{PATH}", headers=headers)
        assert reply.headers["x-said"] == "now"


async def test_requests_are_answered_side_by_side() -> None:
    barrier = asyncio.Barrier(3)

    async def meet(_arrived: Arrived) -> Reply:
        await barrier.wait()
        return Reply(body=b"met")

    async with asked(meet) as (_, client):
        replies = await asyncio.gather(*(client.post(PATH) for _ in range(3)))
    assert [reply.content for reply in replies] == [b"met"] * 3


class Holding:
    """An answer that does not come, and says when it began and when it was cancelled."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, _arrived: Arrived) -> Reply:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError


async def test_an_answer_is_cancelled_when_its_client_leaves() -> None:
    holding = Holding()
    async with asked(holding) as (endpoint, client):
        asking = asyncio.create_task(client.post(PATH))
        await asyncio.wait_for(holding.began.wait(), 5)
        asking.cancel()
        await asyncio.wait_for(holding.cancelled.wait(), 5)
        endpoint.answer = echo
        assert (await client.post(PATH)).status_code == 200


async def test_an_answer_is_cancelled_when_the_endpoint_closes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    holding = Holding()
    with caplog.at_level(logging.DEBUG, "uvicorn"):
        async with httpx2.AsyncClient(verify=False) as client:
            async with Endpoint(holding) as endpoint:
                headers = {"x-api-key": endpoint.token}
                url = f"{endpoint.url}{PATH}"
                asking = asyncio.create_task(client.post(url, headers=headers))
                await asyncio.wait_for(holding.began.wait(), 5)
            assert holding.cancelled.is_set()
            with pytest.raises(httpx2.RemoteProtocolError):
                await asking
            with pytest.raises(httpx2.ConnectError):
                await client.post(url, headers=headers)
    assert not caplog.records


async def test_no_logger_of_the_process_is_touched() -> None:
    before = {name: list(logging.getLogger(name).handlers) for name in ("", "uvicorn.access")}
    marked = logging.NullHandler()
    logging.getLogger("uvicorn.access").addHandler(marked)
    try:
        async with asked() as (_, client):
            await client.post(PATH)
        assert marked in logging.getLogger("uvicorn.access").handlers
        assert logging.getLogger().handlers == before[""]
    finally:
        logging.getLogger("uvicorn.access").removeHandler(marked)
