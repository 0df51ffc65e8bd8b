"""What models cost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from steer.pricing.exact import exactly
from steer.pricing.rates import Loading, Prices, Rates

if TYPE_CHECKING:
    from steer.pricing.price_list import PriceList

__all__ = ["Loading", "PriceList", "Prices", "Rates", "exactly"]


def __getattr__(name: str) -> object:
    """Import the price list once it is asked for: reading its files takes as long as the rest."""
    if name != "PriceList":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.price_list").PriceList
