"""The price list that holds: one's own prices, and those of the library beneath them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from steer.pricing.library import LibraryPrices
from steer.pricing.overrides import Override, load_price_file
from steer.pricing.rates import Loading, Prices, Rates

__all__ = ["PriceList"]


class PriceList:
    """Prices of a file, where one is given, over those of the library genai-prices.

    Of several entries of the file that are about a model the most specific one holds: one for a
    scope before one for all of them, then one for a provider, then a name before a pattern, then
    the first. What neither file nor library knows is not known. Raises ``ConfigError`` for a file
    that cannot be used. The library is imported with the first question that it has to answer.
    """

    def __init__(self, file: str | Path | None = None, *, library: Prices | None = None) -> None:
        self._overrides: tuple[Override, ...] = () if file is None else load_price_file(file)
        self._library = LibraryPrices() if library is None else library

    def load(self) -> None:
        """Import the library, so that no question has to."""
        if isinstance(self._library, Loading):
            self._library.load()

    def rates(
        self, model: str, /, *, provider: str | None, scope_id: str, at: datetime
    ) -> Rates | None:
        """Return what a model costs a scope at a time, ``None`` where that is not known."""
        for override in self._overrides:
            if override.applies(model, provider, scope_id):
                return override.rates
        return self._library.rates(model, provider=provider, scope_id=scope_id, at=at)
