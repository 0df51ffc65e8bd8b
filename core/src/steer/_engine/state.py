"""What one running job is made of: identity, events, writes, limits, and its stop latch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from steer._engine.actions import Actions
from steer._engine.books import Books
from steer._engine.committer import Committer
from steer._engine.feed import Feed
from steer._engine.funds import NO_FUNDS, Funds
from steer._engine.leases import LEASE_SECONDS, Lease
from steer._engine.limits import Limits
from steer._engine.parking import Parking
from steer._engine.questions import Questions
from steer._engine.replay import Replay
from steer._engine.spending import Spending, Warned
from steer.clock import Clock
from steer.context import ApprovalSpec, ExecutionContext, RetrySpec
from steer.errors import (
    DeadlineExceeded,
    ErrorCategory,
    RuntimeFailure,
    StaleFence,
    SteerError,
)
from steer.events import AgentHandoff, AgentStarted, ArtifactCreated, Event, EventData
from steer.fold import Fold
from steer.ports.artifact import ArtifactStore
from steer.ports.changes import Change
from steer.ports.records import JobRecord
from steer.ports.storage import HeldJob, Storage
from steer.pricing import Prices
from steer.redaction import EventRedactor, Place, Redactor
from steer.values import JobStatus

__all__ = ["JobState", "PathState", "Stop", "stop_of"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """Why a run is to end before its agent is done, and as what."""

    status: JobStatus
    error: SteerError | None = None
    reason: str = ""
    by: str = ""


def stop_of(job: JobRecord, now: datetime) -> Stop | None:
    """Return what a job that nobody runs is to end with: a request to stop, or its time."""
    if job.cancel_by is not None:
        reason = job.cancel_reason or ""
        return Stop(status=JobStatus.CANCELLED, reason=reason, by=job.cancel_by)
    if job.deadline is not None and job.deadline <= now:
        error = DeadlineExceeded("the run's time was up before a process could go on with it")
        return Stop(status=JobStatus.TIMED_OUT, error=error)
    return None


@dataclass(slots=True)
class PathState:
    """How far one path is: completed model calls, and whose turn it is.

    ``failures`` counts, by the digest of a request, how often in a row it failed.
    """

    completed: int = 0
    turn: int = 0
    agent: str | None = None
    failures: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Background:
    """Things that may outlive the run, by name; each leaves when it has ended."""

    names: dict[int, str] = field(default_factory=dict)
    _next: int = 0

    def add(self, name: str) -> int:
        self._next += 1
        self.names[self._next] = name
        return self._next


class JobState:
    """The state of one attempt of one job in this process.

    ``lock`` guards everything here; it is held for moments only, never across an ``await``.
    """

    def __init__(
        self,
        *,
        context: ExecutionContext,
        attempt: int,
        fence: int,
        last_seq: int,
        lease: Lease,
        limits: Limits,
        retries: RetrySpec,
        approvals: ApprovalSpec,
        actions: Actions,
        questions: Questions,
        parking: Parking,
        deadline: datetime | None,
        replay: Replay,
        fold: Fold,
        storage: Storage,
        artifacts: ArtifactStore,
        clock: Clock,
        spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
        on_committed: Callable[[Sequence[Event]], Awaitable[None]],
        started: datetime,
        agent: str = "",
        funds: Funds = NO_FUNDS,
        warned: Iterable[Warned] = (),
        runtime: str = "",
        prices: Prices | None = None,
        redactor: Redactor | None = None,
        files_told: Iterable[str] = (),
    ) -> None:
        self.context = context
        self.attempt = attempt
        self.lease = lease
        self.limits = limits
        self.retries = retries
        self.approvals = approvals
        self.actions = actions
        self.questions = questions
        self.parking = parking
        parking.on_request = lambda: spawn(lambda: parking.see_off(self._cancel))
        self.deadline = deadline
        self.replay = replay
        self.clock = clock
        self.storage = storage
        self.artifacts = artifacts
        self.started = started
        self.books = Books(
            context=context,
            attempt=attempt,
            runtime=runtime,
            clock=clock,
            prices=prices,
            record=self.record,
            redacted=self.redacted,
        )
        self.lock = threading.RLock()
        self.home = asyncio.get_running_loop()
        self._home_thread = threading.get_ident()
        self.spending = Spending(
            context=context,
            agent=agent,
            attempt=attempt,
            fence=fence,
            storage=storage,
            clock=clock,
            lock=self.lock,
            funds=funds,
            warned=warned,
        )
        self.committer = Committer(
            storage=storage,
            scope_id=context.scope_id,
            job_id=context.job_id,
            fence=fence,
            lock=self.lock,
            spawn=spawn,
            on_failure=self.lose,
            on_committed=on_committed,
        )
        self.feed = self.committer.feed = Feed(
            job_id=context.job_id,
            attempt=attempt,
            last_seq=last_seq,
            fold=fold,
            lock=self.lock,
            now=clock.now,
            on_first_pending=self.committer.events_pending,
        )
        self._redactor = redactor
        self._redaction = None if redactor is None else EventRedactor(redactor)
        self.paths: dict[tuple[str, ...], PathState] = {}
        self.background = Background()
        self.under_way: dict[str, Callable[[], None]] = {}
        """What books a request that is under way, by the name of its call."""
        self.stopped: Stop | None = None
        self.ended = False
        self.lost: BaseException | None = None
        self.on_stop: Callable[[], None] | None = None
        self._wire_calls = 0
        self._files = {*files_told}

    def path(self, path: tuple[str, ...]) -> PathState:
        """Return the state of a path, new where nothing happened on it yet."""
        state = self.paths.get(path)
        if state is None:
            state = self.paths[path] = PathState()
        return state

    def seconds_left(self) -> float | None:
        """Return how long the run may still take, ``None`` where nothing bounds it."""
        if self.deadline is None:
            return None
        return (self.deadline - self.clock.now()).total_seconds()

    def next_call(self) -> str:
        """Return the name of the next wire request, unique within the job."""
        self._wire_calls += 1
        return f"{self.attempt}.{self._wire_calls}"

    def tell(
        self, data: EventData, *, path: tuple[str, ...] = (), agent: str | None = None
    ) -> None:
        """Add an event, unless an earlier attempt told it already. From any thread."""
        with self.lock:
            if self.ended:
                return
            state = self.path(path)
            if isinstance(data, AgentStarted):
                state.agent = data.name
            elif isinstance(data, AgentHandoff):
                state.agent = data.target
            if self.replay.told(data, path) or self._told_before(data):
                return
            agent = agent or state.agent
            if self._redaction is None:
                self.feed.emit(data, path=path, turn=state.turn, agent=agent)
                return
            # Before anybody sees it: subscribers, the journal, sinks and the result have the rest.
            place = Place(path=path, turn=state.turn, agent=agent)
            for told, at in self._redaction.pass_on(data, place):
                self.feed.emit(told, path=at.path, turn=at.turn, agent=at.agent)

    def _told_before(self, data: EventData) -> bool:
        """Whether this is about a file that was told of, by whomever; it is from now on."""
        if not isinstance(data, ArtifactCreated):
            return False
        told = data.artifact_id in self._files
        self._files.add(data.artifact_id)
        return told

    def redacted(self, text: str) -> str:
        """Return a text about the job as its events would have it."""
        return text if self._redactor is None else self._redactor.text(text)

    def record(self, *changes: Change) -> None:
        """Let changes ride with the next commit. What comes after the end is dropped."""
        with self.lock:
            if not self.ended:
                self.committer.add(*changes)

    def stop(self, stop: Stop) -> None:
        """Latch why the run ends and cancel it. The first reason stays. From any thread."""
        with self.lock:
            if self.stopped is not None:
                return
            self.stopped = stop
        self.on_home(self._cancel)

    def lose(self, error: BaseException) -> None:
        """Stop without writing an ending: the job is somebody else's, or cannot be written."""
        with self.lock:
            self.lost = self.lost or error
        self.on_home(self._cancel)

    def close_requests(self) -> None:
        """Book what is under way, of which nobody will hear the end; call with the lock held."""
        for book in list(self.under_way.values()):
            book()

    async def keep_lease(self, *, before: str) -> None:
        """Extend the lease, which has run out, if nobody took the job since.

        Raises ``StaleFence`` where somebody did, and what the storage raises: then nothing begins.
        """
        asked = self.clock.monotonic()
        job_id, scope_id = self.context.job_id, self.context.scope_id
        held = HeldJob(scope_id=scope_id, job_id=job_id, fence=self.committer.fence)
        if await self.storage.jobs.renew((held,), lease_seconds=LEASE_SECONDS):
            error = StaleFence(
                f"job {job_id} was taken over by another process before {before} began, so it was"
                " not begun here"
            )
            self.lose(error)
            raise error
        self.lease.until = asked + LEASE_SECONDS

    @property
    def given_up(self) -> bool:
        """Whether the run is stopped for another attempt to go on with the job."""
        return self.stopped is not None and self.stopped.status is JobStatus.QUEUED

    def check(self) -> None:
        """Raise what the run is to end with, once it is to end, and that it is over, once it is.

        What a runtime could not stop in time may still ask; of that nothing could be recorded.
        """
        if self.lost is not None:
            raise self.lost
        if self.stopped is not None and self.stopped.error is not None:
            raise self.stopped.error
        if self.ended:
            raise RuntimeFailure(
                f"job {self.context.job_id} is over, and nothing acts for it any more",
                category=ErrorCategory.CANCELLED,
            )

    def on_home(self, call: Callable[[], None]) -> None:
        """Run ``call`` in the kernel's event loop: now if this is its thread, else soon."""
        if threading.get_ident() == self._home_thread:
            call()
        else:
            self.home.call_soon_threadsafe(call)

    async def at_home(
        self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await ``function`` in the kernel's event loop, from whichever loop this runs in."""
        if asyncio.get_running_loop() is self.home:
            return await function(*args, **kwargs)

        async def call() -> T:
            return await function(*args, **kwargs)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), self.home))

    def _cancel(self) -> None:
        if self.on_stop is not None:
            self.on_stop()
