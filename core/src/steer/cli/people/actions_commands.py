"""``steer actions``: list, show, approve, deny, resolve, cancel."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from steer.cli.help_text import section
from steer.cli.opening import open_reader
from steer.cli.options import (
    ActionName,
    AsJson,
    ConfigFile,
    Cursor,
    Scope,
    StorageUrl,
    settings_from,
)
from steer.cli.people.action_listing import Wanted, list_actions
from steer.cli.people.action_names import find_action
from steer.cli.people.action_text import (
    action_body,
    action_facts,
    action_json,
    answer_lines,
    how_to_answer,
)
from steer.cli.people.answer_commands import approve, cancel, deny, resolve
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.errors import ConfigError
from steer.values import ActionStatus, ActionType

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)

_PAGE = 20


@app.callback()
def actions(ctx: typer.Context) -> None:
    """List, show and answer what jobs ask people."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("list", epilog=section("Examples", ("steer actions list --watch",)))
def list_(
    *,
    job: Annotated[str | None, typer.Option(metavar="JOB", help="Only what this job asks.")] = None,
    status: Annotated[
        ActionStatus | None,
        typer.Option(help="Only those that stand so: pending where it is left out."),
    ] = None,
    type_: Annotated[
        ActionType | None, typer.Option("--type", help="Only those of this type.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=f"At most so many, or {_PAGE}.")
    ] = None,
    cursor: Cursor = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on until Ctrl-C, and show what comes.")
    ] = False,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what people are asked and have not answered yet, oldest first.

    With --json, one action a line. With --watch a terminal shows a list that keeps up, and anything
    else is given a line for each new question.
    """
    if every and status is not None:
        raise ConfigError("--all and --status exclude each other", fix="Leave one out")
    if watch and not (limit is None and cursor is None):
        raise ConfigError(
            "--watch shows all there are, and --limit and --cursor a part of them",
            fix="Leave out --watch",
        )
    settings = settings_from(scope=scope, storage=storage, config=config)
    wanted = Wanted(
        job=job,
        status=status if status or every else ActionStatus.PENDING,
        type=type_,
        limit=limit or _PAGE,
        cursor=cursor,
    )
    asyncio.run(list_actions(settings, wanted, watch=watch, as_json=as_json))


@app.command(epilog=section("Examples", ("steer actions show latest",)))
def show(
    action: ActionName,
    *,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show all of a question: what is asked, why, who may answer, and what was answered."""
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_show(settings, action, as_json=as_json))


async def _show(settings: Settings, name: str, *, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        action = await find_action(kernel, name, scope_id=settings.scope)
    if as_json:
        streams.out.write_bytes(action_json(action) + b"\n")
        return
    paint = paint_for(streams.out)
    facts = [fact for fact in action_facts(action, now=datetime.now(UTC)) if fact[1]]
    text = in_columns(facts, paint=paint, style=lambda column, _: None if column else "faint")
    answered = [("", line) for line in answer_lines(action)]
    for title, lines in (("asked", action_body(action)), ("answered", answered)):
        if lines:
            text += f"\n{paint('faint', title)}\n"
            text += "".join(f"  {paint(style, line)}\n" for style, line in lines)
    streams.out.write(text)
    over = action.expires_at is not None and action.expires_at <= datetime.now(UTC)
    if action.status is ActionStatus.PENDING and not over:
        streams.err.write(f"{how_to_answer(action)}\n")


for _command, _examples in (
    (approve, ("steer actions approve 1f0c9a7be2d4", "steer actions approve 1f0c9a7be2d4 --edit")),
    (deny, ('steer actions deny 1f0c9a7be2d4 --reason "ask the customer first"',)),
    (
        resolve,
        ("steer actions resolve 1f0c9a7be2d4", "steer actions resolve 1f0c9a7be2d4 --file a.pdf"),
    ),
    (cancel, ("steer actions cancel 1f0c9a7be2d4",)),
):
    app.command(epilog=section("Examples", _examples))(_command)
