"""A session as it is read: its items, and what its next run is shown of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from steer.ports.records import SessionRecord
from steer.ports.runtime import PastRun
from steer.redaction import Redactor
from steer.sessions.items import Compacted, Item, SessionItem, decode_item
from steer.values import FilePart, ImagePart, Message, Part, TextPart, ToolCallPart, ToolResultPart

__all__ = ["Session", "past_runs", "session_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A conversation. ``items`` is all of it, ``past`` what its next run is shown.

    ``version`` counts the items. ``held_by`` is the job that goes on with it, if one does.
    """

    session_id: str
    version: int
    updated_at: datetime | None
    held_by: str | None
    items: tuple[Item, ...]

    @property
    def past(self) -> tuple[PastRun, ...]:
        """What the next run is shown."""
        return past_runs(self.items)


def session_of(record: SessionRecord, redactor_of: Callable[[str], Redactor | None]) -> Session:
    """Return a session for people: each item redacted as the events of its job are.

    The runtimes' own items are left out: they are for the runtimes alone.
    """
    items = tuple(_shown(item, redactor_of(item.job_id)) for item in map(decode_item, record.items))
    return Session(
        session_id=record.session_id,
        version=record.version,
        updated_at=record.updated_at,
        held_by=record.held_by,
        items=items,
    )


def past_runs(items: Iterable[Item]) -> tuple[PastRun, ...]:
    """Return what a run is shown of a session: what was compacted last, and what came since."""
    past: list[PastRun] = []
    for item in items:
        if isinstance(item, Compacted):
            past = list(item.runs)
        else:
            past.append(item.run)
    return tuple(past)


def _shown(item: Item, redactor: Redactor | None) -> Item:
    match item:
        case SessionItem(run=run):
            return replace(item, run=_shown_run(run, redactor))
        case Compacted(runs=runs):
            return replace(item, runs=tuple(_shown_run(run, redactor) for run in runs))
        case _:
            assert_never(item)


def _shown_run(run: PastRun, redactor: Redactor | None) -> PastRun:
    if redactor is None:
        return replace(run, items=None)
    messages = tuple(_redacted(message, redactor) for message in run.messages)
    return replace(run, items=None, messages=messages)


def _redacted(message: Message, redactor: Redactor) -> Message:
    return replace(message, content=tuple(_part(part, redactor) for part in message.content))


def _part(part: Part, redactor: Redactor) -> Part:
    match part:
        case TextPart(text=text):
            return replace(part, text=redactor.text(text))
        case ToolCallPart(arguments=arguments):
            return replace(part, arguments=redactor.json_text(arguments))
        case ToolResultPart(content=content):
            return replace(part, content=redactor.json_text(content))
        case ImagePart(url=url):
            return replace(part, url=redactor.text(url))
        case FilePart(name=name):
            return replace(part, name=redactor.text(name))
        case _:
            assert_never(part)
