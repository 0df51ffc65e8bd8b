"""Text that comes from models, tools and servers, made safe and short enough to show."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping

from pydantic_core import to_json

from steer.values import JsonValue

__all__ = ["call_text", "exact", "exact_json", "for_terminal", "json_text", "one_line", "shortened"]

# A model or a tool must not move the cursor, set the title or write to the clipboard of whoever
# looks on: C0 but tab and line feed, DEL and C1 become pictures of themselves.
_PICTURES: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    # These end a line for some terminals and for none of ours.
    **dict.fromkeys((0x2028, 0x2029), "\ufffd"),
    # These reorder what follows them, so that a line can show something else than it says.
    **dict.fromkeys((0x61C, 0x200E, 0x200F), "\ufffd"),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"),
}
_CALL_LENGTH = 100
_ARGUMENT_LENGTH = 60
# Whatever is not plainly seen as what it is: controls, formats, surrogates, what is private or not
# assigned, and every space but the one.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_PRINTABLE = re.compile(r"[ -~]*")
_PLAIN = re.compile(r"[ -\[\]-~]*")
_BACKSLASHES = re.compile(r"(\\+)(.)", re.DOTALL)


def for_terminal(text: str) -> str:
    """Return the text with control characters made visible; tabs and line feeds stay."""
    return text.translate(_PICTURES)


def exact(text: str) -> str:
    r"""Return the text with every character that cannot be told by its looks as ``\uXXXX``.

    For what somebody is to approve: two texts that differ never look the same because one has a
    character without width, or another kind of space, in it. A backslash that could be taken for
    the beginning of such a sign is doubled.
    """
    if _PLAIN.fullmatch(text):
        return text
    return _BACKSLASHES.sub(_doubled, text).translate(_Signs(_told))


def exact_json(value: JsonValue) -> str:
    """Return the value as JSON in one line, with the same characters told as by ``exact``."""
    text = json.dumps(value, ensure_ascii=False)
    return text if _PRINTABLE.fullmatch(text) else text.translate(_Signs(_told_in_json))


class _Signs:
    """What ``str.translate`` looks up by the number of a character."""

    def __init__(self, told: Callable[[int], str]) -> None:
        self._told = told

    def __getitem__(self, code: int) -> str:
        if not _unseen(chr(code)):
            raise LookupError
        return self._told(code)


def _told(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - a plane


def _told_in_json(code: int) -> str:
    return json.dumps(chr(code))[1:-1]


def _unseen(char: str) -> bool:
    return char != " " and unicodedata.category(char) in _UNSEEN


def _doubled(run: re.Match[str]) -> str:
    after = run[2]
    return f"{run[1] * (2 if after in 'uU' or _unseen(after) else 1)}{after}"


def one_line(text: str) -> str:
    """Return the text as one line without control characters."""
    return for_terminal(" ".join(text.split()))


def shortened(text: str, length: int) -> str:
    """Return the text as one line of at most ``length`` characters."""
    line = one_line(text[: 4 * length])
    if len(line) <= length and len(text) <= 4 * length:
        return line
    return f"{line[: length - 1].rstrip()}\u2026"


def call_text(tool: str, arguments: JsonValue) -> str:
    """Return a tool call as ``tool(city="Oslo", days=3)``, long values and calls shortened."""
    if isinstance(arguments, Mapping):
        shown = ", ".join(
            f"{name}={json_text(value, _ARGUMENT_LENGTH)}" for name, value in arguments.items()
        )
    else:
        shown = "" if arguments is None else json_text(arguments, _CALL_LENGTH)
    return f"{one_line(tool)}({shortened(shown, _CALL_LENGTH)})"


def json_text(value: JsonValue, length: int) -> str:
    """Return a value as JSON in one line of at most ``length`` characters."""
    return shortened(to_json(value, fallback=str).decode(errors="replace"), length)
