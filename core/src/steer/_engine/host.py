"""The tasks that a kernel runs in the background, owned and ended with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["Host"]

_log = logging.getLogger("steer.engine")


class Host:
    """Owns tasks, so that a kernel may be opened by one task and closed by another.

    A task group would have to be left by the task that entered it, and could not be given work
    from a timer.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``function`` in the background, from a task or a callback of this event loop."""
        task = self._loop.create_task(function())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def submit(self, _job_id: str, body: Callable[[], Coroutine[Any, Any, None]], /) -> None:
        """Run a job's body here: the executor that steer has built in."""
        self.spawn(body)

    async def aclose(self) -> None:
        """Cancel what still runs and return when it has ended."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task in the background failed", exc_info=error)
