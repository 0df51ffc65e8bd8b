"""Waiting, in a thread or in any event loop, for something that another thread does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar

__all__ = ["Notices"]

T = TypeVar("T")


class Notices:
    """Wakes whoever waits, each time something was announced."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._sleepers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def announce(self) -> None:
        """Say that something changed. Never blocks for long; callable from any thread."""
        with self._condition:
            self._condition.notify_all()
            sleepers = list(self._sleepers.items())
        for event, loop in sleepers:
            # The loop of a sleeper may close before the sleeper could sign off.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

    def wait_sync(self, ready: Callable[[], T | None], timeout: float, problem: str) -> T:
        """Block this thread until ``ready()`` gives something that is not None.

        Raises:
            TimeoutError: with ``problem``, after ``timeout`` seconds.
        """
        deadline = monotonic() + timeout
        with self._condition:
            while (found := ready()) is None:
                if not self._condition.wait(deadline - monotonic()):
                    break
        if found is None and (found := ready()) is None:
            raise TimeoutError(f"{problem} within {timeout:g} s")
        return found

    async def wait(self, ready: Callable[[], T | None], timeout: float, problem: str) -> T:  # noqa: ASYNC109 - every wait is bounded, and says what it waited for
        """The same for a task of the running event loop.

        Raises:
            TimeoutError: with ``problem``, after ``timeout`` seconds.
        """
        event = asyncio.Event()
        with self._condition:
            self._sleepers[event] = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                while (found := ready()) is None:
                    await event.wait()
                    event.clear()
        except TimeoutError:
            raise TimeoutError(f"{problem} within {timeout:g} s") from None
        finally:
            with self._condition:
                del self._sleepers[event]
        return found
