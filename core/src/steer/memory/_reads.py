"""What can be asked of a store in memory, one class per port of ``steer.ports.storage``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from steer.errors import NotFound
from steer.events import Event
from steer.memory._paging import Reads, page_of
from steer.memory._tables import ArtifactRow, JobRows, MemoryTables
from steer.ports.records import (
    ActionRecord,
    ArtifactRecord,
    JobQuery,
    JobRecord,
    JournalEntry,
    Owner,
    Page,
    Records,
    SessionRecord,
    StoredAgent,
)
from steer.ports.storage import MAX_PAGE, HeldJob
from steer.storage import JobState, check_part, decode_cursor, page_size
from steer.values import ActionStatus

__all__ = [
    "MemoryActions",
    "MemoryAgents",
    "MemoryArtifacts",
    "MemoryJobs",
    "MemoryJournal",
    "MemoryRecords",
    "MemorySessions",
]


class MemoryJobs(Reads):
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
            return page_of("jobs", matching, limit, lambda rows: rows.number, JobRows.record)

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


class MemoryJournal(Reads):
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


class MemoryRecords(Reads):
    async def load(self, scope_id: str, job_id: str, /) -> Records:
        with self._store.reading(scope_id) as tables:
            rows = tables.rows(job_id)
            return Records(
                models=tuple(rows.models.values()),
                effects=tuple(rows.effects.values()),
                grants=tuple(rows.grants.values()),
            )


class MemoryActions(Reads):
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
            return page_of("actions", matching, limit, lambda row: row[0] + 1, lambda row: row[1])


class MemoryArtifacts(Reads):
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
            return page_of(
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


class MemorySessions(Reads):
    async def get(self, scope_id: str, session_id: str, /) -> SessionRecord:
        with self._store.reading(scope_id) as tables:
            session = tables.sessions.get(session_id)
            if session is None or not session.version:
                raise NotFound(
                    f"there is no session {session_id} in scope {scope_id}",
                    fix="See: steer sessions list",
                )
            return replace(_session(tables, session_id), items=tuple(session.items))

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        after = decode_cursor("sessions", cursor, "")
        with self._store.reading(scope_id) as tables:
            names = sorted(
                name
                for name, session in tables.sessions.items()
                if session.version and (cursor is None or name > after)
            )
            return page_of("sessions", names, limit, str, lambda name: _session(tables, name))


class MemoryAgents(Reads):
    async def get(self, scope_id: str, name: str, /, *, version: int | None = None) -> StoredAgent:
        with self._store.reading(scope_id) as tables:
            versions = tables.agents.get(name, [])
            if version is None and name in tables.removed_agents:
                versions = []
            wanted = len(versions) if version is None else version
            if 1 <= wanted <= len(versions):
                return versions[wanted - 1]
        which = f"agent {name}" if version is None else f"version {version} of agent {name}"
        raise NotFound(f"there is no {which} in scope {scope_id}", fix="See: steer agents list")

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        after = decode_cursor("agents", cursor, "")
        with self._store.reading(scope_id) as tables:
            names = sorted(
                name
                for name in tables.agents.keys() - tables.removed_agents
                if cursor is None or name > after
            )
            return page_of("agents", names, limit, str, lambda name: tables.agents[name][-1])

    async def versions(
        self, scope_id: str, name: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        with self._store.reading(scope_id) as tables:
            versions = tables.agents.get(name, [])
            before = decode_cursor("versions", cursor, len(versions) + 1)
            older = reversed(versions[: before - 1])
            return page_of("versions", older, limit, lambda row: row.version, lambda row: row)


def _session(tables: MemoryTables, session_id: str) -> SessionRecord:
    """Return the session without its items."""
    session = tables.sessions[session_id]
    holder = tables.job_state(session.held_by) if session.held_by is not None else None
    return SessionRecord(
        session_id=session_id,
        version=session.version,
        updated_at=session.updated_at,
        held_by=None if holder is None or holder.status.terminal else session.held_by,
    )


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
