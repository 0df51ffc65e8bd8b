"""The command that checks a plugin: ``steer check NAME``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from hypothesis.configuration import set_hypothesis_home_dir
from platformdirs import user_cache_path
from rich.console import Console
from steer.errors import ConfigError, PluginError
from steer.plugin import Declaration, PluginKind
from steer.plugins import PluginRegistry

from steer_conformance.checking import run, suites_for
from steer_conformance.checks import lacking
from steer_conformance.profiles import profile_named
from steer_conformance.report import Report
from steer_conformance.showing import as_json_lines, show, write_junit

__all__ = ["check", "open_check"]

_FAILED = 1


def open_check() -> Callable[..., None]:
    """Return the command, as ``steer`` mounts it."""
    return check


def check(
    plugin: Annotated[
        str,
        typer.Argument(help="Its name; KIND:NAME where several kinds have it.", show_default=False),
    ],
    *,
    select: Annotated[
        str | None,
        typer.Option("-k", metavar="EXPR", help="Only these: 'ST-3 or (lease and not unicode)'."),
    ] = None,
    as_list: Annotated[bool, typer.Option("--list", help="List the checks, run none.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, the sum last.")
    ] = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit file as well.")
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            metavar="pr|nightly",
            help="How many examples a law is tried on: few and the same, or many at random.",
        ),
    ] = "pr",
    seed: Annotated[
        int | None, typer.Option(help="The examples of this seed, as a failure names it.")
    ] = None,
    known_failures: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='A TOML file of lines like "RT-7" = "why it fails".'),
    ] = None,
) -> None:
    """Check a plugin against the contract of its port, and how it is packed.

    The plugin says by its declaration's `testing` how it is to be opened for that. Exit codes: 0
    if all is as it should be, 1 if a check failed or is missing, 2 if nothing could be checked.
    """
    # Else what Hypothesis keeps would be left in whatever folder this is run in.
    set_hypothesis_home_dir(user_cache_path("steer") / "hypothesis")
    declaration, factory = _found(plugin)
    if as_list:
        typer.echo(_listed(declaration), nl=False)
        return
    # Shown on a terminal alone, and gone before the report comes.
    with Console(stderr=True).status(f"checking {declaration.name}") as status:
        report = run(
            declaration,
            factory,
            known_failures=_reasons(known_failures) if known_failures else None,
            select=select,
            profile=profile_named(profile, seed=seed),
            told=lambda result: status.update(f"checking {declaration.name}: {result.id}"),
        )
    if junit is not None:
        _write(report, junit)
    if as_json:
        typer.echo(as_json_lines(report), nl=False)
    else:
        show(report, Console())
    if not report.ok:
        raise typer.Exit(_FAILED)


def _found(name: str) -> tuple[Declaration, Callable[..., object]]:
    """Return the plugin and its factory. Raises ``SteerError`` that says what is in the way."""
    registry = PluginRegistry.discover()
    given, _, bare = name.rpartition(":")
    if given and given not in tuple(PluginKind):
        raise ConfigError(f"{given!r} is no kind of plugin; there is {', '.join(PluginKind)}")
    kinds = (PluginKind(given),) if given else tuple(PluginKind)
    rows = [row for row in registry.explain() if row.kind in kinds and row.name == _folded(bare)]
    if not rows:
        known = sorted({each for kind in kinds for each in registry.names(kind)})
        raise PluginError(bare, f"there is no such plugin; there is {', '.join(known)}")
    found = sorted({row.kind for row in rows if row.kind is not None})
    if len(found) > 1:
        choices = " or ".join(f"{kind}:{bare}" for kind in found)
        raise PluginError(bare, "plugins of several kinds have that name", fix=f"Say {choices}")
    declaration = registry.declaration(found[0], bare)
    # A command has no port to be opened for.
    is_command = declaration.kind is PluginKind.COMMAND
    return declaration, _nothing if is_command else registry.testing(found[0], bare)


def _nothing() -> None:
    """The factory of what needs none."""


def _folded(name: str) -> str:
    return name.strip().replace("_", "-").casefold()


def _reasons(file: Path) -> Mapping[str, str]:
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the known failures in {file} cannot be read: {error}") from error
    if wrong := [key for key, reason in read.items() if not isinstance(reason, str)]:
        raise ConfigError(
            f"{file}: {', '.join(wrong)} is no text", fix='Write lines like "RT-7" = "why it fails"'
        )
    return read


def _listed(plugin: Declaration) -> str:
    """One line for each check: its id, and what it requires where that is not claimed."""
    lines = []
    for suite in suites_for(plugin):
        for each in suite.checks:
            missing = lacking(each.requires, getattr(plugin, "capabilities", None))
            lines.append(f"{each.id} (not claimed: {', '.join(missing)})" if missing else each.id)
    return "".join(f"{line}\n" for line in lines)


def _write(report: Report, file: Path) -> None:
    try:
        write_junit(report, file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
