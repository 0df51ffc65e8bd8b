"""The table ``events``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from steer.errors import NotFound
from steer.events import Event, decode
from steer.ports.records import JournalEntry
from steer.ports.storage import MAX_PAGE
from steer.sqlite._readers import Readers
from steer.sqlite._rows import Rows, Transaction
from steer.storage import page_size

__all__ = ["EventRows", "SqliteJournal"]

_INSERT = "INSERT INTO events (scope_id, job, seq, terminal, encoded) VALUES "
_ROW = "(?, ?, ?, ?, ?)"
# Bounds how many statements of different length the connection keeps prepared.
_MOST_AT_ONCE = 16
# The bytes as they came, without a detour over text.
_OF_JOB = """
SELECT CAST(encoded AS BLOB) FROM events
WHERE job = (SELECT number FROM jobs WHERE scope_id = ? AND job_id = ?) AND seq > ?
ORDER BY seq LIMIT ?
"""
_OF_SCOPE = """
SELECT position, CAST(encoded AS BLOB) FROM events
WHERE scope_id = ? AND position > ? ORDER BY position LIMIT ?
"""
_JOB_EXISTS = "SELECT 1 FROM jobs WHERE scope_id = ? AND job_id = ?"
_NEWEST = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"


class EventRows(Rows):
    """The journal, inside a commit. ``encoded`` are its events, in the order it adds them."""

    def __init__(self, transaction: Transaction, scope_id: str, encoded: Iterator[str]) -> None:
        super().__init__(transaction, scope_id)
        self._encoded = encoded

    def add_events(self, job_id: str, events: Sequence[Event], /) -> None:
        number = self._numbers[job_id]
        # Many rows in a statement: each statement lets the other threads have the interpreter,
        # and while the event loop's is busy, getting it back can take longer than the write.
        for start in range(0, len(events), _MOST_AT_ONCE):
            rows = events[start : start + _MOST_AT_ONCE]
            columns: list[object] = []
            for event in rows:
                encoded = next(self._encoded)
                columns += (self._scope_id, number, event.seq, event.terminal, encoded)
            inserted = self._connection.execute(_INSERT + ", ".join([_ROW] * len(rows)), columns)
            self._transaction.position = inserted.lastrowid

    def newest_position(self) -> int:
        """Return the newest position of the store, 0 for an empty journal."""
        position = self._transaction.position
        if position is None:
            row = self._one(_NEWEST, ())
            position = self._transaction.position = 0 if row is None else int(row[0])
        return position


class SqliteJournal:
    """``steer.ports.storage.JournalReads``."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def events(
        self, scope_id: str, job_id: str, /, *, after: int = 0, limit: int = MAX_PAGE
    ) -> Sequence[Event]:
        size = page_size(limit)

        def read(connection: sqlite3.Connection) -> Sequence[Event]:
            rows = connection.execute(_OF_JOB, (scope_id, job_id, after, size)).fetchall()
            if not rows and not connection.execute(_JOB_EXISTS, (scope_id, job_id)).fetchone():
                raise NotFound(f"there is no job {job_id} in scope {scope_id}")
            return [decode(encoded) for (encoded,) in rows]

        return await self._readers.read(read)

    async def read(
        self, scope_id: str, /, *, after: int = 0, limit: int = MAX_PAGE
    ) -> Sequence[JournalEntry]:
        size = page_size(limit)

        def read(connection: sqlite3.Connection) -> Sequence[JournalEntry]:
            rows = connection.execute(_OF_SCOPE, (scope_id, after, size)).fetchall()
            return [
                JournalEntry(position=position, event=decode(encoded)) for position, encoded in rows
            ]

        return await self._readers.read(read)
