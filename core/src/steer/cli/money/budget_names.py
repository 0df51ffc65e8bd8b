"""Which budget a user means, and all that there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, TypeAlias

import typer

from steer.cli.lazy import load
from steer.errors import NotFound
from steer.kernel import RuntimeKernel
from steer.naming import closest
from steer.ports.money import BudgetRecord
from steer.ports.storage import MAX_PAGE

__all__ = ["BudgetName", "all_budgets", "find_budget"]


def _beginning(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    beginning: list[tuple[str, str]] = load("steer.cli.completing:budgets_beginning")(
        incomplete, given=ctx.params
    )
    return beginning


BudgetName: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The budget's name.", autocompletion=_beginning),
]


async def find_budget(kernel: RuntimeKernel, name: str, *, scope_id: str) -> BudgetRecord:
    """Return the budget. Raises ``NotFound``, with a name that is like it where there is one."""
    try:
        return await kernel.budget(name, scope_id=scope_id)
    except NotFound:
        names = [budget.name async for budget in all_budgets(kernel, scope_id=scope_id)]
        guess = closest(name, names)
        raise NotFound(
            f"there is no budget {name!r} in scope {scope_id}",
            fix=f"Did you mean {guess}?" if guess else "See: steer budgets list",
        ) from None


async def all_budgets(kernel: RuntimeKernel, *, scope_id: str) -> AsyncIterator[BudgetRecord]:
    """Yield every budget of the scope, by name."""
    cursor = None
    while True:
        page = await kernel.budgets(scope_id=scope_id, limit=MAX_PAGE, cursor=cursor)
        for budget in page.items:
            yield budget
        if (cursor := page.cursor) is None:
            return
