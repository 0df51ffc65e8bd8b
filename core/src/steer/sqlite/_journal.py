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

__all__ = ["EventRows", "SqliteJournal", "newest_position"]

_INSERT = """
INSERT INTO events (position, scope_id, job, seq, terminal, encoded) VALUES (?, ?, ?, ?, ?, ?)
"""
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


def newest_position(connection: sqlite3.Connection) -> int:
    """Return the newest position of the store, 0 for an empty journal."""
    row = connection.execute(_NEWEST).fetchone()
    return 0 if row is None else int(row[0])


class EventRows(Rows):
    """The journal, inside a commit. ``encoded`` are its events, in the order it adds them."""

    def __init__(self, transaction: Transaction, scope_id: str, encoded: Iterator[bytes]) -> None:
        super().__init__(transaction, scope_id)
        self._encoded = encoded

    def add_events(self, job_id: str, events: Sequence[Event], /) -> None:
        number = self._numbers[job_id]
        first = self._transaction.position + 1
        self._connection.executemany(
            _INSERT,
            [
                (position, self._scope_id, number, event.seq, event.terminal, encoded.decode())
                for position, (event, encoded) in enumerate(
                    zip(events, self._encoded, strict=False), first
                )
            ],
        )
        self._transaction.position += len(events)


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
