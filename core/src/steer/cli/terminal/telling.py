"""Lines that are shown to somebody who is asked something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from steer.cli.lazy import load
from steer.cli.terminal.paint import Paint
from steer.cli.terminal.printable import for_terminal
from steer.cli.terminal.streams import Stream

__all__ = ["BAR", "Tell", "teller"]

Tell: TypeAlias = Callable[[str, str], None]
"""Shows a line of text in a style."""

BAR = "\u2502 "
"""What each line of a question begins with, and no line of ours."""

_INDENT = "  "
_LEAST = 20


def teller(stream: Stream, paint: Paint) -> Tell:
    """Return what shows lines on a stream, each row of a line with the bar that it begins with.

    Without the bar, a text could be made so long that its second row looks like our own words.
    """

    def tell(style: str, text: str) -> None:
        bar, text = (BAR, text.removeprefix(BAR)) if text.startswith(BAR) else ("", text)
        rows = [for_terminal(text).replace("\n", " ")]
        if stream.columns is not None:
            room = max(stream.columns - len(_INDENT) - len(bar), _LEAST)
            # What we say ourselves is easier to read in whole words; of what is asked each letter
            # stays where it is.
            cut = "in_rows" if bar else "in_words"
            rows = load(f"steer.cli.terminal.rows:{cut}")(rows[0], room)
        shown = "".join(f"{_INDENT}{paint('faint', bar)}{paint(style, row)}\n" for row in rows)
        stream.write(shown)

    return tell
