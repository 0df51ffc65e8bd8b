"""The writes of one job, in order, each batch in one commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from steer._engine.feed import Feed
from steer.events import Event
from steer.ports.changes import Change, EventsAppended
from steer.ports.records import Account
from steer.ports.storage import Storage

__all__ = ["Committer"]

FLUSH_SECONDS = 0.25
"""The longest that an event waits to be committed when nothing else commits it."""


class Committer:
    """Collects changes and commits them with all events so far, one commit at a time.

    Lives in the kernel's event loop; ``add`` and ``events_pending`` may be called from any
    thread. Whatever is added while a commit is under way goes into the next one, so parallel
    tool calls share a commit.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        scope_id: str,
        job_id: str,
        fence: int,
        lock: threading.RLock,
        spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
        on_failure: Callable[[BaseException], None],
        on_committed: Callable[[Sequence[Event]], Awaitable[None]],
    ) -> None:
        self._storage = storage
        self._scope_id = scope_id
        self._job_id = job_id
        self.fence = fence
        self._lock = lock
        self._spawn = spawn
        self._on_failure = on_failure
        self._on_committed = on_committed
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._changes: list[Change] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._busy = False
        self._again = False
        self._failure: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.feed: Feed
        self.on_accounts: Callable[[Sequence[Account]], None] = lambda _: None
        """Called with the accounts that a commit changed."""
        self.awaited = 0
        self.position = 0

    def add(self, *changes: Change) -> None:
        """Let changes ride with the next commit. Call with the job's lock held."""
        self._changes.extend(changes)
        self.events_pending()

    def events_pending(self) -> None:
        """See to it that what is pending is committed soon even if nobody asks."""
        if self._timer is not None or self._failure is not None:
            return
        if threading.get_ident() == self._thread:
            self._timer = self._loop.call_later(FLUSH_SECONDS, self._flush_late)
        else:
            self._loop.call_soon_threadsafe(self.events_pending)

    async def commit(self) -> None:
        """Return when everything added so far is durable. Raises what the storage raised."""
        if self._failure is not None:
            raise self._failure
        self.awaited += 1
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        self._flush()
        await waiter

    @property
    def busy(self) -> bool:
        """Whether a commit is under way."""
        return self._busy

    def take(self) -> tuple[Sequence[Event], Sequence[Change]]:
        """Return what is not committed yet, for ``commit_apart``; call with the lock held."""
        changes, self._changes = self._changes, []
        return self.feed.take(), changes

    async def commit_apart(self, events: Sequence[Event], changes: Sequence[Change]) -> None:
        """Commit events that were taken from the feed, and changes, by themselves.

        What the storage refuses here can be tried another way. Everything before has to be durable.
        """
        done = await self._storage.commit(
            self._scope_id,
            self._job_id,
            self.fence,
            [EventsAppended(events=tuple(events)), *changes],
        )
        self.position = done.position
        self.feed.committed(events[-1].seq or 0)
        await self._on_committed(events)

    def commit_soon(self) -> None:
        """Commit everything added so far without waiting for it."""
        self._flush()

    def close(self) -> None:
        """Stop the timer; nothing more will be added."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush_late(self) -> None:
        # Commits do not put the timer off: one that fires for nothing costs less than
        # setting it anew after each.
        self._timer = None
        self._flush()

    def _flush(self) -> None:
        if self._busy:
            self._again = True
            return
        if self._failure is None:
            self._busy = self._again = True
            self._spawn(self._drain)

    async def _drain(self) -> None:
        try:
            while self._failure is None and (self._again or self._waiters):
                self._again = False
                await self._commit_batch()
        finally:
            self._busy = False

    async def _commit_batch(self) -> None:
        with self._lock:
            events = self.feed.take()
            changes, self._changes = self._changes, []
        waiters, self._waiters = self._waiters, []
        if events:
            # First, so that a change that ends the job does not shut out its events.
            changes.insert(0, EventsAppended(events=events))
        try:
            if changes:
                done = await self._storage.commit(self._scope_id, self._job_id, self.fence, changes)
                self.position = done.position
                if done.accounts:
                    self.on_accounts(done.accounts)
            if events:
                self.feed.committed(events[-1].seq or 0)
                await self._on_committed(events)
        except BaseException as error:
            self._fail(error, waiters)
            if not isinstance(error, Exception):
                raise
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _fail(self, error: BaseException, waiters: Sequence[asyncio.Future[None]]) -> None:
        self._failure = error
        for waiter in (*waiters, *self._waiters):
            if not waiter.done():
                waiter.set_exception(error)
                # Whoever waited may have been cancelled since: the failure is told by on_failure.
                waiter.exception()
        self._waiters.clear()
        self._on_failure(error)
