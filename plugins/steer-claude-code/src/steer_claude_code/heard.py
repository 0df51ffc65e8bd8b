"""One message of a model, as the CLI tells of it: told on, gathered, and booked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from claude_agent_sdk import AssistantMessage, TextBlock, ThinkingBlock, ToolUseBlock
from pydantic_core import to_jsonable_python
from steer.errors import SteerError
from steer.events import ModelBlockDone, ModelReasoning, ModelRetracted, ModelToken, Unknown
from steer.ports.gate import ModelCall, Sent
from steer.ports.runtime import Run
from steer.values import JsonValue, Usage, encode_json

from steer_claude_code.calls import Place, Proposed
from steer_claude_code.names import Names
from steer_claude_code.vendor_usage import reported_usage

__all__ = ["SOURCE", "HeardMessage"]

SOURCE = "claude-code"
"""Who says what steer has no word for."""

_TEXTS = {"text": ("text", ModelToken), "thinking": ("thinking", ModelReasoning)}


@dataclass(slots=True)
class _Block:
    """A block of content: as the API began it, and what was said of it since."""

    part: int
    raw: dict[str, Any]
    said: int = 0
    arguments: list[str] = field(default_factory=list)
    done: bool = False


class HeardMessage:
    """A message that a model of this run is writing, or has written.

    ``streamed`` says that each piece is told as it arrives; else there are whole blocks only.
    ``call`` is ``None`` where the request was not admitted: it is then counted, and told as
    ``Unknown`` with what it cost. ``ended`` says that the model came to its end.
    """

    def __init__(
        self,
        run: Run,
        place: Place,
        names: Names,
        *,
        message_id: str,
        model: str,
        usage: Mapping[str, Any],
        streamed: bool,
    ) -> None:
        self.place = place
        self.message_id = message_id
        self.model = model
        self.streamed = streamed
        self.ended = False
        self.stop_reason: str | None = None
        self.call: ModelCall | None = None
        self.admission = AsyncExitStack()
        self._run = run
        self._names = names
        self._usage = dict(usage)
        self._bytes = 0
        self._blocks: dict[int, _Block] = {}

    # ---- what is said --------------------------------------------------------------------------

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take an event of the API's stream."""
        match event:
            case {"type": "content_block_start", "index": int(index), "content_block": dict(raw)}:
                self._begin(index, raw)
            case {"type": "content_block_delta", "index": int(index), "delta": dict(delta)} if (
                index in self._blocks
            ):
                self._add(self._blocks[index], delta)
            case {"type": "message_delta"}:
                self.stop_reason = event.get("delta", {}).get("stop_reason")
                self._usage |= {k: v for k, v in event.get("usage", {}).items() if v is not None}
                self.ended = True
            case {"type": "message_start" | "message_stop" | "content_block_stop" | "ping"}:
                pass
            case _:
                self._unknown(str(event.get("type")), event)

    def take(self, message: AssistantMessage) -> list[Proposed]:
        """Take a block that is complete; return the tool call where it is one."""
        if self.streamed:
            # The SDK gives a block that it has no class for without any content.
            block = next((each for each in self._blocks.values() if not each.done), None)
            return [] if block is None else self._finish(block)
        self.stop_reason = message.stop_reason
        proposed: list[Proposed] = []
        for content in message.content:
            raw = _raw(content)
            self._count(raw.get("input"))
            proposed += self._finish(self._begin(len(self._blocks), raw))
        return proposed

    def finish_blocks(self) -> list[Proposed]:
        """Take what is there of a message that has come to its end as complete."""
        left = [block for block in self._blocks.values() if not block.done]
        return [call for block in left for call in self._finish(block)]

    @property
    def has_blocks(self) -> bool:
        """Whether any block of it is complete: the CLI keeps those, however the message ended."""
        return any(block.done for block in self._blocks.values())

    # ---- what it comes to ----------------------------------------------------------------------

    @property
    def content(self) -> list[dict[str, JsonValue]]:
        """The blocks that are complete, in the API's form."""
        return [block.raw for block in self._blocks.values() if block.done]

    @property
    def text(self) -> str:
        """The text of these blocks."""
        return "".join(block["text"] for block in self.content if block["type"] == "text")

    @property
    def reported(self) -> Usage:
        """The usage as far as the API has said it: without an end, the output is only begun."""
        return reported_usage(self._usage, estimated=not self._is_reported)

    @property
    def most(self) -> Usage:
        """The most that it can have used: a token of output holds one byte at the least."""
        usage = self.reported
        if self._is_reported:
            return usage
        return usage + Usage(output_tokens=self._bytes)

    @property
    def _is_reported(self) -> bool:
        # A message that comes whole has its usage with it, but for a subagent's.
        return self.ended or (not self.streamed and self.stop_reason is not None)

    def complete(self, usage: Usage) -> None:
        """Record what is there of the message as the model's answer."""
        if not self.ended and self.streamed:
            self._retract("the answer broke off, and the CLI keeps what was complete of it")
        response = {
            "id": self.message_id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": self.content,
            "stop_reason": self.stop_reason,
            "usage": self._usage,
        }
        if self.call is None:
            self._told_overrun(usage)
            return
        self.call.complete(
            encode_json(response),
            usage,
            model=self.model,
            response_id=self.message_id,
            finish_reason=self.stop_reason,
        )

    def fail(self, error: SteerError, usage: Usage) -> None:
        """Withdraw what was told of the message."""
        if self.call is None:
            self._told_overrun(usage)
            return
        self.call.fail(error, sent=Sent.UNKNOWN, usage=usage)

    # ---- telling -------------------------------------------------------------------------------

    def _begin(self, index: int, raw: dict[str, Any]) -> _Block:
        block = self._blocks[index] = _Block(index, dict(raw))
        for kind, (name, _) in _TEXTS.items():
            if raw.get("type") == kind:
                given, block.raw[name] = str(raw.get(name) or ""), ""
                self._say(block, given)
        return block

    def _add(self, block: _Block, delta: Mapping[str, Any]) -> None:
        match delta:
            case {"type": "text_delta", "text": str(text)}:
                self._say(block, text)
            case {"type": "thinking_delta", "thinking": str(text)}:
                self._say(block, text)
            case {"type": "signature_delta", "signature": str(signature)}:
                block.raw["signature"] = signature
            case {"type": "input_json_delta", "partial_json": str(piece)}:
                self._count(piece)
                block.arguments.append(piece)
            case _:
                self._unknown(str(delta.get("type")), delta)

    def _say(self, block: _Block, text: str) -> None:
        if not text:
            return
        self._count(text)
        name, kind = _TEXTS[block.raw["type"]]
        block.raw[name] += text
        if self.call is not None:
            data = kind(call=self.call.id, part=block.part, offset=block.said, text=text)
            self._emit(data)
        block.said += len(text)

    def _finish(self, block: _Block) -> list[Proposed]:
        block.done = True
        match block.raw.get("type"):
            case "text":
                self._done(block, "text")
            case "thinking" | "redacted_thinking":
                self._done(block, "reasoning")
            case "tool_use":
                return self._propose(block)
            case name:
                self._unknown(f"block.{name}", block.raw)
        return []

    def _propose(self, block: _Block) -> list[Proposed]:
        name = str(block.raw.get("name"))
        text = "".join(block.arguments) or encode_json(block.raw.get("input") or {}).decode()
        arguments = _decoded(text)
        tool, call_id = self._names.for_model(name), str(block.raw.get("id"))
        block.raw |= {"name": tool, "input": arguments if isinstance(arguments, dict) else {}}
        if self.call is None:
            return []
        self._done(block, "tool_call", call_id=call_id, tool=tool, arguments=text)
        return [
            Proposed(
                call_id=call_id,
                name=name,
                arguments=arguments,
                place=self.place,
                message=self.call.message,
            )
        ]

    def _done(self, block: _Block, kind: Any, **details: str) -> None:
        if self.call is not None:
            self._emit(ModelBlockDone(call=self.call.id, part=block.part, kind=kind, **details))

    def _retract(self, reason: str) -> None:
        if self.call is not None and any(not block.done for block in self._blocks.values()):
            self._emit(ModelRetracted(call=self.call.id, reason=reason))

    def _told_overrun(self, usage: Usage) -> None:
        raw = to_jsonable_python({"model": self.model, "usage": usage})
        self._unknown("overrun", raw)

    def _unknown(self, name: str, raw: JsonValue) -> None:
        self._emit(Unknown(source=SOURCE, name=name, raw=raw))

    def _emit(self, data: Any) -> None:
        self._run.emit(data, path=self.place.path, agent=self.place.agent)

    def _count(self, said: JsonValue) -> None:
        text = said if isinstance(said, str) else "" if said is None else encode_json(said).decode()
        self._bytes += len(text.encode("utf-8", "surrogatepass"))


def _raw(content: Any) -> dict[str, Any]:
    """Return a block of the SDK's in the API's form."""
    match content:
        case TextBlock():
            return {"type": "text", "text": content.text}
        case ThinkingBlock():
            return {
                "type": "thinking",
                "thinking": content.thinking,
                "signature": content.signature,
            }
        case ToolUseBlock():
            return {
                "type": "tool_use",
                "id": content.id,
                "name": content.name,
                "input": content.input,
            }
        case _:
            kind = type(content).__name__
            return {"type": kind, **to_jsonable_python(content, fallback=str)}


def _decoded(text: str) -> JsonValue:
    """Return the arguments of a call, as the model's text where that is no JSON object."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text
