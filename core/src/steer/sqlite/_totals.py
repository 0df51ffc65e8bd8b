"""Sums over the table ``ledger``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal

from steer.ports.money import UsageGroup, UsageTotal
from steer.sqlite._rows import Row, json_text, to_micros
from steer.storage.exact import ExactSum
from steer.values import Usage

__all__ = ["totals"]

_GROUPS = {
    UsageGroup.SCOPE: "scope_id",
    UsageGroup.TEAM: "team_id",
    UsageGroup.PRINCIPAL: "principal_id",
    UsageGroup.AGENT: "agent",
    UsageGroup.RUNTIME: "runtime",
    UsageGroup.PROVIDER: "provider",
    UsageGroup.MODEL: "model",
    UsageGroup.DAY: "date(at / 1000000, 'unixepoch')",
}
_COUNTS = ("requests", "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens")
_SUMS = ", ".join(
    f"ifnull(sum(usage ->> '{count}'), 0)" for count in (*_COUNTS, "reasoning_tokens")
)
_SELECT = f"""
SELECT count(DISTINCT nullif(job_id, '')), {_SUMS}, ifnull(max(usage ->> 'estimated'), 0),
    sum(kind != 'model'), exact_sum(cost),
    sum(kind = 'model' AND cost IS NULL AND ifnull(usage ->> 'requests', 0) > 0)
"""


def totals(
    by: Sequence[UsageGroup],
    *,
    scopes: Collection[str] | None,
    since: datetime | None,
    until: datetime | None,
) -> Callable[[sqlite3.Connection], Sequence[UsageTotal]]:
    """Return the read of one total for each group."""
    names = [_GROUPS[group] for group in by]
    conditions = ["kind IN ('model', 'tool', 'connector')"]
    arguments: list[object] = []
    if scopes is not None:
        conditions.append("scope_id IN (SELECT value FROM json_each(?))")
        arguments.append(json_text(list(scopes)))
    if since is not None:
        conditions.append("at >= ?")
        arguments.append(to_micros(since))
    if until is not None:
        conditions.append("at < ?")
        arguments.append(to_micros(until))
    columns = "".join(f", {name}" for name in names)
    sql = f"{_SELECT}{columns} FROM ledger WHERE {' AND '.join(conditions)}"
    # Without groups SQLite would make one sum of no rows.
    grouped = ", ".join(names) or "kind IS NULL"
    sql += f" GROUP BY {grouped} ORDER BY {grouped}"

    def read(connection: sqlite3.Connection) -> Sequence[UsageTotal]:
        connection.create_aggregate("exact_sum", 1, ExactSum)  # type: ignore[arg-type]  # typeshed knows aggregates of numbers only
        return [_total(row) for row in connection.execute(sql, arguments)]

    return read


def _total(row: Row) -> UsageTotal:
    jobs, requests, input_tokens, output_tokens, cached, written, reasoning, estimated = row[:8]
    tool_calls, cost, unpriced, *group = row[8:]
    return UsageTotal(
        group=tuple(group),
        jobs=jobs,
        usage=Usage(
            requests=requests,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=reasoning,
            estimated=bool(estimated),
        ),
        tool_calls=tool_calls,
        cost=Decimal(cost),
        unpriced=unpriced,
    )
