"""Where answers and tokens come from that nobody types at a prompt."""

from __future__ import annotations

import os
import sys

from steer.cli.terminal.editing import json_from_text
from steer.errors import ConfigError
from steer.values import JsonValue

__all__ = ["read_json", "read_token"]

_STDIN = "-"


def read_token(*, stdin: bool, variable: str | None) -> str | None:
    """Return the token from standard input or an environment variable, if either is asked for.

    Never from the command line, which other users of the machine can read and shells write down.
    Raises ``ConfigError``.
    """
    if stdin and variable is not None:
        raise ConfigError("--token-stdin and --token-env exclude each other", fix="Leave one out")
    if stdin:
        token = _standard_input("--token-stdin").strip()
        if not token:
            raise ConfigError("--token-stdin: there is no token on standard input")
        return token
    if variable is None:
        return None
    if not variable.isidentifier():
        # Not repeated, since it may well be the token.
        raise ConfigError(
            "--token-env takes the name of an environment variable, not the token itself",
            fix="For example: --token-env ACTION_TOKEN",
        )
    token = os.environ.get(variable, "").strip()
    if not token:
        raise ConfigError(f"--token-env: the environment variable {variable} is not set")
    return token


def read_json(option: str, given: str) -> JsonValue:
    """Return the JSON of an option, or of standard input for ``-``. Raises ``ConfigError``."""
    text = _standard_input(option) if given == _STDIN else given
    try:
        return json_from_text(text)
    except ConfigError as error:
        raise ConfigError(f"{option}: {error.message}") from error


def _standard_input(option: str) -> str:
    if sys.stdin is None:
        raise ConfigError(f"{option}: there is no standard input")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{option}: standard input is not UTF-8 text") from error
    except OSError as error:
        raise ConfigError(f"{option}: standard input cannot be read: {error.strerror}") from error
