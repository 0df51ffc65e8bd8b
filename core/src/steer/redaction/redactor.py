"""Redaction made ready: of texts, of JSON, and of text that is still arriving."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from pydantic_core import to_jsonable_python

from steer.errors import ConfigError
from steer.redaction.expressions import Shape, shape_of
from steer.redaction.library import library_shapes
from steer.redaction.scanning import Finding, Pattern, Scanner, SegmentStream, Span, compiled
from steer.redaction.spec import KEY, Redaction
from steer.values import JsonValue, well_formed

__all__ = ["Redactor", "TextStream", "marker"]

_PREFIX = b"[redacted:"
_MARKER = re.compile(rb"\[redacted:[a-z0-9-]{1,40}\]")
_MARKER_BEGUN = re.compile(rb"\[redacted:[a-z0-9-]{0,40}")

# A letter between quotes, as JSON writes it.
_LETTER = r'(?:[^"\\]|\\[\s\S])'
# Where an object or a list begins, nobody counts brackets: all that follows goes with it.
_VALUE = rf'(?:"{_LETTER}+"?|[{{\[][\s\S]*|[^\s"{{\[,}}\]]+)'


def marker(name: str) -> str:
    """Return what stands where something was redacted."""
    return f"[redacted:{name}]"


ERROR = marker("error")
UNFINISHED = marker("unfinished")


class Redactor:
    """Replaces what a ``Redaction`` names. Immutable, and used by any number of jobs and threads.

    What is replaced once is replaced by the same again: ``text(text(x)) == text(x)``, and the same
    of ``value``. An error inside replaces the whole text, so that nothing gets out by it. Raises
    ``ConfigError`` for an expression that RE2 does not take, and where the extra is missing.
    """

    def __init__(self, redaction: Redaction) -> None:
        self.redaction = redaction
        self._scanner = Scanner(tuple(_findings(redaction)))
        self._keys = compiled(f"(?i:{_keys(redaction.keys, '.')})") if redaction.keys else None

    def text(self, text: str) -> str:
        """Return the text, well formed, with what matches replaced by ``[redacted:NAME]``."""
        try:
            text = well_formed(text)
            if self._scanner.nothing_in(text.encode()):
                return text
        except Exception:
            # Whatever went wrong, the text may hold what nobody should see.
            return ERROR
        return self.stream().feed(text, last=True)

    def value(self, value: JsonValue) -> JsonValue:
        """Return JSON with its texts redacted, and with each value under a secret key replaced.

        Everything else keeps its shape. A number that matches becomes text.
        """
        try:
            return self._value(value)
        except Exception:
            return ERROR

    def json_text(self, text: str) -> str:
        """Return JSON text redacted as the value that it means; what is no JSON, as text."""
        try:
            value = json.loads(text)
            redacted = self._value(value)
            if redacted != value:
                text = json.dumps(redacted, ensure_ascii=False)
        except ValueError:
            pass
        except Exception:
            return ERROR
        return self.text(text)

    def stream(self) -> TextStream:
        """Return what redacts one text as its pieces arrive."""
        return TextStream(self._scanner)

    def _value(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            text = str(value)
            redacted = self.text(text)
            return value if redacted == text else redacted
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list | tuple):
            return [self._value(each) for each in value]
        return self._value(to_jsonable_python(value, fallback=str))

    def _object(self, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        for key, each in value.items():
            said = self.text(str(key))
            while said in found:
                # Two names may be redacted to the same; neither value may be lost for it.
                said += marker(KEY)
            found[said] = each if each == "" else self._under(str(key), each)
        return found

    def _under(self, key: str, value: JsonValue) -> JsonValue:
        if self._keys is not None and self._keys.fullmatch(well_formed(key).encode()):
            return marker(KEY)
        return self._value(value)


class TextStream:
    """Redacts one text as its pieces arrive.

    The pieces that it returns make up exactly what ``Redactor.text`` returns for the whole,
    however the text was cut.
    """

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._segment = SegmentStream(scanner)
        self._tail = b""
        self._failed = False

    def feed(self, piece: str, *, last: bool = False) -> str:
        """Take the next piece and return what is certain now; with ``last``, all that is left."""
        if self._failed or self._segment.endless:
            return ""
        try:
            return b"".join(self._pieces(well_formed(piece).encode(), last=last)).decode()
        except Exception:
            self._failed = True
            return ERROR

    def abandon(self) -> str:
        """End a text that was cut off: what is held back stays back, and that is said."""
        if self._failed or self._segment.endless or not (self._tail or self._segment.holds):
            return ""
        return UNFINISHED

    def _pieces(self, piece: bytes, *, last: bool) -> Iterator[bytes]:
        # What was redacted before stays as it is, and nothing matches across it.
        text, place = self._tail + piece, 0
        for found in _MARKER.finditer(text):
            yield self._segment.feed(text[place : found.start()], last=True)
            if self._segment.endless:
                return
            yield found.group()
            self._segment, place = SegmentStream(self._scanner), found.end()
        end = len(text) if last else _marker_begun(text, place)
        self._tail = text[end:]
        yield self._segment.feed(text[place:end], last=last)


class _Matched:
    """An expression whose matches are replaced whole."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.shape = shape
        self.whole: Pattern = _compiled(name, shape.whole)
        self.marker = marker(name).encode()

    def span(self, _text: bytes, start: int, end: int, /) -> Span:
        return Span(start=start, end=end, marker=self.marker)


class _Keyed:
    """``"key": value`` in text: the value goes, and what was JSON stays JSON."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.marker = marker(KEY).encode()
        name = rf'"(?i:{_keys(keys, _LETTER)})"\s*:\s*'
        self.shape = shape_of(name + _VALUE)
        self.whole: Pattern = compiled(self.shape.whole)
        self._before = compiled(shape_of(name).whole)
        self._closed = compiled(shape_of(f'"{_LETTER}+"').whole)

    def span(self, text: bytes, start: int, end: int, /) -> Span:
        before = self._before.match(text, start, end)
        place = start if before is None else before.end()
        if text[place : place + 1] != b'"':
            return Span(start=place, end=end, marker=b'"%b"' % self.marker)
        closed = self._closed.fullmatch(text, place, end) is not None
        return Span(start=place + 1, end=end - closed, marker=self.marker)


def _findings(redaction: Redaction) -> Iterator[Finding]:
    if redaction.keys:
        yield _Keyed(redaction.keys)
    for rule in redaction.rules:
        yield _Matched(rule.name, shape_of(rule.pattern))
    for name, shape in library_shapes(redaction.patterns):
        yield _Matched(name, shape)


def _keys(keys: Sequence[str], letter: str) -> str:
    """Return an expression for names that fit one of the globs."""
    signs = {"*": f"{letter}*", "?": letter}
    return "|".join("".join(signs.get(sign, re.escape(sign)) for sign in key) for key in keys)


def _compiled(name: str, pattern: str) -> Pattern:
    try:
        return compiled(pattern)
    except ValueError as error:
        raise ConfigError(
            f"the rule of redaction {name} is too large to search with: {error}",
            fix="Repeat less in it",
        ) from error


def _marker_begun(text: bytes, place: int) -> int:
    """Return where, after ``place``, a marker may have begun that is yet to end."""
    begun = text.rfind(b"[", max(place, len(text) - len(_PREFIX) - 40))
    if begun >= 0 and (_PREFIX.startswith(text[begun:]) or _MARKER_BEGUN.fullmatch(text, begun)):
        return begun
    return len(text)
