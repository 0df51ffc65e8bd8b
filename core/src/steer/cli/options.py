"""The options that several commands share, and the settings that follow from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from steer.cli.lazy import load
from steer.config import Settings, load_settings
from steer.plugin import PluginKind

__all__ = [
    "ActionName",
    "AsJson",
    "ConfigFile",
    "Cursor",
    "ErrorForm",
    "JobName",
    "Limit",
    "Principal",
    "Quiet",
    "RanUnder",
    "Scope",
    "SessionName",
    "Sink",
    "StorageUrl",
    "Yes",
    "names_of",
    "session_names",
    "settings_from",
    "stored_agents",
]


@dataclass(slots=True)
class ErrorForm:
    """How an error of this call is to be written; the root context holds it."""

    as_json: bool
    debug: bool = False


def _jobs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    beginning: list[tuple[str, str]] = load("steer.cli.completing:jobs_beginning")(
        incomplete, command=ctx.info_name, given=ctx.params
    )
    return beginning


def _actions(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    beginning: list[tuple[str, str]] = load("steer.cli.completing:actions_beginning")(
        incomplete, command=ctx.info_name, given=ctx.params
    )
    return beginning


def stored_agents(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the stored agents whose name begins so, as the command takes them."""
    beginning: list[tuple[str, str]] = load("steer.cli.completing:agents_beginning")(
        incomplete, command=ctx.info_name, given=ctx.params
    )
    return beginning


def session_names(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return what completes the names of sessions."""
    beginning: list[tuple[str, str]] = load("steer.cli.completing:sessions_beginning")(
        incomplete, given=ctx.params
    )
    return beginning


def names_of(kind: PluginKind) -> Callable[[str], list[str]]:
    """Return what completes the names of plugins of a kind."""

    def complete(incomplete: str) -> list[str]:
        names: list[str] = load("steer.cli.completing:plugins_beginning")(incomplete, kind)
        return names

    return complete


_THE_JOB = "The job"

ActionName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="ACTION",
        help="Its id, 6 or more characters of either end, or of a job that asks nothing else.",
        autocompletion=_actions,
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ConfigFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        rich_help_panel=_THE_JOB,
        help="Read this file and no other: steer.toml, or a pyproject.toml with [tool.steer].",
    ),
]
Cursor: TypeAlias = Annotated[
    str | None, typer.Option(metavar="CURSOR", help="Go on where a list ended.")
]
JobName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="JOB",
        help="Its id, 6 or more characters of either end, or latest.",
        autocompletion=_jobs,
    ),
]
Limit: TypeAlias = Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")]
Principal: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", rich_help_panel=_THE_JOB, help="Who asks, as policies know them."),
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the final answer and nothing else.")
]
RanUnder: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="NAME|FILE.toml",
        rich_help_panel=_THE_JOB,
        help="The rules that the job runs under. May be repeated.",
        autocompletion=names_of(PluginKind.POLICY),
    ),
]
SessionName: TypeAlias = Annotated[
    str, typer.Argument(metavar="SESSION", help="Its name.", autocompletion=session_names)
]
Scope: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", rich_help_panel=_THE_JOB, help="The tenant: nothing crosses it."),
]
Sink: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_THE_JOB,
        help="Send events there as well. Repeatable.",
        autocompletion=names_of(PluginKind.SINK),
    ),
]
StorageUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        rich_help_panel=_THE_JOB,
        help="Where jobs are kept: sqlite:///jobs.db",
    ),
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def settings_from(**flags: str | Sequence[str] | None) -> Settings:
    """Return the settings of this process: flags first, then environment, file, defaults.

    Raises ``ConfigError``.
    """
    return load_settings(flags, os.environ, Path.cwd())
