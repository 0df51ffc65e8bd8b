"""Sessions: what each run adds to a conversation, and what the next one is shown of it."""

from __future__ import annotations

from steer.sessions.items import Compacted, SessionItem, decode_item, encode_item
from steer.sessions.keeping import KeepLast
from steer.sessions.reading import Session, past_runs, session_of

__all__ = [
    "Compacted",
    "KeepLast",
    "Session",
    "SessionItem",
    "decode_item",
    "encode_item",
    "past_runs",
    "session_of",
]
