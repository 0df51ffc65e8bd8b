"""A worker: takes due jobs of its queues, so many at a time, until it is told to stop."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection, Sequence

import anyio
from anyio.abc import TaskGroup

from steer._engine.engine import Engine
from steer._engine.leases import gone
from steer._engine.running import GIVE_BACK, RunningJob
from steer._engine.session_turns import SessionTurns
from steer._engine.state import Stop, stop_of
from steer._engine.topics import NO_SCOPE, queue_topic
from steer._engine.work import Rebuild
from steer.errors import ConfigError, Conflict, InvalidTransition, NotFound, Released, SessionBusy
from steer.ports.records import JobRecord, Owner
from steer.ports.storage import MAX_PAGE
from steer.working import WorkNote

__all__ = ["Worker"]

POLL_SECONDS = 1.0
"""How often a worker looks for jobs when no signal comes: so late a due time is noticed."""

SPREAD_SECONDS = 0.05
"""Workers that are woken together do not look together: the first takes the job."""

REAP_SECONDS = 1.0
"""How often it is looked whether the owners of running jobs are still there."""

SHOWN = 20
"""How many due jobs a worker is shown beyond those that it has room for."""

_log = logging.getLogger("steer.engine")


class Worker:
    """Takes jobs that are due, and those whose process is gone or lost its lease.

    ``rebuild`` says how a job is made to run again from its record, ``capacity`` how many runs of a
    runtime fit into this process, and ``lacks`` what this process would need besides to run it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        queues: Sequence[str],
        concurrency: int,
        scopes: Collection[str] | None,
        rebuild: Callable[[JobRecord], Rebuild | Stop],
        capacity: Callable[[str], int | None],
        lacks: Callable[[JobRecord], str],
        tell: Callable[[WorkNote], object],
    ) -> None:
        if concurrency < 1:
            raise ConfigError(f"a worker with a concurrency of {concurrency} does nothing")
        if not queues or not all(queues):
            raise ConfigError("a worker needs the name of a queue")
        self._engine = engine
        self._queues = queues
        self._concurrency = concurrency
        self._scopes = scopes
        self._rebuild = rebuild
        self._capacity = capacity
        self._lacks = lacks
        self._left: dict[tuple[str, str], int] = {}
        self._tell = tell
        self._mine: dict[tuple[str, str], RunningJob] = {}
        self._wake = anyio.Event()
        self._dead: Sequence[Owner] = ()
        self._reaped = float("-inf")
        self._stopping = False

    async def run(self, *, stop: anyio.Event | None, drain: float, until_idle: bool) -> None:
        """Work until ``stop`` is set, or nothing is left; wait ``drain`` seconds for what runs.

        What runs on after that, or when this is cancelled, is given back.
        """
        try:
            async with anyio.create_task_group() as minding:
                async with anyio.create_task_group() as listening:
                    turns = SessionTurns(self._engine, listening, wake=self._look_again)
                    for queue in self._queues:
                        listening.start_soon(self._hear, queue)
                    # A kernel that closes takes nothing more, and gives back what runs by itself.
                    listening.start_soon(self._heed, self._engine.closing)
                    if stop is not None:
                        listening.start_soon(self._heed, stop)
                    await self._work(minding, turns, until_idle=until_idle)
                    listening.cancel_scope.cancel()
                # A kernel that closes has its own patience.
                with anyio.move_on_after(None if self._engine.closing.is_set() else drain):
                    await self._until_done()
                await self._give_back()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._give_back()
            raise

    async def _work(self, minding: TaskGroup, turns: SessionTurns, *, until_idle: bool) -> None:
        while not self._stopping:
            self._wake = anyio.Event()
            try:
                more = await self._take_due(minding, turns)
            except Exception:
                # A store that is away for a moment: the next poll looks again.
                _log.exception("could not look for jobs")
                more = False
            if until_idle and not self._mine and not more:
                return
            if not more:
                await self._wake.wait()

    async def _take_due(self, minding: TaskGroup, turns: SessionTurns) -> bool:
        """Take what there is room for; return whether there may be more at once."""
        await self._look_for_the_dead()
        for queue in self._queues:
            room = self._concurrency - len(self._mine)
            if room <= 0 or self._stopping:
                return False
            if await self._take_from(queue, room, minding, turns):
                return True
        return False

    async def _take_from(
        self, queue: str, room: int, minding: TaskGroup, turns: SessionTurns
    ) -> bool:
        limit = room + SHOWN
        while True:
            due = await self._engine.storage.jobs.claimable(
                queue, scopes=self._scopes, dead=self._dead, limit=min(limit, MAX_PAGE)
            )
            fitting = [job for job in self._in_turn(due, turns) if self._fits(job)]
            if fitting or len(due) < limit or limit >= MAX_PAGE:
                break
            # Whatever is longest due has no room here: what comes after it may have.
            limit = MAX_PAGE
        for job in fitting[:room]:
            # The room that a runtime has changes with each job that is taken.
            if self._stopping or not self._fits(job):
                continue
            if not await self._take(job, minding, turns):
                # Another one works through the same list: look again, a little later.
                await anyio.sleep(random.uniform(0, SPREAD_SECONDS))  # noqa: S311 - no secret
                return True
        return len(fitting) > room

    async def _take(self, job: JobRecord, minding: TaskGroup, turns: SessionTurns) -> bool:
        engine = self._engine
        work = engine.waiting.work_of((job.scope_id, job.job_id)) or self._rebuild(job)
        try:
            running = await engine.take(job, work)
        except SessionBusy as busy:
            turns.met(job, busy.job_id)
            self._tell(WorkNote(step="waits", job=job, reason=str(busy)))
            return False
        except (Conflict, InvalidTransition, NotFound, Released):
            return False
        except Exception:
            # It is due again later; those after it are not to wait for that.
            _log.exception("could not take job %s", job.job_id)
            return True
        self._mine[job.scope_id, job.job_id] = running
        turns.taken(job)
        self._tell(WorkNote(step="started", job=job))
        minding.start_soon(self._mind, job, running, turns)
        return True

    def _in_turn(self, due: Sequence[JobRecord], turns: SessionTurns) -> Sequence[JobRecord]:
        """Return what may be taken of due jobs: what is to be ended needs no turn."""
        now = self._engine.clock.now()
        going_on = [job for job in due if stop_of(job, now) is None]
        may = {(job.scope_id, job.job_id) for job in turns.first(going_on)}
        return [
            job for job in due if (job.scope_id, job.job_id) in may or stop_of(job, now) is not None
        ]

    def _look_again(self) -> None:
        self._wake.set()

    def _fits(self, job: JobRecord) -> bool:
        """Whether the job could start now; one that runs here already is none to take."""
        if self._engine.running(job.scope_id, job.job_id) is not None or self._leaves(job):
            return False
        most = self._capacity(job.runtime)
        return most is None or self._engine.running_on(job.runtime) < most

    def _leaves(self, job: JobRecord) -> bool:
        """Whether the job is for another worker, which has the policies that this one lacks.

        To fail it would lose what people answered, for a flag that somebody forgot.
        """
        key = (job.scope_id, job.job_id)
        if self._left.get(key) == job.fence:
            return True
        reason = self._lacks(job)
        if not reason or stop_of(job, self._engine.clock.now()) is not None:
            return False
        self._left[key] = job.fence
        self._tell(WorkNote(step="left", job=job, reason=reason))
        return True

    async def _look_for_the_dead(self) -> None:
        engine = self._engine
        now = engine.clock.monotonic()
        if now - self._reaped < REAP_SECONDS:
            return
        self._reaped = now
        owners = await engine.storage.jobs.owners(scopes=self._scopes)
        self._dead = [owner for owner in owners if gone(owner, seen_from=engine.owner)]

    async def _mind(self, job: JobRecord, running: RunningJob, turns: SessionTurns) -> None:
        # Cancelled, it leaves the job among those that are to be given back.
        await running.left()
        self._mine.pop((job.scope_id, job.job_id), None)
        turns.left(job)
        self._wake.set()
        self._tell(_last_note(job, running))

    async def _hear(self, queue: str) -> None:
        async with self._engine.signals.subscribe(NO_SCOPE, queue_topic(queue)) as waiter:
            while True:
                # Workers that were started together are not to poll together.
                patience = POLL_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
                if await waiter.wait(patience):
                    await anyio.sleep(random.uniform(0, SPREAD_SECONDS))  # noqa: S311 - no secret
                self._wake.set()

    async def _heed(self, stop: anyio.Event) -> None:
        await stop.wait()
        self._stopping = True
        self._wake.set()

    async def _until_done(self) -> None:
        while self._mine:
            await next(iter(self._mine.values())).left()
            await anyio.lowlevel.checkpoint()

    async def _give_back(self) -> None:
        running = list(self._mine.values())
        for job in running:
            job.state.stop(GIVE_BACK)
        for job in running:
            await job.left()


def _last_note(job: JobRecord, running: RunningJob) -> WorkNote:
    """Return what became of a job that this worker runs no more."""
    state = running.state
    if running.result is not None:
        return WorkNote(step="ended", job=job, result=running.result)
    if state.lost is not None:
        return WorkNote(step="lost", job=job, reason=state.redacted(str(state.lost)))
    later = running.later
    if later is None:
        return WorkNote(step="given_back", job=job, reason=GIVE_BACK.reason)
    return WorkNote(step=later.step, job=job, due_at=later.due_at, reason=later.reason)
