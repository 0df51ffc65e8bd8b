"""Signals inside one process, for waiters on any of its event loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from threading import Lock

from steer.ports.signals import Waiter

__all__ = ["LocalSignals"]


class LocalSignals:
    """A ``SignalChannel`` that reaches the waiters of this process, from any thread.

    ``on_first_wait`` is called when somebody begins to wait and nobody did before, from that
    waiter's thread; ``waiting`` says whether somebody waits now. A storage that learns of other
    processes' commits by looking need look only then, and calls ``wake_all``.
    """

    def __init__(self, on_first_wait: Callable[[], None] | None = None) -> None:
        self._lock = Lock()
        self._waiters: dict[tuple[str, str], set[_LocalWaiter]] = {}
        self._waiting = 0
        self._on_first_wait = on_first_wait

    @property
    def waiting(self) -> bool:
        """Whether somebody waits now."""
        return self._waiting > 0

    async def publish(self, scope_id: str, topic: str, /) -> None:
        if (scope_id, topic) not in self._waiters:
            return
        with self._lock:
            for waiter in self._waiters.get((scope_id, topic), ()):
                waiter.notify()

    def subscribe(self, scope_id: str, topic: str, /) -> AbstractAsyncContextManager[Waiter]:
        return self._subscription((scope_id, topic))

    def wake_all(self) -> None:
        """Wake every waiter of every scope: something changed, nobody knows what."""
        with self._lock:
            for waiters in self._waiters.values():
                for waiter in waiters:
                    waiter.notify()

    async def aclose(self) -> None:
        self.wake_all()

    @asynccontextmanager
    async def _subscription(self, topic: tuple[str, str]) -> AsyncIterator[Waiter]:
        waiter = _LocalWaiter(self)
        with self._lock:
            self._waiters.setdefault(topic, set()).add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                waiters = self._waiters[topic]
                waiters.discard(waiter)
                if not waiters:
                    del self._waiters[topic]

    def enter(self) -> None:
        """Count a waiter that begins to wait."""
        with self._lock:
            self._waiting += 1
            first = self._waiting == 1
        if first and self._on_first_wait is not None:
            self._on_first_wait()

    def leave(self) -> None:
        """Count a waiter that stopped waiting."""
        with self._lock:
            self._waiting -= 1


class _LocalWaiter:
    """A flag that stays up until a wait takes it down, and a future for a wait under way."""

    __slots__ = ("_channel", "_future", "_lock", "_loop", "_signalled")

    def __init__(self, channel: LocalSignals) -> None:
        self._channel = channel
        self._lock = Lock()
        self._signalled = False
        self._future: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def wait(self, timeout: float, /) -> bool:  # noqa: ASYNC109 - bounded by contract
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            # In one step, so that no signal falls between looking at the flag and waiting.
            if self._signalled:
                self._signalled = False
                return True
            self._loop, self._future = loop, future
        timer = loop.call_later(max(0.0, timeout), _resolve, future)
        self._channel.enter()
        try:
            await future
        finally:
            self._channel.leave()
            timer.cancel()
            with self._lock:
                self._future = None
        with self._lock:
            signalled, self._signalled = self._signalled, False
        return signalled

    def notify(self) -> None:
        """Raise the flag and end the wait under way; callable from any thread."""
        with self._lock:
            self._signalled = True
            if self._future is None or self._loop is None:
                return
            # A loop that was closed under its waiter raises, and nobody is left to wake.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_resolve, self._future)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
