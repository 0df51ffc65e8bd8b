"""How text is coloured, or left as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from steer.cli.lazy import load
from steer.cli.terminal.streams import Stream

__all__ = ["Paint", "paint_for", "plain"]

Paint: TypeAlias = Callable[[str, str], str]
"""Returns a text in the style of a name: a kind of line, a job's status, or one of a few more."""


def plain(_: str, text: str) -> str:
    """Return the text as it is."""
    return text


def paint_for(stream: Stream) -> Paint:
    """Return what paints for a stream; whatever is no terminal gets no colours."""
    if not stream.is_terminal:
        return plain
    palette: Paint | None = load("steer.cli.terminal.palette:palette")()
    return palette or plain
