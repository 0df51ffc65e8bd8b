"""Storages that are wrong about budgets, totals, held sessions and removed agents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from mutant import Mutant
from steer.clock import Clock
from steer.errors import BudgetExceeded, Conflict, NotFound, SessionBusy
from steer.ports import changes as c
from steer.ports.money import OnReached
from steer.ports.records import LedgerKind
from steer.ports.storage import Committed
from storage_reference import Altered, Rewriting, in_a_file, in_memory, losing, swallowing

Changes = Sequence[c.Change]


class AnyRevision(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except Conflict:
            match changes:
                case [c.BudgetDefined(budget=budget)]:
                    old = (await self.inner.ledger.budget(scope_id, budget.name)).revision
                    again = c.BudgetDefined(budget=replace(budget, revision=old + 1))
                    return await super().commit(scope_id, job_id, fence, [again])
            raise


class DroppedStillBounds(Altered):
    """A budget that was dropped is not found, and goes on to be the limit of its accounts."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        self.dropped: set[str] = set()

    def altered(self, changes: list[c.Change]) -> list[c.Change]:
        gone = {change.name for change in changes if isinstance(change, c.BudgetDropped)}
        self.dropped |= gone
        return [change for change in changes if not isinstance(change, c.BudgetDropped)]

    async def ledger_budget(self, scope_id: str, name: str) -> Any:
        if name in self.dropped:
            raise NotFound(name)
        return await self.inner.ledger.budget(scope_id, name)

    async def ledger_budgets(self, scope_id: str, **page: Any) -> Any:
        found = await self.inner.ledger.budgets(scope_id, **page)
        return replace(found, items=tuple(b for b in found.items if b.name not in self.dropped))


class OpensAnew(Altered):
    """An account that is opened once more begins anew, without what was reserved."""

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        match changes:
            case [c.AccountOpened(account=account)]:
                for part in await self.inner.ledger.reserved(scope_id, account):
                    await super().commit(scope_id, None, None, [c.Released(key=part.key)])
        return await super().commit(scope_id, job_id, fence, changes)


class TellsNothing(Altered):
    async def commit(self, *call: Any) -> Committed:
        return replace(await super().commit(*call), accounts=())


class TellsOfAll(Altered):
    async def commit(self, scope_id: str, *call: Any) -> Committed:
        done = await super().commit(scope_id, *call)
        return replace(done, accounts=(await self.inner.ledger.accounts(scope_id)).items)


class RoundsTotals(Altered):
    async def ledger_totals(self, by: Any, **rest: Any) -> Any:
        found = await self.inner.ledger.totals(by, **rest)
        return [replace(total, cost=Decimal(float(total.cost))) for total in found]


class TotalsOfAnyTime(Altered):
    async def ledger_totals(self, by: Any, *, scopes: Any, **_: Any) -> Any:
        return await self.inner.ledger.totals(by, scopes=scopes)


class TotalsOfAllScopes(Altered):
    async def ledger_totals(self, by: Any, *, scopes: Any, **times: Any) -> Any:
        return await self.inner.ledger.totals(by, scopes=scopes or None, **times)


class LargestTotalFirst(Altered):
    async def ledger_totals(self, by: Any, **rest: Any) -> Any:
        found = await self.inner.ledger.totals(by, **rest)
        return sorted(found, key=lambda total: -total.jobs)


class CountsAudits(Rewriting):
    def LedgerAppended(self, change: c.LedgerAppended) -> c.LedgerAppended:  # noqa: N802
        return replace(
            change,
            entries=tuple(
                replace(line, kind=LedgerKind.MODEL) if line.kind is LedgerKind.AUDIT else line
                for line in change.entries
            ),
        )


class HeldForGood(Altered):
    """A session stays with the job that took it, although that has ended."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        self.holder: dict[str, str | None] = {}

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        for change in changes:
            if isinstance(change, c.SessionTaken):
                holder = self.holder.get(change.session_id)
                if holder not in (None, job_id):
                    raise SessionBusy("held", job_id=str(holder))
                self.holder[change.session_id] = job_id
        return await super().commit(scope_id, job_id, fence, changes)


def as_the_holder(kind: type[Any]) -> Callable[[str, Clock], Altered]:
    """Return a storage that changes a session for anybody as if they held it."""

    class AsTheHolder(Altered):
        async def commit(
            self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
        ) -> Committed:
            try:
                return await super().commit(scope_id, job_id, fence, changes)
            except SessionBusy as error:
                if not any(isinstance(change, kind) for change in changes):
                    raise
                return await super().commit(scope_id, error.job_id, 1, changes)

    return AsTheHolder


class RemovedIsThere(Altered):
    async def agents_get(self, scope_id: str, name: str, *, version: int | None = None) -> Any:
        try:
            return await self.inner.agents.get(scope_id, name, version=version)
        except NotFound:
            for found in (await self.inner.agents.versions(scope_id, name)).items:
                if version is None:
                    return found
            raise


class OldestVersionFirst(Altered):
    async def agents_versions(self, scope_id: str, name: str, **page: Any) -> Any:
        found = await self.inner.agents.versions(scope_id, name, **page)
        return replace(found, items=found.items[::-1])


class LimitOfTheFirstLook(Altered):
    """Looks a budget up when its account is opened, and takes that limit for good."""

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        done = await super().commit(scope_id, job_id, fence, changes)
        for change in changes:
            if isinstance(change, c.AccountOpened):
                account = await self.inner.ledger.account(scope_id, change.account)
                for budget in (await self.inner.ledger.budgets(scope_id)).items:
                    if budget.budget_id == account.budget_id and account.limit is None:
                        own = c.BudgetSet(
                            account=account.account, unit=account.unit, limit=budget.limit
                        )
                        await super().commit(scope_id, None, None, [own])
        return done


class WarnsByRefusing(Rewriting):
    def BudgetDefined(self, change: c.BudgetDefined) -> c.BudgetDefined:  # noqa: N802
        return replace(change, budget=replace(change.budget, on_reached=OnReached.DENY))


async def _has_room(storage: Any, scope_id: str, amounts: Any) -> None:
    limits = {b.budget_id: b.limit for b in (await storage.ledger.budgets(scope_id)).items}
    for name, amount in amounts:
        account = await storage.ledger.account(scope_id, name)
        if account.spent + account.reserved + amount > limits[account.budget_id]:
            raise BudgetExceeded(name, "no room")


class LooksBeforeItReserves(Altered):
    """Has room for each of those that ask at once, and so for all of them."""

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        match changes:
            case [c.Reserved(key=key, amounts=amounts)]:
                names = [name for name, _ in amounts]
                if all(
                    part.key != key for part in await self.inner.ledger.reserved(scope_id, names[0])
                ):
                    await _has_room(self.inner, scope_id, amounts)
                await asyncio.sleep(0)
                unbound = [c.BudgetSet(account=name, unit="usd", limit=2**40) for name in names]
                after = [replace(one, limit=None) for one in unbound]
                changes = [*unbound, *changes, *after]
        return await super().commit(scope_id, job_id, fence, changes)


class ReservesAccountByAccount(Altered):
    """Gives back what it had when the last account refuses, unless it is cut short before."""

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        match changes:
            case [c.Reserved(key=key, amounts=(first, _, _))]:
                part = c.Reserved(key=f"{key}-part", amounts=(first,))
                await super().commit(scope_id, job_id, fence, [part])
                await asyncio.sleep(0)
                changes = [c.Released(key=f"{key}-part"), *changes]
        return await super().commit(scope_id, job_id, fence, changes)


MUTANTS: tuple[Mutant, ...] = (
    in_memory("takes any revision of a budget", "ST-70", AnyRevision),
    in_memory("keeps the first revision", "ST-70", swallowing(c.BudgetDefined, Conflict)),
    in_memory("bounds by a budget that was dropped", "ST-71", DroppedStillBounds),
    in_memory("keeps budgets that were dropped", "ST-71", losing(c.BudgetDropped)),
    in_memory("opens an account anew", "ST-72", OpensAnew),
    in_memory("opens accounts of no budget", "ST-72", swallowing(c.AccountOpened, NotFound)),
    in_memory("tells of no accounts", "ST-73", TellsNothing),
    in_memory("tells of all accounts", "ST-73", TellsOfAll),
    in_memory("rounds totals", "ST-74", RoundsTotals),
    in_memory("sums up any time", "ST-74", TotalsOfAnyTime),
    in_memory("sums up all scopes for none", "ST-74", TotalsOfAllScopes),
    in_memory("gives the largest total first", "ST-74", LargestTotalFirst),
    in_memory("counts audits as use", "ST-74", CountsAudits),
    in_memory("lets several jobs hold a session", "ST-75", swallowing(c.SessionTaken, SessionBusy)),
    in_memory("holds a session for good", "ST-75", HeldForGood),
    in_memory("appends for anybody", "ST-76", as_the_holder(c.SessionAppended)),
    in_memory("drops a session that is held", "ST-77", as_the_holder(c.SessionDropped)),
    in_memory("keeps sessions that were dropped", "ST-77", losing(c.SessionDropped)),
    in_memory("finds a removed agent", "ST-78", RemovedIsThere),
    in_memory("lists the oldest version first", "ST-78", OldestVersionFirst),
    in_memory("keeps the limit of the first look", "ST-79", LimitOfTheFirstLook),
    in_memory("refuses where it has to warn", "ST-79", WarnsByRefusing),
    in_memory("looks before it reserves", "ST-80", LooksBeforeItReserves),
    in_a_file("reserves account by account", "ST-80", ReservesAccountByAccount),
)
