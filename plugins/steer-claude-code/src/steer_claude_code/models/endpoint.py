"""The loopback endpoint that a CLI process asks models through."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import anyio
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from steer_claude_code.wire_json import compact_json

__all__ = ["Answer", "Arrived", "Endpoint", "Reply", "refusal"]

PATH: Final = "/v1/messages"
"""The one path that is answered."""

MAX_BYTES: Final = 64 << 20
"""The largest body that is read: twice what the API itself takes."""

CLOSE_SECONDS = 5.0
"""How long answers may take to end once the endpoint closes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A request of the CLI. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the CLI is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


Answer: TypeAlias = Callable[[Arrived], Awaitable[Reply]]
_Scope: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def refusal(status: int, message: str) -> Reply:
    """Return an error in the API's form that the CLI is not to ask again after."""
    kind = _KINDS.get(status, "invalid_request_error")
    return Reply(
        status=status,
        headers={"content-type": "application/json", "x-should-retry": "false"},
        body=compact_json({"type": "error", "error": {"type": kind, "message": message}}),
    )


_KINDS: Final = {401: "authentication_error", 404: "not_found_error", 413: "request_too_large"}


async def _nobody(_arrived: Arrived) -> Reply:
    return refusal(400, "no run asks models through this endpoint now")


class Endpoint:
    """Listens on loopback, in the event loop that entered it, and has each request answered.

    ``answer`` may be set at any time: a process can be started before its run is known. Who does
    not know ``token``, or sends more than ``max_bytes``, is refused without it. A request whose
    client leaves is cancelled, and so is what runs when this context is left.
    """

    def __init__(self, answer: Answer = _nobody, *, max_bytes: int = MAX_BYTES) -> None:
        self.answer = answer
        self._max_bytes = max_bytes
        self.token: Final = secrets.token_urlsafe(32)
        self.url = ""
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        sock = _listening()
        self.url = "http://{}:{}".format(*sock.getsockname())
        config = uvicorn.Config(
            self._app,
            http=_Connection,
            interface="asgi3",
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            # The CLI keeps its connection; it may be long between two of its requests.
            timeout_keep_alive=24 * 3600,
        )
        config.load()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(config, self._state, {}), sock=sock
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            # Each request learns of it as of a client that leaves.
            connection.transport.abort()
        running = set(self._state.tasks)
        if not running:
            return
        with anyio.CancelScope(shield=True):
            _, left = await asyncio.wait(running, timeout=CLOSE_SECONDS)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=CLOSE_SECONDS)

    async def _app(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        reply = self._refused(scope, headers)
        if reply is None:
            body = await _whole_body(receive, self._max_bytes)
            if body is None:
                return
            if len(body) > self._max_bytes:
                reply = self._too_large()
            else:
                arrived = Arrived(
                    method=scope["method"], path=scope["path"], headers=headers, body=body
                )
                reply = await self._answered(arrived, receive)
        await _reply(reply, send)

    def _refused(self, scope: _Scope, headers: Mapping[str, str]) -> Reply | None:
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return refusal(401, "this endpoint is of one process only")
        if (scope["method"], scope["path"]) != ("POST", PATH):
            return refusal(404, f"there is nothing but POST {PATH} here")
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._max_bytes:
            return self._too_large()
        return None

    def _too_large(self) -> Reply:
        return refusal(413, f"a request of more than {self._max_bytes} bytes is not read")

    async def _answered(self, arrived: Arrived, receive: _Receive) -> Reply:
        """Return the answer; where it was cancelled nobody acts on what is said instead."""
        answering = asyncio.ensure_future(self.answer(arrived))
        leaving = asyncio.ensure_future(_until_gone(receive))
        both = {answering, leaving}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait(both)
        if answering.cancelled():
            return refusal(400, "the run is over, or the client has left")
        return answering.result()


def _listening() -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is named; without it Nagle's algorithm and
    # delayed acknowledgements cost some 40 ms a request.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.bind(("127.0.0.1", 0))
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


async def _whole_body(receive: _Receive, most: int) -> bytes | None:
    """Return the body, or more than ``most`` bytes of it; ``None`` where the client left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False) or len(body) > most:
            return bytes(body)


async def _until_gone(receive: _Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reply(reply: Reply, send: _Send) -> None:
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


class _Connection(H11Protocol):
    """uvicorn's HTTP/1.1 without its log of requests.

    That is switched off here, because in the configuration it would change a logger of the whole
    process. uvicorn's ``Server`` is not used: it installs signal handlers.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False
