"""Changing a value in the user's own editor."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from steer.cli.terminal.printable import exact
from steer.errors import ConfigError
from steer.values import JsonValue

__all__ = ["edit_text", "editor_command", "has_editor", "json_from_text", "json_to_text"]

_VARIABLES = ("VISUAL", "EDITOR")


def editor_command() -> list[str] | None:
    """Return the command of ``$VISUAL``, else of ``$EDITOR``; ``None`` where neither is set.

    Raises ``ConfigError`` where it cannot be read as a command.
    """
    for name in _VARIABLES:
        if value := os.environ.get(name, "").strip():
            try:
                return shlex.split(value)
            except ValueError as error:
                raise ConfigError(f"${name} is no command: {error}") from error
    return None


def has_editor() -> bool:
    """Return whether the user has named an editor."""
    return any(os.environ.get(name, "").strip() for name in _VARIABLES)


def edit_text(command: list[str], text: str, *, suffix: str, descriptor: int) -> str:
    """Return the text as it is after the editor has ended.

    The editor is given the terminal of ``descriptor``. It works on a file that only this user can
    read, and that is gone afterwards. Raises ``ConfigError`` where the editor cannot be started or
    fails: what it left behind is then not taken.
    """
    handle, name = tempfile.mkstemp(prefix="steer-", suffix=suffix)
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else f"{text}\n")
        try:
            # Standard output is for the answer alone: the editor draws beside it.
            code = subprocess.run(
                [*command, name], stdin=descriptor, stdout=2, stderr=2, check=False
            ).returncode
        except OSError as error:
            raise ConfigError(
                f"the editor {command[0]} cannot be started: {error.strerror}",
                fix="Set VISUAL or EDITOR to one that can",
            ) from error
        if code:
            raise ConfigError(f"the editor {command[0]} failed with {code}; nothing was changed")
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"what the editor left cannot be read: {error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def json_to_text(value: JsonValue, *, indent: int | None = None) -> str:
    """Return a value as JSON that somebody is to edit."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # What cannot be seen would be lost on the way; where there is any, all is written in ASCII.
    if all(exact(line) == line or line.isascii() for line in text.splitlines()):
        return text
    return json.dumps(value, indent=indent)


def json_from_text(text: str) -> JsonValue:
    """Return the value that was typed. Raises ``ConfigError`` that says where it is no JSON."""
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"this is not JSON: {error.msg.lower()} ({where})") from error
    except RecursionError as error:
        raise ConfigError(
            "this is not JSON that anybody could use: it is nested too deeply"
        ) from error
    return value


def _refuse(name: str) -> JsonValue:
    raise ConfigError(f"this is not JSON: {name} is no number there")
