"""Decoded JSON compared and copied the way JSON means it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steer.values import JsonValue

__all__ = ["copy_json", "is_json", "json_type", "same_json"]

_TYPES: Sequence[tuple[tuple[type, ...], str]] = (
    ((bool,), "a boolean"),  # before numbers: to Python a bool is an int
    ((int, float), "a number"),
    ((str,), "a string"),
    ((list, tuple), "an array"),
    ((dict,), "an object"),
)


def same_json(left: JsonValue, right: JsonValue) -> bool:
    """Whether two decoded JSON values are the same value.

    Unlike ``==``, ``true`` is not 1 here; 1 and 1.0 are the same number, and NaN is itself.
    Raises ``RecursionError`` where both are nested deeper than Python can follow.
    """
    match left, right:
        case dict(), dict():
            return left.keys() == right.keys() and all(
                same_json(value, right[key]) for key, value in left.items()
            )
        case ((list() | tuple()), (list() | tuple())):
            return _same_items(left, right)
        case (bool(), _) | (_, bool()):
            return left is right
        case float(), float() if math.isnan(left):
            return math.isnan(right)
        case ((int() | float()), (int() | float())):
            return left == right
        case _:
            return type(left) is type(right) and bool(left == right)


def _same_items(left: Sequence[JsonValue], right: Sequence[JsonValue]) -> bool:
    return len(left) == len(right) and all(map(same_json, left, right))


def is_json(value: JsonValue) -> bool:
    """Whether ``value`` could have been decoded from JSON."""
    match value:
        case dict():
            return all(isinstance(key, str) and is_json(item) for key, item in value.items())
        case list() | tuple():
            return all(map(is_json, value))
        case None | bool() | int() | float() | str():
            return True
        case _:
            return False


def copy_json(value: JsonValue) -> JsonValue:
    """Return a copy that shares no list and no object with ``value``.

    Raises ``RecursionError`` for a value nested deeper than Python can follow.
    """
    if isinstance(value, dict):
        return {key: copy_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_json(item) for item in value]
    return value


def json_type(value: JsonValue) -> str:
    """What JSON calls a value, with its article."""
    if value is None:
        return "null"
    for kinds, name in _TYPES:
        if isinstance(value, kinds):
            return name
    return "no JSON value"
