"""``steer sessions``: list, show, fork, delete."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from steer.cli.help_text import section
from steer.cli.opening import open_reader, open_under_policies
from steer.cli.options import (
    AsJson,
    ConfigFile,
    Cursor,
    Limit,
    Scope,
    SessionName,
    StorageUrl,
    Yes,
    settings_from,
)
from steer.cli.people.prompting import opened_terminal
from steer.cli.stored.session_text import (
    ROW_HEAD,
    item_json,
    item_lines,
    items_text,
    row_json,
    session_facts,
    session_row,
)
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.printable import one_line
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.errors import ConfigError
from steer.sessions import Compacted, Session

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)


@app.callback()
def sessions(ctx: typer.Context) -> None:
    """List, show, copy and delete conversations."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("list", epilog=section("Examples", ("steer sessions list",)))
def list_sessions(
    *,
    limit: Limit = 20,
    cursor: Cursor = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List conversations by name, and which job goes on with each. With --json, one a line."""
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_list(settings, limit=limit, cursor=cursor, as_json=as_json))


@app.command(
    epilog=section("Examples", ("steer sessions show ann", "steer sessions show ann --all"))
)
def show(
    session: SessionName,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Also what was made shorter, and is shown to no run.")
    ] = False,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a conversation as its next run is shown it. With --json, one item a line.

    What the configuration keeps out of events is not shown here either.
    """
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_show(settings, session, every=every, as_json=as_json))


@app.command(
    epilog=section(
        "Examples", ("steer sessions fork ann ann-2", "steer sessions fork ann early --items 3")
    )
)
def fork(
    session: SessionName,
    to: Annotated[str, typer.Argument(metavar="NEW", help="The copy's name, a new one.")],
    *,
    items: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Copy only the first so many.")
    ] = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy a conversation under another name; the two go on apart."""
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_fork(settings, session, to, items=items, as_json=as_json))


@app.command(
    epilog=section("Examples", ("steer sessions delete ann", "steer sessions delete ann --yes"))
)
def delete(
    session: SessionName,
    *,
    yes: Yes = False,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Forget a conversation for good. What its jobs did stays with the jobs."""
    settings = settings_from(scope=scope, storage=storage, config=config)
    streams = Streams.standard()
    known = asyncio.run(_look_up(settings, session))
    if not yes and not _agreed(streams, session, known.version):
        streams.err.write("nothing was deleted\n")
        raise typer.Exit(1)
    asyncio.run(_delete(settings, session))
    if as_json:
        streams.out.write_bytes(row_json(known) + b"\n")
    else:
        streams.err.write(f"deleted {one_line(session)}\n")


async def _list(settings: Settings, *, limit: int, cursor: str | None, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        page = await kernel.sessions(scope_id=settings.scope, limit=limit, cursor=cursor)
    if as_json:
        streams.out.write_bytes(b"".join(row_json(one) + b"\n" for one in page.items))
    elif page.items:
        now = datetime.now(UTC)
        rows = [session_row(one, now=now) for one in page.items]
        streams.out.write(in_columns(rows, head=ROW_HEAD, paint=paint_for(streams.out)))
    else:
        streams.err.write("no sessions\n")
    if page.cursor is not None:
        streams.err.write(f"there are more: --cursor {page.cursor}\n")


async def _show(settings: Settings, name: str, *, every: bool, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_under_policies(settings) as kernel:
        session = await kernel.session(
            name, scope_id=settings.scope, principal_id=settings.principal
        )
    places = [n for n, item in enumerate(session.items) if isinstance(item, Compacted)]
    items = session.items[0 if every or not places else places[-1] :]
    if as_json:
        streams.out.write_bytes(b"".join(item_json(item) + b"\n" for item in items))
        return
    paint = paint_for(streams.out)
    for fact, value in session_facts(session, now=datetime.now(UTC)):
        if value:
            streams.out.write(f"{paint('faint', f'{fact:<9}')} {one_line(value)}\n")
    for item in items:
        streams.out.write("\n")
        for style, line in item_lines(item):
            streams.out.write(f"{paint(style, line) if style else line}\n")


async def _fork(
    settings: Settings, name: str, to: str, *, items: int | None, as_json: bool
) -> None:
    streams = Streams.standard()
    async with open_under_policies(settings) as kernel:
        copy = await kernel.fork_session(
            name, to, items=items, scope_id=settings.scope, principal_id=settings.principal
        )
    if as_json:
        streams.out.write_bytes(row_json(copy) + b"\n")
    else:
        streams.err.write(f"{one_line(to)} has {items_text(copy.version)}\n")


async def _look_up(settings: Settings, name: str) -> Session:
    async with open_reader(settings) as kernel:
        return await kernel.session(name, scope_id=settings.scope)


async def _delete(settings: Settings, name: str) -> None:
    async with open_under_policies(settings) as kernel:
        await kernel.delete_session(name, scope_id=settings.scope, principal_id=settings.principal)


def _agreed(streams: Streams, name: str, items: int) -> bool:
    with opened_terminal(streams) as terminal:
        if terminal is None:
            raise ConfigError(
                f"session {name} is deleted for good, and nobody is there to ask", fix="Add --yes"
            )
        person = terminal.person(lambda _style, line: streams.err.write(f"{line}\n"))
        label = f"delete {one_line(name)} with {items_text(items)} for good? [y/n]> "
        try:
            return person.asked(label).casefold() == "y"
        finally:
            person.reader.close()
