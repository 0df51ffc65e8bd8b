"""Pages: how many items, and the cursor that names where the next page begins; parts of files."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

from steer.errors import ConfigError
from steer.ports.storage import MAX_PAGE

__all__ = ["check_part", "decode_cursor", "encode_cursor", "page_size"]

K = TypeVar("K", int, str)


def page_size(limit: int) -> int:
    """Return the number of items to fetch. Raises ``ConfigError`` for less than 1."""
    if limit < 1:
        raise ConfigError(f"a page of {limit} items cannot be read, it must be 1 or more")
    return min(limit, MAX_PAGE)


def check_part(start: int, length: int) -> None:
    """Raise ``ConfigError`` where no part of a content begins there or is so long."""
    if start < 0 or length < 1:
        raise ConfigError(
            f"{length} bytes from byte {start} on cannot be read, let them be 1 or more from 0 on"
        )


def encode_cursor(listing: str, key: int | str) -> str:
    """Return the cursor for what follows ``key``; ``listing`` names what is listed.

    A cursor holds a key, not an offset, so what is inserted meanwhile shifts nothing.
    """
    return urlsafe_b64encode(json.dumps([listing, key]).encode()).decode().rstrip("=")


def decode_cursor(listing: str, cursor: str | None, start: K) -> K:
    """Return the key in ``cursor``, or ``start`` for none.

    Raises ``ConfigError`` where it is no cursor of this listing.
    """
    if cursor is None:
        return start
    try:
        kind, key = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error) as error:
        raise _not_a_cursor(listing, cursor) from error
    if kind != listing or type(key) is not type(start):
        raise _not_a_cursor(listing, cursor)
    return key


def _not_a_cursor(listing: str, cursor: str) -> ConfigError:
    return ConfigError(
        f"{cursor!r} is not a cursor of {listing}", fix="Pass the cursor of the last page as it is"
    )
