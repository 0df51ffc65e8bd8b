"""The tables ``accounts``, ``reservations`` and ``ledger``."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from steer.errors import NotFound
from steer.ports.money import BudgetRecord, UsageGroup, UsageTotal
from steer.ports.records import Account, LedgerEntry, LedgerKind, Page, Reservation
from steer.ports.storage import MAX_PAGE
from steer.sqlite._budgets import budget_named, page_of_budgets
from steer.sqlite._readers import Readers
from steer.sqlite._rows import (
    Row,
    Rows,
    from_micros,
    json_text,
    json_value,
    page,
    read_as,
    to_micros,
)
from steer.sqlite._totals import totals
from steer.storage import decode_cursor, page_size
from steer.values import Usage

__all__ = ["MoneyRows", "SqliteLedger"]

_ACCOUNT = """
SELECT account, unit, spend_limit, spent, reserved, budget_id, resets_at FROM accounts
WHERE scope_id = ? AND account = ?
"""
_ACCOUNTS = """
SELECT account, unit, spend_limit, spent, reserved, budget_id, resets_at FROM accounts
WHERE scope_id = ? AND account > ?
"""
_ADD_ACCOUNT = """
INSERT INTO accounts (scope_id, account, unit, spend_limit, spent, reserved, budget_id, resets_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE_ACCOUNT = """
UPDATE accounts SET spend_limit = ?, spent = ?, reserved = ? WHERE scope_id = ? AND account = ?
"""
_RESERVATIONS = """
SELECT key, account, amount, actual, job_id FROM reservations
WHERE scope_id = ? AND key = ? ORDER BY number
"""
_RESERVATIONS_OF_JOB = """
SELECT key, account, amount, actual, job_id FROM reservations
WHERE scope_id = ? AND job_id = ? ORDER BY number
"""
_RESERVATIONS_OPEN = """
SELECT key, account, amount, actual, job_id FROM reservations
WHERE scope_id = ? AND account = ? AND actual IS NULL ORDER BY number
"""
_RESERVE = """
INSERT INTO reservations (scope_id, key, account, amount, actual, job_id) VALUES (?, ?, ?, ?, ?, ?)
"""
_SETTLE = "UPDATE reservations SET actual = ? WHERE scope_id = ? AND key = ? AND account = ?"
_INSERT_ENTRY = """
INSERT INTO ledger (scope_id, key, job_id, principal_id, team_id, agent, kind, provider, model,
    runtime, usage, cost, at, details)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (scope_id, key) DO NOTHING
"""
_ENTRIES = """
SELECT number, key, job_id, principal_id, kind, provider, model, runtime, usage, cost, at, details,
    team_id, agent
FROM ledger WHERE scope_id = ? AND number > ?
"""


class MoneyRows(Rows):
    """Accounts, reservations and the ledger, inside a commit."""

    def account(self, account: str, /) -> Account | None:
        known = self._transaction.accounts
        found = known.get((self._scope_id, account))
        if found is None:
            row = self._one(_ACCOUNT, (self._scope_id, account))
            if row is None:
                return None
            found = known[self._scope_id, account] = _account(row)
        return found

    def save_account(self, account: Account, /) -> None:
        known, key = self._transaction.accounts, (self._scope_id, account.account)
        if key in known:
            self._connection.execute(
                _UPDATE_ACCOUNT, (account.limit, account.spent, account.reserved, *key)
            )
            known[key] = account
            return
        self._connection.execute(
            _ADD_ACCOUNT,
            (
                self._scope_id,
                account.account,
                account.unit,
                account.limit,
                account.spent,
                account.reserved,
                account.budget_id,
                to_micros(account.resets_at),
            ),
        )

    def reservations(self, key: str, /) -> Sequence[Reservation]:
        rows = self._connection.execute(_RESERVATIONS, (self._scope_id, key))
        return [_reservation(row) for row in rows]

    def add_reservations(self, reservations: Sequence[Reservation], /) -> None:
        self._connection.executemany(
            _RESERVE,
            [
                (self._scope_id, part.key, part.account, part.amount, part.actual, part.job_id)
                for part in reservations
            ],
        )

    def settle_reservations(self, settled: Sequence[Reservation], /) -> None:
        self._connection.executemany(
            _SETTLE, [(part.actual, self._scope_id, part.key, part.account) for part in settled]
        )

    def add_ledger(self, entries: Sequence[LedgerEntry], /) -> None:
        self._connection.executemany(
            _INSERT_ENTRY,
            [
                (
                    self._scope_id,
                    entry.key,
                    entry.job_id,
                    entry.principal_id,
                    entry.team_id,
                    entry.agent,
                    entry.kind.value,
                    entry.provider,
                    entry.model,
                    entry.runtime,
                    json_text(entry.usage),
                    None if entry.cost is None else str(entry.cost),
                    to_micros(entry.at),
                    json_text(dict(entry.details)),
                )
                for entry in entries
            ],
        )


class SqliteLedger:
    """``steer.ports.storage.LedgerReads``."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

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
        size = page_size(limit)
        arguments: list[object] = [scope_id, decode_cursor("ledger", cursor, 0)]
        conditions = [_ENTRIES]
        if job_id is not None:
            conditions.append("job_id = ?")
            arguments.append(job_id)
        if kinds:
            conditions.append("kind IN (SELECT value FROM json_each(?))")
            arguments.append(json_text([kind.value for kind in kinds]))
        if until is not None:
            conditions.append("at < ?")
            arguments.append(to_micros(until))
        if since is not None:
            conditions.append("at >= ?")
            arguments.append(to_micros(since))
        sql = " AND ".join(conditions) + " ORDER BY number LIMIT ?"

        def read(connection: sqlite3.Connection) -> Page[LedgerEntry]:
            rows = connection.execute(sql, (*arguments, size + 1)).fetchall()
            return page("ledger", rows, size, _entry)

        return await self._readers.read(read)

    async def totals(
        self,
        by: Sequence[UsageGroup],
        /,
        *,
        scopes: Collection[str] | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[UsageTotal]:
        return await self._readers.read(totals(by, scopes=scopes, since=since, until=until))

    async def budget(self, scope_id: str, name: str, /) -> BudgetRecord:
        return await self._readers.read(budget_named(scope_id, name))

    async def budgets(
        self, scope_id: str, /, *, limit: int = MAX_PAGE, cursor: str | None = None
    ) -> Page[BudgetRecord]:
        return await self._readers.read(page_of_budgets(scope_id, limit=limit, cursor=cursor))

    async def accounts(
        self,
        scope_id: str,
        /,
        *,
        budget_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Account]:
        size = page_size(limit)
        arguments: list[object] = [scope_id, decode_cursor("accounts", cursor, "")]
        sql = _ACCOUNTS
        if budget_id is not None:
            sql += " AND budget_id = ?"
            arguments.append(budget_id)
        sql += " ORDER BY account LIMIT ?"

        def read(connection: sqlite3.Connection) -> Page[Account]:
            rows = connection.execute(sql, (*arguments, size + 1)).fetchall()
            return page("accounts", rows, size, _account)

        return await self._readers.read(read)

    async def account(self, scope_id: str, account: str, /) -> Account:
        def read(connection: sqlite3.Connection) -> Account:
            row = connection.execute(_ACCOUNT, (scope_id, account)).fetchone()
            if row is None:
                raise NotFound(f"there is no account {account} in scope {scope_id}")
            return _account(row)

        return await self._readers.read(read)

    async def reservations(self, scope_id: str, job_id: str, /) -> Sequence[Reservation]:
        def read(connection: sqlite3.Connection) -> Sequence[Reservation]:
            rows = connection.execute(_RESERVATIONS_OF_JOB, (scope_id, job_id))
            return [_reservation(row) for row in rows]

        return await self._readers.read(read)

    async def reserved(self, scope_id: str, account: str, /) -> Sequence[Reservation]:
        def read(connection: sqlite3.Connection) -> Sequence[Reservation]:
            rows = connection.execute(_RESERVATIONS_OPEN, (scope_id, account))
            return [_reservation(row) for row in rows]

        return await self._readers.read(read)


def _account(row: Row) -> Account:
    account, unit, limit, spent, reserved, budget_id, resets_at = row
    return Account(
        account=account,
        unit=unit,
        limit=limit,
        spent=spent,
        reserved=reserved,
        budget_id=budget_id,
        resets_at=from_micros(resets_at),
    )


def _reservation(row: Row) -> Reservation:
    key, account, amount, actual, job_id = row
    return Reservation(key=key, account=account, amount=amount, actual=actual, job_id=job_id)


def _entry(row: Row) -> LedgerEntry:
    return LedgerEntry(
        key=row[1],
        job_id=row[2],
        principal_id=row[3],
        kind=LedgerKind(row[4]),
        provider=row[5],
        model=row[6],
        runtime=row[7],
        usage=read_as(Usage, row[8]),
        cost=None if row[9] is None else Decimal(row[9]),
        at=from_micros(row[10]),
        details=json_value(row[11]),
        team_id=row[12],
        agent=row[13],
    )
