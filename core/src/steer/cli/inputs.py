"""What users hand to a run beside its agent: a prompt, a key, pairs, a schema."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from steer.errors import ConfigError
from steer.naming import fold
from steer.values import JsonValue

__all__ = ["read_key", "read_pairs", "read_prompt", "read_schema", "read_settings_pairs"]

_STDIN = "-"
_SECRETS = frozenset({"api-key", "apikey", "password", "secret", "token"})


def read_prompt(given: str | None) -> str:
    """Return the prompt: the one that was given, else what standard input holds.

    Raises ``ConfigError`` where there is none, or where it is no text.
    """
    if given is None or given == _STDIN:
        given = _from_stdin(asked_for=given == _STDIN)
    try:
        # Bytes of the command line that are no UTF-8 arrive as lone surrogates.
        given.encode()
    except UnicodeEncodeError as error:
        raise ConfigError("the prompt is not UTF-8 text") from error
    if not given.strip():
        raise ConfigError("the prompt is empty", fix="Say what the agent is to do")
    return given


def _from_stdin(*, asked_for: bool) -> str:
    if sys.stdin is None or (sys.stdin.isatty() and not asked_for):
        raise ConfigError(
            "there is no prompt",
            fix='Give one after the agent, or pipe it in: echo "Hello" | steer run AGENT',
        )
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the prompt on standard input is not UTF-8 text (byte {error.start})"
        ) from error
    except OSError as error:
        raise ConfigError(f"standard input cannot be read: {error.strerror}") from error


def read_key(variable: str | None) -> SecretStr | None:
    """Return the key that an environment variable holds. Raises ``ConfigError``."""
    if variable is None:
        return None
    if not variable.isidentifier():
        # Not repeated, since it may well be the key.
        raise ConfigError(
            "--api-key-env takes the name of an environment variable, not the key itself",
            fix="For example: --api-key-env OPENAI_API_KEY",
        )
    key = os.environ.get(variable)
    if not key:
        raise ConfigError(f"--api-key-env: the environment variable {variable} is not set")
    return SecretStr(key)


def read_pairs(option: str, pairs: Sequence[str] | None) -> dict[str, str]:
    """Return ``NAME=TEXT`` arguments as a mapping. Raises ``ConfigError``."""
    read: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise ConfigError(f"{option} takes NAME=VALUE, and {pair!r} is not that")
        if name in read:
            raise ConfigError(f"{option} {name} is given twice")
        read[name] = text
    return read


def read_settings_pairs(option: str, pairs: Sequence[str] | None) -> dict[str, JsonValue]:
    """Return pairs whose values are JSON where they can be, else text."""
    for name in (read := read_pairs(option, pairs)):
        # It would stay in the shell's history, in the list of processes and in the job.
        if fold(name) in _SECRETS:
            raise ConfigError(f"{option} {name}: a secret does not belong on the command line")
    return {name: _json_or_text(text) for name, text in read.items()}


def _json_or_text(text: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_schema(path: Path | None) -> dict[str, JsonValue] | None:
    """Return the JSON schema in a file. Raises ``ConfigError``."""
    if path is None:
        return None
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"the schema {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"the schema {path} is not JSON: {error}") from error
    if not isinstance(schema, dict):
        raise ConfigError(f"the schema {path} is JSON, but no object")
    return schema
