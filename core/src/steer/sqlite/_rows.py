"""How values stand in rows: times as microseconds, JSON as text, and the tables of one scope."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_core import from_json

from steer.ports.money import BudgetRecord
from steer.ports.records import Account, EffectKey, Page
from steer.storage import encode_cursor
from steer.values import JsonValue, encode_json

__all__ = [
    "Row",
    "Rows",
    "Transaction",
    "from_micros",
    "json_text",
    "json_value",
    "key_columns",
    "page",
    "path_text",
    "read_as",
    "to_micros",
]

Row = tuple[Any, ...]
V = TypeVar("V")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Transaction:
    """The write transaction of one batch of commits.

    ``position`` is the newest in the journal, ``None`` where nobody asked for it yet. ``accounts``
    and ``budgets`` are those that were read or written so far, by scope and name or id: of many
    commits that reserve on one account, the first reads it for all.
    """

    __slots__ = ("accounts", "budgets", "connection", "now", "position")

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.position: int | None = None
        self.accounts: dict[tuple[str, str], Account] = {}
        self.budgets: dict[tuple[str, str], BudgetRecord | None] = {}

    def forget(self) -> None:
        """Read accounts and budgets anew: a part of what was written is taken back."""
        self.accounts.clear()
        self.budgets.clear()


class Rows:
    """The rows of one scope inside a transaction; each table's module adds its own."""

    def __init__(self, transaction: Transaction, scope_id: str) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._scope_id = scope_id
        # Rows refer to their job by its number, a tenth as long as its id.
        self._numbers: dict[str, int] = {}

    def _one(self, sql: str, arguments: Sequence[object]) -> Row | None:
        row: Row | None = self._connection.execute(sql, arguments).fetchone()
        return row

    def _changed_one(self, sql: str, arguments: Sequence[object]) -> bool:
        """Run what inserts or updates a row unless something forbids it; return whether it did."""
        return self._connection.execute(sql, arguments).rowcount == 1


def to_micros(moment: datetime | None) -> int | None:
    """Return microseconds since 1970 in UTC. Raises ``TypeError`` for a naive time."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int | None) -> Any:
    """Return the time, typed ``Any``: whether it can be absent is the column's business."""
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def json_text(value: object) -> str | None:
    """Return ``value`` as JSON, ``None`` for ``None``. Raises ``ValueError`` where it is none."""
    return None if value is None else encode_json(value).decode()


def json_value(text: str | None) -> JsonValue:
    """Return what ``json_text`` was given, in JSON form."""
    return None if text is None else from_json(text)


def path_text(path: tuple[str, ...]) -> str:
    """Return a path as text that is equal for equal paths only."""
    return encode_json(path).decode()


def key_columns(key: EffectKey) -> tuple[str, int, str]:
    """Return the columns path, message and call_id."""
    return path_text(key.path), key.message, key.call_id


@cache
def _adapter(kind: type[object]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read_as(kind: type[object], text: str | None) -> Any:
    """Return the ``kind`` whose JSON is ``text``, ``None`` for ``None``."""
    return None if text is None else _adapter(kind).validate_json(text)  # type: ignore[arg-type]  # a class is hashable


def page(
    listing: str,
    rows: Sequence[Row],
    size: int,
    item: Callable[[Row], V],
) -> Page[V]:
    """Return a page of ``rows``, which are one more than ``size`` where another page follows.

    The first column is the key of the listing.
    """
    cursor = encode_cursor(listing, rows[size - 1][0]) if len(rows) > size else None
    return Page(items=tuple(item(row) for row in rows[:size]), cursor=cursor)
