"""A job that was just claimed: what is told of it, and giving it back at once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import anyio

from steer._engine.telling import Telling
from steer.clock import Clock
from steer.events import Event, JobStatusChanged
from steer.ports.changes import EventsAppended, JobMoved
from steer.ports.records import JobRecord
from steer.ports.storage import Storage
from steer.values import JobStatus

__all__ = ["given_back", "taken_up"]

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


async def given_back(
    job: JobRecord,
    error: BaseException,
    *,
    storage: Storage,
    telling: Telling,
    clock: Clock,
    on_events: Callable[[JobRecord, Sequence[Event]], Awaitable[None]],
) -> None:
    """Queue a claimed job again, a while later, because this process could not take it up.

    Raises nothing: where the storage takes no commit either, the job is left to its lease.
    """
    wait, reason = 0.0, "its process was told to stop"
    if isinstance(error, Exception):
        wait, reason = min(AGAIN_SECONDS * job.attempt, LONGEST_SECONDS), str(error)
    moved = JobStatusChanged(
        old=JobStatus.RUNNING,
        new=JobStatus.QUEUED,
        reason=f"it could not be taken up: {reason}",
        retry_in_ms=round(wait * 1000),
    )
    with anyio.move_on_after(GIVE_BACK_SECONDS, shield=True):
        try:
            # Between being read and being claimed, it may have been told something.
            now = await storage.jobs.get(job.scope_id, job.job_id)
            events = telling.events(now, (moved, ()))
            due_at = clock.now() + timedelta(seconds=wait)
            await storage.commit(
                job.scope_id,
                job.job_id,
                job.fence,
                [
                    EventsAppended(events=events),
                    JobMoved(status=JobStatus.QUEUED, due_at=due_at),
                ],
            )
            await on_events(now, events)
        except Exception:
            _log.exception("could not give job %s back, which its lease will do", job.job_id)
