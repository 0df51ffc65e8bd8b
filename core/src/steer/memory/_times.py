"""Times of records as they are kept: in UTC, whatever zone they were given in."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from steer.errors import StorageError

__all__ = ["in_utc"]

R = TypeVar("R")


def in_utc(record: R) -> R:
    """Return the record with its times in UTC, as it is where they are so already.

    Raises ``StorageError`` for a time without a zone.
    """
    moved: dict[str, datetime] = {}
    given: Any = record
    for name in _time_fields(type(given)):  # type: ignore[arg-type]  # a class is hashable
        moment = getattr(given, name)
        if moment is None or moment.tzinfo is UTC:
            continue
        if moment.tzinfo is None:
            raise StorageError(
                f"memory: {name} of {type(record).__name__} is {moment}, without a time zone",
                fix="Give an aware datetime, such as datetime.now(UTC)",
            )
        moved[name] = moment.astimezone(UTC)
    return replace(given, **moved) if moved else record


@cache
def _time_fields(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if str(field.type).startswith("datetime"))
