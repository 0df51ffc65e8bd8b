"""A JSON value as lines that can be read and compared, nothing in it hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from steer.cli.terminal.printable import exact, exact_json
from steer.values import JsonValue

__all__ = ["changed_lines", "cut", "value_lines"]

_INDENT = "  "
_TEXT = "| "
_WIDTH = 200
"""How many characters of a line are shown where it is cut."""
_AROUND = 2
"""How many lines that are the same are shown around those that differ."""


def value_lines(value: JsonValue) -> list[str]:
    r"""Return the value as ``name: value`` lines, what lies inside of it indented.

    A text of several lines is shown as such, each after ``| ``; any other is JSON. Characters that
    cannot be told by their looks are ``\uXXXX``, in names too.
    """
    return list(_lines(value))


def _lines(value: JsonValue) -> Iterator[str]:
    match value:
        case Mapping() if value:
            for name, inner in value.items():
                yield from _named(f"{_name(name)}:", inner)
        case Sequence() if value and not isinstance(value, str):
            for inner in value:
                yield from _named("-", inner)
        case str() if _is_block(value):
            for line in value.split("\n"):
                yield f"{_TEXT}{exact(line)}"
        case _:
            yield exact_json(value)


def _named(name: str, value: JsonValue) -> Iterator[str]:
    inner = list(_lines(value))
    nested = isinstance(value, Mapping | list | tuple) and bool(value)
    if not nested and not (isinstance(value, str) and _is_block(value)):
        yield f"{name} {inner[0]}"
        return
    yield name
    for line in inner:
        yield f"{_INDENT}{line}"


def _name(name: str) -> str:
    """Return a name as it is where it can be told from what stands around it, else as JSON."""
    return name if name.isidentifier() and name.isascii() else exact_json(name)


def _is_block(text: str) -> bool:
    return "\n" in text and text != "\n"


def cut(lines: Sequence[str], most: int) -> tuple[list[str], int]:
    """Return at most so many of the lines, long ones cut, and how many of them are not whole."""
    shown = [
        line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}\u2026" for line in lines[:most]
    ]
    return shown, sum(len(line) > _WIDTH for line in lines[:most]) + len(lines[most:])


def changed_lines(old: JsonValue, new: JsonValue) -> list[str]:
    """Return what differs, line by line: ``- `` before what goes, ``+ `` before what comes."""
    before, after = value_lines(old), value_lines(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    shown: list[str] = []
    for number, group in enumerate(matcher.get_grouped_opcodes(_AROUND)):
        if number:
            shown.append("  \u2026")
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                shown += [f"  {line}" for line in before[i1:i2]]
            else:
                shown += [f"- {line}" for line in before[i1:i2]]
                shown += [f"+ {line}" for line in after[j1:j2]]
    return shown
