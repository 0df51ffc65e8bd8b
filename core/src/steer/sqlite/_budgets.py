"""The table ``budgets``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from steer.errors import NotFound
from steer.ports.money import (
    BudgetPeriod,
    BudgetRecord,
    BudgetSubject,
    BudgetUnit,
    OnReached,
)
from steer.ports.records import Page
from steer.sqlite._rows import Row, Rows, from_micros, page, to_micros
from steer.storage import decode_cursor, page_size

__all__ = ["BudgetRows", "budget_named", "page_of_budgets"]

_COLUMNS = """
    name, budget_id, subject, who, period, unit, spend_limit, warn_at, on_reached, degrade_to,
    allow_unpriced, revision, updated_at, updated_by
"""
_BY_NAME = f"SELECT {_COLUMNS} FROM budgets WHERE scope_id = ? AND name = ?"  # noqa: S608 - made of constants
_BY_ID = f"SELECT {_COLUMNS} FROM budgets WHERE scope_id = ? AND budget_id = ?"  # noqa: S608 - made of constants
_LIST = f"""
SELECT {_COLUMNS} FROM budgets WHERE scope_id = ? AND name > ? ORDER BY name LIMIT ?
"""  # noqa: S608 - made of constants
_SAVE = f"""
INSERT OR REPLACE INTO budgets (scope_id, {_COLUMNS})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608 - made of constants
_DROP = "DELETE FROM budgets WHERE scope_id = ? AND name = ?"


class BudgetRows(Rows):
    """Budgets, inside a commit."""

    def budget(self, name: str, /) -> BudgetRecord | None:
        row = self._one(_BY_NAME, (self._scope_id, name))
        return None if row is None else _budget(row)

    def budget_of(self, budget_id: str, /) -> BudgetRecord | None:
        known, key = self._transaction.budgets, (self._scope_id, budget_id)
        if key not in known:
            row = self._one(_BY_ID, key)
            known[key] = None if row is None else _budget(row)
        return known[key]

    def save_budget(self, budget: BudgetRecord, /) -> None:
        self._transaction.budgets.clear()
        self._connection.execute(
            _SAVE,
            (
                self._scope_id,
                budget.name,
                budget.budget_id,
                budget.subject.value,
                budget.who,
                budget.period.value,
                budget.unit.value,
                budget.limit,
                budget.warn_at,
                budget.on_reached.value,
                budget.degrade_to,
                budget.allow_unpriced,
                budget.revision,
                to_micros(budget.updated_at),
                budget.updated_by,
            ),
        )

    def drop_budget(self, name: str, /) -> bool:
        self._transaction.budgets.clear()
        return self._changed_one(_DROP, (self._scope_id, name))


def budget_named(scope_id: str, name: str) -> Callable[[sqlite3.Connection], BudgetRecord]:
    """Return the read of one budget. It raises ``NotFound``."""

    def read(connection: sqlite3.Connection) -> BudgetRecord:
        row = connection.execute(_BY_NAME, (scope_id, name)).fetchone()
        if row is None:
            raise NotFound(f"there is no budget {name} in scope {scope_id}")
        return _budget(row)

    return read


def page_of_budgets(
    scope_id: str, *, limit: int, cursor: str | None
) -> Callable[[sqlite3.Connection], Page[BudgetRecord]]:
    """Return the read of a page of budgets, by name."""
    size = page_size(limit)
    after = decode_cursor("budgets", cursor, "")

    def read(connection: sqlite3.Connection) -> Page[BudgetRecord]:
        rows = connection.execute(_LIST, (scope_id, after, size + 1)).fetchall()
        return page("budgets", rows, size, _budget)

    return read


def _budget(row: Row) -> BudgetRecord:
    return BudgetRecord(
        name=row[0],
        budget_id=row[1],
        subject=BudgetSubject(row[2]),
        who=row[3],
        period=BudgetPeriod(row[4]),
        unit=BudgetUnit(row[5]),
        limit=row[6],
        warn_at=row[7],
        on_reached=OnReached(row[8]),
        degrade_to=row[9],
        allow_unpriced=bool(row[10]),
        revision=row[11],
        updated_at=from_micros(row[12]),
        updated_by=row[13],
    )
