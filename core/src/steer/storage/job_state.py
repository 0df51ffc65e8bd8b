"""The part of a job that changes, and what claims, moves, requests to stop and events do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from steer.errors import Conflict, InvalidTransition
from steer.events import Event
from steer.ports.changes import CancelRequested, JobClaimed, JobCreated, JobMoved
from steer.ports.records import Owner
from steer.values import JobStatus, check_transition

__all__ = ["JobState"]


@dataclass(kw_only=True, slots=True)
class JobState:
    """A job's changing part, as the working copy of one commit.

    ``journal_ended`` is set once the journal has the job's terminal event.
    """

    status: JobStatus
    updated_at: datetime
    run_id: str = ""
    due_at: datetime | None = None
    attempt: int = 0
    retries: int = 0
    fence: int = 0
    owner: Owner | None = None
    lease_expires_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_reason: str | None = None
    cancel_by: str | None = None
    last_seq: int = 0
    journal_ended: bool = False

    @classmethod
    def created(cls, change: JobCreated, now: datetime) -> JobState:
        """Return the state a new job starts in: claimed at once where it brings an owner."""
        job = change.job
        state = cls(
            status=job.status,
            run_id=job.run_id,
            started_at=job.started_at,
            ended_at=now if job.status.terminal else None,
            updated_at=now,
            due_at=job.due_at,
        )
        if job.owner is not None:
            state.status = JobStatus.RUNNING
            state._hold(job.owner, change.lease_seconds, now)
        elif job.status is JobStatus.QUEUED and job.due_at is None:
            state.due_at = now
        return state

    def copy(self) -> JobState:
        """Return a copy; an explicit call, because ``copy.copy`` takes ten times as long."""
        return JobState(
            status=self.status,
            updated_at=self.updated_at,
            run_id=self.run_id,
            due_at=self.due_at,
            attempt=self.attempt,
            retries=self.retries,
            fence=self.fence,
            owner=self.owner,
            lease_expires_at=self.lease_expires_at,
            started_at=self.started_at,
            ended_at=self.ended_at,
            cancel_reason=self.cancel_reason,
            cancel_by=self.cancel_by,
            last_seq=self.last_seq,
            journal_ended=self.journal_ended,
        )

    def claim(self, change: JobClaimed, now: datetime) -> None:
        """Take the job. Raises ``InvalidTransition`` or ``Conflict`` as ``JobClaimed`` says."""
        if self.status.terminal:
            raise InvalidTransition(f"a job that is {self.status} cannot be claimed")
        if self.fence != change.expected_fence:
            raise Conflict(
                f"the job was claimed since: its fence is {self.fence}, not {change.expected_fence}"
            )
        if not self._claimable(change.dead_owner, now):
            raise Conflict(f"the job is held by {self.owner} until {self.lease_expires_at}")
        self.status = JobStatus.RUNNING
        self.run_id = change.run_id
        self._hold(change.owner, change.lease_seconds, now)

    def move(self, change: JobMoved, now: datetime) -> None:
        """Change the status. Raises ``InvalidTransition``, naming both."""
        check_transition(self.status, change.status)
        self.status = change.status
        if change.status.terminal:
            self.ended_at = now
        self.due_at = change.due_at
        if change.status is JobStatus.QUEUED:
            self.due_at = change.due_at or now
            self.retries += change.retry
        if change.status is not JobStatus.RUNNING:
            self.owner = None
            self.lease_expires_at = None
        self._end_soon(now)

    def ask_to_stop(self, change: CancelRequested, now: datetime) -> None:
        """Keep the first request to stop. Raises ``InvalidTransition`` where the job has ended."""
        if self.status.terminal:
            raise InvalidTransition(f"a job that is {self.status} cannot be cancelled")
        if self.cancel_by is None:
            self.cancel_reason, self.cancel_by = change.reason, change.by
        self._end_soon(now)

    def _end_soon(self, now: datetime) -> None:
        """Make a job due that is to stop and that nobody holds: whoever takes it ends it."""
        if self.cancel_by is not None and self.owner is None and not self.status.terminal:
            self.due_at = now

    def append(self, job_id: str, events: Sequence[Event]) -> None:
        """Count ``events``. Raises ``Conflict`` as ``EventsAppended`` says."""
        seq, ended = self.last_seq, self.journal_ended
        for event in events:
            if ended:
                raise Conflict(f"{event.type} comes after the terminal event of job {job_id}")
            if event.job_id != job_id:
                raise Conflict(f"an event of job {event.job_id} in a commit for job {job_id}")
            if event.seq != seq + 1:
                raise Conflict(f"event {event.seq} of job {job_id} follows event {seq}")
            seq += 1
            ended = event.terminal
        self.last_seq, self.journal_ended = seq, ended

    def _claimable(self, dead_owner: Owner | None, now: datetime) -> bool:
        if self.status is not JobStatus.RUNNING or self.owner is None:
            return True
        lease = self.lease_expires_at
        return lease is None or lease <= now or self.owner == dead_owner

    def _hold(self, owner: Owner, lease_seconds: float | None, now: datetime) -> None:
        self.owner = owner
        self.due_at = None
        self.fence += 1
        self.attempt += 1
        if lease_seconds is not None:
            self.lease_expires_at = now + timedelta(seconds=lease_seconds)
        if self.started_at is None:
            self.started_at = now
