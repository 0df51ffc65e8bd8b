"""The tables ``jobs`` and ``job_contents``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from steer.clock import Clock
from steer.errors import NotFound
from steer.ports.records import JobQuery, JobRecord, Owner, Page
from steer.ports.storage import HeldJob
from steer.sqlite._due_jobs import due_jobs, holders
from steer.sqlite._job_rows import RECORD_COLUMNS, read_owner, read_record, state_columns
from steer.sqlite._readers import Readers
from steer.sqlite._rows import (
    Rows,
    Transaction,
    from_micros,
    json_text,
    page,
    to_micros,
)
from steer.sqlite._writer import Writer
from steer.storage import JobState, decode_cursor, page_size
from steer.values import TERMINAL_STATUSES, JobStatus, RunResult

__all__ = ["JobRows", "SqliteJobs", "page_of_jobs"]

_STATE = """
SELECT number, status, updated_at, run_id, attempt, fence, owner_token, owner_host, owner_boot_id,
    owner_pid, owner_started, lease_expires_at, started_at, ended_at, cancel_reason, cancel_by,
    last_seq, journal_ended, due_at, retries
FROM jobs WHERE scope_id = ? AND job_id = ?
"""
_UPDATE = """
UPDATE jobs SET status = ?, updated_at = ?, run_id = ?, attempt = ?, fence = ?, owner_token = ?,
    owner_host = ?, owner_boot_id = ?, owner_pid = ?, owner_started = ?, lease_expires_at = ?,
    started_at = ?, ended_at = ?, cancel_reason = ?, cancel_by = ?, last_seq = ?, journal_ended = ?,
    due_at = ?, retries = ?
WHERE number = ?
"""
_INSERT = """
INSERT INTO jobs (scope_id, job_id, principal_id, team_id, session_id, parent_job_id, depth, queue,
    agent, runtime, model, request_digest, idempotency_key, policy, created_at, deadline, status,
    updated_at, run_id, attempt, fence, owner_token, owner_host, owner_boot_id, owner_pid,
    owner_started, lease_expires_at, started_at, ended_at, cancel_reason, cancel_by, last_seq,
    journal_ended, due_at, retries)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?)
"""
_INSERT_CONTENTS = """
INSERT INTO job_contents (job, agent_ref, request, metadata, tags, result)
VALUES (?, ?, ?, ?, ?, ?)
"""
_UPDATE_RESULT = "UPDATE job_contents SET result = ? WHERE job = ?"
_BY_KEY = "SELECT job_id FROM jobs WHERE scope_id = ? AND idempotency_key = ?"

_RECORD = f"""
SELECT {RECORD_COLUMNS}
FROM jobs JOIN job_contents ON job_contents.job = jobs.number
WHERE scope_id = ?
"""  # noqa: S608 - made of constants
_CHILDREN = "SELECT count(*) FROM jobs WHERE scope_id = ? AND parent_job_id = ?"
_BY_NUMBER = " ORDER BY number DESC LIMIT ?"
# The + makes SQLite look the statuses up in their index and sort: the jobs that have not ended are
# few, and walking through all the others in order of number to find them is what takes long.
_BY_LIVE_STATUSES = " ORDER BY +number DESC LIMIT ?"
_RENEW = """
UPDATE jobs SET lease_expires_at = ?
WHERE scope_id = ? AND job_id = ? AND fence = ? AND owner_token IS NOT NULL
"""
_CANCELLATIONS = """
SELECT jobs.job_id, cancel_reason, cancel_by
FROM json_each(?) AS held JOIN jobs ON jobs.scope_id = held.value ->> 0
    AND jobs.job_id = held.value ->> 1
WHERE cancel_by IS NOT NULL
"""


class JobRows(Rows):
    """Jobs, inside a commit."""

    def job_state(self, job_id: str, /) -> JobState | None:
        row = self._one(_STATE, (self._scope_id, job_id))
        if row is None:
            return None
        self._numbers[job_id] = row[0]
        return JobState(
            status=JobStatus(row[1]),
            updated_at=from_micros(row[2]),
            run_id=row[3],
            attempt=row[4],
            fence=row[5],
            owner=read_owner(row[6:11]),
            lease_expires_at=from_micros(row[11]),
            started_at=from_micros(row[12]),
            ended_at=from_micros(row[13]),
            cancel_reason=row[14],
            cancel_by=row[15],
            last_seq=row[16],
            journal_ended=bool(row[17]),
            due_at=from_micros(row[18]),
            retries=row[19],
        )

    def save_job(self, job_id: str, state: JobState, /) -> None:
        self._connection.execute(_UPDATE, (*state_columns(state), self._numbers[job_id]))

    def add_job(self, job: JobRecord, state: JobState, /) -> None:
        inserted = self._connection.execute(
            _INSERT,
            (
                self._scope_id,
                job.job_id,
                job.principal_id,
                job.team_id,
                job.session_id,
                job.parent_job_id,
                job.depth,
                job.queue,
                job.agent,
                job.runtime,
                job.model,
                job.request_digest,
                job.idempotency_key,
                job.policy,
                to_micros(job.created_at),
                to_micros(job.deadline),
                *state_columns(state),
            ),
        )
        number = inserted.lastrowid
        assert number is not None  # noqa: S101 - an insert has one, for mypy
        self._numbers[job.job_id] = number
        self._connection.execute(
            _INSERT_CONTENTS,
            (
                number,
                job.agent_ref,
                job.request,
                json_text(dict(job.metadata)),
                json_text(job.tags),
                json_text(job.result),
            ),
        )

    def save_result(self, job_id: str, result: RunResult, /) -> None:
        self._connection.execute(_UPDATE_RESULT, (json_text(result), self._numbers[job_id]))

    def children(self, job_id: str, /) -> int:
        (count,) = self._connection.execute(_CHILDREN, (self._scope_id, job_id)).fetchone()
        return int(count)

    def job_with_key(self, idempotency_key: str, /) -> str | None:
        row = self._one(_BY_KEY, (self._scope_id, idempotency_key))
        return None if row is None else row[0]


class SqliteJobs:
    """``steer.ports.storage.JobReads``."""

    def __init__(self, readers: Readers, writer: Writer, clock: Clock) -> None:
        self._readers = readers
        self._writer = writer
        self._clock = clock

    async def get(self, scope_id: str, job_id: str, /) -> JobRecord:
        def read(connection: sqlite3.Connection) -> JobRecord:
            row = connection.execute(_RECORD + "AND job_id = ?", (scope_id, job_id)).fetchone()
            if row is None:
                raise NotFound(f"there is no job {job_id} in scope {scope_id}")
            return read_record(row)

        return await self._readers.read(read)

    async def find(self, scope_id: str, idempotency_key: str, /) -> JobRecord | None:
        def read(connection: sqlite3.Connection) -> JobRecord | None:
            row = connection.execute(
                _RECORD + "AND idempotency_key = ?", (scope_id, idempotency_key)
            ).fetchone()
            return None if row is None else read_record(row)

        return await self._readers.read(read)

    async def list(
        self, scope_id: str, query: JobQuery, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[JobRecord]:
        return await self._readers.read(page_of_jobs(scope_id, query, limit=limit, cursor=cursor))

    async def claimable(
        self,
        queue: str,
        /,
        *,
        scopes: Collection[str] | None = None,
        dead: Collection[Owner] = (),
        limit: int = 50,
    ) -> Sequence[JobRecord]:
        return await self._readers.read(due_jobs(queue, scopes, dead, limit, self._clock.now()))

    async def owners(self, *, scopes: Collection[str] | None = None) -> Sequence[Owner]:
        return await self._readers.read(holders(scopes))

    async def renew(self, held: Sequence[HeldJob], /, *, lease_seconds: float) -> Sequence[HeldJob]:
        def write(transaction: Transaction) -> Sequence[HeldJob]:
            expires = to_micros(transaction.now + timedelta(seconds=lease_seconds))
            return [job for job in held if not _renewed(transaction.connection, job, expires)]

        return await self._writer.write(write) if held else ()

    async def cancellations(self, held: Sequence[HeldJob], /) -> Mapping[str, tuple[str, str]]:
        wanted = json_text([(job.scope_id, job.job_id) for job in held])

        def read(connection: sqlite3.Connection) -> Mapping[str, tuple[str, str]]:
            rows = connection.execute(_CANCELLATIONS, (wanted,))
            return {job_id: (reason, by) for job_id, reason, by in rows}

        return await self._readers.read(read) if held else {}


def page_of_jobs(
    scope_id: str, query: JobQuery, *, limit: int, cursor: str | None
) -> Callable[[sqlite3.Connection], Page[JobRecord]]:
    """Return what reads a page of jobs, newest first. Raises ``ConfigError``."""
    size = page_size(limit)
    before = decode_cursor("jobs", cursor, 0)
    conditions, arguments = _conditions(query)
    if cursor is not None:
        conditions.append("number < ?")
        arguments.append(before)
    order = _BY_LIVE_STATUSES if _several_live(query.statuses) else _BY_NUMBER
    sql = " AND ".join([_RECORD, *conditions]) + order

    def read(connection: sqlite3.Connection) -> Page[JobRecord]:
        rows = connection.execute(sql, (scope_id, *arguments, size + 1)).fetchall()
        return page("jobs", rows, size, read_record)

    return read


def _renewed(connection: sqlite3.Connection, held: HeldJob, expires: int | None) -> bool:
    arguments = (expires, held.scope_id, held.job_id, held.fence)
    return connection.execute(_RENEW, arguments).rowcount == 1


def _several_live(statuses: frozenset[JobStatus]) -> bool:
    return len(statuses) > 1 and statuses.isdisjoint(TERMINAL_STATUSES)


def _conditions(query: JobQuery) -> tuple[list[str], list[object]]:
    """Return constant conditions for the fields that are set, and their arguments."""
    conditions: list[str] = []
    arguments: list[object] = []
    if len(query.statuses) == 1:
        # Apart from the general case, so that the index gives the order as well.
        conditions.append("status = ?")
        arguments.append(next(iter(query.statuses)).value)
    elif query.statuses:
        conditions.append("status IN (SELECT value FROM json_each(?))")
        arguments.append(json_text(sorted(query.statuses)))
    for condition, value in (
        ("session_id = ?", query.session_id),
        ("runtime = ?", query.runtime),
        ("agent = ?", query.agent),
        ("queue = ?", query.queue),
        ("parent_job_id = ?", query.parent_job_id),
        ("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)", query.tag),
        ("created_at > ?", to_micros(query.created_after)),
        ("created_at < ?", to_micros(query.created_before)),
    ):
        if value is not None:
            conditions.append(condition)
            arguments.append(value)
    return conditions, arguments
