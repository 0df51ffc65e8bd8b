"""Prices from genai-prices, a list of models of many providers that is kept up by others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from steer.pricing.exact import exactly
from steer.pricing.rates import Rates
from steer.values import Usage

__all__ = ["EXTRA_HINT", "LibraryPrices"]

EXTRA_HINT = "Install it: python -m pip install genai-prices"

_MILLION = 1_000_000
_THOUSAND = 1_000
_HOURS_AHEAD = 25


class LibraryPrices:
    """What the library knows, read from the package itself: nothing is fetched.

    It is imported with ``load`` or with the first question, and knows nothing where it is not
    installed. A model is looked up by its provider too: what one asks for a model says nothing of
    another.
    """

    def __init__(self) -> None:
        self._library: Any = None
        self._installed = True
        self._usable: dict[int, bool] = {}

    def load(self) -> None:
        """Import the library, and read its list: a fifth of a second of work."""
        if self._opened():
            self._library.data_snapshot.get_snapshot()

    def rates(
        self, model: str, /, *, provider: str | None, scope_id: str, at: datetime
    ) -> Rates | None:
        """Return the model's prices at that time, the same for every scope."""
        del scope_id
        if provider is None or not self._opened():
            return None
        snapshot = self._library.data_snapshot.get_snapshot()
        try:
            whose, found = snapshot.find_provider_model(model, None, provider, None)
        except LookupError:
            return None
        rates = _LibraryRates(self._library, whose, found, at)
        usable = self._usable.get(id(found))
        if usable is None:
            usable = self._usable[id(found)] = rates.usable()
        return rates if usable else None

    def _opened(self) -> bool:
        if self._library is None and self._installed:
            try:
                self._library = importlib.import_module("genai_prices")
            except ImportError:
                self._installed = False
        return self._installed


class _LibraryRates:
    """One model of the library, at one time."""

    def __init__(self, library: Any, provider: Any, model: Any, at: datetime) -> None:
        self._library = library
        self._provider = provider
        self._model = model
        self._at = at

    @property
    def context_window(self) -> int | None:
        window: int | None = self._model.context_window
        return window

    def usable(self) -> bool:
        """Whether the library has a price for what goes in and for what comes out.

        A model that is sold by the hour or by the page has none, which is not the same as 0.
        """
        prices = self._model.get_prices(self._at)
        if prices.input_mtok is None or prices.output_mtok is None:
            return False
        try:
            self.cost(Usage(requests=1, input_tokens=1, output_tokens=1))
        except ValueError:
            return False
        return True

    def cost(self, usage: Usage, /, *, tier: str | None = None) -> Decimal:
        cached = usage.cached_tokens + usage.cache_write_tokens
        counted = self._library.Usage(
            # A part that is larger than its whole would be refused, and nothing would be booked.
            input_tokens=max(usage.input_tokens, cached),
            cache_read_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=max(usage.output_tokens, usage.reasoning_tokens),
            output_reasoning_tokens=usage.reasoning_tokens,
        )
        with exactly():
            priced = self._model.calc_price(
                counted,
                self._provider,
                genai_request_timestamp=self._at,
                price_context=None if tier is None else {"service_tier": tier},
            )
        cost: Decimal = priced.total_price
        return cost

    def bound(self, input_tokens: int, output_tokens: int, /) -> Decimal:
        given, answered, asked = self._dearest
        with exactly():
            return (given * input_tokens + answered * output_tokens) / _MILLION + asked

    @cached_property
    def _dearest(self) -> tuple[Decimal, Decimal, Decimal]:
        """The dearest rates of a million tokens in and out, and of a request as such."""
        given, answered, asked = Decimal(0), Decimal(0), Decimal(0)
        for key, rate in self._possible():
            match key.split("_"):
                case ["input" | "cache", *_, "mtok"]:
                    given = max(given, rate)
                case ["output", *_, "mtok"]:
                    answered = max(answered, rate)
                case ["requests", "kcount"]:
                    asked = max(asked, rate)
        return given, answered, asked / _THOUSAND

    def _possible(self) -> Iterator[tuple[str, Decimal]]:
        """Every rate by which the request may come to be billed: of any tier, hour or variant."""
        moments = [self._at]
        if isinstance(self._model.prices, list):
            # Some prices hold for hours of the day, and new ones may begin before the answer ends.
            moments += [self._at + timedelta(hours=hours) for hours in range(1, _HOURS_AHEAD)]
        lists = [self._model.get_prices(moment) for moment in moments]
        lists += [variant.prices for variant in self._model.price_variants or ()]
        for prices in lists:
            for key, price in vars(prices).items():
                if isinstance(price, Decimal):
                    yield key, price
                elif price is not None:
                    yield key, price.base
                    for tier in price.tiers:
                        yield key, tier.price
