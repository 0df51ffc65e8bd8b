"""Amounts as people write them, and as accounts count them."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from steer.errors import ConfigError
from steer.ports.money import BudgetUnit

__all__ = ["amount_of", "counted", "micro_dollars"]

MICRO = 1_000_000


def counted(unit: BudgetUnit, amount: Decimal | int) -> int:
    """Return a limit as an account counts it: dollars as micro-dollars, the others as they are.

    Raises ``ConfigError`` for what is no amount of the unit.
    """
    exact = Decimal(amount) * (MICRO if unit is BudgetUnit.USD else 1)
    if not exact.is_finite() or exact < 0 or exact != exact.to_integral_value():
        what = "dollars with at most six decimals" if unit is BudgetUnit.USD else "a whole number"
        raise ConfigError(f"a budget of {amount} {unit} is none: it takes {what}, 0 or more")
    return int(exact)


def amount_of(unit: BudgetUnit, units: int) -> Decimal:
    """Return what an account counts as people write it."""
    return Decimal(units) / MICRO if unit is BudgetUnit.USD else Decimal(units)


def micro_dollars(cost: Decimal) -> int:
    """Return a cost as an account counts it, rounded up: no account is below what was spent."""
    return int((cost * MICRO).to_integral_value(rounding=ROUND_CEILING))
