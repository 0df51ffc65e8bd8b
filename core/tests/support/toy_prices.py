"""Price lists for tests."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from steer.pricing import Rates
from steer.pricing.overrides import OverrideRates

__all__ = ["ToyPrices", "toy_rates"]


def toy_rates(*, context_window: int | None = None) -> OverrideRates:
    """A dollar for each token of input, three for each of output, half of one from the cache."""
    million = Decimal(1_000_000)
    return OverrideRates(
        input=million,
        output=3 * million,
        cached=million / 2,
        cache_write=million,
        context_window=context_window,
    )


class ToyPrices:
    """Knows the models that it is given."""

    def __init__(self, **models: OverrideRates) -> None:
        self._models = models

    def rates(
        self, model: str, /, *, provider: str | None, scope_id: str, at: datetime
    ) -> Rates | None:
        return self._models.get(model)
