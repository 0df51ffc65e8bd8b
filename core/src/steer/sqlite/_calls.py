"""Calls from any event loop to a thread, and the answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, Generic, TypeVar

from steer.errors import StorageError

__all__ = ["Call", "CallQueue", "answer"]

W = TypeVar("W")


@dataclass(slots=True, eq=False)
class Call(Generic[W]):
    """Something to do in a thread, who waits for it, and what came of it."""

    work: W
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: object = None
    error: Exception | None = None


class _Mark(Enum):
    NUDGE = "return, though there is no call"
    END = "return for the last time"


class CallQueue(Generic[W]):
    """Calls in the order they came. What a call's waiter does never reaches the thread.

    So cancelling the wait leaves the call as it is.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Call[W] | _Mark] = SimpleQueue()
        self._lock = Lock()
        self._closed = False

    async def call(self, work: W) -> Any:
        """Have a thread do ``work``. Raises what it raised, ``StorageError`` once closed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._lock:
            if self._closed:
                raise StorageError("sqlite: the storage is closed")
            self._queue.put(Call(work, loop, future))
        return await future

    def nudge(self) -> None:
        """Make a thread that waits in ``take`` return, without a call."""
        self._queue.put(_Mark.NUDGE)

    def close(self, threads: int) -> None:
        """Take no more calls; those that came are done, then each thread's ``take`` says so."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in range(threads):
                    self._queue.put(_Mark.END)

    def take(self, most: int, timeout: float | None) -> tuple[list[Call[W]], bool]:
        """Wait for calls and return up to ``most``, and whether none will follow."""
        calls: list[Call[W]] = []
        try:
            call = self._queue.get(timeout=timeout)
            while isinstance(call, Call):
                calls.append(call)
                if len(calls) == most:
                    return calls, False
                call = self._queue.get_nowait()
        except Empty:
            return calls, False
        return calls, call is _Mark.END


def answer(calls: Sequence[Call[Any]]) -> None:
    """Hand each call's outcome to its loop, waking each loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Call[Any]]] = {}
    for call in calls:
        by_loop.setdefault(call.loop, []).append(call)
    for loop, answered in by_loop.items():
        # A loop that was closed under its callers raises, and nobody is left to tell.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, answered)


def _settle(calls: Sequence[Call[Any]]) -> None:
    for call in calls:
        if call.future.done():
            continue
        if call.error is None:
            call.future.set_result(call.result)
        else:
            call.future.set_exception(call.error)
