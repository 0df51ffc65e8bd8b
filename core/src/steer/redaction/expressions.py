"""A regular expression rewritten so that a stream of text can be searched with it.

A secret may arrive in pieces. To let the rest of the text go at once, one has to know whether what
came last could be the beginning of a match: a second expression, made from the first, matches
every beginning of what the first one matches.

Both are written for RE2, whose time is linear in the text whatever the expression: nobody who
controls the text can make a search take long.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from re import _constants, _parser  # type: ignore[attr-defined]  # typeshed does not know them
from typing import Any, TypeAlias

__all__ = ["Shape", "shape_of"]

# What `re` itself compiles with; both have been there since Python 3.11. A parser of our own would
# read some expressions otherwise than Python does.
parser: Any = _parser
sre: Any = _constants

MOST_REPEATS = 1000
"""RE2 counts no further."""

_Node: TypeAlias = tuple[Any, Any]

_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
_SINGLE = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN)
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_CONTEXT = (sre.AT, sre.ASSERT, sre.ASSERT_NOT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Two expressions for RE2: of all matches, and of all their beginnings, the empty one too."""

    whole: str
    begun: str


@lru_cache(maxsize=256)
def shape_of(pattern: str, flags: int = 0, *, context: bool = False) -> Shape:
    """Rewrite an expression of Python's.

    With ``context`` what it asks of the text around a match is left out, so that it matches more
    than it did; without, such a pattern is refused. Greedy or not makes no difference: the longest
    match counts. Raises ``ValueError`` with a sentence.
    """
    try:
        tree = parser.parse(pattern, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    found = tree.state.flags
    writer = _Writer(pattern, context=context)
    dotall = bool(found & re.DOTALL)
    whole, begun = writer.whole(tree, dotall=dotall), writer.begun(tree, "", dotall=dotall)
    shortest, _ = tree.getwidth()
    if shortest == 0:
        raise ValueError(f"{pattern!r} matches a text of no length, and so everywhere")
    if found & re.IGNORECASE:
        whole, begun = f"(?i:{whole})", f"(?i:{begun})"
    return Shape(whole=whole, begun=begun)


class _Writer:
    """Writes the nodes of Python's parser as RE2 has them."""

    def __init__(self, pattern: str, *, context: bool) -> None:
        self._pattern = pattern
        self._context = context

    def whole(self, items: Sequence[_Node], *, dotall: bool) -> str:
        return "".join(self._whole(item, dotall=dotall) for item in items)

    def begun(self, items: Sequence[_Node], rest: str, *, dotall: bool) -> str:
        """Return the beginnings of ``items`` followed by something whose beginnings are ``rest``.

        A beginning of ``ab`` is a beginning of ``a``, or ``a`` and a beginning of ``b``.
        """
        for item in reversed(list(items)):
            rest = self._begun(item, rest, dotall=dotall)
        return rest

    def _whole(self, item: _Node, *, dotall: bool) -> str:
        kind, value = item
        if kind in _SINGLE:
            return _single(item, dotall=dotall)
        if kind in _REPEATS:
            least, most, inner = value
            return f"(?:{self.whole(inner, dotall=dotall)}){self._count(least, most)}"
        if kind is sre.BRANCH:
            return f"(?:{'|'.join(self.whole(each, dotall=dotall) for each in value[1])})"
        if kind is sre.SUBPATTERN:
            _, added, removed, inner = value
            inside = _dotall(dotall=dotall, added=added, removed=removed)
            return f"(?{_case(added, removed)}:{self.whole(inner, dotall=inside)})"
        if kind is sre.ATOMIC_GROUP:
            return f"(?:{self.whole(value, dotall=dotall)})"
        self._leave_out(kind)
        return ""

    def _begun(self, item: _Node, rest: str, *, dotall: bool) -> str:
        kind, value = item
        if kind in _SINGLE:
            return f"(?:{_single(item, dotall=dotall)}{rest})?"
        if kind is sre.ATOMIC_GROUP:
            return self.begun(value, rest, dotall=dotall)
        if kind in _CONTEXT:
            return rest
        if kind is sre.SUBPATTERN and not (value[1] or value[2]):
            return self.begun(value[3], rest, dotall=dotall)
        return f"(?:{self._whole(item, dotall=dotall)}{rest}|{self._within(item, dotall=dotall)})"

    def _within(self, item: _Node, *, dotall: bool) -> str:
        """Return the beginnings of an item that has parts."""
        kind, value = item
        if kind is sre.BRANCH:
            return "|".join(self.begun(each, "", dotall=dotall) for each in value[1])
        if kind is sre.SUBPATTERN:
            _, added, removed, inner = value
            inside = _dotall(dotall=dotall, added=added, removed=removed)
            return f"(?{_case(added, removed)}:{self.begun(inner, '', dotall=inside)})"
        _, most, inner = value
        # Any number of them that leaves room, and the beginning of one more.
        before = "*" if most is sre.MAXREPEAT or most > MOST_REPEATS else f"{{0,{most - 1}}}"
        each = self.whole(inner, dotall=dotall)
        return f"(?:{each}){before if most else '{0}'}{self.begun(inner, '', dotall=dotall)}"

    def _count(self, least: int, most: Any) -> str:
        if least > MOST_REPEATS:
            raise ValueError(
                f"{self._pattern!r} repeats something {least} times; {MOST_REPEATS} is the most"
            )
        if most is sre.MAXREPEAT or most > MOST_REPEATS:
            return f"{{{least},}}"
        return f"{{{least},{most}}}"

    def _leave_out(self, kind: Any) -> None:
        if kind not in _CONTEXT:
            raise ValueError(
                f"{self._pattern!r} refers back to what it matched before, which cannot be decided"
                " in linear time"
            )
        if not self._context:
            raise ValueError(
                f"{self._pattern!r} looks at the text around a match (\\b, ^, $, lookahead or"
                " lookbehind), which may not have arrived yet; describe the secret alone"
            )


def _single(item: _Node, *, dotall: bool) -> str:
    kind, value = item
    if kind is sre.LITERAL:
        return _letter(value)
    if kind is sre.NOT_LITERAL:
        return f"[^{_letter(value)}]"
    if kind is sre.ANY:
        return "(?s:.)" if dotall else r"[^\n]"
    members = []
    for what, member in value:
        if what is sre.NEGATE:
            members.append("^")
        elif what is sre.LITERAL:
            members.append(_letter(member))
        elif what is sre.RANGE:
            members.append(f"{_letter(member[0])}-{_letter(member[1])}")
        else:
            members.append(_CATEGORIES[member])
    return f"[{''.join(members)}]"


def _letter(code: int) -> str:
    letter = chr(code)
    return letter if letter.isascii() and letter.isalnum() else f"\\x{{{code:x}}}"


def _dotall(*, dotall: bool, added: int, removed: int) -> bool:
    return (dotall or bool(added & re.DOTALL)) and not removed & re.DOTALL


def _case(added: int, removed: int) -> str:
    if added & re.IGNORECASE:
        return "i"
    return "-i" if removed & re.IGNORECASE else ""
