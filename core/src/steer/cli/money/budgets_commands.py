"""``steer budgets``: set, list, show, raise, remove."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer
from pydantic_core import to_json

from steer.budgets import counted
from steer.cli.help_text import section
from steer.cli.money import budget_text as text
from steer.cli.money.budget_amounts import (
    amount_in,
    part_of,
    read_amount,
    read_reached,
    read_subject,
)
from steer.cli.money.budget_names import BudgetName, all_budgets, find_budget
from steer.cli.opening import open_reader, open_store
from steer.cli.options import (
    AsJson,
    ConfigFile,
    Principal,
    Scope,
    StorageUrl,
    settings_from,
)
from steer.cli.terminal.confirming import check_confirmed
from steer.cli.terminal.paint import paint_for, plain
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.errors import ConfigError
from steer.kernel import RuntimeKernel
from steer.ports.money import BudgetPeriod, BudgetRecord
from steer.ports.records import Account
from steer.ports.storage import MAX_PAGE

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)


@app.callback()
def budgets(ctx: typer.Context) -> None:
    """Set, show and raise what may be spent."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command(
    "set",
    epilog=section(
        "Examples",
        (
            "steer budgets set house --limit 50usd --per month",
            "steer budgets set each --limit 100000tokens --per day --of 'principal:*'",
            "steer budgets set calls --limit 60requests --per minute --of team:research",
            "steer budgets set lab --limit 5usd --per day --on-reached degrade:gpt-5-mini",
        ),
    ),
)
def set_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the budget.")],
    *,
    limit: Annotated[
        str,
        typer.Option(
            metavar="AMOUNT", help="How much: 5usd, 100000tokens, 60requests or 20tool_calls."
        ),
    ],
    per: Annotated[
        BudgetPeriod, typer.Option(help="When it begins anew: by the calendar in UTC, or never.")
    ],
    of: Annotated[
        str,
        typer.Option(
            metavar="WHO",
            help="Whose spending: principal:NAME, team:NAME, agent:NAME, * for each of them.",
        ),
    ] = "scope",
    warn_at: Annotated[
        str | None, typer.Option(metavar="PART", help="Tell runs from here on: 80%.")
    ] = None,
    on_reached: Annotated[
        str,
        typer.Option(
            metavar="WHAT", help="What becomes of more: deny, warn, ask or degrade:MODEL."
        ),
    ] = "deny",
    allow_unpriced: Annotated[
        bool,
        typer.Option("--allow-unpriced", help="Let models through whose price nobody knows."),
    ] = False,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Set a budget, new or in the place of the one of that name.

    Without --of it is of the whole scope. It holds at once, for all processes. What is left out is
    as it is for a new budget; whom it is of, its period and its unit never change.
    """
    amount, unit = read_amount("--limit", limit)
    if unit is None:
        raise ConfigError(
            f"--limit {limit!r} does not say of what",
            fix=f"Add a unit, as in {amount}usd or {amount}tokens",
        )
    subject, who = read_subject(of)
    reached, degrade_to = read_reached(on_reached)
    part = None if warn_at is None else part_of(warn_at)
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)

    async def change(kernel: RuntimeKernel) -> BudgetRecord:
        return await kernel.set_budget(
            name,
            limit=amount,
            unit=unit,
            period=per,
            subject=subject,
            who=who,
            warn_at=part,
            on_reached=reached,
            degrade_to=degrade_to,
            allow_unpriced=allow_unpriced,
            scope_id=settings.scope,
            by=settings.principal,
        )

    asyncio.run(_changed(settings, change, open_store, as_json=as_json))


@app.command("list", epilog=section("Examples", ("steer budgets list",)))
def list_(
    *,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the budgets of a scope, by name. With --json, one a line."""
    asyncio.run(_list(settings_from(scope=scope, storage=storage, config=config), as_json=as_json))


@app.command(epilog=section("Examples", ("steer budgets show house",)))
def show(
    name: BudgetName,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Also the accounts of periods that are over.")
    ] = False,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a budget: what is spent, reserved and left, for whom, and when it begins anew.

    What is reserved is what running jobs may still spend; each is listed with its job.
    """
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_show(settings, name, every=every, as_json=as_json))


@app.command(
    "raise",
    epilog=section(
        "Examples", ("steer budgets raise house --by 10usd", "steer budgets raise house --to 80usd")
    ),
)
def raise_(
    name: BudgetName,
    *,
    to: Annotated[str | None, typer.Option("--to", metavar="AMOUNT", help="The new limit.")] = None,
    more: Annotated[
        str | None, typer.Option("--by", metavar="AMOUNT", help="How much more.")
    ] = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Raise the limit of a budget, at once and for all processes."""
    if (to is None) == (more is None):
        raise ConfigError(
            "a budget is raised either to an amount or by one",
            fix="Give one of --to and --by, as in --by 10usd",
        )
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)

    async def change(kernel: RuntimeKernel) -> BudgetRecord:
        budget = await find_budget(kernel, name, scope_id=settings.scope)
        wanted = None if to is None else amount_in("--to", to, budget.unit)
        further = None if more is None else amount_in("--by", more, budget.unit)
        _check_raises(budget, to=wanted, more=further)
        return await kernel.raise_budget(
            name, to=wanted, more=further, scope_id=settings.scope, by=settings.principal
        )

    asyncio.run(_changed(settings, change, open_reader, as_json=as_json))


@app.command(epilog=section("Examples", ("steer budgets remove house --yes",)))
def remove(
    name: BudgetName,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a budget back. What was spent stays in the ledger."""
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    asyncio.run(_look_up(settings, name))
    check_confirmed(f"Remove budget {name}?", yes=yes)
    asyncio.run(_remove(settings, name, as_json=as_json))


def _check_raises(budget: BudgetRecord, *, to: Decimal | None, more: Decimal | None) -> None:
    """Refuse what would lower the limit, which is more likely a slip than meant."""
    new = (
        counted(budget.unit, to)
        if to is not None
        else budget.limit + counted(budget.unit, more or 0)
    )
    if new <= budget.limit:
        raise ConfigError(
            f"budget {budget.name} has {text.limit_text(budget)}, and"
            f" {text.amount_text(budget.unit, new)} is no more than that",
            fix="Lower it with steer budgets set",
        )


async def _changed(
    settings: Settings,
    change: Callable[[RuntimeKernel], Awaitable[BudgetRecord]],
    opened: Callable[[Settings], RuntimeKernel],
    *,
    as_json: bool,
) -> None:
    streams = Streams.standard()
    async with opened(settings) as kernel:
        budget = await change(kernel)
    if as_json:
        streams.out.write_bytes(to_json(text.budget_json(budget)) + b"\n")
    else:
        of = text.subject_text(budget)
        streams.out.write(f"{budget.name}: {text.limit_text(budget)}, of {of}\n")


async def _list(settings: Settings, *, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        found = [budget async for budget in all_budgets(kernel, scope_id=settings.scope)]
    if as_json:
        lines = [to_json(text.budget_json(budget)) + b"\n" for budget in found]
        streams.out.write_bytes(b"".join(lines))
    elif found:
        now = datetime.now(UTC)
        rows = [text.budget_row(budget, now=now) for budget in found]
        streams.out.write(in_columns(rows, head=text.ROW_HEAD, paint=paint_for(streams.out)))
    else:
        streams.err.write("no budgets\n")


async def _show(settings: Settings, name: str, *, every: bool, as_json: bool) -> None:
    streams = Streams.standard()
    now = datetime.now(UTC)
    scope_id = settings.scope
    over = 0
    found: list[text.Standing] = []
    async with open_reader(settings) as kernel:
        budget = await find_budget(kernel, name, scope_id=scope_id)
        async for account in _accounts(kernel, budget, scope_id=scope_id):
            if not every and _is_over(budget, account, now):
                over += 1
                continue
            reserved = await kernel.reserved(account.account, scope_id=scope_id)
            found.append(text.Standing(budget=budget, account=account, reserved=reserved))
    if as_json:
        shown = text.budget_json(budget) | {"accounts": [*map(text.account_json, found)]}
        streams.out.write_bytes(to_json(shown) + b"\n")
        return
    streams.out.write(_page(budget, found, streams, now=now))
    if over:
        streams.err.write(f"{over} of periods that are over are left out: --all\n")


async def _accounts(
    kernel: RuntimeKernel, budget: BudgetRecord, *, scope_id: str
) -> AsyncIterator[Account]:
    cursor = None
    while True:
        page = await kernel.accounts(budget, scope_id=scope_id, limit=MAX_PAGE, cursor=cursor)
        for account in page.items:
            yield account
        if (cursor := page.cursor) is None:
            return


def _is_over(budget: BudgetRecord, account: Account, now: datetime) -> bool:
    """Say whether nothing will come to an account any more, as far as can be seen from it."""
    if account.reserved:
        return False
    if budget.period is BudgetPeriod.RUN:
        return True
    return account.resets_at is not None and account.resets_at <= now


def _page(
    budget: BudgetRecord, found: list[text.Standing], streams: Streams, *, now: datetime
) -> str:
    paint = paint_for(streams.out)
    shown = in_columns(
        text.budget_facts(budget), paint=paint, style=lambda column, _: None if column else "faint"
    )
    if not found:
        return f"{shown}\n{paint('faint', 'nothing is spent or reserved')}\n"
    rows = [text.account_row(each, now=now, bars=paint is not plain) for each in found]
    shown += "\n" + in_columns(rows, head=text.ACCOUNT_HEAD, paint=paint)
    held = [text.reservation_row(each, part) for each in found for part in each.reserved]
    if held:
        shown += f"\n{paint('faint', 'reserved')}\n"
        shown += "".join(f"  {line}\n" for line in in_columns(held, paint=paint).splitlines())
    return shown


async def _look_up(settings: Settings, name: str) -> None:
    async with open_reader(settings) as kernel:
        await find_budget(kernel, name, scope_id=settings.scope)


async def _remove(settings: Settings, name: str, *, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        budget = await find_budget(kernel, name, scope_id=settings.scope)
        await kernel.remove_budget(name, scope_id=settings.scope, by=settings.principal)
    if as_json:
        streams.out.write_bytes(to_json(text.budget_json(budget)) + b"\n")
    else:
        streams.err.write(f"removed {budget.name}\n")
