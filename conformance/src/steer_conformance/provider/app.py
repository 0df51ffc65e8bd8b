"""The ASGI application that plays a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final, TypeAlias

from steer_conformance.provider.chat import CHAT
from steer_conformance.provider.dialect import Dialect
from steer_conformance.provider.exchange import ASGIReceive, ASGISend, Exchange
from steer_conformance.provider.gates import Gates
from steer_conformance.provider.messages import MESSAGES
from steer_conformance.provider.notices import Notices
from steer_conformance.provider.record import Log
from steer_conformance.provider.replies import Failure, Reply, Turn
from steer_conformance.provider.request import Conversation, Request, Unacceptable
from steer_conformance.provider.responses import RESPONSES
from steer_conformance.provider.script import Script
from steer_conformance.provider.side_routes import SIDE_ROUTES
from steer_conformance.provider.stage import ScriptUsedUp, Stage
from steer_conformance.provider.steps import plan
from steer_conformance.provider.wire import encode

__all__ = ["BUILTIN_DIALECTS", "ScriptedApp"]

BUILTIN_DIALECTS: Final[tuple[Dialect, ...]] = (RESPONSES, CHAT, MESSAGES)

Scope: TypeAlias = MutableMapping[str, Any]


class ScriptedApp:
    """A script as an ASGI application, for any server that runs on asyncio.

    A scripted loss of the connection calls ``scope["extensions"]["steer.abort"]`` if the server
    offers that, and raises ConnectionAbortedError if not. ``strict`` refuses a conversation
    whose tool calls and tool results do not match, as the vendors do.
    """

    def __init__(
        self,
        script: Script,
        *,
        dialects: Sequence[Dialect] = BUILTIN_DIALECTS,
        strict: bool = True,
    ) -> None:
        self.notices = Notices()
        self.log = Log(self.notices)
        self.gates = Gates(self.notices)
        self.stage = Stage(script)
        self._strict = strict
        self._routes = {path: dialect for dialect in dialects for path in dialect.paths}

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise RuntimeError(f"a scripted provider speaks HTTP, not {scope['type']}")
        raw = await _whole_body(receive)
        if raw is None:
            return
        dialect = self._routes.get(scope["path"])
        if dialect is not None and scope["method"] == "POST":
            await self._play(scope, raw, dialect, receive, send)
        else:
            await _answer_aside(scope, raw, send, known=sorted(self._routes))

    async def _play(
        self, scope: Scope, raw: bytes, dialect: Dialect, receive: ASGIReceive, send: ASGISend
    ) -> None:
        at = monotonic()
        request, refusal = self._read(scope, raw, dialect)
        self.log.add(request, at)
        note = partial(self.log.update, request.index)
        reply = refusal or self._choose(request, note)
        note(reply=reply)
        exchange = Exchange(
            turn=reply if isinstance(reply, Turn) else None,
            request_id=(dialect.request_id_header, f"req_{request.index}"),
            note=note,
            gates=self.gates,
            receive=receive,
            send=send,
            abort=scope.get("extensions", {}).get("steer.abort"),
        )
        await exchange.run(plan(reply, dialect, request))

    def _read(self, scope: Scope, raw: bytes, dialect: Dialect) -> tuple[Request, Failure | None]:
        """The request, and the vendor's refusal if it is not one the vendor would take."""
        body: Mapping[str, Any] = {}
        conversation = Conversation()
        refusal = None
        try:
            body = _json_object(raw)
            conversation = dialect.decode(body)
            if self._strict:
                conversation.check_pairs()
        except Unacceptable as error:
            refusal = Failure(400, message=str(error))
        request = Request.of(
            conversation,
            index=self.log.next_index(),
            dialect=dialect.name,
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
            body=body,
            raw=raw,
        )
        return request, refusal

    def _choose(self, request: Request, note: Callable[..., None]) -> Reply:
        try:
            reply = self.stage.take(request)
            if not isinstance(reply, Reply):
                raise TypeError(f"a rule gave {reply!r}, which is no reply")
        except ScriptUsedUp as error:
            note(error=str(error))
            return _fault("script_used_up", str(error))
        except Exception as error:
            message = f"A rule of the script failed: {type(error).__name__}: {error}"
            note(error=message)
            return _fault("script_failed", message)
        return reply


def _fault(code: str, message: str) -> Failure:
    """An error of the script itself, which no retry can mend: the vendors' clients obey."""
    return Failure(500, code=code, message=message, headers={"x-should-retry": "false"})


def _json_object(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unacceptable(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict):
        raise Unacceptable("The JSON body of your request is not an object.")
    return body


async def _whole_body(receive: ASGIReceive) -> bytes | None:
    """The body of a request, or None if the client left while sending it."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def _answer_aside(scope: Scope, raw: bytes, send: ASGISend, known: Sequence[str]) -> None:
    method, path = scope["method"], scope["path"]
    answer = SIDE_ROUTES.get((method, path))
    if answer is not None:
        status, body = 200, answer(raw)
    else:
        message = f"Nothing answers {method} {path}. Turns are asked for by POST to {known}."
        status, body = 404, encode({"type": "error", "error": {"message": message}})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
