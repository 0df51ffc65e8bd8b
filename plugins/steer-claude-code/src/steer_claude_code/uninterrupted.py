"""Work that has to come to its end, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

__all__ = ["uninterrupted"]

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; a cancellation waits for it, and is raised afterwards.

    It holds against a second cancellation too, and against asyncio's own, which pass through a
    shield of anyio's. The work has to be bounded.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            # It counts no more than the cancellation does, and is not to be said to be lost.
            task.exception()
        raise cancelled
    return task.result()
