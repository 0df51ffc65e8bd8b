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
    Cursor,
    Limit,
    Principal,
    Scope,
    StorageUrl,
    Yes,
    names_of,
    settings_from,
    stored_agents,
)
from steer.cli.stored.agent_showing import list_stored, show_stored
from steer.cli.stored.agent_text import agent_json
from steer.cli.terminal.confirming import check_confirmed
from steer.cli.terminal.streams import Streams
from steer.config import Settings
from steer.errors import ConfigError
from steer.plugin import PluginKind
from steer.ports.records import StoredAgent
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
    as_json: AsJson = False,
) -> None:
    """Store an agent, as the next version where there is one of that name, and print which.

    It is loaded and prepared first, as for a run. All of a TOML or JSON file is stored; of Python
    code, where it is and what it is now: once that has changed, it has to be stored anew.
    """
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    check_shared(settings.storage, "nobody would find the agent")
    given = read_settings_pairs("--set", set_)
    asyncio.run(
        _add(
            settings,
            agent,
            name=name,
            runtime=runtime,
            model=model,
            config=given,
            as_json=as_json,
        )
    )


@app.command("list", epilog=section("Examples", ("steer agents list --json",)))
def list_agents(
    *,
    limit: Limit = 20,
    cursor: Cursor = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List stored agents by name, each in its newest version. With --json, one a line."""
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(list_stored(settings, limit=limit, cursor=cursor, as_json=as_json))


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
    asyncio.run(show_stored(settings, name, version, as_json=as_json))


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
    as_json: AsJson = False,
) -> None:
    """Have another runtime run an agent, in a new version of it, and print which.

    The agent is prepared by that runtime first; where it does not fit, nothing is changed. The
    model and the settings that were stored beside the earlier runtime do not go along. Jobs go on
    with the version that they began with.
    """
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    given = read_settings_pairs("--set", set_)
    asyncio.run(_set_runtime(settings, name, runtime, model=model, config=given, as_json=as_json))


@app.command(epilog=section("Examples", ("steer agents remove support --yes",)))
def remove(
    name: _Name,
    *,
    yes: Yes = False,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take an agent's name back. Jobs that began with one of its versions go on with that."""
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    newest = asyncio.run(_newest(settings, name))
    check_confirmed(f"Remove agent {newest.name}@{newest.version}?", yes=yes)
    asyncio.run(_remove(settings, name))
    streams = Streams.standard()
    if as_json:
        streams.out.write_bytes(to_json(agent_json(newest)) + b"\n")
    else:
        streams.err.write(f"removed {newest.name}\n")


async def _add(
    settings: Settings,
    agent: str,
    *,
    name: str | None,
    runtime: str | None,
    model: str | None,
    config: dict[str, JsonValue],
    as_json: bool,
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
    _tell_stored(stored, new=stored.created_at >= started, as_json=as_json)


async def _set_runtime(
    settings: Settings,
    name: str,
    runtime: str,
    *,
    model: str | None,
    config: dict[str, JsonValue],
    as_json: bool,
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
    _tell_stored(stored, new=stored.created_at >= started, as_json=as_json)


def _tell_stored(stored: StoredAgent, *, new: bool, as_json: bool) -> None:
    streams = Streams.standard()
    if as_json:
        streams.out.write_bytes(to_json({**agent_json(stored), "new": new}) + b"\n")
        return
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


async def _newest(settings: Settings, name: str) -> StoredAgent:
    async with open_reader(settings) as kernel:
        return await kernel.agent(name, scope_id=settings.scope)


async def _remove(settings: Settings, name: str) -> None:
    async with open_reader(settings) as kernel:
        await kernel.remove_agent(name, scope_id=settings.scope, by=settings.principal)
