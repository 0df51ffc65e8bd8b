"""Which budgets a run draws on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from steer.budgets.periods import Period, period_of
from steer.context import ExecutionContext
from steer.ports.changes import AccountOpened
from steer.ports.money import BudgetRecord, BudgetSubject

__all__ = ["Allotment", "account_name", "account_parts", "allotments"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Allotment:
    """A budget with the account that a run draws on now, and when that is over."""

    budget: BudgetRecord
    account: str
    resets_at: datetime | None = None

    def opened(self) -> AccountOpened:
        """Return the change that creates the account where it is not there yet."""
        return AccountOpened(
            account=self.account, budget_id=self.budget.budget_id, resets_at=self.resets_at
        )


def account_name(budget: BudgetRecord, who: str, period: Period) -> str:
    """Return how the account of the budget is called that is about this subject and period."""
    return f"{budget.budget_id}/{who}@{period.name}"


def account_parts(budget: BudgetRecord, account: str) -> tuple[str, str]:
    """Return whose account of the budget it is, and for which period, as it is named."""
    who, _, period = account.removeprefix(f"{budget.budget_id}/").rpartition("@")
    return who, period


def allotments(
    budgets: Iterable[BudgetRecord], context: ExecutionContext, *, agent: str, now: datetime
) -> tuple[Allotment, ...]:
    """Return what a run draws on, in the order of their accounts.

    That order is the same for every run, so that no two wait for each other's rows.
    """
    found = []
    for budget in budgets:
        who = _who(budget, context, agent)
        if who is not None:
            period = period_of(budget.period, now, job_id=context.job_id)
            account = account_name(budget, who, period)
            found.append(Allotment(budget=budget, account=account, resets_at=period.resets_at))
    return tuple(sorted(found, key=lambda allotment: allotment.account))


def _who(budget: BudgetRecord, context: ExecutionContext, agent: str) -> str | None:
    """Return whose account of the budget a run draws on, ``None`` where it is not the run's."""
    who = {
        BudgetSubject.SCOPE: context.scope_id,
        BudgetSubject.TEAM: context.team_id,
        BudgetSubject.PRINCIPAL: context.principal_id,
        BudgetSubject.AGENT: agent,
    }[budget.subject]
    return who if budget.who in ("*", who) else None
