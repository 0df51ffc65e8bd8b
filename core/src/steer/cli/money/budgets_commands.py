"""``steer budgets``: set, list, show, raise, remove."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
from steer.cli.money.budget_names import BudgetName, find_budget
from steer.cli.money.budget_showing import list_budgets, show_budget
from steer.cli.opening import open_reader, open_store
from steer.cli.options import (
    AsJson,
    ConfigFile,
    Cursor,
    Limit,
    Principal,
    Scope,
    StorageUrl,
    Yes,
    settings_from,
)
from steer.cli.terminal.confirming import check_confirmed
from steer.cli.terminal.streams import Streams
from steer.config import Settings
from steer.errors import ConfigError
from steer.kernel import RuntimeKernel
from steer.ports.money import BudgetPeriod, BudgetRecord

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
    limit: Limit = 20,
    cursor: Cursor = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the budgets of a scope by name, and how each stands now. With --json, one a line.

    Of a budget that several draw on, each for itself, the fullest is shown.
    """
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(list_budgets(settings, limit=limit, cursor=cursor, as_json=as_json))


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
    asyncio.run(show_budget(settings, name, every=every, as_json=as_json))


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
    yes: Yes = False,
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
