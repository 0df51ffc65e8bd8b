"""Budgets: which of them a run draws on, for which period, and in which amounts."""

from __future__ import annotations

from steer.budgets.amounts import amount_of, counted, micro_dollars
from steer.budgets.checking import check_budget
from steer.budgets.matching import Allotment, account_parts, allotments
from steer.budgets.periods import Period, period_of

__all__ = [
    "Allotment",
    "Period",
    "account_parts",
    "allotments",
    "amount_of",
    "check_budget",
    "counted",
    "micro_dollars",
    "period_of",
]
