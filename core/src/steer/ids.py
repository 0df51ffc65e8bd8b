"""Identifiers that the application makes: UUIDs of version 7 (RFC 9562, section 5.7).

They sort by time of creation, so that an index over them grows at its end.
"""

from __future__ import annotations

import os
import time
import uuid

__all__ = ["new_id"]

_VERSION_AND_VARIANT = (0x7 << 76) | (0x2 << 62)
_RANDOM_MASK = (0xFFF << 64) | ((1 << 62) - 1)


def new_id() -> str:
    """Return a new UUIDv7 in its canonical text form.

    The standard library makes these from Python 3.14 on; this is the same layout:
    48 bits of Unix milliseconds, then 74 random bits.
    """
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10)) & _RANDOM_MASK
    return str(
        uuid.UUID(int=(milliseconds & (1 << 48) - 1) << 80 | _VERSION_AND_VARIANT | random_bits)
    )
