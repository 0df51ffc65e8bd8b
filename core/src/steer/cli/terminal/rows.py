"""Text that is to fit into rows of a terminal, whose letters may be one or two cells wide."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells, set_cell_size

__all__ = ["in_one_row", "in_rows", "in_words"]


def in_one_row(text: str, cells: int) -> str:
    """Return a line of text, cut so that it takes at most so many cells."""
    if cell_len(text) <= cells:
        return text
    return f"{set_cell_size(text, max(cells - 1, 0)).rstrip()}\u2026"


def in_words(text: str, cells: int) -> list[str]:
    """Return a line of text as rows that end between words.

    A gap of two spaces is a better place to end than one. A word that is longer than a row is cut.
    """
    rows = [""]
    for group in text.split("  "):
        # A group that fits into a row by itself stays together.
        parts, gap = ([group], "  ") if cell_len(group) <= cells else (group.split(" "), "  ")
        for part in parts:
            row = f"{rows[-1]}{gap}{part}" if rows[-1] else part
            if cell_len(row) <= cells:
                rows[-1] = row
            else:
                rows += in_rows(part, cells)
            gap = " "
    return [row for row in rows if row] or [""]


def in_rows(text: str, cells: int) -> list[str]:
    """Return a line of text as rows of at most so many cells."""
    if cell_len(text) <= cells:
        return [text]
    return chop_cells(text, max(cells, 1))
