"""What the reads of a store in memory share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from steer.memory._store import Store
from steer.ports.records import Page
from steer.storage import encode_cursor, page_size

__all__ = ["Reads", "page_of"]

K = TypeVar("K", int, str)
R = TypeVar("R")
V = TypeVar("V")


class Reads:
    def __init__(self, store: Store) -> None:
        self._store = store


def page_of(
    listing: str,
    rows: Iterable[R],
    limit: int,
    key: Callable[[R], K],
    item: Callable[[R], V],
) -> Page[V]:
    size = page_size(limit)
    # One more than asked for tells whether there is a next page.
    found = list(islice(rows, size + 1))
    return Page(
        items=tuple(map(item, found[:size])),
        cursor=encode_cursor(listing, key(found[size - 1])) if len(found) > size else None,
    )
