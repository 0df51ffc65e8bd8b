"""A dialect that no vendor speaks, written as a third party would; and the app without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest
from steer_conformance.provider import (
    BUILTIN_DIALECTS,
    Conversation,
    Drop,
    Failure,
    Frame,
    Message,
    Plain,
    Provider,
    Request,
    Script,
    ScriptedApp,
    StreamError,
    ToolCall,
    Turn,
    Unacceptable,
    Usage,
)


class Telegram:
    """Lines of text: one a delta, STOP at the end."""

    name = "telegram"
    paths = ("/wire",)
    stream_type = "text/plain"
    request_id_header = "x-telegram"

    def decode(self, body: Mapping[str, Any], /) -> Conversation:
        if "ask" not in body:
            raise Unacceptable("a telegram asks something")
        return Conversation(
            model="morse",
            stream=bool(body.get("tick")),
            messages=(Message("user", str(body["ask"])),),
        )

    def stream(self, turn: Turn, request: Request, /) -> Iterator[Frame]:
        yield Frame(b"FROM %b\n" % request.model.encode())
        for part in turn.parts:
            for piece in turn.pieces(part.wire):
                yield Frame(piece.encode() + b"\n", delta=True)
        yield Frame(b"STOP\n")

    def plain(self, turn: Turn, request: Request, /) -> Plain:
        return Plain("".join(part.wire for part in turn.parts).encode())

    def failure(self, failure: Failure, request_id: str, /) -> bytes:
        return f"LOST {failure.status} {request_id} {failure.message}".encode()

    def stream_error(self, failure: Failure, sequence: int, /) -> bytes:
        return b"LOST AFTER %d\n" % sequence


def test_a_dialect_of_ones_own_is_served_beside_the_others() -> None:
    script = Script(
        [
            Turn("dot dash"),
            Turn("dotdash", ToolCall("ring", "{}"), chunk_size=3, usage=Usage(output_tokens=6)),
            Turn("dotdash", StreamError(Failure(500), after=1), chunk_size=3),
            Failure(503, message="storm"),
            Turn("by another way"),
        ]
    )
    with (
        Provider(script, dialects=[*BUILTIN_DIALECTS, Telegram()]) as provider,
        httpx2.Client(base_url=provider.url) as client,
    ):
        assert client.post("/wire", json={"ask": "who?"}).content == b"dot dash"
        streamed = client.post("/wire", json={"ask": "who?", "tick": True})
        assert streamed.content == b"FROM morse\ndot\ndas\nh\n{}\nSTOP\n"
        assert streamed.headers["content-type"] == "text/plain"
        assert streamed.headers["x-telegram"] == "req_2"
        broken = client.post("/wire", json={"ask": "who?", "tick": True})
        assert broken.content == b"FROM morse\ndot\nLOST AFTER 2\n"
        lost = client.post("/wire", json={"ask": "who?"})
        assert (lost.status_code, lost.content) == (503, b"LOST 503 req_4 storm")
        refused = client.post("/wire", json={})
        assert refused.content == b"LOST 400 req_5 a telegram asks something"
        chat = client.post("/v1/chat/completions", json={"model": "m", "messages": []})
        assert chat.json()["choices"][0]["message"]["content"] == "by another way"
        assert provider.requests[0].last_user_text == "who?"
        assert (
            provider.bill.by_model["morse"].output_tokens == 5 + 6 + 2
        )  # a third of 5, rounded up


@pytest.mark.anyio
async def test_the_application_runs_without_our_server() -> None:
    app = ScriptedApp(Script([Turn("Hi"), Turn("Hi", Drop(after=0))]))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://app") as client:
        body = {"model": "m", "input": "Hi", "stream": True}
        response = await client.post("/v1/responses", json=body)
        assert response.text.count("response.output_text.delta") == 2
        # A server that knows no way to lose a connection gets the exception instead.
        with pytest.raises(ConnectionAbortedError):
            await client.post("/v1/responses", json=body)
    assert [request.finished for request in app.log.requests] == [True, False]
