"""One event as one line, whatever is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from steer.cli.terminal.paint import Paint, paint_for
from steer.cli.terminal.printable import json_text, shortened
from steer.cli.terminal.streams import Streams
from steer.events import Event, UnrecognisedData

__all__ = ["EventPrinter", "event_line"]

_VALUE_LENGTH = 100
_TYPE_WIDTH = 18


class EventPrinter:
    """Shows each event as a line on standard output."""

    def __init__(self, streams: Streams) -> None:
        self._out = streams.out
        self._paint = paint_for(streams.out)
        self._start: datetime | None = None

    def show(self, events: Sequence[Event], /) -> None:
        """Show the next events, in order."""
        for event in events:
            self._start = self._start or event.time
            self._out.write(f"{event_line(event, start=self._start, paint=self._paint)}\n")


def event_line(event: Event, *, start: datetime, paint: Paint) -> str:
    """Return number, seconds since ``start``, type and fields of an event."""
    number = "" if event.seq is None else str(event.seq)
    seconds = (event.time - start).total_seconds()
    kind = f"{event.type:<{_TYPE_WIDTH}}"
    indent = "  " * len(event.path)
    return f"{number:>5} {paint('faint', f'{seconds:8.3f}')}  {indent}{kind} {_content(event)}"


def _content(event: Event) -> str:
    data = event.data
    if isinstance(data, UnrecognisedData):
        return shortened(data.encoded.decode(errors="replace"), _VALUE_LENGTH)
    return " ".join(f"{name}={json_text(value, _VALUE_LENGTH)}" for name, value in _told(data))


def _told(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields that say something; of usage and of errors there are many that do not."""
    for field in fields(value):
        held = getattr(value, field.name)
        if held is None or held in ("", (), {}) or (held is False):
            continue
        yield field.name, {k: v for k, v in _told(held) if v} if is_dataclass(held) else held
