"""The part of the kernel that is about money: budgets, and what was used."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from steer._engine.engine import Engine
from steer.budgets import check_budget, counted
from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.errors import ConfigError, NotFound
from steer.ids import new_id
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

__all__ = ["KernelMoney"]


class KernelMoney(ABC):
    """Sets budgets, and reports what was used."""

    @abstractmethod
    def _opened(self) -> Engine: ...

    async def set_budget(
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
        """Set a budget of a scope, new or in the place of the one of that name.

        ``limit`` is in dollars, or a number of what else ``unit`` counts. It holds at once, for
        jobs that run already too where they drew on the budget before; for others from the next job
        on. Raises ``ConfigError`` for a budget that contradicts itself, and ``Conflict`` where
        somebody else changed it meanwhile, or where it would have another subject, period or unit.
        """
        old = await self._budget(scope_id, name)
        budget = BudgetRecord(
            budget_id=new_id() if old is None else old.budget_id,
            name=name,
            subject=subject,
            who=who,
            period=period,
            unit=unit,
            limit=counted(unit, limit),
            warn_at=warn_at,
            on_reached=on_reached,
            degrade_to=degrade_to,
            allow_unpriced=allow_unpriced,
            revision=1 if old is None else old.revision + 1,
            updated_at=self._opened().clock.now(),
            updated_by=by,
        )
        check_budget(budget)
        return await self._define(scope_id, budget)

    async def raise_budget(
        self,
        name: str,
        *,
        to: Decimal | int | None = None,
        more: Decimal | int | None = None,
        scope_id: str = DEFAULT_SCOPE,
        by: str = DEFAULT_PRINCIPAL,
    ) -> BudgetRecord:
        """Change a budget's limit ``to`` an amount, or by so much ``more``.

        Raises ``NotFound``, ``ConfigError`` unless exactly one of the two is given, and
        ``Conflict`` where somebody else changed the budget meanwhile.
        """
        if (to is None) == (more is None):
            raise ConfigError(f"budget {name} is raised either to an amount or by one")
        old = await self.budget(name, scope_id=scope_id)
        limit = old.limit + counted(old.unit, more) if more is not None else 0
        budget = replace(
            old,
            limit=counted(old.unit, to) if to is not None else limit,
            revision=old.revision + 1,
            updated_at=self._opened().clock.now(),
            updated_by=by,
        )
        return await self._define(scope_id, budget)

    async def remove_budget(
        self, name: str, *, scope_id: str = DEFAULT_SCOPE, by: str = DEFAULT_PRINCIPAL
    ) -> None:
        """Take a budget back; what was spent stays in the ledger, and what waits for it goes on.

        Raises ``NotFound``.
        """
        budget = await self.budget(name, scope_id=scope_id)
        await self._opened().raising.remove(scope_id, budget, by=by)

    async def budget(self, name: str, *, scope_id: str = DEFAULT_SCOPE) -> BudgetRecord:
        """Return a budget. Raises ``NotFound``."""
        return await self._opened().storage.ledger.budget(scope_id, name)

    async def budgets(
        self, *, scope_id: str = DEFAULT_SCOPE, limit: int = 50, cursor: str | None = None
    ) -> Page[BudgetRecord]:
        """Return budgets, by name; ``Page.cursor`` asks for the next part."""
        return await self._opened().storage.ledger.budgets(scope_id, limit=limit, cursor=cursor)

    async def account(self, account: str, *, scope_id: str = DEFAULT_SCOPE) -> Account:
        """Return one account of a budget. Raises ``NotFound``, also where nobody drew on it yet."""
        return await self._opened().storage.ledger.account(scope_id, account)

    async def accounts(
        self,
        budget: BudgetRecord,
        *,
        scope_id: str = DEFAULT_SCOPE,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Account]:
        """Return the accounts of a budget: one for each of its subjects and periods."""
        return await self._opened().storage.ledger.accounts(
            scope_id, budget_id=budget.budget_id, limit=limit, cursor=cursor
        )

    async def reserved(
        self, account: str, *, scope_id: str = DEFAULT_SCOPE
    ) -> Sequence[Reservation]:
        """Return what is reserved on an account and not settled yet, with the jobs it is for."""
        return await self._opened().storage.ledger.reserved(scope_id, account)

    async def usage(
        self,
        by: Sequence[UsageGroup] = (),
        *,
        scopes: Collection[str] | None = (DEFAULT_SCOPE,),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[UsageTotal]:
        """Return what was used, summed up ``by`` these; ``None`` looks into every scope."""
        return await self._opened().storage.ledger.totals(
            by, scopes=scopes, since=since, until=until
        )

    async def ledger(
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
        """Return lines of the ledger, oldest first."""
        return await self._opened().storage.ledger.entries(
            scope_id,
            job_id=job_id,
            kinds=kinds,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )

    async def _budget(self, scope_id: str, name: str) -> BudgetRecord | None:
        try:
            return await self.budget(name, scope_id=scope_id)
        except NotFound:
            return None

    async def _define(self, scope_id: str, budget: BudgetRecord) -> BudgetRecord:
        await self._opened().raising.define(scope_id, budget)
        return budget
