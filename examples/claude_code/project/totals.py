"""Totals of an order."""


def total(prices: list[float], discount: float = 0.0) -> float:
    """Return what an order costs, a discount of so many percent taken off."""
    return sum(prices) * (1 - discount)
