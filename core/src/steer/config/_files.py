"""Finding and reading the configuration file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steer.errors import ConfigError
from steer.values import JsonValue

__all__ = ["ConfigFile", "find_config", "read_config"]

_OWN_FILE = "steer.toml"
_PROJECT_FILE = "pyproject.toml"
_POSITION = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigFile:
    """A file that was read: its own top level, or the ``[tool.steer]`` of a project."""

    path: Path
    table: Mapping[str, JsonValue]


def find_config(folder: Path) -> ConfigFile | None:
    """Return the nearest file that configures steer, from ``folder`` upwards.

    A ``steer.toml`` comes before the ``pyproject.toml`` beside it. Files are not merged.
    """
    for place in (folder, *folder.parents):
        if _is_file(own := place / _OWN_FILE):
            return read_config(own)
        if _is_file(project := place / _PROJECT_FILE):
            text = _text(project)
            # A project that does not mention steer is not even parsed: its faults are not ours.
            if "steer" in text and (table := _project_table(_parsed(project, text))) is not None:
                return ConfigFile(path=project, table=_checked(project, table))
    return None


def read_config(path: Path) -> ConfigFile:
    """Read a file that was named. Raises ``ConfigError``, for one that is not there too."""
    table: JsonValue = _parsed(path, _text(path))
    if path.name == _PROJECT_FILE:
        table = _project_table(table)
        if table is None:
            raise ConfigError(f"{path} has no table [tool.steer]")
    return ConfigFile(path=path, table=_checked(path, table))


def _project_table(data: Mapping[str, JsonValue]) -> JsonValue:
    tool = data.get("tool")
    return tool.get("steer") if isinstance(tool, dict) else None


def _checked(path: Path, table: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: tool.steer must be a table")
    return table


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A folder above that may not be looked into holds nothing for this user.
        return False


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8, at byte {error.start}") from error


def _parsed(path: Path, text: str) -> dict[str, JsonValue]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if found := _POSITION.fullmatch(str(error)):
            place, what = f"{path}:{found['line']}:{found['column']}", found["what"]
        else:
            place, what = str(path), str(error)
        raise ConfigError(f"{place}: {what}", fix="The file must be TOML") from error
