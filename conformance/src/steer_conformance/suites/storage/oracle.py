"""The suite's own store, in dictionaries and as plain as can be: what storages are compared with.

Each commit works on a deep copy of one scope and keeps it only if every change was fine. It shares
no code with the storages but the records themselves.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from steer.errors import (
    ActionExpired,
    BudgetExceeded,
    Conflict,
    IdempotencyConflict,
    InvalidTransition,
    NotFound,
    StaleFence,
    SteerError,
)
from steer.ports import changes as c
from steer.ports.records import Account, JobRecord

from steer_conformance.suites.storage.oracle_tables import ENDED, PlainScope, Refused
from steer_conformance.suites.storage.oracle_talks import PlainTalks

__all__ = ["PlainStore"]

MOVES = {
    "queued": {"running", "failed", "cancelled", "timed_out"},
    "running": {"waiting_action", "queued", *ENDED},
    "waiting_action": {"running", "queued", "failed", "cancelled", "timed_out"},
}
FREE = (
    c.JobCreated,
    c.JobClaimed,
    c.CancelRequested,
    c.BudgetDefined,
    c.BudgetDropped,
    c.AccountOpened,
    c.BudgetSet,
    c.Reserved,
    c.Settled,
    c.Released,
    c.LedgerAppended,
    c.ActionRequested,
    c.ActionMoved,
    c.ArtifactStored,
    c.ArtifactDropped,
    c.SessionAppended,
    c.SessionDropped,
    c.AgentStored,
    c.AgentRemoved,
)
WITHOUT_JOB = FREE[3:]


class PlainStore:
    """All scopes, the position that they share, and the accounts that the last commit touched."""

    def __init__(self) -> None:
        self.scopes: dict[str, PlainScope] = {}
        self.position = 0
        self.accounts: dict[str, Account] = {}

    def scope(self, scope_id: str) -> PlainScope:
        return self.scopes.setdefault(scope_id, PlainScope())

    def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[c.Change],
        now: datetime,
    ) -> type[SteerError] | None:
        """Keep all changes and return ``None``, or none and return what has to be raised."""
        try:
            done = self._tried(scope_id, job_id, fence, changes, now)
        except Refused as refused:
            return refused.kind
        self.position = done.position
        self.accounts = {name: done.scope.accounts[name] for name in done.touched}
        self.scopes[scope_id] = done.scope
        return None

    def trial(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[c.Change],
        now: datetime,
    ) -> PlainScope:
        """Return the scope as the commit would leave it. Raises ``Refused``."""
        return self._tried(scope_id, job_id, fence, changes, now).scope

    def _tried(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[c.Change],
        now: datetime,
    ) -> _PlainCommit:
        scope = copy.deepcopy(self.scope(scope_id))
        commit = _PlainCommit(scope, self.position, job_id, fence, now)
        commit.run(scope_id, changes)
        return commit


class _PlainCommit(PlainTalks):
    def __init__(
        self,
        scope: PlainScope,
        position: int,
        job_id: str | None,
        fence: int | None,
        now: datetime,
    ) -> None:
        super().__init__(scope, job_id, now)
        self.position = position
        self.acting = fence is not None
        self.fence = fence

    def run(self, scope_id: str, changes: Sequence[c.Change]) -> None:
        there = self.job_id in self.scope.jobs
        creates = any(isinstance(change, c.JobCreated) for change in changes)
        if self.fence is not None and not there:
            raise Refused(NotFound)
        if self.job_id is not None and not there and not creates:
            raise Refused(NotFound)
        if self.fence is not None and self.job.fence != self.fence:
            raise Refused(StaleFence)
        for change in changes:
            self.one(scope_id, change)

    @property
    def job(self) -> JobRecord:
        if self.job_id is None:
            raise Refused(Conflict)
        if self.job_id not in self.scope.jobs:
            raise Refused(NotFound)
        return self.scope.jobs[self.job_id]

    def update(self, **fields: Any) -> None:
        self.scope.jobs[self.job.job_id] = replace(self.job, updated_at=self.now, **fields)

    def one(self, scope_id: str, change: c.Change) -> None:
        if not isinstance(change, FREE) and not self.acting:
            owner = self.job.owner
            self.need(isinstance(change, c.JobMoved | c.EventsAppended) and owner is None, Conflict)
        if not isinstance(change, (*WITHOUT_JOB, c.JobCreated)):
            self.update()
        getattr(self, type(change).__name__)(scope_id, change)

    def JobCreated(self, scope_id: str, change: c.JobCreated) -> None:  # noqa: N802 - as the change
        job = change.job
        self.need(job.scope_id == scope_id and job.job_id == self.job_id, Conflict)
        keys = {other.idempotency_key for other in self.scope.jobs.values()} - {None}
        self.need(job.idempotency_key not in keys, IdempotencyConflict)
        self.need(job.job_id not in self.scope.jobs, Conflict)
        if change.max_children is not None and job.parent_job_id is not None:
            self.need(job.parent_job_id in self.scope.jobs, NotFound)
            parent = self.scope.jobs[job.parent_job_id]
            self.need(parent.status not in ENDED, InvalidTransition)
            siblings = [
                one for one in self.scope.jobs.values() if one.parent_job_id == parent.job_id
            ]
            self.need(len(siblings) < change.max_children, BudgetExceeded)
        queued = job.owner is None and job.status == "queued"
        self.scope.jobs[job.job_id] = replace(
            job,
            due_at=job.due_at or (self.now if queued else None),
            retries=0,
            owner=None,
            fence=0,
            attempt=0,
            lease_expires_at=None,
            last_seq=0,
            updated_at=self.now,
        )
        self.acting = job.owner is not None
        if job.owner is not None:
            self.update(status="running")
            self.hold(job.owner, change.lease_seconds)

    def hold(self, owner: Any, lease_seconds: float | None) -> None:
        self.update(
            owner=owner,
            due_at=None,
            fence=self.job.fence + 1,
            attempt=self.job.attempt + 1,
            started_at=self.job.started_at or self.now,
            lease_expires_at=lease_seconds and self.now + timedelta(seconds=lease_seconds),
        )

    def JobClaimed(self, _: str, change: c.JobClaimed) -> None:  # noqa: N802 - as the change
        job = self.job
        self.need(job.status not in ENDED, InvalidTransition)
        self.need(job.fence == change.expected_fence, Conflict)
        if job.status == "running" and job.owner is not None:
            over = job.lease_expires_at is None or job.lease_expires_at <= self.now
            self.need(over or job.owner == change.dead_owner, Conflict)
        self.update(status="running", run_id=change.run_id)
        self.hold(change.owner, change.lease_seconds)
        self.acting = True

    def JobMoved(self, _: str, change: c.JobMoved) -> None:  # noqa: N802 - as the change
        for action_id in change.waits_for:
            self.need(action_id in self.scope.actions, Conflict)
            waited = self.scope.actions[action_id]
            self.need(waited.job_id == self.job_id and waited.status == "pending", Conflict)
        self.need(change.status in MOVES.get(self.job.status, ()), InvalidTransition)
        self.update(status=change.status, result=change.result or self.job.result)
        if change.status in ENDED:
            self.update(ended_at=self.now)
        self.update(due_at=change.due_at)
        if change.status == "queued":
            retries = self.job.retries + change.retry
            self.update(due_at=change.due_at or self.now, retries=retries)
        if change.status != "running":
            self.update(owner=None, lease_expires_at=None)
        self.end_soon()

    def CancelRequested(self, _: str, change: c.CancelRequested) -> None:  # noqa: N802 - as the change
        self.need(self.job.status not in ENDED, InvalidTransition)
        if self.job.cancel_by is None:
            self.update(cancel_reason=change.reason, cancel_by=change.by)
        self.end_soon()

    def end_soon(self) -> None:
        job = self.job
        if job.cancel_by is not None and job.owner is None and job.status not in ENDED:
            self.update(due_at=self.now)

    def EventsAppended(self, _: str, change: c.EventsAppended) -> None:  # noqa: N802 - as the change
        for event in change.events:
            earlier = self.scope.events_of(self.job.job_id)
            self.need(not any(one.terminal for one in earlier), Conflict)
            self.need(event.job_id == self.job_id, Conflict)
            self.need(event.seq == len(earlier) + 1, Conflict)
            self.position += 1
            self.scope.events.append((self.position, event))
            self.update(last_seq=event.seq)

    def ModelRecorded(self, _: str, change: c.ModelRecorded) -> None:  # noqa: N802 - as the change
        self.new(
            self.scope.models, (self.job_id, change.record.path, change.record.index), change.record
        )

    def EffectIntended(self, _: str, change: c.EffectIntended) -> None:  # noqa: N802 - as the change
        self.new(self.scope.effects, (self.job_id, change.effect.key), change.effect)

    def EffectResolved(self, _: str, change: c.EffectResolved) -> None:  # noqa: N802 - as the change
        key = (self.job_id, change.key)
        self.need(key in self.scope.effects, NotFound)
        old = self.scope.effects[key].outcome
        self.need(old is None or old.status == "unknown", Conflict)
        self.scope.effects[key] = replace(self.scope.effects[key], outcome=change.outcome)

    def GrantIssued(self, _: str, change: c.GrantIssued) -> None:  # noqa: N802 - as the change
        self.new(self.scope.grants, (self.job_id, change.grant.grant_id), change.grant)

    def GrantUsed(self, _: str, change: c.GrantUsed) -> None:  # noqa: N802 - as the change
        key = (self.job.job_id, change.grant_id)
        self.need(key in self.scope.grants, NotFound)
        self.need(self.scope.grants[key].used_at is None, Conflict)
        self.scope.grants[key] = replace(self.scope.grants[key], used_at=self.now)

    def RecordsDropped(self, _: str, __: c.RecordsDropped) -> None:  # noqa: N802 - as the change
        for table in (self.scope.models, self.scope.effects, self.scope.grants):
            for key in [key for key in table if key[0] == self.job_id]:
                del table[key]

    def ActionRequested(self, _: str, change: c.ActionRequested) -> None:  # noqa: N802 - as the change
        self.need(change.action.job_id in self.scope.jobs, NotFound)
        self.new(self.scope.actions, change.action.action_id, change.action)

    def ActionMoved(self, _: str, change: c.ActionMoved) -> None:  # noqa: N802 - as the change
        self.need(change.action_id in self.scope.actions, NotFound)
        old = self.scope.actions[change.action_id]
        self.need(old.status == "pending" != change.status, InvalidTransition)
        late = old.expires_at is not None and old.expires_at <= self.now
        self.need(not (late and change.status == "resolved"), ActionExpired)
        if change.held_by is not None:
            self.need(old.job_id == self.job_id and self.job_id in self.scope.jobs, Conflict)
            self.need(self.job.owner is not None and self.job.fence == change.held_by, Conflict)
        self.scope.actions[change.action_id] = replace(
            old,
            status=change.status,
            resolved_at=self.now,
            resolution=change.resolution,
            resolved_by=change.by,
            resolved_via=change.via,
        )

    def ArtifactStored(self, _: str, change: c.ArtifactStored) -> None:  # noqa: N802 - as the change
        artifact = change.artifact
        self.need(artifact.job_id in self.scope.jobs, NotFound)
        self.new(self.scope.artifacts, artifact.artifact_id, (artifact, change.content))

    def ArtifactDropped(self, _: str, change: c.ArtifactDropped) -> None:  # noqa: N802 - as the change
        self.need(change.artifact_id in self.scope.artifacts, NotFound)
        del self.scope.artifacts[change.artifact_id]
