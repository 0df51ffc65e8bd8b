"""Values of unknown origin as plain JSON of bounded size and depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from steer.values import JsonValue, well_formed

__all__ = ["MAX_BYTES", "MAX_DEPTH", "NotPlain", "plain_json"]

MAX_BYTES = 256 * 1024
"""The most that a payload or a resolution may be, roughly as JSON: text counts by characters."""

MAX_DEPTH = 64
"""The most objects and lists inside one another."""

# Larger numbers are no floats, and Python refuses to write those of more than 4300 digits.
_MAX_BITS = 1024


class NotPlain(ValueError):
    """What is wrong with a value; the message follows a place and a colon."""


def plain_json(value: Any) -> JsonValue:
    """Return ``value`` as dicts, lists and scalars of its own. Raises ``NotPlain``.

    Dataclasses become objects, lone surrogates are replaced as everywhere in the store.
    """
    return _Copy().of(value, MAX_DEPTH)


class _Copy:
    """One walk through a value, and how much it may still be."""

    def __init__(self) -> None:
        self._left = MAX_BYTES

    def of(self, value: Any, depth: int) -> JsonValue:
        self._spend(1)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int | float):
            return self._number(value)
        if depth == 0:
            raise NotPlain(
                f"it is nested deeper than {MAX_DEPTH} objects and lists; make it flatter"
            )
        return self._nested(value, depth - 1)

    def _nested(self, value: Any, depth: int) -> JsonValue:
        match value:
            case list() | tuple():
                return [self.of(member, depth) for member in value]
            case Mapping():
                return self._object(value, depth)
            case _ if is_dataclass(value) and not isinstance(value, type):
                members = {field.name: getattr(value, field.name) for field in fields(value)}
                return self._object(members, depth)
            case _:
                raise NotPlain(f"a {type(value).__name__} is no JSON; use plain values")

    def _number(self, value: float) -> float:
        if isinstance(value, int):
            if value.bit_length() > _MAX_BITS:
                raise NotPlain("a number is too large for JSON; write it as text")
            self._spend(value.bit_length() // 4)
            return int(value)
        if not math.isfinite(value):
            raise NotPlain(f"{value} is no number of JSON; use null")
        self._spend(16)
        return float(value)

    def _text(self, text: str) -> str:
        self._spend(len(text))
        return well_formed(str.__str__(text))

    def _object(self, members: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for name, member in members.items():
            if not isinstance(name, str):
                raise NotPlain(f"a {type(name).__name__} names a member of an object; use text")
            if (text := self._text(name)) in plain:
                raise NotPlain(f"two members of an object are called {text!r}")
            plain[text] = self.of(member, depth)
        return plain

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise NotPlain(
                f"it is larger than {MAX_BYTES // 1024} KiB; store what is large as an artifact"
            )
