"""The clock that checks open plugins with where time has to pass for good."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

__all__ = ["RealClock"]


class RealClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of the machine's monotonic clock."""
        return time.monotonic()

    async def sleep_until(self, moment: float, /) -> None:
        """Wait until the monotonic clock has reached ``moment``."""
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
