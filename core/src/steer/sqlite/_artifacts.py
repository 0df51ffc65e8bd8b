"""The tables ``artifacts`` and ``artifact_pieces``."""

from __future__ import annotations

import sqlite3

from steer.errors import NotFound
from steer.ports.records import ArtifactRecord, Page
from steer.sqlite._readers import Readers
from steer.sqlite._rows import Row, Rows, from_micros, page, to_micros
from steer.storage import check_part, decode_cursor, page_size

__all__ = ["ArtifactRows", "SqliteArtifacts"]

# Bytes. A row spans several pages of the file in any case; one of this size is read in well under
# a millisecond.
_PIECE = 256 * 1024

# Beyond any content, and still an integer of SQLite's.
_FAR = 2**62

_INSERT = """
INSERT INTO artifacts (scope_id, artifact_id, job_id, name, media_type, size, digest, created_at,
    created_by, action_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_PIECE = "INSERT INTO artifact_pieces (artifact, start, content) VALUES (?, ?, ?)"
_SELECT = """
SELECT number, artifact_id, job_id, name, media_type, size, digest, created_at, created_by,
    action_id
FROM artifacts WHERE scope_id = ?
"""
_ONE = _SELECT + "AND artifact_id = ?"
_NUMBER = "SELECT number FROM artifacts WHERE scope_id = ? AND artifact_id = ?"
_PIECES = """
SELECT start, content FROM artifact_pieces
WHERE artifact = ? AND start > ? AND start < ? ORDER BY start
"""
_DROP_PIECES = "DELETE FROM artifact_pieces WHERE artifact = ?"
_DROP = "DELETE FROM artifacts WHERE number = ?"


class ArtifactRows(Rows):
    """Artifacts, inside a commit."""

    def artifact(self, artifact_id: str, /) -> ArtifactRecord | None:
        row = self._one(_ONE, (self._scope_id, artifact_id))
        return None if row is None else _artifact(row)

    def add_artifact(self, artifact: ArtifactRecord, content: bytes, /) -> None:
        number = self._connection.execute(
            _INSERT,
            (
                self._scope_id,
                artifact.artifact_id,
                artifact.job_id,
                artifact.name,
                artifact.media_type,
                artifact.size,
                artifact.digest,
                to_micros(artifact.created_at),
                artifact.created_by,
                artifact.action_id,
            ),
        ).lastrowid
        whole = memoryview(content)
        self._connection.executemany(
            _INSERT_PIECE,
            (
                (number, start, whole[start : start + _PIECE])
                for start in range(0, len(whole), _PIECE)
            ),
        )

    def drop_artifact(self, artifact_id: str, /) -> bool:
        row = self._one(_NUMBER, (self._scope_id, artifact_id))
        if row is None:
            return False
        for sql in (_DROP_PIECES, _DROP):
            self._connection.execute(sql, row)
        return True


class SqliteArtifacts:
    """``steer.ports.storage.ArtifactReads``."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def get(self, scope_id: str, artifact_id: str, /) -> ArtifactRecord:
        def read(connection: sqlite3.Connection) -> ArtifactRecord:
            return _artifact(_found(connection, _ONE, scope_id, artifact_id))

        return await self._readers.read(read)

    async def list(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArtifactRecord]:
        size = page_size(limit)
        arguments: list[object] = [scope_id, decode_cursor("artifacts", cursor, 0)]
        conditions = [_SELECT, "number > ?"]
        if job_id is not None:
            conditions.append("job_id = ?")
            arguments.append(job_id)
        sql = " AND ".join(conditions) + " ORDER BY number LIMIT ?"

        def read(connection: sqlite3.Connection) -> Page[ArtifactRecord]:
            rows = connection.execute(sql, (*arguments, size + 1)).fetchall()
            return page("artifacts", rows, size, _artifact)

        return await self._readers.read(read)

    async def read(
        self, scope_id: str, artifact_id: str, /, *, start: int = 0, length: int
    ) -> bytes:
        check_part(start, length)
        start = min(start, _FAR)

        def read(connection: sqlite3.Connection) -> bytes:
            (number,) = _found(connection, _NUMBER, scope_id, artifact_id)
            pieces = connection.execute(
                _PIECES, (number, start - _PIECE, min(start + length, _FAR))
            )
            parts = [
                content[max(0, start - first) : start + length - first] for first, content in pieces
            ]
            return b"".join(parts)

        return await self._readers.read(read)


def _found(connection: sqlite3.Connection, sql: str, scope_id: str, artifact_id: str) -> Row:
    row: Row | None = connection.execute(sql, (scope_id, artifact_id)).fetchone()
    if row is None:
        raise NotFound(f"there is no artifact {artifact_id} in scope {scope_id}")
    return row


def _artifact(row: Row) -> ArtifactRecord:
    return ArtifactRecord(
        artifact_id=row[1],
        job_id=row[2],
        name=row[3],
        media_type=row[4],
        size=row[5],
        digest=row[6],
        created_at=from_micros(row[7]),
        created_by=row[8],
        action_id=row[9],
    )
