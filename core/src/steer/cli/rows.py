"""Text that is to fit into rows of a terminal, whose letters may be one or two cells wide."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells, set_cell_size

__all__ = ["in_one_row", "in_rows"]


def in_one_row(text: str, cells: int) -> str:
    """Return a line of text, cut so that it takes at most so many cells."""
    if cell_len(text) <= cells:
        return text
    return f"{set_cell_size(text, max(cells - 1, 0)).rstrip()}\u2026"


def in_rows(text: str, cells: int) -> list[str]:
    """Return a line of text as rows of at most so many cells."""
    if cell_len(text) <= cells:
        return [text]
    return chop_cells(text, max(cells, 1))
