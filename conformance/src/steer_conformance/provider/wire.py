"""Bytes of the wire that the dialects share: compact JSON and server-sent events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["CREATED", "encode", "event", "open_object"]

CREATED: Final = 1_767_225_600
"""The only moment a scripted provider knows (2026-01-01 UTC), so that its bytes never change."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(value: Any) -> bytes:
    """A JSON value in compact UTF-8, as the vendors write it."""
    # A lone surrogate has no UTF-8; as the JSON escape \udXXX it survives the way.
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def open_object(fields: Mapping[str, Any]) -> bytes:
    """A JSON object without its closing brace, to which more fields can be appended.

    What does not change between the deltas of one block is encoded once.
    """
    return encode(fields)[:-1]


def event(data: Any, name: str | None = None) -> bytes:
    """One server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    if name is None:
        return b"data: %b\n\n" % encode(data)
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode(data))
