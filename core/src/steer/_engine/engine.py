"""Admission, recovery, cancellation: all jobs that this process runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import anyio

from steer._engine.gate import JobGate
from steer._engine.host import Host
from steer._engine.leases import LEASE_SECONDS, Lease, gone, this_process
from steer._engine.limits import Limits
from steer._engine.replay import Replay
from steer._engine.run_view import RunView
from steer._engine.running import RELEASE, Body, RunningJob
from steer._engine.sinks import SinkPump
from steer._engine.state import JobState, Stop
from steer._engine.topics import NO_SCOPE, job_topic, owner_topic
from steer._engine.upkeep import Upkeep
from steer.clock import Clock
from steer.context import BudgetSpec, ExecutionContext, RetrySpec
from steer.errors import Released
from steer.events import Event, JobStarted, JobStatusChanged, ModelRetracted
from steer.fold import Fold
from steer.ids import new_id
from steer.policies import PolicyStack
from steer.ports.changes import CancelRequested, EventsAppended, JobClaimed, JobCreated
from steer.ports.executor import Executor
from steer.ports.records import JobRecord, Owner
from steer.ports.runtime import Finished, Prepared, Runtime, Suspended
from steer.ports.signals import SignalChannel
from steer.ports.storage import MAX_PAGE, Storage
from steer.redaction import Redactor
from steer.request import StoredRequest
from steer.values import JobStatus

__all__ = ["Engine", "Work"]

CLOSE_SINK_SECONDS = 5.0

_log = logging.getLogger("steer.engine")


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What runs a job: a runtime, the prepared agent, the policies, the author's context.

    ``redactor`` keeps secrets out of its events. ``resumable`` says that another process could
    build the same from the job's record.
    """

    runtime: Runtime
    prepared: Prepared
    policies: PolicyStack
    request: StoredRequest
    user_context: object = None
    redactor: Redactor | None = None
    resumable: bool = False


class Engine:
    """Runs jobs over one storage, in one event loop."""

    def __init__(
        self,
        *,
        storage: Storage,
        signals: SignalChannel,
        clock: Clock,
        sinks: Sequence[SinkPump] = (),
        executor: Executor | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self._redactor = redactor
        self.storage = storage
        self.signals = signals
        self.clock = clock
        self.owner = this_process()
        self._sinks = sinks
        self._host = Host()
        self._executor = executor or self._host
        self._running: dict[tuple[str, str], RunningJob] = {}
        self._idle = anyio.Event()
        self._upkeep = Upkeep(
            running=self._running,
            storage=storage,
            signals=signals,
            clock=clock,
            owner=self.owner,
        )

    async def open(self) -> None:
        """Start what runs in the background."""
        self._host.spawn(self._upkeep.keep_leases)
        self._host.spawn(self._upkeep.watch_cancellations)
        for pump in self._sinks:
            self._host.spawn(pump.run)

    async def close(self, *, drain: float) -> None:
        """Wait up to ``drain`` seconds for running jobs, give the others back, and stop."""
        with anyio.move_on_after(drain):
            await self._until_idle()
        for job in list(self._running.values()):
            job.state.stop(RELEASE)
        await self._until_idle()
        for pump in self._sinks:
            await pump.close(seconds=CLOSE_SINK_SECONDS)
        await self._executor.aclose()
        await self._host.aclose()

    def running(self, scope_id: str, job_id: str) -> RunningJob | None:
        """Return the job if this process runs it."""
        return self._running.get((scope_id, job_id))

    async def admit(self, job: JobRecord, work: Work) -> RunningJob:
        """Create a job that names this engine's owner, with its first event, and start it (W0).

        Raises ``IdempotencyConflict`` where the scope has a job with the same key.
        """
        running = self._build(job, work, lease=Lease.starting(self.clock))
        state = running.state
        state.tell(
            JobStarted(
                agent=job.agent,
                runtime=job.runtime,
                model=job.model,
                scope_id=job.scope_id,
                principal_id=job.principal_id,
                session_id=job.session_id,
                policy=job.policy,
            )
        )
        with state.lock:
            events = state.feed.take()
        state.committer.close()
        created = JobCreated(job=job, lease_seconds=LEASE_SECONDS)
        await self.storage.commit(
            job.scope_id, job.job_id, None, [created, EventsAppended(events=events)]
        )
        state.feed.committed(events[-1].seq or 0)
        await self._fan_out(job, events)
        await self._start(running)
        return running

    async def claim(self, job: JobRecord, work: Work | Stop) -> RunningJob:
        """Take over a job that nobody runs and run it again from its records (W1).

        Given a ``Stop``, the job is only ended. Raises ``Conflict`` where another process has it.
        """
        lease = Lease.starting(self.clock)
        run_id = new_id()
        claimed = await self.storage.commit(
            job.scope_id,
            job.job_id,
            None,
            [
                JobClaimed(
                    owner=self.owner,
                    run_id=run_id,
                    expected_fence=job.fence,
                    lease_seconds=LEASE_SECONDS,
                    dead_owner=self._dead_owner(job),
                )
            ],
        )
        events = await self._history(job)
        records = await self.storage.records.load(job.scope_id, job.job_id)
        status = job.status
        job = replace(job, run_id=run_id, fence=claimed.fence, attempt=claimed.attempt)
        running = self._build(
            job, work, lease=lease, history=events, replay=Replay(records, events)
        )
        state = running.state
        if isinstance(work, Stop):
            state.stop(work)
        else:
            reason = "queued" if status is JobStatus.QUEUED else "its process was gone"
            state.tell(JobStatusChanged(old=status, new=JobStatus.RUNNING, reason=reason))
        for call, path in state.replay.abandoned.items():
            # The call will be made again, so nothing it said may count, complete or not.
            state.tell(
                ModelRetracted(call=call, reason="the process died", blocks_too=True), path=path
            )
        await self._start(running)
        return running

    async def cancel(self, job: JobRecord, *, reason: str, by: str) -> None:
        """Ask for the job's end, in whichever process it runs; end it here if in none.

        Raises ``InvalidTransition`` where it has ended.
        """
        running = self.running(job.scope_id, job.job_id)
        stop = Stop(status=JobStatus.CANCELLED, reason=reason, by=by)
        if running is not None:
            running.state.stop(stop)
            return
        await self.storage.commit(
            job.scope_id, job.job_id, None, [CancelRequested(reason=reason, by=by)]
        )
        if self.orphaned(job):
            await (await self.claim(job, stop)).wait()
        elif job.owner is not None:
            await self.signals.publish(NO_SCOPE, owner_topic(job.owner))

    def orphaned(self, job: JobRecord) -> bool:
        """Whether the job has not ended and nobody runs it."""
        if job.status.terminal or self.running(job.scope_id, job.job_id) is not None:
            return False
        if job.owner is None or self._dead_owner(job) is not None:
            return True
        expires = job.lease_expires_at
        return expires is not None and expires < self.clock.now()

    def _dead_owner(self, job: JobRecord) -> Owner | None:
        owner = job.owner
        return owner if owner is not None and gone(owner, seen_from=self.owner) else None

    async def _history(self, job: JobRecord) -> list[Event]:
        events: list[Event] = []
        while True:
            after = events[-1].seq or 0 if events else 0
            page = await self.storage.journal.events(job.scope_id, job.job_id, after=after)
            events.extend(page)
            if len(page) < MAX_PAGE:
                return events

    def _build(
        self,
        job: JobRecord,
        work: Work | Stop,
        *,
        lease: Lease,
        history: Sequence[Event] = (),
        replay: Replay | None = None,
    ) -> RunningJob:
        fold = Fold(job_id=job.job_id, scope_id=job.scope_id, run_id=job.run_id)
        for event in history:
            fold.add(event)
        request = None if isinstance(work, Stop) else work.request
        state = JobState(
            context=ExecutionContext(
                scope_id=job.scope_id,
                principal_id=job.principal_id,
                session_id=job.session_id,
                job_id=job.job_id,
                run_id=job.run_id,
                parent_job_id=job.parent_job_id,
            ),
            attempt=job.attempt,
            fence=job.fence,
            last_seq=history[-1].seq or 0 if history else 0,
            lease=lease,
            limits=Limits(spec=request.budgets if request else BudgetSpec(), usage=fold.usage),
            retries=request.retries if request else RetrySpec(),
            deadline=job.deadline if request else None,
            replay=replay or Replay(),
            fold=fold,
            storage=self.storage,
            clock=self.clock,
            spawn=self._host.spawn,
            on_committed=lambda events: self._fan_out(job, events),
            started=job.created_at,
            redactor=self._redactor if isinstance(work, Stop) else work.redactor,
        )
        return RunningJob(
            state=state,
            body=_nothing if isinstance(work, Stop) else self._body(state, job, work),
            keep_records=request is not None and request.keep_records,
            resumable=not isinstance(work, Stop) and work.resumable,
            on_ended=self._forget,
        )

    def _body(self, state: JobState, job: JobRecord, work: Work) -> Body:
        view = RunView(
            state=state,
            runtime=job.runtime,
            gate=JobGate(state, work.policies),
            input=work.request.input,
            user_context=work.user_context,
        )

        async def body() -> Finished | Suspended:
            return await work.runtime.run(work.prepared, view)

        return body

    async def _start(self, running: RunningJob) -> None:
        context = running.state.context
        self._running[context.scope_id, context.job_id] = running
        self._upkeep.note_busy()
        await self._executor.submit(context.job_id, running.drive)

    def _forget(self, running: RunningJob) -> None:
        context = running.state.context
        self._running.pop((context.scope_id, context.job_id), None)
        if not self._running:
            self._idle.set()

    async def _until_idle(self) -> None:
        while self._running:
            self._idle = anyio.Event()
            await self._idle.wait()

    async def _fan_out(self, job: JobRecord, events: Sequence[Event]) -> None:
        """Tell sinks and followers what was committed; neither can harm the job."""
        for pump in self._sinks:
            pump.offer(events)
        try:
            await self.signals.publish(job.scope_id, job_topic(job.job_id))
        except Exception:
            # Followers poll; a lost signal only makes them later.
            _log.exception("could not signal the events of job %s", job.job_id)


async def _nothing() -> Finished | Suspended:
    raise Released("this job was only taken over to be ended")
