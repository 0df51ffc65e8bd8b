"""What models cost."""

from __future__ import annotations

from steer.pricing.rates import Prices, Rates

__all__ = ["Prices", "Rates"]
