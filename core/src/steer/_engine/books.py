"""The books of one run: what its requests and calls cost, line by line."""

from __future__ import annotations

from decimal import Decimal

from steer.clock import Clock
from steer.context import ExecutionContext
from steer.pricing import Prices, Rates
from steer.values import Usage

__all__ = ["Books"]


class Books:
    """Looks up what a run's models cost. Without a price list no cost is known."""

    def __init__(self, *, context: ExecutionContext, clock: Clock, prices: Prices | None) -> None:
        self._context = context
        self._clock = clock
        self._prices = prices

    def rates(self, model: str, provider: str | None) -> Rates | None:
        """Return what the model costs now, ``None`` where that is not known."""
        if self._prices is None:
            return None
        return self._prices.rates(
            model, provider=provider, scope_id=self._context.scope_id, at=self._clock.now()
        )

    def cost(self, usage: Usage, model: str, provider: str | None) -> Decimal | None:
        """Return what the usage cost in US dollars, ``None`` where the price is not known."""
        rates = self.rates(model, provider)
        return None if rates is None else rates.cost(usage)
