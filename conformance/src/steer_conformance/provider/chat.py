"""OpenAI Chat Completions: ``POST /v1/chat/completions``.

Source: https://platform.openai.com/docs/api-reference/chat and, for ``reasoning_content``,
the servers that extend the format with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from steer_conformance.provider.dialect import Dialect, Frame, Plain
from steer_conformance.provider.openai_errors import error_object
from steer_conformance.provider.parts import Reasoning, Refusal, Text, ToolCall, Usage
from steer_conformance.provider.reading import as_message, as_text, objects, required
from steer_conformance.provider.replies import Failure, Stop, Turn
from steer_conformance.provider.request import Conversation, PastCall, Request, ToolResult
from steer_conformance.provider.wire import CREATED, encode, event, open_object

__all__ = ["CHAT"]

_FINISH: Final[Mapping[Stop, str]] = {
    "end": "stop",
    "tool_calls": "tool_calls",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "refusal": "stop",
    "stop_sequence": "stop",
    "pause": "stop",
    "context_window": "length",
}
_FIELD: Final = {Text: "content", Reasoning: "reasoning_content", Refusal: "refusal"}
_FAILED: Final = Failure(500, message="The model failed to generate a response.")


class _Chat:
    """The dialect as pure functions of turn and request."""

    name = "chat"
    paths = ("/v1/chat/completions",)
    stream_type = "text/event-stream; charset=utf-8"
    request_id_header = "x-request-id"

    def decode(self, body: Mapping[str, Any], /) -> Conversation:
        required(body, "model", "messages")
        items = list(objects(body["messages"]))
        calls = [call for item in items for call in objects(item.get("tool_calls"))]
        return Conversation(
            model=str(body["model"]),
            stream=bool(body.get("stream")),
            messages=tuple(m for item in items if (m := as_message(item))),
            tools=tuple(str(_function(tool).get("name")) for tool in objects(body.get("tools"))),
            past_calls=tuple(
                PastCall(
                    id=str(call.get("id")),
                    name=str(_function(call).get("name")),
                    arguments=str(_function(call).get("arguments")),
                )
                for call in calls
            ),
            tool_results=tuple(
                ToolResult(call_id=str(item.get("tool_call_id")), text=as_text(item.get("content")))
                for item in items
                if item.get("role") == "tool"
            ),
        )

    def stream(self, turn: Turn, request: Request, /) -> Iterator[Frame]:
        options = request.body.get("stream_options")
        with_usage = isinstance(options, Mapping) and bool(options.get("include_usage"))
        head = _head(request, "chat.completion.chunk") | ({"usage": None} if with_usage else {})
        opening = b"data: " + open_object(head) + b',"choices":[{"index":0,"delta":'
        closing = b',"logprobs":null,"finish_reason":null}]}\n\n'

        yield Frame(opening + encode(_first_delta(turn)) + closing)
        calls = 0
        for part in turn.parts:
            if isinstance(part, ToolCall):
                entry = _tool_call(part, request, calls, arguments="")
                yield Frame(opening + encode({"tool_calls": [{"index": calls} | entry]}) + closing)
                before = opening + b'{"tool_calls":[{"index":%d,"function":{"arguments":' % calls
                after = b"}}]}" + closing
                calls += 1
            else:
                before = opening + b'{"%b":' % _FIELD[type(part)].encode()
                after = b"}" + closing
            for piece in turn.pieces(part.wire):
                yield Frame(before + encode(piece) + after, delta=True)

        if turn.stop == "failed":
            yield Frame(self.stream_error(_FAILED, 0))
            return
        last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": _FINISH[turn.stop]}
        yield Frame(event(head | {"choices": [last]}))
        if with_usage:
            yield Frame(event(head | {"choices": [], "usage": _usage(turn.usage)}))
        yield Frame(b"data: [DONE]\n\n")

    def plain(self, turn: Turn, request: Request, /) -> Plain:
        if turn.stop == "failed":
            return Plain(self.failure(_FAILED, ""), _FAILED.status)
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
        for part in turn.parts:
            if isinstance(part, ToolCall):
                calls = message.setdefault("tool_calls", [])
                calls.append(_tool_call(part, request, len(calls), arguments=part.wire))
            else:
                field = _FIELD[type(part)]
                message[field] = (message.get(field) or "") + part.wire
        choice = {
            "index": 0,
            "message": message | {"annotations": []},
            "logprobs": None,
            "finish_reason": _FINISH[turn.stop],
        }
        body = _head(request, "chat.completion") | {"choices": [choice]}
        return Plain(encode(body | {"usage": _usage(turn.usage)}))

    def failure(self, failure: Failure, request_id: str, /) -> bytes:  # noqa: ARG002 - it is only in the header here
        return encode({"error": error_object(failure)})

    def stream_error(self, failure: Failure, sequence: int, /) -> bytes:  # noqa: ARG002 - chunks are not numbered
        return event({"error": error_object(failure)})


def _function(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    function = holder.get("function")
    return function if isinstance(function, Mapping) else {}


def _head(request: Request, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request.index}",
        "object": kind,
        "created": CREATED,
        "model": request.model,
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def _first_delta(turn: Turn) -> dict[str, Any]:
    speaks = any(isinstance(part, Text) for part in turn.parts)
    return {"role": "assistant", "content": "" if speaks else None, "refusal": None}


def _tool_call(call: ToolCall, request: Request, position: int, arguments: str) -> dict[str, Any]:
    return {
        "id": call.id or f"call_{request.index}_{position + 1}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


CHAT: Final[Dialect] = _Chat()
