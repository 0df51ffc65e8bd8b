"""The events of jobs that nobody runs: numbered, and redacted as the job's own would be."""

from __future__ import annotations

from collections.abc import Callable

from steer.clock import Clock
from steer.events import Event, EventData, JobStarted, JobStatusChanged
from steer.ports.records import JobRecord
from steer.redaction import EventRedactor, Place, Redactor
from steer.values import JobStatus

__all__ = ["Telling", "claimed_event", "first_event"]


class Telling:
    """Makes what is committed of a job beside its run."""

    def __init__(
        self, *, clock: Clock, redactor_of: Callable[[JobRecord], Redactor | None]
    ) -> None:
        self._clock = clock
        self.redactor_of = redactor_of

    def events(self, job: JobRecord, *told: tuple[EventData, tuple[str, ...]]) -> tuple[Event, ...]:
        """Return the events that follow the job's last one, each given with its path."""
        redactor = self.redactor_of(job)
        if redactor is not None:
            redaction = EventRedactor(redactor)
            told = tuple(
                (data, place.path)
                for each, path in told
                for data, place in redaction.pass_on(each, Place(path=path))
            )
        return tuple(
            Event(
                job_id=job.job_id,
                data=data,
                time=self._clock.now(),
                seq=job.last_seq + number,
                attempt=max(job.attempt, 1),
                path=path,
            )
            for number, (data, path) in enumerate(told, start=1)
        )


def first_event(job: JobRecord) -> JobStarted:
    """Return what is told first of a job."""
    return JobStarted(
        agent=job.agent,
        runtime=job.runtime,
        model=job.model,
        scope_id=job.scope_id,
        principal_id=job.principal_id,
        session_id=job.session_id,
        policy=job.policy,
    )


def claimed_event(job: JobRecord) -> JobStatusChanged:
    """Return what is told when a job that nobody ran is taken."""
    reason = _CLAIM_REASONS.get(job.status, "its process was gone")
    return JobStatusChanged(old=job.status, new=JobStatus.RUNNING, reason=reason)


_CLAIM_REASONS = {
    JobStatus.QUEUED: "queued",
    JobStatus.WAITING_ACTION: "taken up again while it waits for a person",
}
