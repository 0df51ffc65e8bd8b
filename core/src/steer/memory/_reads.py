"""What can be asked of a store in memory, one class per port of ``steer.ports.storage``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from steer.errors import NotFound
from steer.events import Event
from steer.memory._store import Store
from steer.memory._tables import ArtifactRow, JobRows
from steer.ports.records import (
    Account,
    ActionRecord,
    ArtifactRecord,
    JobQuery,
    JobRecord,
    JournalEntry,
    LedgerEntry,
    Owner,
    Page,
    Records,
    Reservation,
    SessionRecord,
    StoredAgent,
)
from steer.ports.storage import MAX_PAGE, HeldJob
from steer.storage import JobState, check_part, decode_cursor, encode_cursor, page_size
from steer.values import ActionStatus

__all__ = [
    "MemoryActions",
    "MemoryAgents",
    "MemoryArtifacts",
    "MemoryJobs",
    "MemoryJournal",
    "MemoryLedger",
    "MemoryRecords",
    "MemorySessions",
]

R = TypeVar("R")
V = TypeVar("V")
K = TypeVar("K", int, str)


class _Reads:
    def __init__(self, store: Store) -> None:
        self._store = store


class MemoryJobs(_Reads):
    async def get(self, scope_id: str, job_id: str, /) -> JobRecord:
        with self._store.reading(scope_id) as tables:
            return tables.rows(job_id).record()

    async def find(self, scope_id: str, idempotency_key: str, /) -> JobRecord | None:
        with self._store.reading(scope_id) as tables:
            job_id = tables.keys.get(idempotency_key)
            return None if job_id is None else tables.jobs[job_id].record()

    async def list(
        self, scope_id: str, query: JobQuery, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[JobRecord]:
        with self._store.reading(scope_id) as tables:
            before = decode_cursor("jobs", cursor, len(tables.numbered) + 1)
            older = reversed(tables.numbered[: max(0, before - 1)])
            matching = (rows for rows in older if _matches(query, rows))
            return _page("jobs", matching, limit, lambda rows: rows.number, JobRows.record)

    async def claimable(
        self,
        queue: str,
        /,
        *,
        scopes: Collection[str] | None = None,
        dead: Collection[Owner] = (),
        limit: int = 50,
    ) -> Sequence[JobRecord]:
        size, now = page_size(limit), self._store.clock.now()
        found: list[tuple[datetime, JobRecord]] = []
        for scope_id in self._store.scopes() if scopes is None else scopes:
            with self._store.reading(scope_id) as tables:
                for rows in tables.live.values():
                    due = _due(rows.state, dead)
                    if due is not None and due <= now and rows.created.queue == queue:
                        found.append((due, rows.record()))
        found.sort(key=lambda pair: pair[0])
        return [job for _, job in found[:size]]

    async def owners(self, *, scopes: Collection[str] | None = None) -> Sequence[Owner]:
        found: dict[Owner, None] = {}
        for scope_id in self._store.scopes() if scopes is None else scopes:
            with self._store.reading(scope_id) as tables:
                found.update(
                    (owner, None) for rows in tables.live.values() if (owner := rows.state.owner)
                )
        return list(found)

    async def renew(self, held: Sequence[HeldJob], /, *, lease_seconds: float) -> Sequence[HeldJob]:
        expires = self._store.clock.now() + timedelta(seconds=lease_seconds)
        return [job for job in held if not self._renewed(job, expires)]

    async def cancellations(self, held: Sequence[HeldJob], /) -> Mapping[str, tuple[str, str]]:
        asked = {}
        for job in held:
            with self._store.reading(job.scope_id) as tables:
                rows = tables.jobs.get(job.job_id)
                if rows is not None and rows.state.cancel_by is not None:
                    asked[job.job_id] = (rows.state.cancel_reason or "", rows.state.cancel_by)
        return asked

    def _renewed(self, held: HeldJob, expires: datetime) -> bool:
        with self._store.reading(held.scope_id) as tables:
            rows = tables.jobs.get(held.job_id)
            if rows is None or rows.state.fence != held.fence or rows.state.owner is None:
                return False
            rows.state.lease_expires_at = expires
            return True


class MemoryJournal(_Reads):
    async def events(
        self, scope_id: str, job_id: str, /, *, after: int = 0, limit: int = MAX_PAGE
    ) -> Sequence[Event]:
        size = page_size(limit)
        with self._store.reading(scope_id) as tables:
            start = max(0, after)
            return tables.rows(job_id).events[start : start + size]

    async def read(
        self, scope_id: str, /, *, after: int = 0, limit: int = MAX_PAGE
    ) -> Sequence[JournalEntry]:
        size = page_size(limit)
        with self._store.reading(scope_id) as tables:
            start = bisect_right(tables.positions, after)
            wanted = slice(start, start + size)
            return [
                JournalEntry(position=position, event=event)
                for position, event in zip(
                    tables.positions[wanted], tables.events[wanted], strict=True
                )
            ]


class MemoryRecords(_Reads):
    async def load(self, scope_id: str, job_id: str, /) -> Records:
        with self._store.reading(scope_id) as tables:
            rows = tables.rows(job_id)
            return Records(
                models=tuple(rows.models.values()),
                effects=tuple(rows.effects.values()),
                grants=tuple(rows.grants.values()),
            )


class MemoryActions(_Reads):
    async def get(self, scope_id: str, action_id: str, /) -> ActionRecord:
        with self._store.reading(scope_id) as tables:
            action = tables.actions.get(action_id)
        if action is None:
            raise NotFound(f"there is no action {action_id} in scope {scope_id}")
        return action

    async def list(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        status: ActionStatus | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ActionRecord]:
        after = decode_cursor("actions", cursor, 0)
        with self._store.reading(scope_id) as tables:
            later = enumerate(map(tables.actions.__getitem__, tables.action_order[after:]), after)
            matching = (
                (number, action)
                for number, action in later
                if (job_id is None or action.job_id == job_id)
                and (status is None or action.status is status)
            )
            return _page("actions", matching, limit, lambda row: row[0] + 1, lambda row: row[1])


class MemoryArtifacts(_Reads):
    async def get(self, scope_id: str, artifact_id: str, /) -> ArtifactRecord:
        return self._row(scope_id, artifact_id).artifact

    async def list(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArtifactRecord]:
        after = decode_cursor("artifacts", cursor, 0)
        with self._store.reading(scope_id) as tables:
            # One that was dropped in a commit that was refused is back, behind the others.
            rows = sorted(tables.artifacts.values(), key=lambda row: row.number)
            matching = (
                row
                for row in rows
                if row.number > after and (job_id is None or row.artifact.job_id == job_id)
            )
            return _page(
                "artifacts", matching, limit, lambda row: row.number, lambda row: row.artifact
            )

    async def read(
        self, scope_id: str, artifact_id: str, /, *, start: int = 0, length: int
    ) -> bytes:
        check_part(start, length)
        return self._row(scope_id, artifact_id).content[start : start + length]

    def _row(self, scope_id: str, artifact_id: str) -> ArtifactRow:
        with self._store.reading(scope_id) as tables:
            row = tables.artifacts.get(artifact_id)
        if row is None:
            raise NotFound(f"there is no artifact {artifact_id} in scope {scope_id}")
        return row


class MemoryLedger(_Reads):
    async def entries(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        since: datetime | None = None,
        limit: int = MAX_PAGE,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]:
        after = decode_cursor("ledger", cursor, 0)
        with self._store.reading(scope_id) as tables:
            matching = (
                (number, entry)
                for number, entry in enumerate(tables.entries[after:], after)
                if (job_id is None or entry.job_id == job_id)
                and (since is None or entry.at >= since)
            )
            return _page("ledger", matching, limit, lambda row: row[0] + 1, lambda row: row[1])

    async def account(self, scope_id: str, account: str, /) -> Account:
        with self._store.reading(scope_id) as tables:
            found = tables.accounts.get(account)
        if found is None:
            raise NotFound(f"there is no account {account} in scope {scope_id}")
        return found

    async def reservations(self, scope_id: str, job_id: str, /) -> Sequence[Reservation]:
        with self._store.reading(scope_id) as tables:
            return [
                reservation
                for key in tables.reserved_by_job.get(job_id, ())
                for reservation in tables.reserved[key]
            ]


class MemorySessions(_Reads):
    async def get(self, scope_id: str, session_id: str, /) -> SessionRecord:
        with self._store.reading(scope_id) as tables:
            session = tables.sessions.get(session_id)
            if session is None:
                raise NotFound(f"there is no session {session_id} in scope {scope_id}")
            return SessionRecord(
                session_id=session_id,
                version=session.version,
                items=tuple(session.items),
                updated_at=session.updated_at,
            )

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        after = decode_cursor("sessions", cursor, "")
        with self._store.reading(scope_id) as tables:
            names = sorted(name for name in tables.sessions if cursor is None or name > after)
            return _page(
                "sessions",
                names,
                limit,
                str,
                lambda name: SessionRecord(
                    session_id=name,
                    version=tables.sessions[name].version,
                    updated_at=tables.sessions[name].updated_at,
                ),
            )


class MemoryAgents(_Reads):
    async def get(self, scope_id: str, name: str, /, *, version: int | None = None) -> StoredAgent:
        with self._store.reading(scope_id) as tables:
            versions = tables.agents.get(name, [])
            wanted = len(versions) if version is None else version
            if 1 <= wanted <= len(versions):
                return versions[wanted - 1]
        which = f"agent {name}" if version is None else f"version {version} of agent {name}"
        raise NotFound(f"there is no {which} in scope {scope_id}")

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        after = decode_cursor("agents", cursor, "")
        with self._store.reading(scope_id) as tables:
            names = sorted(name for name in tables.agents if cursor is None or name > after)
            return _page("agents", names, limit, str, lambda name: tables.agents[name][-1])


def _matches(query: JobQuery, rows: JobRows) -> bool:
    job = rows.created
    return (
        (not query.statuses or rows.state.status in query.statuses)
        and (query.session_id is None or job.session_id == query.session_id)
        and (query.runtime is None or job.runtime == query.runtime)
        and (query.agent is None or job.agent == query.agent)
        and (query.queue is None or job.queue == query.queue)
        and (query.parent_job_id is None or job.parent_job_id == query.parent_job_id)
        and (query.tag is None or query.tag in job.tags)
        and (query.created_after is None or job.created_at > query.created_after)
        and (query.created_before is None or job.created_at < query.created_before)
    )


def _due(state: JobState, dead: Collection[Owner]) -> datetime | None:
    """Return since when a worker may take the job, ``None`` where it may not."""
    if state.owner is None:
        return state.due_at
    return state.updated_at if state.owner in dead else state.lease_expires_at


def _page(
    listing: str,
    rows: Iterable[R],
    limit: int,
    key: Callable[[R], K],
    item: Callable[[R], V],
) -> Page[V]:
    size = page_size(limit)
    # One more than asked for tells whether there is a next page.
    found = list(islice(rows, size + 1))
    return Page(
        items=tuple(map(item, found[:size])),
        cursor=encode_cursor(listing, key(found[size - 1])) if len(found) > size else None,
    )
