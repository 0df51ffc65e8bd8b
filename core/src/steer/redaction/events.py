"""Redaction of a job's events, before anybody sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from steer.errors import ErrorInfo
from steer.events import (
    EventData,
    FinalError,
    FinalResult,
    ModelBlockDone,
    ModelDone,
    ModelReasoning,
    ModelRetracted,
    ModelToken,
)
from steer.redaction.redactor import Redactor, TextStream

__all__ = ["EventRedactor", "Place", "Told"]

Delta: TypeAlias = ModelToken | ModelReasoning
_DELTAS = (ModelToken, ModelReasoning)

# What readers compare: with one of these replaced, an event would belong to nothing any more.
_IDENTITIES = frozenset(
    {
        "action_id",
        "artifact_id",
        "by",
        "call",
        "call_id",
        "cap",
        "code",
        "digest",
        "limit",
        "policy",
        "principal_id",
        "response_id",
        "scope_id",
        "session_id",
        "used",
        "via",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where in a job something was said."""

    path: tuple[str, ...] = ()
    turn: int = 0
    agent: str | None = None


Told: TypeAlias = tuple[EventData, Place]


@dataclass(slots=True)
class _Open:
    """A part of a message that is still being said, as it was said last."""

    stream: TextStream
    offset: int
    heard: int
    said: Delta
    place: Place


class EventRedactor:
    """Redacts the events of one job, in order; not for several threads at a time.

    Text of a model is held back while it may be the beginning of something secret, and comes with
    what follows, at the latest when its part is done. Offsets count the redacted text.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._parts: dict[tuple[type[Delta], str, int], _Open] = {}

    def pass_on(self, data: EventData, place: Place) -> Iterator[Told]:
        """Yield what may be told of an event, after what was held back until it came."""
        match data:
            case ModelToken() | ModelReasoning():
                yield from self._text(data, place)
                return
            case ModelBlockDone(call=call, part=part):
                for kind in _DELTAS:
                    yield from self._finish(kind, call, part)
            case ModelDone(call=call):
                for kind, said, part in [key for key in self._parts if key[1] == call]:
                    yield from self._finish(kind, said, part)
            case ModelRetracted(call=call):
                # What it said does not count, nor does what it did not get to say.
                self._parts = {key: each for key, each in self._parts.items() if key[1] != call}
            case FinalResult() | FinalError():
                yield from self._abandon()
        yield self._redacted(data), place

    def _text(self, data: Delta, place: Place) -> Iterator[Told]:
        key = (type(data), data.call, data.part)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = _Open(
                stream=self._redactor.stream(),
                offset=data.offset,
                heard=data.offset,
                said=data,
                place=place,
            )
        fresh = data.text[max(0, part.heard - data.offset) :]
        part.heard = max(part.heard, data.offset + len(data.text))
        part.said, part.place = data, place
        yield from _said(part, part.stream.feed(fresh))

    def _finish(self, kind: type[Delta], call: str, number: int) -> Iterator[Told]:
        part = self._parts.pop((kind, call, number), None)
        if part is not None:
            yield from _said(part, part.stream.feed("", last=True))

    def _abandon(self) -> Iterator[Told]:
        parts, self._parts = self._parts, {}
        for part in parts.values():
            yield from _said(part, part.stream.abandon())

    def _redacted(self, data: Any) -> Any:
        if isinstance(data, ModelBlockDone) and data.arguments is not None:
            return replace(data, arguments=self._redactor.json_text(data.arguments))
        changed: dict[str, Any] = {}
        kind: Any = type(data)
        for name in _contents(kind):
            value = getattr(data, name)
            if value is None or value == "":
                continue
            redacted = self._field(value)
            if redacted != value:
                changed[name] = redacted
        return replace(data, **changed) if changed else data

    def _field(self, value: Any) -> Any:
        if isinstance(value, ErrorInfo):
            return self._redacted(value)
        if isinstance(value, tuple):
            return tuple(self._redactor.value(value))
        return self._redactor.value(value)


def _said(part: _Open, text: str) -> Iterator[Told]:
    if text:
        offset, part.offset = part.offset, part.offset + len(text)
        yield replace(part.said, offset=offset, text=text), part.place


@cache
def _contents(kind: type[Any]) -> tuple[str, ...]:
    """Return the fields of an event that can hold any text at all.

    All but identities and closed sets of words, so that a field added to an event is redacted
    without anybody having to think of it.
    """
    hints = get_type_hints(kind)
    return tuple(
        field.name
        for field in fields(kind)
        if field.name not in _IDENTITIES and _is_content(hints[field.name])
    )


def _is_content(hint: Any) -> bool:
    if hint in {str, Any, ErrorInfo} or get_origin(hint) in {dict, Mapping, tuple}:
        return True
    return any(each is str for each in get_args(hint))
