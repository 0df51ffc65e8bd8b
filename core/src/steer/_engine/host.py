"""The one task that owns everything a kernel runs in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
from anyio.abc import TaskGroup

__all__ = ["Host"]


class Host:
    """A task group in a task of its own, so that a kernel may be opened and closed anywhere.

    A task group must be left by the task that entered it; an application that embeds the kernel
    opens it in one task and closes it in another.
    """

    def __init__(self) -> None:
        self._ready = anyio.Event()
        self._done = anyio.Event()
        self._group: TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the task; return when ``spawn`` can be used."""
        self._task = asyncio.get_running_loop().create_task(self._serve(), name="steer-kernel")
        await self._ready.wait()

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``function`` in the background. It must not raise."""
        if self._group is None:
            message = "the kernel is closed"
            raise RuntimeError(message)
        self._group.start_soon(function)

    async def submit(self, _job_id: str, body: Callable[[], Coroutine[Any, Any, None]], /) -> None:
        """Run a job's body here: the executor that steer has built in."""
        self.spawn(body)

    async def aclose(self) -> None:
        """Cancel what still runs and return when it has ended."""
        if self._task is None:
            return
        self._done.set()
        if self._group is not None:
            self._group.cancel_scope.cancel()
        await asyncio.wait([self._task])

    async def _serve(self) -> None:
        try:
            async with anyio.create_task_group() as group:
                self._group = group
                self._ready.set()
                await self._done.wait()
        finally:
            self._group = None
