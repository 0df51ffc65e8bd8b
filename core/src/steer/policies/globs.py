"""Globs over names, compiled once."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

__all__ = ["Globs", "is_glob"]

_MAGIC = re.compile(r"[*?\[]")


def is_glob(pattern: str) -> bool:
    """Whether ``pattern`` can match anything other than itself."""
    return _MAGIC.search(pattern) is not None


class Globs:
    """A set of patterns, of which one has to match the whole of a name.

    ``*`` is any run of characters (dots, slashes and line breaks included), ``?`` is one,
    ``[ab]`` one of these and ``[!ab]`` one of the others; ``[*]`` is a plain asterisk. Case
    matters. Matching takes time linear in the name: ``fnmatch`` translates to atomic groups.
    """

    __slots__ = ("_anything", "_match", "exact")

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = frozenset(patterns)
        self.exact = frozenset(pattern for pattern in patterns if not is_glob(pattern))
        globs = sorted(patterns - self.exact)
        self._anything = "*" in patterns
        self._match = re.compile("|".join(map(fnmatch.translate, globs))).match if globs else None

    @property
    def has_globs(self) -> bool:
        """Whether it can match a name that is not one of ``exact``."""
        return self._match is not None

    def __contains__(self, name: str) -> bool:
        """Whether a pattern matches ``name``."""
        return (
            self._anything
            or name in self.exact
            or (self._match is not None and self._match(name) is not None)
        )
