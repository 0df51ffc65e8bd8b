"""Budgets, and what was used, for programs without an event loop."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from anyio.from_thread import BlockingPortal

from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.kernel import RuntimeKernel
from steer.ports.money import (
    BudgetPeriod,
    BudgetRecord,
    BudgetSubject,
    BudgetUnit,
    OnReached,
    UsageGroup,
    UsageTotal,
)
from steer.ports.records import Account, LedgerEntry, LedgerKind, Page, Reservation
from steer.ports.storage import MAX_PAGE

__all__ = ["BlockingMoney"]


class BlockingMoney:
    """The methods of ``KernelMoney``, which block."""

    _kernel: RuntimeKernel
    _portal: BlockingPortal

    def set_budget(
        self,
        name: str,
        *,
        limit: Decimal | int,
        unit: BudgetUnit,
        period: BudgetPeriod,
        subject: BudgetSubject = BudgetSubject.SCOPE,
        who: str = "*",
        warn_at: float | None = None,
        on_reached: OnReached = OnReached.DENY,
        degrade_to: str | None = None,
        allow_unpriced: bool = False,
        scope_id: str = DEFAULT_SCOPE,
        by: str = DEFAULT_PRINCIPAL,
    ) -> BudgetRecord:
        """Set a budget: see ``RuntimeKernel.set_budget``."""
        return self._portal.call(
            partial(
                self._kernel.set_budget,
                name,
                limit=limit,
                unit=unit,
                period=period,
                subject=subject,
                who=who,
                warn_at=warn_at,
                on_reached=on_reached,
                degrade_to=degrade_to,
                allow_unpriced=allow_unpriced,
                scope_id=scope_id,
                by=by,
            )
        )

    def raise_budget(
        self,
        name: str,
        *,
        to: Decimal | int | None = None,
        more: Decimal | int | None = None,
        scope_id: str = DEFAULT_SCOPE,
        by: str = DEFAULT_PRINCIPAL,
    ) -> BudgetRecord:
        """Change a budget's limit: see ``RuntimeKernel.raise_budget``."""
        return self._portal.call(
            partial(self._kernel.raise_budget, name, to=to, more=more, scope_id=scope_id, by=by)
        )

    def remove_budget(
        self, name: str, *, scope_id: str = DEFAULT_SCOPE, by: str = DEFAULT_PRINCIPAL
    ) -> None:
        """Take a budget back: see ``RuntimeKernel.remove_budget``."""
        self._portal.call(partial(self._kernel.remove_budget, name, scope_id=scope_id, by=by))

    def budget(self, name: str, *, scope_id: str = DEFAULT_SCOPE) -> BudgetRecord:
        """Return a budget: see ``RuntimeKernel.budget``."""
        return self._portal.call(partial(self._kernel.budget, name, scope_id=scope_id))

    def budgets(
        self, *, scope_id: str = DEFAULT_SCOPE, limit: int = 50, cursor: str | None = None
    ) -> Page[BudgetRecord]:
        """Return budgets, by name: see ``RuntimeKernel.budgets``."""
        return self._portal.call(
            partial(self._kernel.budgets, scope_id=scope_id, limit=limit, cursor=cursor)
        )

    def accounts(
        self,
        budget: BudgetRecord,
        *,
        scope_id: str = DEFAULT_SCOPE,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Account]:
        """Return the accounts of a budget: see ``RuntimeKernel.accounts``."""
        return self._portal.call(
            partial(self._kernel.accounts, budget, scope_id=scope_id, limit=limit, cursor=cursor)
        )

    def reserved(self, account: str, *, scope_id: str = DEFAULT_SCOPE) -> Sequence[Reservation]:
        """Return what is reserved on an account: see ``RuntimeKernel.reserved``."""
        return self._portal.call(partial(self._kernel.reserved, account, scope_id=scope_id))

    def usage(
        self,
        by: Sequence[UsageGroup] = (),
        *,
        scopes: Collection[str] | None = (DEFAULT_SCOPE,),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[UsageTotal]:
        """Return what was used: see ``RuntimeKernel.usage``."""
        return self._portal.call(
            partial(self._kernel.usage, by, scopes=scopes, since=since, until=until)
        )

    def ledger(
        self,
        *,
        scope_id: str = DEFAULT_SCOPE,
        job_id: str | None = None,
        kinds: Collection[LedgerKind] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = MAX_PAGE,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]:
        """Return lines of the ledger: see ``RuntimeKernel.ledger``."""
        return self._portal.call(
            partial(
                self._kernel.ledger,
                scope_id=scope_id,
                job_id=job_id,
                kinds=kinds,
                since=since,
                until=until,
                limit=limit,
                cursor=cursor,
            )
        )
