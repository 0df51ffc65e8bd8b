"""Text that comes from models, tools and servers, made safe and short enough to show."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import to_json

from steer.values import JsonValue

__all__ = ["call_text", "for_terminal", "json_text", "one_line", "shortened"]

# A model or a tool must not move the cursor, set the title or write to the clipboard of whoever
# looks on: C0 but tab and line feed, DEL and C1 become pictures of themselves.
_PICTURES: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    # These reorder what follows them, so that a line can show something else than it says.
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"),
}
_CALL_LENGTH = 100
_ARGUMENT_LENGTH = 60


def for_terminal(text: str) -> str:
    """Return the text with control characters made visible; tabs and line feeds stay."""
    return text.translate(_PICTURES)


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
