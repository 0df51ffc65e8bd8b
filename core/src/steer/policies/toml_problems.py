"""Mistakes in a TOML document, told with line, key and the likely meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from steer.errors import ConfigError
from steer.values import JsonValue

__all__ = ["Place", "Problem", "TomlDocument", "problems_of"]

Place = tuple[str | int, ...]

_HEADER = re.compile(r"\s*\[\[?\s*\"?(?P<name>[\w-]+)[^\]]*\]\]?\s*(#.*)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong with the thing at ``place``, a path of keys and positions."""

    place: Place
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TomlDocument:
    """The text of a document, beside what it was read as."""

    source: str
    text: str
    data: Mapping[str, JsonValue]

    def refused(self, problems: Iterable[Problem]) -> ConfigError:
        """Return the error that names every problem, each on a line of its own."""
        told = [(self.line_of(problem.place), problem) for problem in problems]
        told.sort(key=lambda item: item[0] or 0)
        return ConfigError("\n".join(self._described(line, problem) for line, problem in told))

    def line_of(self, place: Place) -> int | None:
        """The line, from 1, that ``place`` stands on; ``None`` where that is not certain.

        The parser keeps no positions, so this looks for headers and keys in the text.
        """
        if not place:
            return None
        lines = self.text.splitlines()
        headers = {
            number: header["name"]
            for number, line in enumerate(lines)
            if (header := _HEADER.fullmatch(line))
        }
        first, *rest = place
        starts = [
            number
            for number, name in headers.items()
            if name == first and (not rest or lines[number].lstrip().startswith("[["))
        ]
        if not rest:
            if starts:
                return starts[0] + 1
            end = min(headers, default=len(lines))
            return _line_with(first, lines, range(end))
        index, *keys = rest
        # Text in several lines may look like a header: then no line is better than a wrong one.
        if not isinstance(index, int) or len(starts) != len(self.data.get(str(first), ())):
            return None
        start = starts[index]
        end = starts[index + 1] if index + 1 < len(starts) else len(lines)
        found = start
        for key in keys:
            line = _line_with(key, lines, range(found, end))
            if line is not None:
                found = line - 1
        return found + 1

    def _described(self, line: int | None, problem: Problem) -> str:
        where = self.source if line is None else f"{self.source}, line {line}"
        place = "".join(
            f"[{key}]" if isinstance(key, int) else f".{key}" for key in problem.place
        ).removeprefix(".")
        return f"{where}: {place}: {problem.what}" if place else f"{where}: {problem.what}"


def problems_of(
    error: ValidationError, *, about_unknown_key: Callable[[Place], str]
) -> list[Problem]:
    """Say in our words what pydantic found."""
    return [
        Problem(place=details["loc"], what=_what(details, about_unknown_key))
        for details in error.errors(include_url=False)
    ]


def _what(details: ErrorDetails, about_unknown_key: Callable[[Place], str]) -> str:
    match details["type"]:
        case "extra_forbidden":
            return about_unknown_key(details["loc"])
        case "value_error":
            return str(details["ctx"]["error"])
        case "list_type" if isinstance(details["input"], dict):
            return f"must be a list of tables, each beginning with [[{details['loc'][-1]}]]"
        case "string_type":
            return "must be text"
        case _:
            return details["msg"].replace("Input should be", "must be")


def _line_with(key: str | int, lines: Sequence[str], within: range) -> int | None:
    assigned = re.compile(rf"""(?:^|[\s{{,.\["']){re.escape(str(key))}["']?\s*[=.\]]""")
    for number in within:
        if not lines[number].lstrip().startswith("#") and assigned.search(lines[number]):
            return number + 1
    return None
