"""Text at the end of a terminal that is drawn again in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

__all__ = ["live_text"]


@contextmanager
def live_text(descriptor: int) -> Iterator[Callable[[str], None]]:
    """Give what draws a text in place of the one before; the last one stays when the ``with`` ends.

    Lines that are too long for the terminal are cut, and so are lines that it has no room for.
    """
    with open(descriptor, "w", encoding="utf-8", errors="replace", closefd=False) as file:
        console = Console(file=file, force_terminal=True, highlight=False)
        with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:

            def draw(text: str) -> None:
                shown = Text.from_ansi(text.rstrip("\n"), no_wrap=True, overflow="ellipsis")
                live.update(shown, refresh=True)

            yield draw
