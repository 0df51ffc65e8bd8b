"""Which jobs ``steer jobs list`` lists: its options, and the query that they make."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

import typer

from steer.cli.options import names_of, session_names
from steer.errors import ConfigError
from steer.plugin import PluginKind

__all__ = [
    "PAGE",
    "Agent",
    "Most",
    "Parent",
    "Queue",
    "Runtime",
    "Session",
    "Since",
    "Tag",
    "Until",
    "moment",
]

_AGO = re.compile(r"(\d+)(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}

PAGE = 20
"""How many jobs a list has unless it is told."""

Most: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", min=1, help=f"At most so many, or {PAGE}.")
]
Session: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only of this conversation.", autocompletion=session_names),
]
Runtime: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Only on this runtime.", autocompletion=names_of(PluginKind.RUNTIME)
    ),
]
Agent: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only of the agent with this name.")
]
Queue: TypeAlias = Annotated[str | None, typer.Option(metavar="NAME", help="Only of this queue.")]
Parent: TypeAlias = Annotated[
    str | None, typer.Option(metavar="JOB", help="Only those that this job started.")
]
Tag: TypeAlias = Annotated[str | None, typer.Option(metavar="TAG", help="Only with this tag.")]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only those created after it: 2h, 3d, 2026-01-31T08:00."),
]
Until: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only those created before it.")
]


def moment(option: str, text: str | None, *, now: datetime) -> datetime | None:
    """Return the time that a user means: so long ago, or a date in ISO 8601, here if no zone.

    Raises ``ConfigError``.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"{option}: {text!r} is no time",
            fix="Say how long ago (90s, 5min, 2h, 3d), or a date and time: 2026-01-31T08:00",
        ) from error
