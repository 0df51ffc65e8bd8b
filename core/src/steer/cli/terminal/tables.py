"""Rows of text in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from steer.cli.lazy import load
from steer.cli.terminal.paint import Paint
from steer.cli.terminal.printable import one_line

__all__ = ["in_columns"]

_GAP = "  "


def in_columns(
    rows: Sequence[Sequence[str]],
    *,
    head: Sequence[str] = (),
    paint: Paint,
    style: Callable[[int, str], str | None] | None = None,
) -> str:
    """Return rows as lines whose columns are as wide as their widest cell.

    ``style`` says how a cell is painted, by the number of its column and its text.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    shown = [list(head), *cells] if head else cells
    widths = [max(map(_width, column)) for column in zip_longest(*shown, fillvalue="")]

    def line(row: Sequence[str], painted: Callable[[int, str], str]) -> str:
        padded = [
            painted(column, text) + " " * (width - _width(text))
            for column, (text, width) in enumerate(zip(row, widths, strict=False))
        ]
        return _GAP.join(padded).rstrip()

    def as_cell(column: int, text: str) -> str:
        name = None if style is None else style(column, text)
        return text if name is None else paint(name, text)

    lines = [line(head, lambda _, text: paint("faint", text))] if head else []
    lines += [line(row, as_cell) for row in cells]
    return "".join(f"{each}\n" for each in lines)


def _width(text: str) -> int:
    """Return how many cells a terminal shows text in: letters of some scripts take two, or none."""
    if text.isascii():
        return len(text)
    cells: int = load("rich.cells:cell_len")(text)
    return cells
