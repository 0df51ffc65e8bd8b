"""Budgets: which of them a run draws on, for which period, and in which amounts."""

from __future__ import annotations

from steer.budgets.amounts import amount_of, counted, micro_dollars
from steer.budgets.checking import check_budget
from steer.budgets.drawing import LEAST_OUTPUT, UNASKED_OUTPUT, Draw, Need
from steer.budgets.matching import Allotment, account_name, account_parts, allotments
from steer.budgets.periods import Period, period_of
from steer.budgets.wording import exceeded, shown_amount

__all__ = [
    "LEAST_OUTPUT",
    "UNASKED_OUTPUT",
    "Allotment",
    "Draw",
    "Need",
    "Period",
    "account_name",
    "account_parts",
    "allotments",
    "amount_of",
    "check_budget",
    "counted",
    "exceeded",
    "micro_dollars",
    "period_of",
    "shown_amount",
]
