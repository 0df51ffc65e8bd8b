"""The stream of one model request, as steer's events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from steer.events import ModelBlockDone, ModelReasoning, ModelToken, RuntimeData, Unknown

from steer_claude_code.models.message import Draft

__all__ = ["SOURCE", "Narrator"]

SOURCE = "claude-code"

_SPOKEN: Mapping[str, type[ModelToken | ModelReasoning]] = {
    "text": ModelToken,
    "thinking": ModelReasoning,
}


@dataclass(slots=True)
class _Part:
    """A part of the message that is being written: its number, and how much was said of it."""

    number: int
    said: int = 0


class Narrator:
    """Tells what one request streams; parts are numbered in the order in which they begin."""

    __slots__ = ("_call", "_emit", "_parts")

    def __init__(self, emit: Callable[[RuntimeData], None], call: str) -> None:
        self._emit = emit
        self._call = call
        self._parts: dict[int, _Part] = {}

    def tell(self, event: Mapping[str, Any], draft: Draft) -> None:
        """Tell one event that the draft of the message has taken."""
        match event["type"]:
            case "content_block_delta":
                self._add(event)
            case "content_block_start":
                self._open(event)
            case "content_block_stop":
                self._close(event, draft)
            case _:
                pass  # how the message as a whole begins and ends is told by the gate

    def strange(self, event: Mapping[str, Any]) -> None:
        """Tell an event that nobody knows."""
        self._unknown(str(event.get("type")), event)

    def _open(self, event: Mapping[str, Any]) -> None:
        part = self._parts[event["index"]] = _Part(len(self._parts))
        block = event["content_block"]
        name = block.get("type")
        kind = _SPOKEN.get(str(name))
        if kind is not None and isinstance(text := block.get(name), str):
            self._say(kind, part, text)

    def _add(self, event: Mapping[str, Any]) -> None:
        delta = event["delta"]
        match delta["type"]:
            case "text_delta":
                self._say(ModelToken, self._parts[event["index"]], delta["text"])
            case "thinking_delta":
                self._say(ModelReasoning, self._parts[event["index"]], delta["thinking"])
            case _:
                pass  # told as a whole once its block is done

    def _say(self, kind: type[ModelToken | ModelReasoning], part: _Part, text: str) -> None:
        if text:
            self._emit(kind(call=self._call, part=part.number, offset=part.said, text=text))
            part.said += len(text)

    def _close(self, event: Mapping[str, Any], draft: Draft) -> None:
        block, part = draft.block(event), self._parts[event["index"]]
        match block.get("type"):
            case "text":
                self._emit(ModelBlockDone(call=self._call, part=part.number, kind="text"))
            case "thinking" | "redacted_thinking":
                self._emit(ModelBlockDone(call=self._call, part=part.number, kind="reasoning"))
            case "tool_use":
                self._emit(
                    ModelBlockDone(
                        call=self._call,
                        part=part.number,
                        kind="tool_call",
                        call_id=block.get("id"),
                        tool=block.get("name"),
                        arguments=draft.arguments(event),
                    )
                )
            case kind:
                self._unknown(f"block.{kind}", block)

    def _unknown(self, name: str, raw: Mapping[str, Any]) -> None:
        self._emit(Unknown(source=SOURCE, name=name, raw=dict(raw)))
