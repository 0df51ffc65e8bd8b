"""JSON as it goes over the wire."""

from __future__ import annotations

import json
from typing import Any, NoReturn

__all__ = ["compact_json", "read_json"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def compact_json(value: Any) -> bytes:
    """Return a JSON value as UTF-8; half of a surrogate pair stays the escape that it was."""
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def read_json(text: str | bytes) -> Any:
    """Return a JSON value; ``ValueError`` where it is none, as ``NaN``, or nested too deeply."""
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode())
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
