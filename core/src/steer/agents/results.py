"""What a tool returned, in a form that can be stored and shown to the model."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from steer.values import JsonValue

__all__ = ["EncodedResult", "encode_result"]

# What has no JSON form of its own is an object with this key, which names its type.
_MARK = "$type"
_MAX_DEPTH = 100
# Python itself writes no integer of more than 4300 digits.
_MAX_BITS = 14_000
_AS_TEXT = (Decimal, Fraction, UUID, PurePath)
_WITHOUT_MEMBERS = frozenset({list, int, float})
_AS_ISO = (datetime, date, time, timedelta)


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedResult:
    """A tool's result: ``value`` in JSON form, ``text`` as the model reads it.

    The text follows from the value alone, so that a recorded result reads the same on replay.
    """

    value: JsonValue
    text: str


def encode_result(result: object) -> EncodedResult:
    """Return any object in JSON form; never raises and never drops a part without a mark.

    Text, numbers, ``None``, lists and mappings stay what they are; tuples and sets become
    lists, dataclasses, named tuples and pydantic models objects, decimals, dates and the like
    text. Bytes become ``{"$type": "bytes", "base64": ...}`` and any other object
    ``{"$type": "module.Class", "text": str(object)}``. Encoding a result that went through JSON
    changes nothing.
    """
    value = _encode(result, ())
    return EncodedResult(value=value, text=_text(value))


def _text(value: JsonValue) -> str:
    if type(value) is str:
        return value
    match value:
        # An object that only has a text is best read as that.
        case {"$type": str(), "text": str(text), **rest} if not rest:
            return text
        case _:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _encode(value: Any, inside: tuple[int, ...]) -> JsonValue:
    """Encode one value; ``inside`` are the ids of what it is part of."""
    kind = type(value)
    if kind is str:
        return _utf8(value)
    if kind is bool or value is None:
        return value
    if len(inside) > _MAX_DEPTH or id(value) in inside:
        # The same for every type, so that encoding it again changes nothing.
        return {_MARK: "nested", "text": "(nested too deeply)"}
    try:
        return _encode_object(value, (*inside, id(value)))
    except Exception as error:
        # An object's own code failed; the tool has acted, so its call must not fail for that.
        return {_MARK: _name(kind), "text": f"(not readable: {type(error).__name__})"}


def _encode_object(value: Any, inside: tuple[int, ...]) -> JsonValue:
    members = _members(value)
    if members is not None:
        return _mapping(members, inside)
    match value:
        case Enum():
            return _encode(value.value, inside)
        case list() | tuple():
            return [_encode(item, inside) for item in value]
        case set() | frozenset():
            # The order of a set differs between processes; a recorded one must not.
            return sorted((_encode(item, inside) for item in value), key=json.dumps)
        case _:
            return _leaf(value)


def _members(value: Any) -> Mapping[Any, Any] | None:
    """Return what has named parts as a mapping."""
    kind = type(value)
    # Most of what tools return is of these types; the checks further down cost more.
    if kind is dict or kind in _WITHOUT_MEMBERS:
        return value if kind is dict else None
    match value:
        case Mapping():
            return value
        case BaseModel():
            return value.model_dump()
        case tuple() if hasattr(value, "_asdict"):
            named: Mapping[Any, Any] = value._asdict()
            return named
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {part.name: getattr(value, part.name) for part in fields(value)}
        case _:
            return None


def _leaf(value: Any) -> JsonValue:  # noqa: PLR0911 - one case for each kind
    match value:
        case int() if value.bit_length() <= _MAX_BITS:
            return int(value)
        case int():
            return {_MARK: "int", "text": hex(value)}
        case float():
            return float(value) if math.isfinite(value) else str(value)
        case str():
            return _utf8(str(value))
        case bytes() | bytearray() | memoryview():
            return {_MARK: "bytes", "base64": base64.b64encode(value).decode()}
        case _ if isinstance(value, _AS_TEXT):
            return _utf8(str(value))
        case _ if isinstance(value, _AS_ISO):
            return to_jsonable_python(value)
        case _:
            return {_MARK: _name(type(value)), "text": _utf8(str(value))}


def _mapping(value: Mapping[Any, Any], inside: tuple[int, ...]) -> JsonValue:
    named = {_text(_encode(key, inside)): _encode(item, inside) for key, item in value.items()}
    if len(named) == len(value):
        return named
    # Two keys with one text, 1 and "1" for example: a list of pairs keeps both.
    return [[_encode(key, inside), _encode(item, inside)] for key, item in value.items()]


def _utf8(text: str) -> str:
    """Return the text without lone surrogates, which no file and no wire takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
