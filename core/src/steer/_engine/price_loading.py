"""Making a price list ready in a thread, before its first question is asked in the event loop."""

from __future__ import annotations

import asyncio

from steer.pricing import Loading, Prices

__all__ = ["PriceLoading"]


class PriceLoading:
    """Loads the prices of one kernel as its first job begins, which many kernels never have."""

    def __init__(self, prices: Prices | None) -> None:
        self.prices = prices
        given: object = prices
        self._slow = given if isinstance(given, Loading) else None
        self._loaded: asyncio.Future[None] | None = None

    def begin(self) -> None:
        """Begin, unless that was done before."""
        if self._loaded is None and self._slow is not None:
            self._loaded = asyncio.get_running_loop().run_in_executor(None, self._slow.load)

    async def ready(self) -> None:
        """Return once prices can be asked for without waiting."""
        self.begin()
        if self._loaded is not None:
            await asyncio.shield(self._loaded)
