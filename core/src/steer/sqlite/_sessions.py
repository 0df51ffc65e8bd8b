"""The tables ``sessions`` and ``session_items``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

from steer.errors import NotFound
from steer.ports.records import Page, SessionRecord
from steer.sqlite._readers import Readers
from steer.sqlite._rows import Row, Rows, from_micros, page, to_micros
from steer.storage import decode_cursor, page_size

__all__ = ["SessionRows", "SqliteSessions", "sessions_beginning"]

_VERSION = "SELECT version FROM sessions WHERE scope_id = ? AND session_id = ?"
_SAVE = """
INSERT INTO sessions (scope_id, session_id, version, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (scope_id, session_id) DO UPDATE
SET version = excluded.version, updated_at = excluded.updated_at
"""
_HOLDER = "SELECT held_by FROM sessions WHERE scope_id = ? AND session_id = ?"
_HOLD = """
INSERT INTO sessions (scope_id, session_id, version, updated_at, held_by) VALUES (?, ?, 0, ?, ?)
ON CONFLICT (scope_id, session_id) DO UPDATE SET held_by = excluded.held_by
"""
_DROP_ITEMS = "DELETE FROM session_items WHERE scope_id = ? AND session_id = ?"
_DROP = "DELETE FROM sessions WHERE scope_id = ? AND session_id = ?"
# Who held it last holds it as long as it has not ended.
_COLUMNS = """
    session_id, version, updated_at, (
        SELECT job_id FROM jobs
        WHERE jobs.scope_id = sessions.scope_id AND job_id = held_by AND ended_at IS NULL
    )
"""
_INSERT_ITEM = "INSERT INTO session_items (scope_id, session_id, item) VALUES (?, ?, ?)"
_SESSION = f"""
SELECT {_COLUMNS} FROM sessions WHERE scope_id = ? AND session_id = ? AND version > 0
"""  # noqa: S608 - made of constants
_ITEMS = "SELECT item FROM session_items WHERE scope_id = ? AND session_id = ? ORDER BY number"
_LIST = f"""
SELECT {_COLUMNS} FROM sessions
WHERE scope_id = ? AND session_id > ? AND version > 0 ORDER BY session_id LIMIT ?
"""  # noqa: S608 - made of constants
_BEGINNING = f"""
SELECT {_COLUMNS} FROM sessions
WHERE scope_id = ? AND substr(session_id, 1, ?) = ? AND version > 0 ORDER BY session_id LIMIT ?
"""  # noqa: S608 - made of constants


class SessionRows(Rows):
    """Conversations, inside a commit."""

    def session_version(self, session_id: str, /) -> int:
        row = self._one(_VERSION, (self._scope_id, session_id))
        return 0 if row is None else row[0]

    def session_holder(self, session_id: str, /) -> str | None:
        row = self._one(_HOLDER, (self._scope_id, session_id))
        return None if row is None else row[0]

    def hold_session(self, session_id: str, job_id: str, now: datetime, /) -> None:
        self._connection.execute(_HOLD, (self._scope_id, session_id, to_micros(now), job_id))

    def drop_session(self, session_id: str, /) -> None:
        for sql in (_DROP_ITEMS, _DROP):
            self._connection.execute(sql, (self._scope_id, session_id))

    def append_session(
        self, session_id: str, version: int, items: Sequence[str], now: datetime, /
    ) -> None:
        self._connection.execute(_SAVE, (self._scope_id, session_id, version, to_micros(now)))
        self._connection.executemany(
            _INSERT_ITEM, [(self._scope_id, session_id, item) for item in items]
        )


class SqliteSessions:
    """``steer.ports.storage.SessionReads``."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def get(self, scope_id: str, session_id: str, /) -> SessionRecord:
        def read(connection: sqlite3.Connection) -> SessionRecord:
            row = connection.execute(_SESSION, (scope_id, session_id)).fetchone()
            if row is None:
                raise NotFound(
                    f"there is no session {session_id} in scope {scope_id}",
                    fix="See: steer sessions list",
                )
            items = connection.execute(_ITEMS, (scope_id, session_id))
            return _session(row, tuple(item for (item,) in items))

        return await self._readers.read(read)

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        size = page_size(limit)
        after = decode_cursor("sessions", cursor, "")

        def read(connection: sqlite3.Connection) -> Page[SessionRecord]:
            rows = connection.execute(_LIST, (scope_id, after, size + 1)).fetchall()
            return page("sessions", rows, size, _session)

        return await self._readers.read(read)


def sessions_beginning(
    scope_id: str, beginning: str, *, limit: int
) -> Callable[[sqlite3.Connection], Page[SessionRecord]]:
    """Return the read of the first sessions whose names begin so."""

    def read(connection: sqlite3.Connection) -> Page[SessionRecord]:
        rows = connection.execute(_BEGINNING, (scope_id, len(beginning), beginning, limit))
        return Page(items=tuple(map(_session, rows)))

    return read


def _session(row: Row, items: tuple[str, ...] = ()) -> SessionRecord:
    session_id, version, updated_at, held_by = row
    return SessionRecord(
        session_id=session_id,
        version=version,
        items=items,
        updated_at=from_micros(updated_at),
        held_by=held_by,
    )
