"""Finding what to replace in text that is there, and in text that is still arriving.

What is replaced depends on the text alone, never on the pieces it came in: from each place the
longest match counts, wherever it begins, and what any of them covers is gone. A place is decided
once what follows it can no longer be the beginning of a match, so most text goes on at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from steer.redaction.expressions import Shape
from steer.redaction.library import extra_module

__all__ = ["LONGEST", "Pattern", "Scanner", "SegmentStream", "compiled"]

LONGEST = 8192
"""The longest match, in bytes of UTF-8. Where one would be longer, all of the text that follows is
replaced with it: only so can the text that is held back be bounded."""

_MEMORY = 64 << 20


class Match(Protocol):
    """What is used of a match of RE2's."""

    def span(self) -> tuple[int, int]: ...
    def end(self) -> int: ...


class Pattern(Protocol):
    """What is used of a compiled expression of RE2's."""

    def search(self, text: bytes, pos: int = 0, endpos: int | None = None, /) -> Match | None: ...
    def match(self, text: bytes, pos: int = 0, endpos: int | None = None, /) -> Match | None: ...
    def fullmatch(
        self, text: bytes, pos: int = 0, endpos: int | None = None, /
    ) -> Match | None: ...


def compiled(pattern: str) -> Pattern:
    """Compile for RE2, so that the longest match counts.

    Raises ``ValueError`` for what RE2 does not take, ``ConfigError`` where it is not installed.
    """
    re2: Any = extra_module("re2", "searching text")
    options = re2.Options()
    options.longest_match = options.never_capture = True
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        found: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(text) from error
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Bytes to replace, and by what."""

    start: int
    end: int
    marker: bytes


class Finding(Protocol):
    """One expression and what it replaces of a match."""

    shape: Shape
    whole: Pattern
    marker: bytes

    def span(self, text: bytes, start: int, end: int, /) -> Span:
        """Return what of the match from ``start`` to ``end`` is replaced."""
        ...


class Scanner:
    """Finds the matches of several expressions at once."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = findings
        self._any = compiled("|".join(f"(?:{each.shape.whole})" for each in findings))
        begun = "|".join(each.shape.begun for each in findings)
        self._begun = compiled(rf"(?:{begun})\z")

    def nothing_in(self, text: bytes) -> bool:
        """Whether nothing matches anywhere."""
        return self._any.search(text) is None

    def undecided(self, text: bytes) -> int:
        """Return the place from which on ``text`` may be the beginning of a match."""
        found = self._begun.search(text, max(0, len(text) - LONGEST + 1))
        return len(text) if found is None else found.span()[0]

    def spans(self, text: bytes, upto: int) -> Iterator[Span]:
        """Yield what is replaced for the matches that begin before ``upto``, by their beginning.

        One that reaches the bound has an end of -1: it covers all there is from its beginning on.
        """
        place = 0
        while place < upto:
            within = min(len(text), place + 2 * LONGEST)
            found = self._any.search(text, place, within)
            start, end = found.span() if found is not None else (within, within)
            if start >= place + LONGEST and within < len(text):
                # Of what begins there, not all that it may match was in view.
                place = min(start, place + LONGEST)
                continue
            if start >= upto or found is None:
                return
            if end - start > LONGEST:
                shorter = self._any.match(text, start, start + LONGEST)
                end = start if shorter is None else shorter.end()
            if end > start:
                each = self._finding(text, start, end)
                if end - start == LONGEST:
                    yield Span(start=start, end=-1, marker=each.marker)
                    return
                yield each.span(text, start, end)
            place = start + 1

    def _finding(self, text: bytes, start: int, end: int) -> Finding:
        for each in self._findings:
            found = each.whole.match(text, start, min(end, start + LONGEST))
            if found is not None and found.end() == end:
                return each
        raise AssertionError("one of several expressions matched, and none of them does")


class SegmentStream:
    """Replaces in text without markers, as its pieces arrive."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._text = b""
        self._covered = 0
        self.endless = False
        """Whether everything that follows is part of what was replaced already."""

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be the beginning of a match."""
        return len(self._text) > self._covered

    def feed(self, piece: bytes, *, last: bool = False) -> bytes:
        """Take the next piece and return what is certain now; with ``last``, all that is left."""
        if self.endless:
            return b""
        text = self._text = self._text + piece
        decided = len(text) if last else self._scanner.undecided(text)
        if not decided:
            return b""
        spans: list[Span] = []
        for span in self._scanner.spans(text, decided):
            if span.end == -1:
                decided = len(text)
                spans.append(Span(start=span.start, end=decided, marker=span.marker))
                self.endless = True
            else:
                spans.append(span)
        # A match may begin before what it replaces; then none of it goes before all is certain.
        held = [span for span in spans if span.start >= decided]
        return self._replace(spans, decided) if not held else b""

    def _replace(self, spans: list[Span], decided: int) -> bytes:
        text, place = self._text, self._covered
        out: list[bytes] = []
        for span in sorted(spans, key=lambda span: span.start):
            if span.start >= place:
                out += (text[place : span.start], span.marker)
            # What overlaps with what is gone already is gone with it.
            place = max(place, span.end)
        if place < decided:
            out.append(text[place:decided])
            place = decided
        self._text, self._covered = text[decided:], place - decided
        return b"".join(out)
