"""A model's message as it arrives, event by event.

The events: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from steer_claude_code.wire_json import compact_json, read_json

__all__ = ["Draft", "Malformed", "Message"]

Message: TypeAlias = dict[str, Any]
"""A whole message of the API.

The ``input`` of a call is the text that the model wrote where that is no JSON object. ``usage`` is
``None`` where the provider did not count to the end.
"""

_PIECES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


class Malformed(Exception):
    """An event says what no stream of a message can say there."""


@dataclass(slots=True)
class _Block:
    """A block of content: how it began, and what was added to it."""

    begun: Mapping[str, Any]
    pieces: dict[str, list[str]] = field(default_factory=dict)
    citations: list[Any] = field(default_factory=list)
    closed: bool = False

    def said(self, name: str) -> str:
        before = self.begun.get(name)
        return (before if isinstance(before, str) else "") + "".join(self.pieces.get(name, ()))

    @property
    def arguments(self) -> str:
        """The arguments of a call, as the model wrote them."""
        return self.said("partial_json") or compact_json(self.begun.get("input") or {}).decode()

    def whole(self) -> dict[str, Any]:
        whole = {name: value for name, value in self.begun.items() if name != "partial_json"}
        for name in self.pieces.keys() - {"partial_json"}:
            whole[name] = self.said(name)
        if whole.get("type") == "text":
            whole["text"] = self.said("text")
        if "input" in whole or whole.get("type") == "tool_use":
            whole["input"] = _decoded(self.arguments)
        if self.citations:
            whole["citations"] = [*(self.begun.get("citations") or ()), *self.citations]
        return whole


def _decoded(arguments: str) -> Any:
    """Return the JSON object that a model wrote, or its text where it wrote something else."""
    try:
        value = read_json(arguments)
    except ValueError:
        return arguments
    return value if isinstance(value, dict) else arguments


class Draft:
    """What the events of one stream have said so far."""

    def __init__(self) -> None:
        self._begun: Mapping[str, Any] | None = None
        self._blocks: dict[int, _Block] = {}
        self._ending: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._calls: set[str] = set()
        self._counted = False
        self.complete = False

    def take(self, event: Mapping[str, Any]) -> bool:
        """Add what one event says; ``False`` where it says nothing that this module knows.

        Raises ``Malformed`` where it cannot be said there.
        """
        kind = event.get("type")
        if kind == "ping":
            return True
        if kind == "message_start":
            self._start(event)
            return True
        if kind not in _KNOWN:
            return False
        if self._begun is None or self.complete:
            raise Malformed(f"{kind} outside of a message")
        match kind:
            case "content_block_start":
                self._open(event)
            case "content_block_delta":
                return self._add(event)
            case "content_block_stop":
                self._block(event).closed = True
            case "message_delta":
                self._end(event)
            case _:
                self._stop()
        return True

    def block(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the block that an event is about, as far as it is there."""
        return self._blocks[event["index"]].whole()

    def arguments(self, event: Mapping[str, Any]) -> str:
        """Return what the model wrote as the arguments of the call that an event is about."""
        return self._blocks[event["index"]].arguments

    def message(self) -> Message:
        """Return the whole message, once ``complete``."""
        return {
            **(self._begun or {}),
            **self._ending,
            "content": [block.whole() for block in self._blocks.values()],
            "usage": self._usage if self._counted else None,
        }

    def _start(self, event: Mapping[str, Any]) -> None:
        message = event.get("message")
        if self._begun is not None or not isinstance(message, Mapping):
            raise Malformed("a message begins that is none, or a second one")
        self._begun = message
        self._count(message.get("usage"))

    def _open(self, event: Mapping[str, Any]) -> None:
        index, block = event.get("index"), event.get("content_block")
        if not isinstance(index, int) or index in self._blocks or not isinstance(block, Mapping):
            raise Malformed("a block begins that is none, or a second time")
        kind = block.get("type")
        if kind == "tool_use":
            self._begin_call(block)
        self._blocks[index] = _Block(block)

    def _begin_call(self, block: Mapping[str, Any]) -> None:
        call_id, name = block.get("id"), block.get("name")
        if not (isinstance(call_id, str) and call_id and isinstance(name, str)):
            raise Malformed("a call begins without an id or a name")
        # Whoever is asked about one of two would have answered for the other.
        if call_id in self._calls:
            raise Malformed("two calls of the message have one id")
        self._calls.add(call_id)

    def _block(self, event: Mapping[str, Any]) -> _Block:
        index = event.get("index")
        block = self._blocks.get(index) if isinstance(index, int) else None
        if block is None or block.closed:
            raise Malformed("a block goes on that has not begun, or has ended")
        return block

    def _add(self, event: Mapping[str, Any]) -> bool:
        block, delta = self._block(event), event.get("delta")
        if not isinstance(delta, Mapping):
            raise Malformed("a block goes on with nothing")
        kind = delta.get("type")
        if kind == "citations_delta":
            block.citations.append(delta.get("citation"))
            return True
        name = _PIECES.get(str(kind))
        if name is None:
            return False
        piece = delta.get(name)
        if not isinstance(piece, str):
            raise Malformed(f"{kind} without its text")
        block.pieces.setdefault(name, []).append(piece)
        return True

    def _end(self, event: Mapping[str, Any]) -> None:
        delta = event.get("delta")
        rest = {k: v for k, v in event.items() if k not in {"type", "delta", "usage"}}
        self._ending |= {**rest, **(delta if isinstance(delta, Mapping) else {})}
        usage = event.get("usage")
        self._counted |= isinstance(usage, Mapping) and isinstance(usage.get("output_tokens"), int)
        self._count(usage)

    def _count(self, usage: Any) -> None:
        """Take a count, which is of all so far; what it leaves out is as it was."""
        if isinstance(usage, Mapping):
            self._usage |= {name: value for name, value in usage.items() if value is not None}

    def _stop(self) -> None:
        if not all(block.closed for block in self._blocks.values()):
            raise Malformed("the message ends before a block of it")
        self.complete = True


_KNOWN = frozenset(
    {
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)
