"""Signals whose waits last by a clock that a test turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from kernels import PATIENCE, TurnedClock
from steer.ports.signals import SignalChannel, Waiter


class TurnedSignals:
    """A channel on which nobody waits for longer than ``clock`` is turned."""

    def __init__(self, inner: SignalChannel, clock: TurnedClock) -> None:
        self._inner = inner
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def subscribe(self, scope_id: str, topic: str, /) -> AsyncIterator[Waiter]:
        async with self._inner.subscribe(scope_id, topic) as waiter:
            yield _TurnedWaiter(waiter, self._clock)


class _TurnedWaiter:
    def __init__(self, inner: Waiter, clock: TurnedClock) -> None:
        self._inner = inner
        self._clock = clock

    async def wait(self, timeout: float, /) -> bool:  # noqa: ASYNC109 - as the port has it
        signalled = False
        async with anyio.create_task_group() as group:

            async def time_out() -> None:
                await self._clock.sleep_until(self._clock.monotonic() + timeout)
                group.cancel_scope.cancel()

            group.start_soon(time_out)
            signalled = await self._inner.wait(PATIENCE)
            group.cancel_scope.cancel()
        return signalled
