"""The colours of a terminal."""

from __future__ import annotations

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from steer.cli.terminal.paint import Paint

__all__ = ["palette"]

# Only the sixteen colours that every theme of a terminal has chosen to be readable.
_STYLES = {
    "reasoning": "dim italic",
    "call": "cyan",
    "result": "dim",
    "refused": "yellow",
    "note": "dim",
    "succeeded": "green",
    "failed": "red",
    "timed_out": "red",
    "cancelled": "yellow",
    "error": "red",
    "faint": "dim",
    "strong": "bold",
}


def palette() -> Paint | None:
    """Return what paints for the terminal, ``None`` where it wants none (NO_COLOR, TERM=dumb)."""
    # rich knows the terminals and the conventions; the text itself does not go through it,
    # because it comes in pieces and must be on the screen when a write returns.
    console = Console(force_terminal=True)
    if console.no_color or console.is_dumb_terminal:
        return None
    styles = {name: Style.parse(style) for name, style in _STYLES.items()}

    def paint(name: str, text: str) -> str:
        style = styles.get(name)
        return text if style is None else style.render(text, color_system=ColorSystem.STANDARD)

    return paint
