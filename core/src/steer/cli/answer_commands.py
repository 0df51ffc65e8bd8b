"""The commands of ``steer actions`` that end a question."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from steer.actions import Decided, Remember
from steer.cli.answer_sources import read_json, read_token
from steer.cli.answering import Asked, Reply, Way, answer_action, cancel_action
from steer.cli.options import (
    ActionName,
    AsJson,
    ConfigFile,
    Principal,
    RanUnder,
    Scope,
    StorageUrl,
    settings_from,
)
from steer.errors import ConfigError

__all__ = ["approve", "cancel", "deny", "resolve"]

_TokenStdin: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--token-stdin", help="Answer by the token on standard input, and not as a principal."
    ),
]
_TokenEnv: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Answer by the token in this environment variable."),
]


def approve(
    action: ActionName,
    *,
    remember: Annotated[
        Remember,
        typer.Option(help="What may run: this call, the same arguments again, the tool again."),
    ] = Remember.ONCE,
    edit: Annotated[
        bool, typer.Option("--edit", help="Change the arguments first, at the terminal.")
    ] = False,
    arguments: Annotated[
        str | None, typer.Option(metavar="JSON", help="Other arguments; - is standard input.")
    ] = None,
    token_stdin: _TokenStdin = False,
    token_env: _TokenEnv = None,
    policy: RanUnder = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a tool call run that waits for approval.

    Other arguments are another proposal: policy is asked about them before they are used.
    """
    if edit and arguments is not None:
        raise ConfigError("--edit and --arguments exclude each other", fix="Leave one out")
    way = Way(
        settings=settings_from(
            policy=policy, principal=principal, scope=scope, storage=storage, config=config
        ),
        token=read_token(stdin=token_stdin, variable=token_env),
        as_json=as_json,
        elsewhere="Give the arguments with --arguments JSON",
    )
    given = None if arguments is None else read_json("--arguments", arguments)
    if given is not None and not isinstance(given, dict):
        raise ConfigError("--arguments is JSON, but no object", fix='Like {"name": 1}')

    async def answer(asked: Asked) -> Reply:
        chosen = await asked.edited() if edit else given
        if edit and chosen is None:
            return None
        return Decided(decision="approve", remember=remember, arguments=chosen)

    asyncio.run(answer_action(way, action, answer, approval=True))


def deny(
    action: ActionName,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the model to read.")] = "",
    token_stdin: _TokenStdin = False,
    token_env: _TokenEnv = None,
    policy: RanUnder = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a tool call that waits for approval; the model is told, and goes on."""
    way = Way(
        settings=settings_from(
            policy=policy, principal=principal, scope=scope, storage=storage, config=config
        ),
        token=read_token(stdin=token_stdin, variable=token_env),
        as_json=as_json,
    )

    async def answer(_: Asked) -> Reply:
        return Decided(decision="deny", reason=reason)

    asyncio.run(answer_action(way, action, answer, approval=True))


def resolve(
    action: ActionName,
    *,
    answer: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="The whole answer; - is standard input."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A file that is asked for. Repeatable."),
    ] = None,
    token_stdin: _TokenStdin = False,
    token_env: _TokenEnv = None,
    policy: RanUnder = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question of any type: at the terminal, or with --answer or --file.

    steer actions show ACTION says what is asked. An answer in JSON has the fields of its type, such
    as {"confirmed": true} or {"chosen": ["a"]}.
    """
    if answer is not None and file:
        raise ConfigError("--answer and --file exclude each other", fix="Leave one out")
    way = Way(
        settings=settings_from(
            policy=policy, principal=principal, scope=scope, storage=storage, config=config
        ),
        token=read_token(stdin=token_stdin, variable=token_env),
        as_json=as_json,
        elsewhere="Answer with --answer JSON, or --file PATH where a file is asked for",
    )
    given = None if answer is None else read_json("--answer", answer)

    async def chosen(asked: Asked) -> Reply:
        if file:
            return await asked.stored(file)
        if answer is not None:
            if answer != "-":
                asked.refuse_secret()
            return given
        return await asked.at_terminal()

    asyncio.run(answer_action(way, action, chosen))


def cancel(
    action: ActionName,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the event.")] = "",
    policy: RanUnder = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a question back, so that nobody answers it; a call that waits for approval is denied."""
    settings = settings_from(
        policy=policy, principal=principal, scope=scope, storage=storage, config=config
    )
    way = Way(settings=settings, token=None, as_json=as_json)
    asyncio.run(cancel_action(way, action, reason))
