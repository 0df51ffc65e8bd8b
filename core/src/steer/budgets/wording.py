"""What is said of a budget that has no room: to programs and to people."""

from __future__ import annotations

from decimal import Decimal

from steer.budgets.amounts import amount_of
from steer.budgets.drawing import Draw
from steer.errors import BudgetExceeded
from steer.ports.money import BudgetPeriod, BudgetUnit
from steer.ports.records import Account

__all__ = ["exceeded", "shown_amount"]

_NAMES = {
    BudgetUnit.TOKENS: "tokens",
    BudgetUnit.REQUESTS: "requests",
    BudgetUnit.TOOL_CALLS: "tool calls",
}
_LIMITS = {
    BudgetUnit.TOKENS: "max_tokens",
    BudgetUnit.USD: "max_cost",
    BudgetUnit.TOOL_CALLS: "max_tool_calls",
}
"""Which bound of a request a family's account stands for."""


def shown_amount(unit: BudgetUnit, units: int) -> str:
    """Return an amount as people write it: ``$0.25``, ``1,200 tokens``."""
    amount = amount_of(unit, units)
    if unit is not BudgetUnit.USD:
        return f"{amount:,} {_names(unit, units)}"
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents if cents == amount else amount.normalize():,f}"


def _names(unit: BudgetUnit, units: int) -> str:
    """Return what is counted, as it goes with a number."""
    return _NAMES[unit].removesuffix("s") if units == 1 else _NAMES[unit]


def exceeded(
    draw: Draw, account: Account, limit: int, needed: int, *, what: str, why: str = ""
) -> BudgetExceeded:
    """Return the error of ``what`` would take ``needed`` of an account that has less left.

    It says what is spent and reserved, and when the budget begins anew.
    """
    unit = draw.unit
    spent, reserved, cap = (
        shown_amount(unit, units) for units in (account.spent, account.reserved, limit)
    )
    taken = f"{spent} spent and {reserved} reserved, and {what} may take"
    taken = f"{taken} {shown_amount(unit, needed)}"
    why = f"; {why}" if why else ""
    used = str(amount_of(unit, account.spent + account.reserved))
    if draw.budget is None:
        return BudgetExceeded(
            _LIMITS[unit],
            f"job {draw.job_id} and the jobs under it may use {cap} together: {taken}{why}",
            used=used,
            cap=str(amount_of(unit, limit)),
        )
    budget = draw.budget
    again = (
        f", until it begins anew at {draw.resets_at:%Y-%m-%d %H:%M} UTC" if draw.resets_at else ""
    )
    period = "" if budget.period is BudgetPeriod.TOTAL else f" per {budget.period}"
    return BudgetExceeded(
        budget.name,
        f"budget {budget.name} has no room left{again}: of {cap}{period}, {taken}{why}",
        fix=f"Raise it, or run less at a time: steer budgets raise {budget.name} --by AMOUNT",
        budget=budget.name,
        used=used,
        cap=str(amount_of(unit, limit)),
        resets_at=draw.resets_at,
    )
