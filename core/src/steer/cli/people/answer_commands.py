"""The commands of ``steer actions`` that end a question."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from steer.actions import Decided, Remember
from steer.cli.options import ActionName
from steer.cli.people.answer_sources import read_json
from steer.cli.people.answer_ways import with_way, with_way_or_token
from steer.cli.people.answering import Asked, Reply, Way, answer_action, cancel_action
from steer.errors import ConfigError

__all__ = ["approve", "cancel", "deny", "resolve"]


@with_way_or_token
def approve(
    action: ActionName,
    *,
    way: Way,
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
) -> None:
    """Let a tool call run that waits for approval.

    Other arguments are another proposal: policy is asked about them before they are used.
    """
    if edit and arguments is not None:
        raise ConfigError("--edit and --arguments exclude each other", fix="Leave one out")
    way = replace(way, elsewhere="Give the arguments with --arguments JSON")
    given = None if arguments is None else read_json("--arguments", arguments)
    if given is not None and not isinstance(given, dict):
        raise ConfigError("--arguments is JSON, but no object", fix='Like {"name": 1}')

    async def answer(asked: Asked) -> Reply:
        chosen = await asked.edited() if edit else given
        if edit and chosen is None:
            return None
        return Decided(decision="approve", remember=remember, arguments=chosen)

    asyncio.run(answer_action(way, action, answer, approval=True))


@with_way_or_token
def deny(
    action: ActionName,
    *,
    way: Way,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the model to read.")] = "",
) -> None:
    """Refuse a tool call that waits for approval; the model is told, and goes on."""

    async def answer(_: Asked) -> Reply:
        return Decided(decision="deny", reason=reason)

    asyncio.run(answer_action(way, action, answer, approval=True))


@with_way_or_token
def resolve(
    action: ActionName,
    *,
    way: Way,
    answer: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="The whole answer; - is standard input."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A file that is asked for. Repeatable."),
    ] = None,
) -> None:
    """Answer a question of any type: at the terminal, or with --answer or --file.

    steer actions show ACTION says what is asked. An answer in JSON has the fields of its type, such
    as {"confirmed": true} or {"chosen": ["a"]}.
    """
    if answer is not None and file:
        raise ConfigError("--answer and --file exclude each other", fix="Leave one out")
    way = replace(
        way, elsewhere="Answer with --answer JSON, or --file PATH where a file is asked for"
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


@with_way
def cancel(
    action: ActionName,
    *,
    way: Way,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the event.")] = "",
) -> None:
    """Take a question back, so that nobody answers it; a call that waits for approval is denied."""
    asyncio.run(cancel_action(way, action, reason))
