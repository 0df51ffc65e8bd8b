"""Globs over names, compiled once."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable

__all__ = ["Globs"]

_MAGIC = re.compile(r"[*?\[]")


class Globs:
    """A set of patterns, of which one has to match the whole of a name.

    ``*`` is any run of characters (dots, slashes and line breaks included), ``?`` is one,
    ``[ab]`` one of these and ``[!ab]`` one of the others; ``[*]`` is a plain asterisk. Case
    matters. Matching takes time linear in the name: ``fnmatch`` translates to atomic groups.

    ``exact`` are the patterns that match nothing but themselves. ``match`` does for a whole set
    what ``in`` does, without a call in Python; it is ``None`` where all are exact.
    """

    __slots__ = ("exact", "match")

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = sorted(frozenset(patterns))
        self.exact = frozenset(pattern for pattern in patterns if not _MAGIC.search(pattern))
        self.match: Callable[[str], object] | None = None
        if len(self.exact) < len(patterns):
            self.match = re.compile("|".join(map(fnmatch.translate, patterns))).match

    def __contains__(self, name: str) -> bool:
        """Whether a pattern matches ``name``."""
        return name in self.exact or (self.match is not None and self.match(name) is not None)
