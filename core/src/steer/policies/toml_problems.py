"""Mistakes in a TOML document, told with line, column, key and the likely meaning."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from steer.errors import ConfigError
from steer.naming import closest
from steer.policies.toml_places import Place, Position, positions_in
from steer.values import JsonValue

__all__ = ["Mistake", "MistakenFile", "Problem", "TomlDocument", "problems_of"]

_QUOTED = re.compile(r"'([^']*)'")
_SYNTAX = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong with the thing at ``place``, a path of keys and positions."""

    place: Place
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """A problem as it is told: ``key`` is the place in words, line and column count from 1.

    Both are ``None`` where the whole file is meant.
    """

    source: str
    line: int | None = None
    column: int | None = None
    key: str = ""
    what: str

    def __str__(self) -> str:
        where = self.source
        if self.line is not None:
            where += f", line {self.line}, column {self.column}"
        return ": ".join(filter(None, (where, self.key, self.what)))


class MistakenFile(ConfigError):
    """A file that cannot be used, with everything that is wrong in it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(";\n".join(map(str, self.mistakes)))


@dataclass(frozen=True, kw_only=True)
class TomlDocument:
    """The text of a document, beside what it was read as."""

    source: str
    text: str
    data: Mapping[str, JsonValue] = field(default_factory=dict)

    @classmethod
    def read(
        cls, text: str, *, source: str, parse_float: Callable[[str], object] = float
    ) -> TomlDocument:
        """Read TOML. Raises ``MistakenFile``."""
        try:
            data = tomllib.loads(text, parse_float=parse_float)
            return cls(source=source, text=text, data=data)
        except tomllib.TOMLDecodeError as error:
            mistake = _syntax_mistake(str(error), text, source)
        except RecursionError:
            mistake = Mistake(source=source, what="is nested too deeply")
        raise MistakenFile([mistake])

    @cached_property
    def positions(self) -> Mapping[Place, Position]:
        """Where everything stands."""
        return positions_in(self.text)

    def refused(self, problems: Iterable[Problem]) -> MistakenFile:
        """Return the error that names every problem, in the order of their lines."""
        mistakes = [self._mistake(problem) for problem in problems]
        return MistakenFile(sorted(mistakes, key=lambda each: (each.line or 0, each.column or 0)))

    def position_of(self, place: Place) -> Position | None:
        """Where a thing stands, or what it would stand in; ``None`` for the document itself."""
        while place and place not in self.positions:
            place = place[:-1]
        return self.positions[place] if place else None

    def _mistake(self, problem: Problem) -> Mistake:
        position = self.position_of(problem.place)
        key = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in problem.place)
        return Mistake(
            source=self.source,
            line=position and position.line,
            column=position and position.column,
            key=key.removeprefix("."),
            what=problem.what,
        )


def _syntax_mistake(said: str, text: str, source: str) -> Mistake:
    if found := _SYNTAX.fullmatch(said):
        line, column = int(found["line"]), int(found["column"])
    else:
        # The parser says "at end of document" in words.
        lines = text.split("\n")
        line, column = len(lines), len(lines[-1]) + 1
    what = found["what"] if found else said.removesuffix(" (at end of document)")
    return Mistake(source=source, line=line, column=column, what=f"is not valid TOML: {what}")


def problems_of(
    error: ValidationError, *, about_unknown_key: Callable[[Place], str]
) -> list[Problem]:
    """Say in our words what pydantic found."""
    return [
        Problem(place=details["loc"], what=_what(details, about_unknown_key))
        for details in error.errors(include_url=False)
    ]


def _what(details: ErrorDetails, about_unknown_key: Callable[[Place], str]) -> str:
    key, given = details["loc"][-1], details["input"]
    match details["type"]:
        case "extra_forbidden":
            what = about_unknown_key(details["loc"])
        case "value_error":
            what = str(details["ctx"]["error"])
        case "missing":
            what = "is missing"
        case "list_type" if isinstance(given, dict):
            what = f"must be a list of tables, each beginning with [[{key}]]"
        case "model_type" if isinstance(given, list):
            what = f"must be one table, beginning with [{key}]"
        case "string_type":
            what = "must be text"
        case "enum" | "literal_error" if isinstance(given, str):
            what = details["msg"].replace("Input should be", "must be")
            if meant := closest(given, _QUOTED.findall(details["ctx"]["expected"])):
                what += f"; did you mean {meant}?"
        case _:
            what = details["msg"].replace("Input should be", "must be")
    return what
