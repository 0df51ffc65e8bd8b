"""The jobs that this kernel gave up for a while, and goes on with when their time has come."""

from __future__ import annotations

import heapq
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio
from anyio.abc import TaskGroup

from steer._engine.topics import NO_SCOPE, queue_topic
from steer._engine.work import Rebuild, Work
from steer.clock import Clock
from steer.errors import Conflict, InvalidTransition, NotFound, Released
from steer.ports.records import JobRecord
from steer.ports.signals import SignalChannel
from steer.ports.storage import MAX_PAGE, Storage
from steer.values import JobStatus

__all__ = ["Key", "Waiting"]

Key = tuple[str, str]
"""A job, by scope and id."""

POLL_SECONDS = 5.0
"""How late it is noticed that a job moved, where its signal got lost."""

AT_ONCE = 16
"""How many jobs are looked at side by side, when many were answered together."""

_log = logging.getLogger("steer.engine")


@dataclass(slots=True)
class _Entry:
    """A job that waits. ``work`` is what goes on with it; ``None`` leaves that to the workers.

    ``news`` counts what was heard of it. ``lent`` is set while another process runs it.
    """

    queue: str
    work: Work | Rebuild | None
    due_at: datetime | None = None
    news: int = 0
    lent: bool = False
    heard: anyio.Event = field(default_factory=anyio.Event)

    def lend(self) -> None:
        """Leave the job to the process that took it, and to workers after that."""
        self.work, self.due_at, self.lent = None, None, True
        self.tell()

    def tell(self) -> None:
        self.news += 1
        heard, self.heard = self.heard, anyio.Event()
        heard.set()


class Waiting:
    """Learns from the journal which of its jobs moved: one read a wake, however many they are.

    ``take`` claims a job and runs it, and ``on_child`` is told of a job with a parent. A job that
    another process took is not gone on with here any more, but heard of again once that gives it
    up: whoever waits for its result reads no sooner.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        signals: SignalChannel,
        clock: Clock,
        take: Callable[[JobRecord, Work | Rebuild | None], Awaitable[object]],
        on_child: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._signals = signals
        self._clock = clock
        self._take = take
        self._on_child = on_child
        self._entries: dict[Key, _Entry] = {}
        self.parents: dict[Key, str] = {}
        self._queues: Counter[str] = Counter()
        self._alarms: list[tuple[datetime, Key]] = []
        self._alarm = anyio.CancelScope()
        self._read_to: dict[str, int] = {}
        self._listened: dict[str, anyio.CancelScope] = {}
        self._look = anyio.Event()
        self._closed = False

    def __len__(self) -> int:
        """How many jobs wait here."""
        return len(self._entries)

    def add(
        self,
        job: JobRecord,
        work: Work | Rebuild | None,
        *,
        position: int,
        due_at: datetime | None,
    ) -> None:
        """Look after a job from here on; ``position`` is the store's when it began to wait."""
        if work is None and job.deadline is not None:
            due_at = job.deadline
        key = (job.scope_id, job.job_id)
        self.leave(key)
        entry = self._entries[key] = _Entry(queue=job.queue, work=work)
        self._queues[job.queue] += 1
        if job.parent_job_id is not None:
            self.parents[key] = job.parent_job_id
            self._on_child()
        self._wait_until(key, entry, due_at)
        read_to = self._read_to.get(job.scope_id, position)
        self._read_to[job.scope_id] = min(read_to, position)
        self._look.set()

    def work_of(self, key: Key) -> Work | Rebuild | None:
        """Return what goes on with a job, if it waits here."""
        entry = self._entries.get(key)
        return None if entry is None else entry.work

    def leave(self, key: Key) -> None:
        """Let a job go: it runs again, here or elsewhere, or has ended."""
        entry = self._entries.pop(key, None)
        self.parents.pop(key, None)
        if entry is not None:
            self._queues[entry.queue] -= 1
            if not self._queues[entry.queue]:
                del self._queues[entry.queue]
                self._look.set()
            entry.tell()

    def news_of(self, key: Key) -> int | None:
        """Return how much was heard of a job, ``None`` where it does not wait here, but runs."""
        entry = self._entries.get(key)
        return None if entry is None or entry.lent else entry.news

    async def changed(self, key: Key, news: int) -> None:
        """Return once more is heard of the job than ``news``, or it waits here no longer.

        Raises ``Released`` where the kernel closes meanwhile.
        """
        entry = self._entries.get(key)
        if entry is not None and entry.news == news and not self._closed:
            heard = entry.heard
            await heard.wait()
        if self._closed:
            raise Released(
                f"job {key[1]} waits in the store, and this kernel closed",
                fix="Go on with another kernel or a worker",
            )

    def close(self) -> None:
        """Let go of all jobs; they stay in the store as they are."""
        self._closed = True
        for key in list(self._entries):
            self.leave(key)

    async def run(self) -> None:
        """Go on with the jobs as they become due or are answered; sleeps while there are none."""
        async with anyio.create_task_group() as group:
            while True:
                await self._look.wait()
                self._look = anyio.Event()
                self._listen(group)
                if not self._entries:
                    self._read_to.clear()
                    self._alarms.clear()
                    continue
                try:
                    await self._look_around()
                except Exception:
                    # A store that is away for a moment: the next wake looks again.
                    _log.exception("could not look after the jobs that wait")
                self._set_alarm(group)

    def _listen(self, group: TaskGroup) -> None:
        """Have one listener for each queue that a job waits in."""
        for queue in self._listened.keys() - self._queues.keys():
            self._listened.pop(queue).cancel()
        for queue in self._queues.keys() - self._listened.keys():
            scope = self._listened[queue] = anyio.CancelScope()
            group.start_soon(self._hear, queue, scope)

    async def _hear(self, queue: str, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                try:
                    await self._hear_signals(queue)
                except Exception:
                    # Without signals for a moment, the jobs are looked at all the same.
                    _log.exception("could not listen to queue %s", queue)
                    await anyio.sleep(POLL_SECONDS)
                    self._look.set()

    async def _hear_signals(self, queue: str) -> None:
        async with self._signals.subscribe(NO_SCOPE, queue_topic(queue)) as waiter:
            # What was signalled before the subscription is found by the look after it.
            self._look.set()
            while True:
                # Kernels that were started together are not to poll together.
                await waiter.wait(POLL_SECONDS * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
                self._look.set()

    def _set_alarm(self, group: TaskGroup) -> None:
        """Have the jobs looked at when the earliest of them is due."""
        self._alarm.cancel()
        while self._alarms and not self._is_set(*self._alarms[0]):
            heapq.heappop(self._alarms)
        if self._alarms:
            self._alarm = anyio.CancelScope()
            group.start_soon(self._ring, self._alarms[0][0], self._alarm)

    async def _ring(self, at: datetime, scope: anyio.CancelScope) -> None:
        with scope:
            left = (at - self._clock.now()).total_seconds()
            await self._clock.sleep_until(self._clock.monotonic() + left)
            self._look.set()

    def _is_set(self, at: datetime, key: Key) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.due_at == at

    def _wait_until(self, key: Key, entry: _Entry, due_at: datetime | None) -> None:
        entry.due_at = due_at
        if due_at is not None:
            heapq.heappush(self._alarms, (due_at, key))

    async def _look_around(self) -> None:
        moved: set[Key] = set()
        while self._alarms and self._alarms[0][0] <= self._clock.now():
            at, key = heapq.heappop(self._alarms)
            if self._is_set(at, key):
                moved.add(key)
        for scope_id in {scope_id for scope_id, _ in self._entries}:
            moved |= await self._moved(scope_id)
        limiter = anyio.CapacityLimiter(AT_ONCE)
        async with anyio.create_task_group() as group:
            for key in moved:
                group.start_soon(self._look_at, key, limiter)

    async def _moved(self, scope_id: str) -> set[Key]:
        """Return the jobs of a scope that the journal has news of."""
        moved: set[Key] = set()
        while True:
            after = self._read_to[scope_id]
            page = await self._storage.journal.read(scope_id, after=after)
            moved.update(
                key for entry in page if (key := (scope_id, entry.event.job_id)) in self._entries
            )
            if page and self._read_to[scope_id] == after:
                self._read_to[scope_id] = page[-1].position
            if len(page) < MAX_PAGE:
                return moved

    async def _look_at(self, key: Key, limiter: anyio.CapacityLimiter) -> None:
        async with limiter:
            entry = self._entries.get(key)
            if entry is None:
                return
            try:
                job = await self._storage.jobs.get(*key)
                if job.status.terminal:
                    self.leave(key)
                    return
                if job.owner is not None:
                    entry.lend()
                    return
                entry.lent = False
                entry.tell()
                due = self._due(job, entry)
                if due is not None and due <= self._clock.now():
                    await self._take(job, entry.work)
                else:
                    self._wait_until(key, entry, due)
            except Conflict:
                # Another process was quicker.
                entry.lend()
            except (InvalidTransition, NotFound, Released):
                self.leave(key)
            except Exception:
                _log.exception("could not go on with job %s", key[1])
                later = self._clock.now() + timedelta(seconds=POLL_SECONDS)
                self._wait_until(key, entry, later)

    def _due(self, job: JobRecord, entry: _Entry) -> datetime | None:
        """Return when this kernel has to do something about a job that nobody runs."""
        if entry.work is None:
            return job.deadline
        due = job.due_at
        if due is None and job.status is JobStatus.QUEUED:
            due = self._clock.now()
        return min((each for each in (due, job.deadline) if each is not None), default=None)
