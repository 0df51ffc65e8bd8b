"""Admission, recovery, cancellation: all jobs that this process runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import anyio

from steer._engine.abandoned import settle_abandoned
from steer._engine.actions import Actions
from steer._engine.allowances import admit_with_allowance
from steer._engine.answering import Answering
from steer._engine.artifacts import Artifacts
from steer._engine.attempts import Attempts
from steer._engine.cancelling import Cancelling
from steer._engine.claimed import Claims, taken_up
from steer._engine.conversing import Conversation, Conversing
from steer._engine.family import Family
from steer._engine.family_accounts import FamilyAccounts
from steer._engine.fitting import check_bounds
from steer._engine.funds import funds_of
from steer._engine.host import Host
from steer._engine.leases import LEASE_SECONDS, Lease, this_process, unheld
from steer._engine.past import Past, past_of
from steer._engine.price_loading import PriceLoading
from steer._engine.raising import Raising
from steer._engine.requiring import Requiring
from steer._engine.running import RELEASE, RunningJob
from steer._engine.sinks import SinkPump
from steer._engine.state import JobState, Stop, stop_of
from steer._engine.taking import UNWANTED, Takings, bounded
from steer._engine.telling import Telling, first_event
from steer._engine.topics import NO_SCOPE, job_topic, queue_topic, tell_topic
from steer._engine.upkeep import Upkeep
from steer._engine.waiting import Waiting
from steer._engine.work import Rebuild, Work
from steer.clock import Clock
from steer.errors import Conflict
from steer.events import Event
from steer.policies import PolicyStack
from steer.ports.artifact import ArtifactStore
from steer.ports.changes import Change, EventsAppended, JobCreated
from steer.ports.compaction import Compaction
from steer.ports.executor import Executor
from steer.ports.records import JobRecord
from steer.ports.signals import SignalChannel
from steer.ports.storage import Storage
from steer.redaction import Redactor

__all__ = ["Engine"]

CLOSE_SINK_SECONDS = 5.0


class Engine:
    """Runs jobs over one storage, in one event loop."""

    def __init__(
        self,
        *,
        storage: Storage,
        signals: SignalChannel,
        clock: Clock,
        artifacts: ArtifactStore,
        policies_of: Callable[[JobRecord], PolicyStack],
        redactor_of: Callable[[JobRecord], Redactor | None],
        sinks: Sequence[SinkPump] = (),
        executor: Executor | None = None,
        pricing: PriceLoading,
        compaction: Compaction | None = None,
    ) -> None:
        self.storage = storage
        self.signals = signals
        self._signal = partial(tell_topic, signals)
        self.clock = clock
        self.pricing = pricing
        self.owner = this_process()
        self._sinks = sinks
        self._telling = Telling(clock=clock, redactor_of=redactor_of)
        self.actions = Actions(
            storage=storage,
            signals=signals,
            clock=clock,
            telling=self._telling,
            on_events=self._fan_out,
        )
        self.raising = Raising(storage=storage, actions=self.actions, clock=clock)
        self.answering = Answering(
            storage=storage,
            actions=self.actions,
            raising=self.raising,
            policies_of=policies_of,
            artifacts=artifacts,
        )
        self._host = Host()
        self.require_action = Requiring(
            storage=storage,
            clock=clock,
            telling=self._telling,
            artifacts=artifacts,
            running=self._state_of,
            on_events=self._fan_out,
        )
        self._executor = executor or self._host
        self._running: dict[tuple[str, str], RunningJob] = {}
        self._idle = anyio.Event()
        self.artifacts = Artifacts(
            store=artifacts,
            storage=storage,
            telling=self._telling,
            running=self.running,
            on_committed=self._fan_out,
        )
        self._attempts = Attempts(
            storage=storage,
            artifacts=self.artifacts.store,
            actions=self.actions,
            clock=clock,
            spawn=self._host.spawn,
            redactor_of=redactor_of,
            prices=pricing.prices,
        )
        self.cancel = Cancelling(
            storage=storage,
            clock=clock,
            running=self.running,
            orphaned=self.orphaned,
            claim=self.claim,
            signal=self._signal,
        ).cancel
        self.conversing = Conversing(storage=storage, clock=clock, compaction=compaction)
        self._families = FamilyAccounts(storage, self._state_of)
        self._family = Family(storage, self._end_child)
        self._ending = 0
        self._takings = Takings(self._host.spawn, on_ended=self._note_idle)
        self._claims = Claims(
            storage=storage,
            telling=self._telling,
            clock=clock,
            owner=self.owner,
            on_events=self._fan_out,
            signal=self._signal,
        )
        self.closing = anyio.Event()
        self._upkeep = Upkeep(
            running=self._running,
            storage=storage,
            signals=signals,
            clock=clock,
            owner=self.owner,
            parents=lambda: self.waiting.parents,
            end_child=self._end_child,
        )
        self.waiting = Waiting(
            storage=storage,
            signals=signals,
            clock=clock,
            take=self.take,
            on_child=self._upkeep.note_child,
        )

    async def open(self) -> None:
        """Start what runs in the background."""
        self._upkeep.open(self._host.spawn)
        self._host.spawn(self.waiting.run)
        for pump in self._sinks:
            self._host.spawn(pump.run)

    async def drain(self, seconds: float) -> None:
        """Begin to close: wait up to so many seconds for running jobs, and begin nothing more."""
        self.closing.set()
        self.waiting.close()
        with anyio.move_on_after(seconds):
            await self._until_idle()

    async def close(self) -> None:
        """Give back the jobs that still run or are being taken, and stop."""
        self._takings.wind_down()
        for job in list(self._running.values()):
            job.state.stop(RELEASE)
        await self._until_idle()
        self._takings.close()
        for pump in self._sinks:
            await pump.close(seconds=CLOSE_SINK_SECONDS)
        await self._executor.aclose()
        await self._host.aclose()

    def running(self, scope_id: str, job_id: str) -> RunningJob | None:
        """Return the job if this process runs it."""
        return self._running.get((scope_id, job_id))

    def _state_of(self, scope_id: str, job_id: str) -> JobState | None:
        running = self.running(scope_id, job_id)
        return None if running is None else running.state

    def running_on(self, runtime: str) -> int:
        """Return how many jobs run here on a runtime."""
        return sum(running.runtime == runtime for running in self._running.values())

    async def admit(
        self,
        job: JobRecord,
        work: Work,
        *,
        max_children: int | None = None,
        conversation: Conversation | None = None,
    ) -> RunningJob:
        """Create a job that names this engine's owner, with its first event, and start it (W0).

        Raises ``IdempotencyConflict`` where the scope has a job with the same key, for a child
        what ``JobCreated`` says: its parent may have ``max_children``; and ``Conflict`` where it
        cannot take its session so.
        """
        await self.pricing.ready()
        funds = await funds_of(self.storage, job, self.clock, begun=False)
        past = Past(funds=funds, conversation=conversation)
        running = self._attempt(job, work, lease=Lease.starting(self.clock), past=past)
        state = running.state
        check_bounds(work.request.budgets, state.spending.draws(), work.prepared, job.runtime)
        state.tell(first_event(job))
        with state.lock:
            events = state.feed.take()
        state.committer.close()
        self._note_parent(job)
        created = JobCreated(job=job, lease_seconds=LEASE_SECONDS, max_children=max_children)
        first: list[Change] = [created, *past.taking, EventsAppended(events=events)]
        commit = partial(admit_with_allowance, state, job, work.request)

        async def make(wanted: anyio.CancelScope) -> RunningJob:
            with bounded(job.job_id):
                await self._families.create(job, first, commit)
            state.feed.committed(events[-1].seq or 0)
            await self._fan_out(job, events)
            await self._start(running, wanted)
            return running

        return await self._takings.see_through(make)

    async def queue(self, job: JobRecord, *, max_children: int | None = None) -> None:
        """Create a job that nobody holds, with its first event, and wake its workers (W0).

        Raises what ``admit`` raises.
        """
        events = self._telling.events(job, (first_event(job), ()))
        self._note_parent(job)
        created = JobCreated(job=job, max_children=max_children)
        commit = partial(self.storage.commit, job.scope_id, job.job_id, None)
        first: list[Change] = [created, EventsAppended(events=events)]

        async def make(_wanted: anyio.CancelScope) -> None:
            with bounded(job.job_id):
                done = await self._families.create(job, first, commit)
            self.waiting.add(job, None, position=done.position, due_at=None)
            await self._fan_out(job, events)
            await self._signal(NO_SCOPE, queue_topic(job.queue))

        await self._takings.see_through(make, to_end=True)

    async def take(self, job: JobRecord, work: Work | Rebuild | Stop | None) -> RunningJob:
        """Claim a job that nobody runs and run it, or end it where it is not to run any more.

        That is so where somebody asked it to stop, where its time is up, and where its parent has
        ended. Without ``work`` it can only be ended. Raises what ``claim`` raises.
        """
        if isinstance(work, Stop):
            return await self.claim(job, work)
        todo = stop_of(job, self.clock.now()) or await self._family.reason_to_stop(job) or work
        if todo is None:
            raise Conflict(f"nothing here can run job {job.job_id}")
        await self.pricing.ready()
        return await self.claim(job, todo)

    async def claim(self, job: JobRecord, work: Work | Rebuild | Stop) -> RunningJob:
        """Take over a job that nobody runs and run it again from its records (W1).

        Given a ``Stop``, the job is only ended. Raises ``Conflict`` where another process has it,
        and ``SessionBusy`` where another job goes on with its session.
        """
        work, conversation = await self.conversing.join_again(job, work)
        lease = Lease.starting(self.clock)
        taking = conversation.taking if conversation else ()
        take_up = partial(self._take_up, work, lease, conversation)
        take = partial(self._claims.take, job, taking, take_up)
        return await self._takings.see_through(take, to_end=isinstance(work, Stop))

    async def _take_up(
        self,
        work: Work | Rebuild | Stop,
        lease: Lease,
        conversation: Conversation | None,
        job: JobRecord,
        wanted: anyio.CancelScope,
    ) -> RunningJob:
        """Run a claimed job from its records; its status is what it was before."""
        past = await past_of(self.storage, self.actions, job, self.clock, conversation)
        await self._family.look_up(job)
        running = self._attempt(job, work, lease=lease, past=past)
        state = running.state
        if isinstance(work, Stop):
            state.stop(work)
        else:
            state.tell(taken_up(job.status))
        settle_abandoned(state)
        # After its lines, which know more of the same requests.
        state.record(*past.left_open)
        await self._start(running, wanted)
        return running

    def orphaned(self, job: JobRecord) -> bool:
        """Whether the job has not ended and nobody runs it."""
        if job.status.terminal or self.running(job.scope_id, job.job_id) is not None:
            return False
        return unheld(job, self.clock.now(), seen_from=self.owner)

    def startable(self, job: JobRecord) -> bool:
        """Whether nobody runs the job and it is to be run now."""
        if not self.orphaned(job):
            return False
        return job.owner is not None or (job.due_at is not None and job.due_at <= self.clock.now())

    def _attempt(
        self, job: JobRecord, work: Work | Rebuild | Stop, *, lease: Lease, past: Past
    ) -> RunningJob:
        return self._attempts.build(
            job,
            work,
            lease=lease,
            past=past,
            on_committed=lambda events: self._fan_out(job, events),
            on_queued=lambda: self._signal(NO_SCOPE, queue_topic(job.queue)),
            on_ended=partial(self._forget, job, work),
        )

    async def _start(self, running: RunningJob, wanted: anyio.CancelScope) -> None:
        context = running.state.context
        key = (context.scope_id, context.job_id)
        self._running[key] = running
        if self.waiting:
            self.waiting.leave(key)
        if context.parent_job_id is not None:
            self._upkeep.note_child()
        self._upkeep.note_busy()
        if self.closing.is_set():
            # It was being taken as the kernel began to close.
            running.state.stop(RELEASE)
        elif wanted.cancel_called:
            running.state.stop(UNWANTED)
        try:
            await self._executor.submit(context.job_id, running.drive)
        except BaseException:
            self._running.pop(key, None)
            running.state.committer.close()
            raise

    def _forget(self, job: JobRecord, work: Work | Rebuild | Stop, running: RunningJob) -> None:
        key = (job.scope_id, job.job_id)
        self._running.pop(key, None)
        if running.later is not None:
            # What a worker built is the workers' to go on with, as many at a time as they may.
            kept = work if isinstance(work, Work) else None
            position = running.state.committer.position
            self.waiting.add(job, kept, position=position, due_at=running.later.due_at)
        if self._family.left(job) and running.result is not None:
            self._ending += 1
            self._host.spawn(partial(self._end_children, job))
        self._note_idle()

    def _note_parent(self, child: JobRecord) -> None:
        # Before the child is there, because its parent may end right after.
        parent_id = child.parent_job_id
        if parent_id is not None and self.running(child.scope_id, parent_id) is not None:
            self._family.add(child.scope_id, parent_id)

    def _note_idle(self) -> None:
        if not (self._running or self._ending or self._takings):
            self._idle.set()

    async def _end_children(self, parent: JobRecord) -> None:
        try:
            await self._family.end_children(parent)
        finally:
            self._ending -= 1
            self._note_idle()

    async def _end_child(self, child: JobRecord, stop: Stop) -> None:
        await self.cancel(child, reason=stop.reason, by=stop.by)

    async def _until_idle(self) -> None:
        while self._running or self._ending or self._takings:
            self._idle = anyio.Event()
            await self._idle.wait()

    async def _fan_out(self, job: JobRecord, events: Sequence[Event]) -> None:
        """Tell sinks and followers what was committed; neither can harm the job."""
        for pump in self._sinks:
            pump.offer(events)
        await self._signal(job.scope_id, job_topic(job.job_id))
