"""Asking before something is done that cannot be undone."""

from __future__ import annotations

import sys

import typer

from steer.errors import ConfigError

__all__ = ["check_confirmed"]


def check_confirmed(question: str, *, yes: bool) -> None:
    """Ask at the terminal whether to go on, unless ``yes`` says so already.

    Raises ``typer.Abort`` where the answer is no, ``ConfigError`` where there is nobody to ask.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(f"{question} There is nobody to ask here", fix="Add --yes")
    typer.confirm(question, abort=True, err=True)
