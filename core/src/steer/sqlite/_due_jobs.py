"""Jobs that wait for a worker, and who holds the others, across the scopes of the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from steer.ports.records import JobRecord, Owner
from steer.sqlite._job_rows import RECORD_COLUMNS, read_owner, read_record
from steer.sqlite._rows import json_text, to_micros
from steer.storage import page_size

__all__ = ["due_jobs", "holders"]

# Two lookups, each in the index of what has not ended. The first stops at the limit, in the order
# of the index: however long the queue is, no more of it is read than is returned.
_CLAIMABLE = f"""
WITH found (number, due) AS (
    SELECT * FROM (
        SELECT number, due_at FROM jobs
        WHERE queue = :queue AND due_at <= :now
            AND (:scopes IS NULL OR scope_id IN (SELECT value FROM json_each(:scopes)))
        ORDER BY due_at, number LIMIT :limit
    )
    UNION ALL
    SELECT number, min(lease_expires_at, :now) FROM jobs
    WHERE queue = :queue AND owner_token IS NOT NULL
        AND (lease_expires_at <= :now OR owner_token IN (SELECT value FROM json_each(:dead)))
        AND (:scopes IS NULL OR scope_id IN (SELECT value FROM json_each(:scopes)))
    ORDER BY 2, 1 LIMIT :limit
)
SELECT {RECORD_COLUMNS}
FROM found JOIN jobs USING (number) JOIN job_contents ON job_contents.job = number
ORDER BY due, number
"""  # noqa: S608 - made of constants
_OWNERS = """
SELECT DISTINCT owner_token, owner_host, owner_boot_id, owner_pid, owner_started FROM jobs
WHERE owner_token IS NOT NULL
    AND (:scopes IS NULL OR scope_id IN (SELECT value FROM json_each(:scopes)))
"""


def due_jobs(
    queue: str,
    scopes: Collection[str] | None,
    dead: Collection[Owner],
    limit: int,
    now: datetime,
) -> Callable[[sqlite3.Connection], Sequence[JobRecord]]:
    """Return what reads the jobs that a worker can take. Raises ``ConfigError``."""
    arguments = {
        "queue": queue,
        "now": to_micros(now),
        "dead": json_text(sorted(owner.token for owner in dead)),
        "scopes": _names(scopes),
        "limit": page_size(limit),
    }

    def read(connection: sqlite3.Connection) -> Sequence[JobRecord]:
        return [read_record(row) for row in connection.execute(_CLAIMABLE, arguments)]

    return read


def holders(scopes: Collection[str] | None) -> Callable[[sqlite3.Connection], Sequence[Owner]]:
    """Return what reads who holds jobs."""

    def read(connection: sqlite3.Connection) -> Sequence[Owner]:
        rows = connection.execute(_OWNERS, {"scopes": _names(scopes)})
        return [owner for row in rows if (owner := read_owner(row)) is not None]

    return read


def _names(scopes: Collection[str] | None) -> str | None:
    return None if scopes is None else json_text(sorted(scopes))
