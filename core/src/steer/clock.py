"""Time as something that is given: wall clock, monotonic clock and waiting."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

import anyio

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Where the kernel takes its time from; tests give one they turn by hand."""

    def now(self) -> datetime:
        """The wall clock: an aware datetime in UTC, for records."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back, for durations and deadlines."""
        ...

    async def sleep_until(self, moment: float, /) -> None:
        """Wait until ``monotonic()`` is at least ``moment``."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of the machine's monotonic clock."""
        return time.monotonic()

    async def sleep_until(self, moment: float, /) -> None:
        """Wait until the monotonic clock has reached ``moment``."""
        await anyio.sleep(max(0.0, moment - time.monotonic()))
