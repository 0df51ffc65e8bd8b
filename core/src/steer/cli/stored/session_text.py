"""A session as people and as programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pydantic_core import from_json, to_json

from steer.cli.job_names import SHORT_ID
from steer.cli.terminal.amounts import age_text
from steer.cli.terminal.printable import call_text, for_terminal, shortened
from steer.ports.records import SessionRecord
from steer.ports.runtime import PastRun
from steer.sessions import Compacted, Session, SessionItem
from steer.values import (
    FilePart,
    ImagePart,
    JsonValue,
    Message,
    Part,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

__all__ = [
    "ROW_HEAD",
    "item_json",
    "item_lines",
    "items_text",
    "row_json",
    "session_facts",
    "session_row",
]

ROW_HEAD = ("SESSION", "ITEMS", "CHANGED", "BUSY WITH")

_NAME_LENGTH = 60
_RESULT_LENGTH = 200


def session_row(session: SessionRecord, *, now: datetime) -> tuple[str, ...]:
    """Return the cells of a session in a list; ``ROW_HEAD`` names them."""
    changed = session.updated_at
    return (
        shortened(session.session_id, _NAME_LENGTH),
        f"{session.version:,}",
        "" if changed is None else age_text(changed, now=now),
        "" if session.held_by is None else session.held_by[-SHORT_ID:],
    )


def row_json(session: SessionRecord | Session) -> bytes:
    """Return a session as one line of JSON, without what was said."""
    return to_json(
        {
            "session_id": session.session_id,
            "items": session.version,
            "updated_at": session.updated_at,
            "held_by": session.held_by,
        }
    )


def items_text(count: int) -> str:
    """Return ``1 item``, ``3 items``."""
    return f"{count:,} item{'' if count == 1 else 's'}"


def session_facts(session: Session, *, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what there is to know of a session but what was said."""
    yield "session", session.session_id
    yield "items", str(len(session.items))
    if session.updated_at is not None:
        yield "changed", age_text(session.updated_at, now=now)
    yield "busy with", session.held_by or ""


def item_json(item: SessionItem | Compacted) -> bytes:
    """Return an item as one line of JSON."""
    return to_json(
        {
            "type": item.type,
            "job_id": item.job_id,
            "at": item.at,
            "runs": [{"runtime": run.runtime, "messages": run.messages} for run in _runs_of(item)],
        }
    )


def item_lines(item: SessionItem | Compacted) -> Iterator[tuple[str, str]]:
    """Yield who says what in an item, line by line."""
    if isinstance(item, Compacted):
        yield "faint", "[from here on a run is shown this instead of all before:]"
    for run in _runs_of(item):
        for message in run.messages:
            yield from _lines(message)
    if isinstance(item, Compacted):
        yield "faint", "[and then:]"


def _runs_of(item: SessionItem | Compacted) -> Sequence[PastRun]:
    return (item.run,) if isinstance(item, SessionItem) else item.runs


def _lines(message: Message) -> Iterator[tuple[str, str]]:
    style = "bold" if message.role is Role.USER else ""
    for part in message.content:
        text = _text(part)
        for line in text.splitlines() or [""]:
            yield style, f"{message.role:<9} {for_terminal(line)}"


def _text(part: Part) -> str:
    match part:
        case TextPart(text=text):
            return text
        case ToolCallPart(tool=tool, arguments=arguments):
            return f"calls {call_text(tool, _decoded(arguments))}"
        case ToolResultPart(content=content):
            return shortened(content, _RESULT_LENGTH)
        case ImagePart(url=url):
            return f"[image {shortened(url, _NAME_LENGTH)}]"
        case FilePart(name=name):
            return f"[file {shortened(name, _NAME_LENGTH)}]"


def _decoded(arguments: str) -> JsonValue:
    try:
        return from_json(arguments)
    except ValueError:
        return arguments
