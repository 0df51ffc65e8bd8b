"""The command that serves a script: ``steer provider --script FILE``."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated

import typer

from steer_conformance.provider import (
    BUILTIN_DIALECTS,
    Dialect,
    Provider,
    ScriptError,
    load_script,
)

__all__ = ["open_provider", "provider"]

_UNUSABLE = 2
_UNAVAILABLE = 1


def open_provider() -> Callable[..., None]:
    """Return the command, as ``steer`` mounts it."""
    return provider


def provider(
    *,
    script: Annotated[Path, typer.Option(help="The script, a .json or .toml file.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.")] = 0,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write the addresses here, as JSON, once it listens.")
    ] = None,
    dialect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:NAME", help="A format of your own to speak as well; repeatable."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print addresses and summary as JSON lines.")
    ] = False,
) -> None:
    """Serve a script as OpenAI and Anthropic would serve a model, until Ctrl-C.

    Exit codes: 0 after a stop, 1 if it cannot serve (the port is taken, the ready file cannot be
    written), 2 if the script or a dialect is unusable.
    """
    own = [_dialect(target) for target in dialect or ()]
    try:
        scripted = Provider(
            load_script(script), dialects=[*BUILTIN_DIALECTS, *own], host=host, port=port
        )
    except ScriptError as error:
        typer.echo(error, err=True)
        raise typer.Exit(_UNUSABLE) from error
    try:
        with _stop_signals() as stopped, scripted:
            addresses = _addresses(scripted)
            # The file before the line: who has read the line may read the file.
            with _announced(ready_file, addresses):
                _say_where(addresses, as_json=as_json, own=bool(own))
                stopped.wait()
    except OSError as error:
        typer.echo(f"cannot serve on {host} port {port}: {error}", err=True)
        raise typer.Exit(_UNAVAILABLE) from error
    _say_what_happened(scripted, as_json=as_json)


def _dialect(target: str) -> Dialect:
    """Return the dialect that ``"package.module:NAME"`` names. Raises ``BadParameter``."""
    try:
        found: Dialect = resolve_name(target)
        _ = (found.name, *found.paths, found.decode, found.stream)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise typer.BadParameter(
            f"{target} names no dialect: {error}. Give package.module:NAME of an object with the "
            "methods of steer_conformance.provider.Dialect",
            param_hint="--dialect",
        ) from error
    return found


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that is set by SIGINT or SIGTERM, so that both end with a summary."""
    stopped = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _addresses(scripted: Provider) -> dict[str, str | int]:
    return {
        "url": scripted.url,
        "openai_base_url": scripted.openai_base_url,
        "anthropic_base_url": scripted.anthropic_base_url,
        "pid": os.getpid(),
    }


@contextmanager
def _announced(ready_file: Path | None, addresses: dict[str, str | int]) -> Iterator[None]:
    """Keep the addresses in a file for as long as they hold."""
    if ready_file is None:
        yield
        return
    # Renamed into place: who sees the file sees all of it.
    draft = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(addresses), encoding="utf-8")
        draft.replace(ready_file)
    finally:
        draft.unlink(missing_ok=True)
    try:
        yield
    finally:
        ready_file.unlink(missing_ok=True)


def _say_where(addresses: dict[str, str | int], *, as_json: bool, own: bool) -> None:
    for_vendors = (
        f"OPENAI_BASE_URL={addresses['openai_base_url']} "
        f"ANTHROPIC_BASE_URL={addresses['anthropic_base_url']}"
    )
    # Where a format of one's own is spoken, a runtime of one's own asks for it.
    for_steer = f" STEER_BASE_URL={addresses['url']}" if own else ""
    typer.echo(json.dumps(addresses) if as_json else f"{for_vendors}{for_steer}")
    sys.stdout.flush()


def _say_what_happened(scripted: Provider, *, as_json: bool) -> None:
    requests, total = scripted.requests, scripted.bill.total
    errors = [request.error for request in requests if request.error is not None]
    if as_json:
        summary = {
            "requests": len(requests),
            "input_tokens": total.input_tokens,
            "output_tokens": total.output_tokens,
            "turns_left": len(scripted.turns_left),
            "errors": errors,
        }
        typer.echo(json.dumps(summary))
        return
    typer.echo(
        f"{len(requests)} requests, {total.input_tokens} input and {total.output_tokens} output "
        f"tokens billed, {len(scripted.turns_left)} turns left"
    )
    for error in errors:
        typer.echo(error, err=True)
