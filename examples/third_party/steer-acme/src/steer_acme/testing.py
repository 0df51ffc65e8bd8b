"""Acme's format for the scripted provider, and what ``steer check acme`` needs to know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from steer.values import JsonValue
from steer_conformance import RuntimeSetup
from steer_conformance.provider import (
    Conversation,
    Failure,
    Frame,
    Message,
    PastCall,
    Plain,
    Reasoning,
    Refusal,
    Request,
    ToolCall,
    ToolResult,
    Turn,
    Unacceptable,
)

__all__ = ["ACME", "SETUP"]

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    402: "quota_used_up",
    403: "forbidden",
    404: "not_found",
    413: "invalid_request",
    422: "invalid_request",
    429: "rate_limited",
    503: "overloaded",
}
_REASONS = {
    "max_tokens": "length",
    "context_window": "length",
    "content_filter": "blocked",
    "refusal": "refused",
    "tool_calls": "tools",
}
_ROLES: Mapping[Any, Any] = {"system": "system", "user": "user", "agent": "assistant"}


class _Acme:
    """The format as pure functions of a turn and a request: a ``Dialect`` of the provider."""

    name = "acme"
    paths = ("/v1/turns",)
    stream_type = "application/x-ndjson"
    request_id_header = "x-acme-request"

    def decode(self, body: Mapping[str, Any], /) -> Conversation:
        if not isinstance(body.get("model"), str) or not isinstance(body.get("messages"), list):
            raise Unacceptable("A turn needs a model and messages.")
        messages = [{"role": "system", "text": body.get("prompt", "")}, *body["messages"]]
        return Conversation(
            model=body["model"],
            stream=True,
            messages=tuple(
                Message(_ROLES[said["role"]], said["text"])
                for said in messages
                if said["role"] in _ROLES and said["text"]
            ),
            tools=tuple(tool["name"] for tool in body.get("tools", ())),
            past_calls=tuple(
                PastCall(id=call["id"], name=call["tool"], arguments=call["arguments"])
                for said in messages
                for call in said.get("tool_requests", ())
            ),
            tool_results=tuple(
                ToolResult(call_id=said["request"], text=said["text"])
                for said in messages
                if said["role"] == "tool"
            ),
        )

    def stream(self, turn: Turn, request: Request, /) -> Iterator[Frame]:
        yield Frame(
            _line({"event": "start", "turn": f"turn_{request.index}", "model": request.model})
        )
        for number, part in enumerate(turn.parts):
            said: dict[str, Any] = {"event": _event_of(part)}
            if isinstance(part, ToolCall):
                said["id"] = part.id or f"call_{request.index}_{number}"
                yield Frame(_line({"event": "tool_request", "id": said["id"], "tool": part.name}))
            for piece in turn.pieces(part.wire):
                yield Frame(_line({**said, "text": piece}), delta=True)
        if turn.stop == "failed":
            yield Frame(self.stream_error(Failure(500), 0))
            return
        tokens = {
            "input": turn.usage.input_tokens,
            "output": turn.usage.output_tokens,
            "cached": turn.usage.cached_tokens,
            "thought": turn.usage.reasoning_tokens,
        }
        reason = _REASONS.get(turn.stop, "done")
        yield Frame(_line({"event": "end", "reason": reason, "tokens": tokens}))

    def plain(self, turn: Turn, request: Request, /) -> Plain:
        # Acme always streams, and ``decode`` says so: nobody gets here.
        return Plain(b"".join(frame.data for frame in self.stream(turn, request)))

    def failure(self, failure: Failure, request_id: str, /) -> bytes:
        return _line({"error": _problem(failure), "request": request_id})

    def stream_error(self, failure: Failure, sequence: int, /) -> bytes:
        return _line({"event": "error", **_problem(failure), "retry_after": failure.retry_after})


def _event_of(part: object) -> str:
    match part:
        case ToolCall():
            return "tool_arguments"
        case Reasoning():
            return "thought"
        case Refusal():
            return "refusal"
        case _:
            return "text"


def _problem(failure: Failure) -> dict[str, str]:
    code = failure.code or _CODES.get(failure.status, "internal")
    return {"code": code, "message": failure.message or f"Acme says: {code}."}


def _line(value: Mapping[str, Any]) -> bytes:
    # ASCII only: a text that was cut inside of an emoji survives the way.
    return json.dumps(value).encode() + b"\n"


def _connect(url: str) -> Mapping[str, JsonValue]:
    return {"base_url": url}


ACME = _Acme()
SETUP = RuntimeSetup(
    connect=_connect,
    dialects=[ACME],
    model="acme-large",
    strange={"acme": b'{"event": "unheard_of", "word": "zyzzyva"}\n'},
)
