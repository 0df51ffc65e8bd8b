"""A model's whole message as bytes, so that a replay shows the CLI the same one again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steer.errors import Diverged
from steer.values import JsonValue, Usage

from steer_claude_code.models.message import Message
from steer_claude_code.wire_json import compact_json, read_json

__all__ = ["decode_message", "encode_message", "metadata_in", "text_of", "usage_in"]

_VERSION = 1

_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_MOST_TOKENS = 1 << 40
"""More than any request can use; sums of it still fit into what a store can hold."""


def encode_message(message: Message) -> bytes:
    """Return a message as it is kept on record."""
    return compact_json({"v": _VERSION, "message": message})


def decode_message(encoded: bytes) -> Message:
    """Return the message that ``encode_message`` wrote. Raises ``Diverged`` for another form."""
    data = read_json(encoded)
    if not isinstance(data, dict) or data.get("v") != _VERSION:
        raise Diverged(
            "a recorded model response was written by another version of steer-claude-code",
            fix="Finish the job with the version that began it, or start a new job",
        )
    message: Message = data["message"]
    return message


def usage_in(message: Message) -> Usage | None:
    """Return the provider's count, ``None`` where it did not count to the end.

    Nor did it where a count is none: a negative one would give a budget back what it never held.
    """
    usage = message["usage"]
    if usage is None or not all(_is_count(usage.get(name)) for name in _COUNTS):
        return None
    read = _number(usage, "cache_read_input_tokens")
    written = _number(usage, "cache_creation_input_tokens")
    details = usage.get("output_tokens_details")
    thought = details.get("thinking_tokens") if isinstance(details, dict) else None
    return Usage(
        requests=1,
        # The vendor's figure leaves out what was read from a cache and written to it.
        input_tokens=_number(usage, "input_tokens") + read + written,
        output_tokens=_number(usage, "output_tokens"),
        cached_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=thought if _is_count(thought) and thought else 0,
    )


def _number(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0


def _is_count(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value <= _MOST_TOKENS)


def metadata_in(message: Message, request_id: str | None) -> dict[str, JsonValue]:
    """Return what a provider says of a response beside its content."""
    usage = message["usage"] or {}
    said = {
        "request_id": request_id,
        "service_tier": usage.get("service_tier"),
        "stop_sequence": message.get("stop_sequence"),
    }
    return {name: value for name, value in said.items() if value is not None}


def text_of(message: Message) -> str:
    """Return what a message says in words."""
    return "".join(block["text"] for block in message["content"] if block.get("type") == "text")
