"""Usage and budgets of a store in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from steer.errors import NotFound
from steer.memory._paging import Reads, page_of
from steer.ports.money import BudgetRecord, UsageGroup, UsageTotal
from steer.ports.records import Account, LedgerEntry, LedgerKind, Page, Reservation
from steer.ports.storage import MAX_PAGE
from steer.storage import decode_cursor
from steer.storage.exact import ExactSum
from steer.values import Usage

__all__ = ["MemoryLedger"]


class MemoryLedger(Reads):
    async def entries(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        kinds: Collection[LedgerKind] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = MAX_PAGE,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]:
        after = decode_cursor("ledger", cursor, 0)
        with self._store.reading(scope_id) as tables:
            matching = (
                (number, entry)
                for number, entry in enumerate(tables.entries[after:], after)
                if (job_id is None or entry.job_id == job_id)
                and (not kinds or entry.kind in kinds)
                and _within(entry, since, until)
            )
            return page_of("ledger", matching, limit, lambda row: row[0] + 1, lambda row: row[1])

    async def account(self, scope_id: str, account: str, /) -> Account:
        with self._store.reading(scope_id) as tables:
            found = tables.accounts.get(account)
        if found is None:
            raise NotFound(f"there is no account {account} in scope {scope_id}")
        return found

    async def reservations(self, scope_id: str, job_id: str, /) -> Sequence[Reservation]:
        with self._store.reading(scope_id) as tables:
            return [
                reservation
                for key in tables.reserved_by_job.get(job_id, ())
                for reservation in tables.reserved[key]
            ]

    async def reserved(self, scope_id: str, account: str, /) -> Sequence[Reservation]:
        with self._store.reading(scope_id) as tables:
            return [
                part
                for parts in tables.reserved.values()
                for part in parts
                if part.account == account and part.actual is None
            ]

    async def accounts(
        self,
        scope_id: str,
        /,
        *,
        budget_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Account]:
        after = decode_cursor("accounts", cursor, "")
        with self._store.reading(scope_id) as tables:
            rows = sorted(
                (
                    account
                    for name, account in tables.accounts.items()
                    if name > after and (budget_id is None or account.budget_id == budget_id)
                ),
                key=lambda account: account.account,
            )
            return page_of("accounts", rows, limit, lambda row: row.account, lambda row: row)

    async def budget(self, scope_id: str, name: str, /) -> BudgetRecord:
        with self._store.reading(scope_id) as tables:
            found = tables.budgets.get(name)
        if found is None:
            raise NotFound(f"there is no budget {name} in scope {scope_id}")
        return found

    async def budgets(
        self, scope_id: str, /, *, limit: int = MAX_PAGE, cursor: str | None = None
    ) -> Page[BudgetRecord]:
        after = decode_cursor("budgets", cursor, "")
        with self._store.reading(scope_id) as tables:
            rows = sorted(
                (budget for name, budget in tables.budgets.items() if name > after),
                key=lambda budget: budget.name,
            )
            return page_of("budgets", rows, limit, lambda row: row.name, lambda row: row)

    async def totals(
        self,
        by: Sequence[UsageGroup],
        /,
        *,
        scopes: Collection[str] | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[UsageTotal]:
        sums: dict[tuple[str | None, ...], _Sum] = {}
        for scope_id in self._store.scopes() if scopes is None else dict.fromkeys(scopes):
            with self._store.reading(scope_id) as tables:
                entries = tuple(tables.entries)
            for entry in entries:
                if entry.kind in _SUMMED and _within(entry, since, until):
                    group = tuple(_GROUPS[each](scope_id, entry) for each in by)
                    sums.setdefault(group, _Sum()).add(entry)
        ordered = sorted(sums, key=lambda group: [(name is not None, name or "") for name in group])
        return [sums[group].total(group) for group in ordered]


_SUMMED = frozenset({LedgerKind.MODEL, LedgerKind.TOOL, LedgerKind.CONNECTOR})
_GROUPS: Mapping[UsageGroup, Callable[[str, LedgerEntry], str | None]] = {
    UsageGroup.SCOPE: lambda scope_id, _: scope_id,
    UsageGroup.TEAM: lambda _, entry: entry.team_id,
    UsageGroup.PRINCIPAL: lambda _, entry: entry.principal_id,
    UsageGroup.AGENT: lambda _, entry: entry.agent,
    UsageGroup.RUNTIME: lambda _, entry: entry.runtime,
    UsageGroup.PROVIDER: lambda _, entry: entry.provider,
    UsageGroup.MODEL: lambda _, entry: entry.model,
    UsageGroup.DAY: lambda _, entry: f"{entry.at.astimezone(UTC):%Y-%m-%d}",
}


class _Sum:
    """What the lines of one group come to."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._usage = Usage()
        self._tool_calls = 0
        self._cost = ExactSum()
        self._unpriced = 0

    def add(self, entry: LedgerEntry) -> None:
        usage = entry.usage or Usage()
        if entry.job_id:
            self._jobs.add(entry.job_id)
        self._usage += usage
        if entry.cost is not None:
            self._cost.add(entry.cost)
        if entry.kind is not LedgerKind.MODEL:
            self._tool_calls += 1
        elif entry.cost is None and usage.requests:
            self._unpriced += 1

    def total(self, group: tuple[str | None, ...]) -> UsageTotal:
        return UsageTotal(
            group=group,
            jobs=len(self._jobs),
            usage=self._usage,
            tool_calls=self._tool_calls,
            cost=self._cost.value,
            unpriced=self._unpriced,
        )


def _within(entry: LedgerEntry, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or entry.at >= since) and (until is None or entry.at < until)
