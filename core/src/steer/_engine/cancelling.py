"""Ending a job that somebody asks to stop, in whichever process it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from steer._engine.audits import cancellation_booked
from steer._engine.running import RunningJob
from steer._engine.state import Stop
from steer._engine.topics import NO_SCOPE, owner_topic, queue_topic
from steer.clock import Clock
from steer.errors import Conflict, InvalidTransition
from steer.ports.changes import CancelRequested
from steer.ports.records import JobRecord
from steer.ports.storage import Storage
from steer.values import JobStatus

__all__ = ["Cancelling"]


class Cancelling:
    """Asks for the ends of jobs.

    ``running`` finds a job that runs here, ``orphaned`` says that nobody runs one, and ``claim``
    takes it over to end it.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        running: Callable[[str, str], RunningJob | None],
        orphaned: Callable[[JobRecord], bool],
        claim: Callable[[JobRecord, Stop], Awaitable[RunningJob]],
        signal: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._running = running
        self._orphaned = orphaned
        self._claim = claim
        self._signal = signal

    async def cancel(self, job: JobRecord, *, reason: str, by: str) -> None:
        """Ask for the job's end, in whichever process it runs; end it here if in none.

        Raises ``InvalidTransition`` where it has ended.
        """
        running = self._running(job.scope_id, job.job_id)
        stop = Stop(status=JobStatus.CANCELLED, reason=reason, by=by)
        booked = cancellation_booked(job, by=by, at=self._clock.now())
        if running is not None:
            running.state.record(*booked)
            running.state.stop(stop)
            if not running.leaving:
                return
            # It is being given up for a while, which the request to stop came too late for.
            await running.left()
            if running.result is not None:
                return
            job = await self._storage.jobs.get(job.scope_id, job.job_id)
        await self._storage.commit(
            job.scope_id, job.job_id, None, [CancelRequested(reason=reason, by=by), *booked]
        )
        # Whoever held it may have given it up since it was read.
        job = await self._storage.jobs.get(job.scope_id, job.job_id)
        if self._orphaned(job):
            try:
                await (await self._claim(job, stop)).wait()
            except (Conflict, InvalidTransition):
                # A worker took it meanwhile, and is told, unless it has ended it already.
                job = await self._storage.jobs.get(job.scope_id, job.job_id)
            else:
                # The kernel that gave it up listens there, to tell who waits for its result.
                await self._signal(NO_SCOPE, queue_topic(job.queue))
                return
        if job.owner is not None:
            await self._signal(NO_SCOPE, owner_topic(job.owner))
