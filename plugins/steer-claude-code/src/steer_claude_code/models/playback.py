"""A whole message as the CLI reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steer.ports.policy import ToolKind

from steer_claude_code.models.message import Message
from steer_claude_code.names import Names
from steer_claude_code.wire_json import compact_json

__all__ = ["for_cli", "stream_of"]

# Of these the CLI makes another request, in words of its own. The run ends with them instead, as
# on every runtime.
_ENDINGS = frozenset({"max_tokens", "refusal", "model_context_window_exceeded", None})

_PIECES = (
    ("text", "text_delta", "text"),
    ("thinking", "thinking_delta", "thinking"),
    ("signature", "signature_delta", "signature"),
)
_NOT_COUNTED = {"input_tokens": 0, "output_tokens": 0}


def for_cli(message: Message, names: Names, ids: Mapping[str, str]) -> Message:
    """Return a message in the CLI's names, so that the CLI does no more than what it says.

    ``ids`` are those that its calls have for the CLI.

    Arguments that are no JSON object reach the CLI's own tools as they are, which it refuses, and
    a function tool as none: its handler is told them in another way.
    """
    reason = message.get("stop_reason")
    content = _joined(_block_for_cli(block, names, ids) for block in message["content"])
    if reason in _ENDINGS:
        calls = any(block.get("type") == "tool_use" for block in content)
        message = {**message, "stop_reason": "tool_use" if calls else "end_turn"}
        message.pop("stop_details", None)
    return {**message, "content": content, "usage": message.get("usage") or _NOT_COUNTED}


def _joined(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return blocks, plain texts that follow one another as one.

    Of several the CLI hands only the last back from a subagent.
    """
    joined: list[dict[str, Any]] = []
    for block in blocks:
        if joined and _is_plain(block) and _is_plain(joined[-1]):
            joined[-1] = {**joined[-1], "text": joined[-1]["text"] + block["text"]}
        else:
            joined.append(block)
    return joined


def _is_plain(block: Mapping[str, Any]) -> bool:
    return block.get("type") == "text" and not block.get("citations")


def _block_for_cli(block: dict[str, Any], names: Names, ids: Mapping[str, str]) -> dict[str, Any]:
    if block.get("type") != "tool_use":
        return block
    name = names.for_cli(block["name"])
    arguments = block["input"]
    if names.behind(name).kind is ToolKind.FUNCTION and not isinstance(arguments, dict):
        arguments = {}
    call_id = ids.get(block["id"], block["id"])
    return {**block, "id": call_id, "name": name, "input": arguments}


def stream_of(message: Message) -> bytes:
    """Return the stream that says a message, with one delta for each text."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), compact_json(event))
        for event in _events(message)
    )


def _events(message: Message) -> Iterator[dict[str, Any]]:
    ending = {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
    if "stop_details" in message:
        ending["stop_details"] = message["stop_details"]
    begun = {**message, **dict.fromkeys(ending), "content": []}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        yield from _block(index, block)
    yield {"type": "message_delta", "delta": ending, "usage": message["usage"]}
    yield {"type": "message_stop"}


def _block(index: int, block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    begun, deltas = dict(block), list[dict[str, Any]]()
    for name, kind, piece in _PIECES:
        text = block.get(name)
        if isinstance(text, str):
            begun[name] = ""
            deltas += [{"type": kind, piece: text}] if text else []
    if block.get("citations"):
        begun["citations"] = []
        deltas += [{"type": "citations_delta", "citation": each} for each in block["citations"]]
    if "input" in block:
        begun["input"] = {}
        given = block["input"]
        arguments = given if isinstance(given, str) else compact_json(given).decode()
        deltas.append({"type": "input_json_delta", "partial_json": arguments})
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
