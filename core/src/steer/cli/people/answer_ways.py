"""The options of the commands that end a question: who ends it, under which rules, and where."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, TypeAlias

import typer

from steer.cli.options import (
    AsJson,
    ConfigFile,
    Principal,
    RanUnder,
    Scope,
    StorageUrl,
    settings_from,
)
from steer.cli.people.answer_sources import read_token
from steer.cli.people.answering import Way

__all__ = ["with_way", "with_way_or_token"]

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


def with_way(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose options say who ends a question and where; it is given a ``Way``."""
    return _with_options_of(_way, command)


def with_way_or_token(command: Callable[..., None]) -> Callable[..., None]:
    """Return the same, with the options too by which a token is given."""
    return _with_options_of(_way_or_token, command)


def _with_options_of(make: Callable[..., Way], command: Callable[..., None]) -> Callable[..., None]:
    shared = inspect.signature(make, eval_str=True).parameters
    signature = inspect.signature(command, eval_str=True)
    own = [each for each in signature.parameters.values() if each.name != "way"]

    @wraps(command)
    def run(**given: Any) -> None:
        way = make(**{name: given.pop(name) for name in shared})
        command(way=way, **given)

    # What typer reads of a command.
    parameters = [*own, *shared.values()]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # PEP 362
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _way(
    *,
    policy: RanUnder = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> Way:
    settings = settings_from(
        policy=policy, principal=principal, scope=scope, storage=storage, config=config
    )
    return Way(settings=settings, token=None, as_json=as_json)


def _way_or_token(
    *,
    token_stdin: _TokenStdin = False,
    token_env: _TokenEnv = None,
    policy: RanUnder = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> Way:
    settings = settings_from(
        policy=policy, principal=principal, scope=scope, storage=storage, config=config
    )
    token = read_token(stdin=token_stdin, variable=token_env)
    return Way(settings=settings, token=token, as_json=as_json)
