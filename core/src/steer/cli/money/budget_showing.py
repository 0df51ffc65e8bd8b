"""Budgets as they stand: a page of them, and one with all of its accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic_core import to_json

from steer.cli.money import budget_text as text
from steer.cli.money.budget_accounts import accounts_of, current_of, is_over
from steer.cli.money.budget_names import find_budget
from steer.cli.money.standing import Standing
from steer.cli.opening import open_reader
from steer.cli.terminal.paint import Paint, paint_for, plain
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.ports.money import BudgetRecord

__all__ = ["list_budgets", "show_budget"]


async def list_budgets(
    settings: Settings, *, limit: int, cursor: str | None, as_json: bool
) -> None:
    """List budgets, and what is spent and reserved of each in its current period."""
    streams = Streams.standard()
    now = datetime.now(UTC)
    async with open_reader(settings) as kernel:
        page = await kernel.budgets(scope_id=settings.scope, limit=limit, cursor=cursor)
        found = [
            await current_of(kernel, budget, scope_id=settings.scope, now=now)
            for budget in page.items
        ]
    if as_json:
        lines = [to_json(text.current_json(current)) + b"\n" for current in found]
        streams.out.write_bytes(b"".join(lines))
    elif found:
        rows = [text.budget_row(current, now=now) for current in found]
        streams.out.write(_table(rows, text.ROW_HEAD, paint_for(streams.out)))
    else:
        streams.err.write("no budgets\n")
    if page.cursor is not None:
        streams.err.write(f"there are more: --cursor {page.cursor}\n")


async def show_budget(settings: Settings, name: str, *, every: bool, as_json: bool) -> None:
    """Show a budget with its accounts; those of periods that are over with ``every`` alone."""
    streams = Streams.standard()
    now = datetime.now(UTC)
    scope_id = settings.scope
    over = 0
    found: list[Standing] = []
    async with open_reader(settings) as kernel:
        budget = await find_budget(kernel, name, scope_id=scope_id)
        async for account in accounts_of(kernel, budget, scope_id=scope_id):
            if not every and is_over(budget, account, now):
                over += 1
                continue
            reserved = (
                await kernel.reserved(account.account, scope_id=scope_id)
                if account.reserved
                else ()
            )
            found.append(Standing(budget=budget, account=account, reserved=reserved))
    if as_json:
        shown = text.budget_json(budget) | {"accounts": [*map(text.account_json, found)]}
        streams.out.write_bytes(to_json(shown) + b"\n")
        return
    streams.out.write(_page(budget, found, streams, now=now))
    if over:
        streams.err.write(f"{over} of periods that are over are left out: --all\n")


def _page(budget: BudgetRecord, found: list[Standing], streams: Streams, *, now: datetime) -> str:
    paint = paint_for(streams.out)
    shown = in_columns(
        text.budget_facts(budget), paint=paint, style=lambda column, _: None if column else "faint"
    )
    if not found:
        return f"{shown}\n{paint('faint', 'nothing is spent or reserved')}\n"
    rows = [text.account_row(each, now=now, bars=paint is not plain) for each in found]
    shown += "\n" + _table(rows, text.ACCOUNT_HEAD, paint)
    held = [text.reservation_row(each, part) for each in found for part in each.reserved]
    if held:
        shown += f"\n{paint('faint', 'reserved')}\n"
        shown += "".join(f"  {line}\n" for line in in_columns(held, paint=paint).splitlines())
    return shown


def _table(rows: Sequence[Sequence[str]], head: Sequence[str], paint: Paint) -> str:
    return in_columns(
        rows,
        head=head,
        paint=paint,
        style=lambda column, cell: text.state_style(cell) if head[column] == "STATE" else None,
    )
