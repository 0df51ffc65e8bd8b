"""Claiming a job, what is told of one that was claimed, and giving it back at once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import anyio
import anyio.lowlevel

from steer._engine.leases import LEASE_SECONDS, dead_owner
from steer._engine.questions import about_a_call
from steer._engine.taking import bounded, kernel_closed
from steer._engine.telling import Telling
from steer._engine.topics import NO_SCOPE, queue_topic
from steer.clock import Clock
from steer.errors import Conflict, StaleFence
from steer.events import Event, JobStatusChanged
from steer.ids import new_id
from steer.ports.changes import Change, EventsAppended, JobClaimed, JobMoved
from steer.ports.records import JobRecord, Owner
from steer.ports.storage import MAX_PAGE, Storage
from steer.values import ActionStatus, JobStatus

__all__ = ["Claims", "taken_up"]

T = TypeVar("T")

AGAIN_SECONDS = 5.0
"""When a job that could not be taken up is due again; each attempt makes it so much longer."""

LONGEST_SECONDS = 300.0
"""The longest that it is put off."""

GIVE_BACK_SECONDS = 10.0
"""The longest that giving it back may take, before it is left to its lease."""

_log = logging.getLogger("steer.engine")


def taken_up(before: JobStatus) -> JobStatusChanged:
    """Return what is told of a job that goes on, which was ``before``."""
    reasons = {
        JobStatus.QUEUED: "queued",
        JobStatus.WAITING_ACTION: "taken up again while it waits for a person",
    }
    reason = reasons.get(before, "its process was gone")
    return JobStatusChanged(old=before, new=JobStatus.RUNNING, reason=reason)


class Claims:
    """Claims jobs for ``owner``, and gives back those that it cannot take up.

    ``on_events`` is called with what was committed of a job, ``signal`` with a topic.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        telling: Telling,
        clock: Clock,
        owner: Owner,
        on_events: Callable[[JobRecord, Sequence[Event]], Awaitable[None]],
        signal: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._storage = storage
        self._telling = telling
        self._clock = clock
        self._owner = owner
        self._on_events = on_events
        self._signal = signal

    async def take(
        self,
        job: JobRecord,
        taking: Sequence[Change],
        take_up: Callable[[JobRecord, anyio.CancelScope], Awaitable[T]],
        wanted: anyio.CancelScope,
    ) -> T:
        """Claim a job, and by ``taking`` its session, in one commit (W1); then take it up.

        ``take_up`` is given its record with the new fence, attempt and run; the rest is as it was
        before. Where that fails, or is not ``wanted`` any more, the job is given back. Raises
        ``Released`` where nobody wants it, and what the commit raises.
        """
        with bounded(job.job_id):
            claimed = await self._claim(job, taking)
        with wanted:
            try:
                await anyio.lowlevel.checkpoint_if_cancelled()
                return await take_up(claimed, wanted)
            except BaseException as error:
                # Held, it would be out of everybody's reach for as long as the lease lasts.
                await self._give_back(claimed, error)
                raise
        raise kernel_closed()

    async def _claim(self, job: JobRecord, taking: Sequence[Change]) -> JobRecord:
        run_id = new_id()
        claimed = JobClaimed(
            owner=self._owner,
            run_id=run_id,
            expected_fence=job.fence,
            lease_seconds=LEASE_SECONDS,
            dead_owner=dead_owner(job, seen_from=self._owner),
        )
        done = await self._storage.commit(job.scope_id, job.job_id, None, [claimed, *taking])
        return replace(job, run_id=run_id, fence=done.fence, attempt=done.attempt)

    async def _give_back(self, job: JobRecord, error: BaseException) -> None:
        """Give back a job that was claimed, because this process does not take it up.

        Where that was tried and failed, it is queued, to be tried again a while later. Where it was
        only told not to, nothing is put off, and one that waited for a person waits on. Raises
        nothing: where the storage takes no commit either, the job is left to its lease.
        """
        with anyio.move_on_after(GIVE_BACK_SECONDS, shield=True) as patience:
            try:
                waits = () if isinstance(error, Exception) else await self._waits_for(job)
                if not waits or not await self._parked(job, waits):
                    await self._queued(job, error)
            except Exception:
                _log.exception("could not give job %s back, which its lease will do", job.job_id)
        if patience.cancelled_caught:
            _log.error(
                "could not give job %s back within %g s, which its lease will do",
                job.job_id,
                GIVE_BACK_SECONDS,
            )

    async def _waits_for(self, job: JobRecord) -> tuple[str, ...]:
        """Return the questions that a job waited for, none where it did not wait."""
        if job.status is not JobStatus.WAITING_ACTION:
            return ()
        page = await self._storage.actions.list(
            job.scope_id, job_id=job.job_id, status=ActionStatus.PENDING, limit=MAX_PAGE
        )
        return tuple(action.action_id for action in page.items if about_a_call(action))

    async def _parked(self, job: JobRecord, waits: tuple[str, ...]) -> bool:
        """Park a job again as it was; return whether it still waits."""
        parked = JobMoved(status=JobStatus.WAITING_ACTION, due_at=job.due_at, waits_for=waits)
        try:
            await self._move(job, parked, reason="it still waits for a person")
        except StaleFence:
            raise
        except Conflict:
            # Somebody has answered meanwhile.
            return False
        return True

    async def _queued(self, job: JobRecord, error: BaseException) -> None:
        wait, reason = 0.0, "whoever took it was told to stop"
        if isinstance(error, Exception):
            wait, reason = min(AGAIN_SECONDS * job.attempt, LONGEST_SECONDS), str(error)
        due_at = self._clock.now() + timedelta(seconds=wait)
        queued = JobMoved(status=JobStatus.QUEUED, due_at=due_at)
        reason = f"it could not be taken up: {reason}"
        await self._move(job, queued, reason=reason, retry_in_ms=round(wait * 1000))
        if not wait:
            await self._signal(NO_SCOPE, queue_topic(job.queue))

    async def _move(
        self, job: JobRecord, moved: JobMoved, *, reason: str, retry_in_ms: int | None = None
    ) -> None:
        # Between being read and being claimed, it may have been told something.
        now = await self._storage.jobs.get(job.scope_id, job.job_id)
        told = JobStatusChanged(
            old=JobStatus.RUNNING, new=moved.status, reason=reason, retry_in_ms=retry_in_ms
        )
        events = self._telling.events(now, (told, ()))
        await self._storage.commit(
            job.scope_id, job.job_id, job.fence, [EventsAppended(events=events), moved]
        )
        await self._on_events(now, events)
