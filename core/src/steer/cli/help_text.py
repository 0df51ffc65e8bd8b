"""The part of a help text that comes after the options."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["section"]

# Keeps typer from filling the lines of the paragraph.
_VERBATIM = "\b"


def section(title: str, lines: Iterable[str]) -> str:
    """Return a title with indented lines below it, which stay as they are."""
    return "\n".join([f"{title}:\n\n{_VERBATIM}", *(f"  {line}" for line in lines)])
