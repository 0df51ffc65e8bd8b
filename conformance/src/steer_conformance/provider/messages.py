"""Anthropic Messages: ``POST /v1/messages``.

Source: https://docs.anthropic.com/en/api/messages and /en/api/messages-streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from steer_conformance.provider.anthropic_errors import error_object
from steer_conformance.provider.dialect import Dialect, Frame, Plain
from steer_conformance.provider.parts import Part, Reasoning, ToolCall, Usage
from steer_conformance.provider.reading import as_message, as_text, objects, required
from steer_conformance.provider.replies import Failure, Stop, Turn
from steer_conformance.provider.request import (
    Conversation,
    Message,
    PastCall,
    Request,
    ToolResult,
)
from steer_conformance.provider.wire import encode, event

__all__ = ["MESSAGES"]

_STOP_REASON: Final[Mapping[Stop, str]] = {
    "end": "end_turn",
    "tool_calls": "tool_use",
    "max_tokens": "max_tokens",
    "content_filter": "refusal",
    "refusal": "refusal",
    "stop_sequence": "stop_sequence",
    "pause": "pause_turn",
    "context_window": "model_context_window_exceeded",
}
_FAILED: Final = Failure(500)


class _Messages:
    """The dialect as pure functions of turn and request."""

    name = "messages"
    paths = ("/v1/messages",)
    stream_type = "text/event-stream; charset=utf-8"
    request_id_header = "request-id"

    def decode(self, body: Mapping[str, Any], /) -> Conversation:
        required(body, "model", "messages", "max_tokens")
        items = list(objects(body["messages"]))
        blocks = [block for item in items for block in objects(item.get("content"))]
        instructions = as_text(body.get("system"))
        system = (Message("system", instructions),) if instructions else ()
        return Conversation(
            model=str(body["model"]),
            stream=bool(body.get("stream")),
            messages=system
            + tuple(m for item in items if _speaks(item) and (m := as_message(item))),
            tools=tuple(str(tool.get("name")) for tool in objects(body.get("tools"))),
            past_calls=tuple(
                PastCall(
                    id=str(block.get("id")),
                    name=str(block.get("name")),
                    arguments=json.dumps(block.get("input")),
                )
                for block in blocks
                if block.get("type") == "tool_use"
            ),
            tool_results=tuple(
                ToolResult(
                    call_id=str(block.get("tool_use_id")), text=as_text(block.get("content"))
                )
                for block in blocks
                if block.get("type") == "tool_result"
            ),
        )

    def stream(self, turn: Turn, request: Request, /) -> Iterator[Frame]:
        begun = _usage(turn.usage, output_tokens=min(1, turn.usage.output_tokens))
        started = _message(request, content=[], usage=begun)
        yield Frame(_event({"type": "message_start", "message": started}))
        calls = 0
        for index, part in enumerate(turn.parts):
            calls += isinstance(part, ToolCall)
            block = _block(part, _call_id(part, request, calls), whole=False)
            yield Frame(
                _event({"type": "content_block_start", "index": index, "content_block": block})
            )
            if index == 0:
                yield Frame(_event({"type": "ping"}))
            kind, field = _delta_names(part)
            before = (
                b"event: content_block_delta\n"
                b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
            ) % (index, kind.encode(), field.encode())
            for piece in turn.pieces(part.wire):
                yield Frame(before + encode(piece) + b"}}\n\n", delta=True)
            if isinstance(part, Reasoning):
                signature = {"type": "signature_delta", "signature": part.signature}
                yield Frame(
                    _event({"type": "content_block_delta", "index": index, "delta": signature})
                )
            yield Frame(_event({"type": "content_block_stop", "index": index}))

        if turn.stop == "failed":
            yield Frame(self.stream_error(_FAILED, 0))
            return
        usage = _usage(turn.usage, output_tokens=turn.usage.output_tokens)
        delta = {"type": "message_delta", "delta": _ending(turn, request), "usage": usage}
        yield Frame(_event(delta))
        yield Frame(_event({"type": "message_stop"}))

    def plain(self, turn: Turn, request: Request, /) -> Plain:
        if turn.stop == "failed":
            return Plain(self.failure(_FAILED, f"req_{request.index}"), _FAILED.status)
        content, calls = [], 0
        for part in turn.parts:
            calls += isinstance(part, ToolCall)
            content.append(_block(part, _call_id(part, request, calls), whole=True))
        usage = _usage(turn.usage, output_tokens=turn.usage.output_tokens)
        return Plain(encode(_message(request, content, usage) | _ending(turn, request)))

    def failure(self, failure: Failure, request_id: str, /) -> bytes:
        return encode({"type": "error", "error": error_object(failure), "request_id": request_id})

    def stream_error(self, failure: Failure, sequence: int, /) -> bytes:  # noqa: ARG002 - events are not numbered
        return _event({"type": "error", "error": error_object(failure)})


def _event(data: Mapping[str, Any]) -> bytes:
    return event(data, str(data["type"]))


def _message(request: Request, content: list[Any], usage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{request.index}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage,
    }


def _call_id(part: Part, request: Request, number: int) -> str:
    given = part.id if isinstance(part, ToolCall) else None
    return given or f"toolu_{request.index}_{number}"


def _block(part: Part, call_id: str, *, whole: bool) -> dict[str, Any]:
    """A content block: as ``content_block_start`` opens it, or ``whole``."""
    match part:
        case Reasoning(text=text, signature=signature):
            kind = {"type": "thinking"}
            return kind | ({"thinking": text, "signature": signature} if whole else _NO_THOUGHT)
        case ToolCall(name=name):
            arguments = _arguments(part) if whole else {}
            return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
        case _:
            return {"type": "text", "text": part.text if whole else "", "citations": None}


_NO_THOUGHT: Final = {"thinking": "", "signature": ""}


def _arguments(call: ToolCall) -> Any:
    # The format has no place for broken JSON here: it goes out as the string it is.
    try:
        return json.loads(call.wire)
    except ValueError:
        return call.wire


def _delta_names(part: Part) -> tuple[str, str]:
    match part:
        case Reasoning():
            return "thinking_delta", "thinking"
        case ToolCall():
            return "input_json_delta", "partial_json"
        case _:
            return "text_delta", "text"


def _ending(turn: Turn, request: Request) -> dict[str, Any]:
    reason = _STOP_REASON[turn.stop]
    sequences = request.body.get("stop_sequences")
    refused = {"type": "refusal", "category": None, "explanation": None}
    return {
        "stop_reason": reason,
        "stop_sequence": sequences[0] if reason == "stop_sequence" and sequences else None,
        "stop_details": refused if reason == "refusal" else None,
    }


def _usage(usage: Usage, *, output_tokens: int) -> dict[str, Any]:
    # Anthropic's input_tokens leave out what was read from or written to the cache.
    return {
        "input_tokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": output_tokens,
        "output_tokens_details": {"thinking_tokens": min(usage.reasoning_tokens, output_tokens)},
    }


MESSAGES: Final[Dialect] = _Messages()


def _speaks(item: Mapping[str, Any]) -> bool:
    """Whether a message says something of its role's own: results of tools are nobody's words."""
    content = item.get("content")
    if not isinstance(content, list):
        return True
    return not content or any(block.get("type") != "tool_result" for block in objects(content))
