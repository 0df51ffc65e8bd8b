"""One answer as it comes in: told when it is said, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from steer.events import ModelBlockDone, ModelReasoning, ModelToken, RuntimeData, Unknown
from steer.ports.runtime import Run
from steer.values import Usage

from steer_acme.conversation import Answer, Asked
from steer_acme.failures import garbled, reported
from steer_acme.wire import (
    Ended,
    Event,
    Failed,
    Said,
    Started,
    Strange,
    ToolArguments,
    ToolRequested,
    decoded,
)

__all__ = ["Hearing"]

_Kind: TypeAlias = Literal["text", "reasoning", "refusal", "tool_call"]
_KINDS: Mapping[str, _Kind] = {"text": "text", "thought": "reasoning", "refusal": "refusal"}


@dataclass(kw_only=True)
class Hearing:
    """Follows the answer to one request, whose name in events is ``call``."""

    run: Run
    call: str
    agent: str
    answer: Answer = field(default_factory=Answer)
    usage: Usage | None = None
    model: str | None = None
    turn: str | None = None
    _part: int = -1
    _kind: _Kind | None = None
    _offset: int = 0

    @property
    def whole(self) -> bool:
        """Whether the answer has come to its end."""
        return bool(self.answer.reason)

    def take(self, line: bytes) -> None:
        """Take in one line. Raises ``ProviderError`` for an error, and for what is no event."""
        if not line.strip():
            return  # a sign of life
        try:
            if self.whole:
                raise ValueError("it comes after the end")
            self._hear(decoded(line))
        except ValueError as error:
            raise garbled(line) from error

    def _hear(self, event: Event) -> None:
        match event:
            case Started():
                self.model, self.turn = event.model, event.turn
            case Said():
                self._say(_KINDS[event.event], event.text)
            case ToolRequested():
                self._begin("tool_call")
                self.answer.calls.append(Asked(id=event.id, tool=event.tool))
            case ToolArguments():
                if self._kind != "tool_call" or self.answer.calls[-1].id != event.id:
                    raise ValueError("it belongs to no call that is being written")
                self.answer.calls[-1].arguments += event.text
            case Ended():
                self._end_part()
                self.answer.reason = event.reason
                self.usage = event.tokens.usage() if event.tokens else None
            case Failed():
                raise reported(event)
            case Strange():
                self._tell(Unknown(source="acme", name=event.name, raw=event.raw))

    def _say(self, kind: _Kind, text: str) -> None:
        if kind != self._kind:
            self._begin(kind)
        make = ModelReasoning if kind == "reasoning" else ModelToken
        self._tell(make(call=self.call, part=self._part, offset=self._offset, text=text))
        self._offset += len(text)
        if kind != "reasoning":
            self.answer.text += text

    def _begin(self, kind: _Kind) -> None:
        self._end_part()
        self._part, self._kind, self._offset = self._part + 1, kind, 0

    def _end_part(self) -> None:
        """Say that the part which is being said is whole."""
        if self._kind is None:
            return
        asked = self.answer.calls[-1] if self._kind == "tool_call" else None
        self._tell(
            ModelBlockDone(
                call=self.call,
                part=self._part,
                kind=self._kind,
                call_id=asked.id if asked else None,
                tool=asked.tool if asked else None,
                arguments=asked.arguments if asked else None,
            )
        )
        self._kind = None

    def _tell(self, data: RuntimeData) -> None:
        self.run.emit(data, agent=self.agent)
