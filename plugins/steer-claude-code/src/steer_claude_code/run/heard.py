"""One message of a model, as the CLI tells of it: told on, gathered, and booked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from claude_agent_sdk import AssistantMessage, TextBlock, ThinkingBlock, ToolUseBlock
from pydantic_core import to_jsonable_python
from steer.errors import SteerError
from steer.events import ModelRetracted, RuntimeData, Unknown
from steer.ports.gate import ModelCall, Sent
from steer.ports.runtime import Run
from steer.values import JsonValue, Usage, encode_json

from steer_claude_code.calls import Place, Proposed
from steer_claude_code.models.message import Draft, Malformed
from steer_claude_code.models.narration import SOURCE, Narrator
from steer_claude_code.models.recording import encode_message, text_of
from steer_claude_code.names import Names
from steer_claude_code.run.vendor_usage import reported_usage

__all__ = ["HeardMessage"]

_SAID = ("text", "thinking", "partial_json")


class HeardMessage:
    """A message that a model of this run is writing, or has written.

    ``begun`` is how the API began it. ``streamed`` says that each piece is told as it arrives; else
    there are whole blocks only. ``ended`` says that the model came to its end. Until ``admit`` a
    message is only counted, and one that never is admitted is told as ``Unknown`` with its cost.
    """

    def __init__(
        self, run: Run, place: Place, names: Names, begun: Mapping[str, Any], *, streamed: bool
    ) -> None:
        self.place = place
        self.message_id = str(begun.get("id"))
        self.model = str(begun.get("model"))
        self.streamed = streamed
        self.ended = False
        self.stop_reason: str | None = None
        self.admission = AsyncExitStack()
        self._run = run
        self._names = names
        self._usage = dict(begun.get("usage") or {})
        self._bytes = 0
        self._call: ModelCall | None = None
        self._narrator: Narrator | None = None
        self._draft = Draft()
        self._draft.take({"type": "message_start", "message": begun})
        self._for_cli: dict[int, str] = {}
        self._open: list[int] = []
        self._closed: list[int] = []

    def admit(self, call: ModelCall) -> None:
        """Tell what is said from now on as what came of an admitted request."""
        self._call = call
        self._narrator = Narrator(self._emit, call.id)

    # ---- what is said --------------------------------------------------------------------------

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take an event of the API's stream."""
        match event:
            case {"type": "content_block_stop" | "message_start" | "message_stop"}:
                # The CLI says so of what broke off, too. It gives a block that is complete.
                return
            case {"type": "content_block_start", "index": int(index), "content_block": dict(begun)}:
                if self._take({**event, "content_block": self._named(index, begun)}):
                    self._open.append(index)
                return
            case {"type": "content_block_delta", "delta": dict(delta)}:
                self._count(*(delta.get(name) for name in _SAID))
            case {"type": "message_delta"}:
                self.ended = True
                self.stop_reason = (event.get("delta") or {}).get("stop_reason")
                usage = event.get("usage") or {}
                self._usage |= {name: value for name, value in usage.items() if value is not None}
        self._take(event)

    def take(self, message: AssistantMessage) -> list[Proposed]:
        """Take a block that is complete; return the tool call where it is one."""
        if self.streamed:
            # The SDK gives a block that it has no class for without any content.
            return self._close(self._open[0]) if self._open else []
        self.stop_reason = message.stop_reason
        proposed: list[Proposed] = []
        for content in message.content:
            raw, index = _raw(content), len(self._closed)
            self._count(raw.get("text"), raw.get("thinking"), raw.get("input"))
            self.hear({"type": "content_block_start", "index": index, "content_block": raw})
            proposed += self._close(index)
        return proposed

    def finish_blocks(self) -> list[Proposed]:
        """Take what is there of a message that has come to its end as complete."""
        return [call for index in list(self._open) for call in self._close(index)]

    @property
    def has_blocks(self) -> bool:
        """Whether any block of it is complete: the CLI keeps those, however the message ended."""
        return bool(self._closed)

    # ---- what it comes to ----------------------------------------------------------------------

    @property
    def content(self) -> list[dict[str, JsonValue]]:
        """The blocks that are complete, in the API's form."""
        return [self._block(index) for index in self._closed]

    @property
    def text(self) -> str:
        """The text of these blocks."""
        return text_of({"content": self.content})

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
        if self._call is None:
            self._tell_overrun(usage)
            return
        if self._open:
            reason = "the answer broke off, and the CLI keeps what was complete of it"
            self._emit(ModelRetracted(call=self._call.id, reason=reason))
        whole = {
            **self._draft.message(),
            "content": self.content,
            "stop_reason": self.stop_reason,
            "usage": self._usage,
        }
        self._call.complete(
            encode_message(whole),
            usage,
            model=self.model,
            response_id=self.message_id,
            finish_reason=self.stop_reason,
        )

    def fail(self, error: SteerError, usage: Usage) -> None:
        """Withdraw what was told of the message."""
        if self._call is None:
            self._tell_overrun(usage)
            return
        self._call.fail(error, sent=Sent.UNKNOWN, usage=usage)

    # ---- blocks --------------------------------------------------------------------------------

    def _named(self, index: int, block: dict[str, Any]) -> dict[str, Any]:
        """Return a block with the name that models know a tool by."""
        if block.get("type") != "tool_use":
            return block
        name = self._for_cli[index] = str(block.get("name"))
        return {**block, "name": self._names.for_model(name)}

    def _close(self, index: int) -> list[Proposed]:
        self._open.remove(index)
        self._closed.append(index)
        self._take({"type": "content_block_stop", "index": index})
        block = self._block(index)
        if block.get("type") != "tool_use" or self._call is None:
            return []
        return [
            Proposed(
                call_id=str(block.get("id")),
                name=self._for_cli[index],
                arguments=block.get("input"),
                place=self.place,
                message=self._call.message,
            )
        ]

    def _block(self, index: int) -> dict[str, JsonValue]:
        return self._draft.block({"index": index})

    def _take(self, event: Mapping[str, Any]) -> bool:
        try:
            known = self._draft.take(event)
        except Malformed:
            known = False
        if not known:
            self._unknown(str(event.get("type")), event)
        elif self._narrator is not None:
            self._narrator.tell(event, self._draft)
        return known

    def _count(self, *said: JsonValue) -> None:
        texts = (
            each if isinstance(each, str) else encode_json(each).decode() for each in said if each
        )
        self._bytes += sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)

    # ---- telling -------------------------------------------------------------------------------

    def _tell_overrun(self, usage: Usage) -> None:
        self._unknown("overrun", to_jsonable_python({"model": self.model, "usage": usage}))

    def _unknown(self, name: str, raw: JsonValue) -> None:
        self._emit(Unknown(source=SOURCE, name=name, raw=raw))

    def _emit(self, data: RuntimeData) -> None:
        self._run.emit(data, path=self.place.path, agent=self.place.agent)


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
