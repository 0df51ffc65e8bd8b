"""What the suite's own store makes of budgets, accounts, reservations and the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from steer.errors import BudgetExceeded, ConfigError, Conflict, NotFound
from steer.ports import changes as c
from steer.ports.money import OnReached
from steer.ports.records import Account

from steer_conformance.suites.storage.oracle_tables import PlainChanges, PlainScope

__all__ = ["PlainMoney"]

FIXED = ("budget_id", "subject", "who", "period", "unit")


class PlainMoney(PlainChanges):
    """``touched`` are the accounts whose sums have changed."""

    def __init__(self, scope: PlainScope, job_id: str | None, now: datetime) -> None:
        super().__init__(scope, job_id, now)
        self.touched: set[str] = set()

    def BudgetDefined(self, _: str, change: c.BudgetDefined) -> None:  # noqa: N802 - as the change
        new, old = change.budget, self.scope.budgets.get(change.budget.name)
        self.need(new.revision == (old.revision if old else 0) + 1, Conflict)
        if old is None:
            ids = {one.budget_id for one in self.scope.budgets.values()}
            self.need(new.budget_id not in ids, Conflict)
        else:
            self.need(all(getattr(new, of) == getattr(old, of) for of in FIXED), Conflict)
        self.scope.budgets[new.name] = new

    def BudgetDropped(self, _: str, change: c.BudgetDropped) -> None:  # noqa: N802 - as the change
        self.need(change.name in self.scope.budgets, NotFound)
        del self.scope.budgets[change.name]

    def AccountOpened(self, _: str, change: c.AccountOpened) -> None:  # noqa: N802 - as the change
        if change.account in self.scope.accounts:
            return
        units = {one.budget_id: one.unit for one in self.scope.budgets.values()}
        self.need(change.budget_id in units, NotFound)
        self.scope.accounts[change.account] = Account(
            account=change.account,
            unit=units[change.budget_id],
            budget_id=change.budget_id,
            resets_at=change.resets_at,
        )

    def limit_of(self, account: Account) -> int | None:
        if account.limit is not None:
            return account.limit
        for budget in self.scope.budgets.values():
            if budget.budget_id == account.budget_id and budget.on_reached is not OnReached.WARN:
                return budget.limit
        return None

    def BudgetSet(self, _: str, change: c.BudgetSet) -> None:  # noqa: N802 - as the change
        old = self.scope.accounts.get(change.account)
        new = old or Account(account=change.account, unit=change.unit)
        self.need(new.unit == change.unit, Conflict)
        self.scope.accounts[change.account] = replace(new, limit=change.limit)

    def Reserved(self, _: str, change: c.Reserved) -> None:  # noqa: N802 - as the change
        if change.key in self.scope.reserved:
            return
        self.need(bool(change.amounts) and all(n >= 0 for _, n in change.amounts), ConfigError)
        for name, amount in change.amounts:
            self.need(name in self.scope.accounts, NotFound)
            old = self.scope.accounts[name]
            limit = self.limit_of(old)
            total = old.spent + old.reserved + amount
            self.need(limit is None or total <= limit, BudgetExceeded)
            self.scope.accounts[name] = replace(old, reserved=old.reserved + amount)
            self.touched.add(name)
        self.scope.reserved[change.key] = {
            "job": self.job_id,
            "amounts": dict(change.amounts),
            "actuals": None,
        }

    def Settled(self, _: str, change: c.Settled) -> None:  # noqa: N802 - as the change
        self.need(change.key in self.scope.reserved, NotFound)
        held = self.scope.reserved[change.key]
        self.need(held["actuals"] is None, Conflict)
        self.need(bool(change.actuals) and all(n >= 0 for _, n in change.actuals), ConfigError)
        actuals = dict(change.actuals)
        self.need(actuals.keys() <= held["amounts"].keys(), NotFound)
        self.need(actuals.keys() == held["amounts"].keys(), Conflict)
        held["actuals"] = actuals
        for name, amount in held["amounts"].items():
            old = self.scope.accounts[name]
            self.scope.accounts[name] = replace(
                old, spent=old.spent + actuals[name], reserved=old.reserved - amount
            )
            self.touched.add(name)

    def Released(self, scope_id: str, change: c.Released) -> None:  # noqa: N802 - as the change
        self.need(change.key in self.scope.reserved, NotFound)
        nothing = tuple((name, 0) for name in self.scope.reserved[change.key]["amounts"])
        self.Settled(scope_id, c.Settled(key=change.key, actuals=nothing))

    def LedgerAppended(self, _: str, change: c.LedgerAppended) -> None:  # noqa: N802 - as the change
        for entry in change.entries:
            self.scope.ledger.setdefault(entry.key, entry)
