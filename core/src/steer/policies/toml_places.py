"""Where in a TOML text each key and each item of a list stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

__all__ = ["Place", "Position", "positions_in"]

Place: TypeAlias = tuple[str | int, ...]
"""The way to a thing in a document: keys of tables and positions in lists."""


class Position(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


def positions_in(text: str) -> Mapping[Place, Position]:
    """Return the position of every key, of every item of a list and of every table's header.

    ``text`` is TOML that ``tomllib`` has read: the standard parser keeps no positions, and no
    library that does is kept up. What is no TOML may be taken for anything.
    """
    return _Scan(text).positions


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_TEXT = re.compile(
    # A text in three quotes may end in up to two quotes of its own.
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}\n#]*")


class _Scan:
    """One pass over a document."""

    def __init__(self, text: str) -> None:
        self.positions: dict[Place, Position] = {}
        self._text = text
        self._at = 0
        self._counted, self._line, self._line_start = 0, 1, 0
        self._lists: dict[Place, int] = {}
        table: Place = ()
        self._skip(_BLANK)
        while self._at < len(text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._assignment(table)
            self._skip(_BLANK)

    def _header(self) -> Place:
        start = self._at
        is_list = self._text.startswith("[[", start)
        self._at += 1 + is_list
        *above, last = self._keys()
        self._at += 1 + is_list
        here = self._position(start)
        place: Place = ()
        for key, _ in above:
            place = (*place, key)
            self.positions.setdefault(place, here)
            if place in self._lists:
                # What comes below the name of a list of tables belongs to its newest.
                place = (*place, self._lists[place])
        place = (*place, last[0])
        self.positions.setdefault(place, here)
        if is_list:
            self._lists[place] = self._lists.get(place, -1) + 1
            place = (*place, self._lists[place])
            self.positions[place] = here
        return place

    def _assignment(self, table: Place) -> None:
        place = table
        for key, start in self._keys():
            place = (*place, key)
            self.positions.setdefault(place, self._position(start))
        self._at += 1  # the equals sign
        self._value(place)

    def _keys(self) -> list[tuple[str, int]]:
        """Read a key with dots, and the white space around it."""
        keys = []
        while True:
            self._skip(_SPACE)
            start = self._at
            self._skip(_KEY)
            keys.append((_plain_key(self._text[start : self._at]), start))
            self._skip(_SPACE)
            if self._at == start or not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _value(self, place: Place) -> None:
        self._skip(_SPACE)
        if self._text.startswith("[", self._at):
            self._items(place, closing="]")
        elif self._text.startswith("{", self._at):
            self._items(place, closing="}")
        elif not self._skip(_TEXT):
            self._skip(_PLAIN)

    def _items(self, place: Place, *, closing: str) -> None:
        self._at += 1
        number = 0
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text) or self._text[self._at] == closing:
                self._at += 1
                return
            before = self._at
            if closing == "}":
                self._assignment(place)
            else:
                self.positions[*place, number] = self._position(before)
                self._value((*place, number))
            number += 1
            self._skip(_BLANK)
            if self._text.startswith(",", self._at) or self._at == before:
                self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self._at)
        if found is None:
            return False
        self._at = found.end()
        return True

    def _position(self, at: int) -> Position:
        # Places are asked for from the beginning to the end: the lines are counted once.
        self._line += self._text.count("\n", self._counted, at)
        start = self._text.rfind("\n", self._counted, at) + 1
        self._line_start, self._counted = start or self._line_start, at
        return Position(self._line, at - self._line_start + 1)


def _plain_key(written: str) -> str:
    if not written.startswith(('"', "'")):
        return written
    (key,) = tomllib.loads(f"{written} = 0")
    return key
