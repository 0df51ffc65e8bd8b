"""``steer agents``: add, list, show, set-runtime, remove."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import typer
from pydantic_core import to_json

from steer.agents import StoredDefinition
from steer.agents.stored import stored_spec
from steer.cli.help_text import section
from steer.cli.inputs import read_settings_pairs
from steer.cli.opening import check_shared, open_reader, open_store
from steer.cli.options import (
    AsJson,
    ConfigFile,
    Principal,
    Scope,
    StorageUrl,
    names_of,
    settings_from,
    stored_agents,
)
from steer.cli.stored.agent_text import (
    AGENT_HEAD,
    agent_facts,
    agent_json,
    agent_row,
    definition_text,
    version_rows,
)
from steer.cli.terminal.confirming import check_confirmed
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.printable import for_terminal
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.errors import ConfigError, NotFound
from steer.kernel import RuntimeKernel
from steer.plugin import PluginKind
from steer.ports.records import StoredAgent
from steer.ports.storage import MAX_PAGE
from steer.values import JsonValue

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)

_ADD = (
    "steer agents add support.toml",
    "steer agents add agent.py:triage --name triage --model gpt-5-mini",
)
_SET = ("steer agents set-runtime support openai-agents --model gpt-5-mini",)

_Name: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="What it is stored by.",
        autocompletion=stored_agents,
        # As steer run takes it.
        callback=lambda name: name.removeprefix("@"),
    ),
]
_Model: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Ask this model, not the agent's own.")
]
_Runtime: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What runs it, if not what fits the agent.",
        autocompletion=names_of(PluginKind.RUNTIME),
    ),
]
_Pairs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the runtime. Repeatable."),
]


@app.callback()
def agents(ctx: typer.Context) -> None:
    """Store agents by name, and choose what runs them."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command(epilog=section("Examples", _ADD))
def add(
    agent: Annotated[
        str,
        typer.Argument(
            metavar="AGENT",
            help="FILE.toml, FILE.json, FILE.py, FILE.py:NAME or package.module:NAME",
        ),
    ],
    *,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to store it by; its own name.")
    ] = None,
    runtime: _Runtime = None,
    model: _Model = None,
    set_: _Pairs = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
) -> None:
    """Store an agent, as the next version where there is one of that name, and print which.

    It is loaded and prepared first, as for a run. All of a TOML or JSON file is stored; of Python
    code, where it is and what it is now: once that has changed, it has to be stored anew.
    """
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    check_shared(settings.storage, "nobody would find the agent")
    given = read_settings_pairs("--set", set_)
    asyncio.run(_add(settings, agent, name=name, runtime=runtime, model=model, config=given))


@app.command("list", epilog=section("Examples", ("steer agents list --json",)))
def list_agents(
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")] = 20,
    cursor: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Go on where a list ended.")
    ] = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List stored agents by name, each in its newest version. With --json, one a line."""
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_list(settings, limit=limit, cursor=cursor, as_json=as_json))


@app.command(
    epilog=section("Examples", ("steer agents show support", "steer agents show support@1"))
)
def show(
    name: _Name,
    *,
    version: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="This one, not the newest.")
    ] = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a stored agent: what it is made of, what runs it, and which versions there are."""
    if named := stored_spec(name):
        if version not in (None, named.version):
            raise ConfigError(f"{name} has a version already", fix="Leave out --version")
        name, version = named.name, named.version
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_show(settings, name, version, as_json=as_json))


@app.command("set-runtime", epilog=section("Examples", _SET))
def set_runtime(
    name: _Name,
    runtime: Annotated[
        str,
        typer.Argument(
            metavar="RUNTIME",
            help="What is to run it.",
            autocompletion=names_of(PluginKind.RUNTIME),
        ),
    ],
    *,
    model: _Model = None,
    set_: _Pairs = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
) -> None:
    """Have another runtime run an agent, in a new version of it, and print which.

    The agent is prepared by that runtime first; where it does not fit, nothing is changed. The
    model and the settings that were stored beside the earlier runtime do not go along. Jobs go on
    with the version that they began with.
    """
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    given = read_settings_pairs("--set", set_)
    asyncio.run(_set_runtime(settings, name, runtime, model=model, config=given))


@app.command(epilog=section("Examples", ("steer agents remove support --yes",)))
def remove(
    name: _Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
) -> None:
    """Take an agent's name back. Jobs that began with one of its versions go on with that."""
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    newest = asyncio.run(_newest(settings, name))
    check_confirmed(f"Remove agent {newest.name}@{newest.version}?", yes=yes)
    asyncio.run(_remove(settings, name))
    Streams.standard().err.write(f"removed {newest.name}\n")


async def _add(
    settings: Settings,
    agent: str,
    *,
    name: str | None,
    runtime: str | None,
    model: str | None,
    config: dict[str, JsonValue],
) -> None:
    started = datetime.now(UTC)
    async with open_store(settings) as kernel:
        stored = await kernel.add_agent(
            agent,
            name=name,
            runtime=runtime,
            model=model,
            runtime_config=config,
            scope_id=settings.scope,
            by=settings.principal,
        )
    _tell_stored(stored, new=stored.created_at >= started)


async def _set_runtime(
    settings: Settings,
    name: str,
    runtime: str,
    *,
    model: str | None,
    config: dict[str, JsonValue],
) -> None:
    started = datetime.now(UTC)
    async with open_store(settings) as kernel:
        stored = await kernel.set_agent_runtime(
            name,
            runtime,
            model=model,
            runtime_config=config,
            scope_id=settings.scope,
            by=settings.principal,
        )
    _tell_stored(stored, new=stored.created_at >= started)


def _tell_stored(stored: StoredAgent, *, new: bool) -> None:
    streams = Streams.standard()
    streams.out.write(f"{stored.name}@{stored.version}\n")
    if not new:
        streams.err.write("it was stored so before; nothing is changed\n")
    left_out = StoredDefinition.decode(stored.definition).left_out
    if left_out:
        streams.err.write(
            f"not stored, because it is a secret: {', '.join(left_out)}. Give it to whoever runs"
            " the agent, in the environment or the configuration\n"
        )
    streams.err.write(f"steer run @{stored.name} runs its newest version\n")


async def _list(settings: Settings, *, limit: int, cursor: str | None, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        page = await kernel.agents(scope_id=settings.scope, limit=limit, cursor=cursor)
    if as_json:
        lines = [to_json(agent_json(agent)) + b"\n" for agent in page.items]
        streams.out.write_bytes(b"".join(lines))
    elif page.items:
        now = datetime.now(UTC)
        rows = [agent_row(agent, now=now) for agent in page.items]
        streams.out.write(in_columns(rows, head=AGENT_HEAD, paint=paint_for(streams.out)))
    else:
        streams.err.write("no agents\n")
    if page.cursor is not None:
        streams.err.write(f"there are more: --cursor {page.cursor}\n")


async def _show(settings: Settings, name: str, version: int | None, *, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        versions = await _versions(kernel, name, scope_id=settings.scope)
        removed = await _is_removed(kernel, name, scope_id=settings.scope)
    if versions and removed and version is None:
        raise NotFound(
            f"agent {name} was removed",
            fix=f"See its last version: --version {versions[0].version}",
        )
    wanted = version or (versions[0].version if versions else None)
    found = [each for each in versions if each.version == wanted]
    if not found:
        which = f"agent {name}" if not versions else f"version {version} of agent {name}"
        raise NotFound(
            f"there is no {which} in scope {settings.scope}",
            fix="See: steer agents list",
        )
    (agent,) = found
    if as_json:
        shown = {
            **agent_json(agent),
            "removed": removed,
            "versions": [agent_json(each) for each in versions],
        }
        streams.out.write_bytes(to_json(shown) + b"\n")
        return
    now, paint = datetime.now(UTC), paint_for(streams.out)
    facts = agent_facts(agent, removed=removed, newest=versions[0].version, now=now)
    known = [fact for fact in facts if fact[1]]
    text = in_columns(known, paint=paint, style=lambda column, _: None if column else "faint")
    if body := definition_text(agent):
        text += f"\n{for_terminal(body)}\n"
    head = ("VERSION", *AGENT_HEAD[2:])
    text += "\n" + in_columns(version_rows(versions, now=now), head=head, paint=paint)
    streams.out.write(text)


async def _newest(settings: Settings, name: str) -> StoredAgent:
    async with open_reader(settings) as kernel:
        return await kernel.agent(name, scope_id=settings.scope)


async def _remove(settings: Settings, name: str) -> None:
    async with open_reader(settings) as kernel:
        await kernel.remove_agent(name, scope_id=settings.scope, by=settings.principal)


async def _versions(kernel: RuntimeKernel, name: str, *, scope_id: str) -> list[StoredAgent]:
    page = await kernel.agent_versions(name, scope_id=scope_id, limit=MAX_PAGE)
    versions = list(page.items)
    while page.cursor is not None:
        page = await kernel.agent_versions(
            name, scope_id=scope_id, limit=MAX_PAGE, cursor=page.cursor
        )
        versions += page.items
    return versions


async def _is_removed(kernel: RuntimeKernel, name: str, *, scope_id: str) -> bool:
    try:
        await kernel.agent(name, scope_id=scope_id)
    except NotFound:
        return True
    return False
