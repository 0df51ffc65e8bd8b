"""The accounts of budgets, read from the storage: all of them, or those of the current period."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from steer.budgets import account_name, period_of
from steer.cli.money.standing import Current, Standing
from steer.errors import NotFound
from steer.kernel import RuntimeKernel
from steer.ports.money import BudgetPeriod, BudgetRecord, BudgetSubject
from steer.ports.records import Account
from steer.ports.storage import MAX_PAGE

__all__ = ["accounts_of", "current_of", "is_over"]


async def current_of(
    kernel: RuntimeKernel, budget: BudgetRecord, *, scope_id: str, now: datetime
) -> Current:
    """Return how a budget stands now."""
    found = [
        Standing(budget=budget, account=account)
        async for account in _current_accounts(kernel, budget, scope_id=scope_id, now=now)
    ]
    return Current(
        budget=budget,
        accounts=len(found),
        fullest=max(found, key=lambda each: each.used, default=None),
        resets_at=period_of(budget.period, now, job_id="").resets_at,
    )


async def _current_accounts(
    kernel: RuntimeKernel, budget: BudgetRecord, *, scope_id: str, now: datetime
) -> AsyncIterator[Account]:
    who = scope_id if budget.subject is BudgetSubject.SCOPE else budget.who
    if who == "*" or budget.period is BudgetPeriod.RUN:
        async for account in accounts_of(kernel, budget, scope_id=scope_id):
            if _is_current(budget, account, now):
                yield account
        return
    # There is one at most, and it need not be looked for among those of all the periods before.
    period = period_of(budget.period, now, job_id="")
    try:
        yield await kernel.account(account_name(budget, who, period), scope_id=scope_id)
    except NotFound:
        return


async def accounts_of(
    kernel: RuntimeKernel, budget: BudgetRecord, *, scope_id: str
) -> AsyncIterator[Account]:
    """Yield every account of a budget, also those of periods that are over."""
    cursor = None
    while True:
        page = await kernel.accounts(budget, scope_id=scope_id, limit=MAX_PAGE, cursor=cursor)
        for account in page.items:
            yield account
        if (cursor := page.cursor) is None:
            return


def is_over(budget: BudgetRecord, account: Account, now: datetime) -> bool:
    """Say whether nothing will come to an account any more, as far as can be seen from it."""
    return not account.reserved and not _is_current(budget, account, now)


def _is_current(budget: BudgetRecord, account: Account, now: datetime) -> bool:
    if budget.period is BudgetPeriod.RUN:
        # Only a run that goes on has something reserved.
        return account.reserved > 0
    return account.resets_at is None or account.resets_at > now
