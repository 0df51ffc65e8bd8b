"""Events to write: of every type there is, and of one that there is not yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import strategies as st
from steer.events import Event, EventData, ModelToken, decode

__all__ = ["any_event", "ids", "of_a_later_steer", "tokens"]

_START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_texts = st.text('aZ 0"\\\n\u00e9\u4e2d\U0001f4c4\x00', max_size=5)
_json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_texts, inner, max_size=2),
    max_leaves=4,
)


def tokens(job_id: str, first: int, count: int) -> list[Event]:
    """So many events of a job, in order, from this ``seq`` on."""
    return [
        Event(
            job_id=job_id,
            seq=seq,
            time=_START + timedelta(milliseconds=seq),
            data=ModelToken(call="call-1", part=0, offset=seq, text=f"{seq} \u00e9\n"),
        )
        for seq in range(first, first + count)
    ]


def ids(events: Iterable[Event]) -> list[str]:
    """The ids of these events."""
    return [event.id for event in events]


def any_event() -> st.SearchStrategy[Event]:
    """One event of any type, its ``seq`` to be filled in."""
    return st.one_of([_of(kind) for kind in get_args(EventData)]).map(
        lambda data: Event(job_id="job-1", seq=1, time=_START, data=data)
    )


def _of(kind: type[Any]) -> st.SearchStrategy[Any]:
    free = {field.name: _json_values for field in fields(kind) if field.type == "JsonValue"}
    free |= {field.name: _texts for field in fields(kind) if field.type == "str"}
    return st.builds(kind, **free)


def of_a_later_steer(seq: int) -> Event:
    """An event of a type that this steer does not know."""
    line = (
        f'{{"v": 1, "id": "job-1/{seq}", "type": "weather.changed", "job": "job-1", "seq": {seq}, '
        '"time": "2026-01-02T03:04:05Z", "data": {"to": "rain"}}'
    )
    return replace(decode(line.encode()), seq=seq)
