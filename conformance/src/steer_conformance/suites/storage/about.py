"""Saying which of several cases a check was at when it failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["about"]


@contextmanager
def about(*what: object) -> Iterator[None]:
    """Add to whatever is raised inside what it is about; classes are called by their names."""
    try:
        yield
    except Exception as error:
        names = (each.__name__ if isinstance(each, type) else str(each) for each in what)
        error.add_note(f"about {', '.join(names)}")
        raise
