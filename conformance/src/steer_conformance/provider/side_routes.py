"""What clients ask besides turns: a list of models, a count of tokens. Nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from steer_conformance.provider.wire import CREATED, encode

__all__ = ["MODEL", "SIDE_ROUTES"]

MODEL: Final = "scripted"
"""The one model on the list. A script answers for any model."""


def _models(_: bytes) -> bytes:
    # One body that is right for both vendors: each reads the fields it knows.
    model = {
        "id": MODEL,
        "object": "model",
        "type": "model",
        "display_name": "Scripted",
        "created": CREATED,
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "owned_by": "steer",
    }
    page = {"has_more": False, "first_id": MODEL, "last_id": MODEL}
    return encode({"object": "list", "data": [model], **page})


def _count_tokens(raw: bytes) -> bytes:
    # Four bytes a token is the usual rule of thumb; nothing here has a tokenizer.
    return encode({"input_tokens": max(1, len(raw) // 4)})


SIDE_ROUTES: Final[Mapping[tuple[str, str], Callable[[bytes], bytes]]] = {
    ("GET", "/v1/models"): _models,
    ("POST", "/v1/messages/count_tokens"): _count_tokens,
}
