"""Puts text and lines on two streams that may be one screen, never one into the other."""

from __future__ import annotations

from steer.cli.lazy import load
from steer.cli.runs.narration import Kind, Line, Piece, Said
from steer.cli.terminal.paint import Paint, plain
from steer.cli.terminal.printable import for_terminal
from steer.cli.terminal.streams import Stream, Streams

__all__ = ["Screen"]


_PRINTED = ("printed", 0)
# What is shown as a glance at it only; why something failed or was refused is shown whole.
_BRIEF = frozenset({Kind.CALL, Kind.RESULT})
_ERASE_LINE = "\r\x1b[2K"


class _Surface:
    """What one reader sees, through one stream or two: whether its last line is still open."""

    def __init__(self) -> None:
        self.line_is_open = False
        self.part: tuple[str, int] | None = None


class Screen:
    """The model's text on one stream as it comes, what happens around it on the other."""

    def __init__(self, streams: Streams, *, paint: Paint) -> None:
        self._out, self._err = streams.out, streams.err
        self._paint = paint
        self._can_erase = paint is not plain
        self._waits = False
        self._answer = _Surface()
        self._beside = self._answer if streams.meet else _Surface()

    def say(self, said: Said) -> None:
        """Show a piece of text or a line."""
        match said:
            case Piece(kind=Kind.TEXT):
                self._write_piece(self._out, self._answer, said, style=None)
            case Piece():
                self._write_piece(self._err, self._beside, said, style=said.kind)
            case Line():
                indent = 2 * (said.depth + 1)
                brief = said.kind in _BRIEF
                text = self._in_one_row(said.text, indent) if brief else said.text
                self.line(text, style=said.kind, indent=indent)

    def wait(self, text: str) -> None:
        """Show what is waited for until there is something to show, where that can be erased."""
        if self._can_erase:
            self._close_line(self._err, self._beside)
            # Of a line that goes on in a second row only the last could be erased.
            self._err.write(self._paint("faint", f"  {self._in_one_row(text, 2)}"))
            self._waits = True

    def line(self, text: str, *, style: str = "", indent: int = 0) -> None:
        """Show a line beside the answer."""
        self._waited()
        self._close_line(self._err, self._beside)
        self._err.write(f"{' ' * indent}{self._paint(style, text)}\n")

    def printed(self, text: str) -> None:
        """Show what others print beside the answer, as it is."""
        self._waited()
        if self._beside.part != _PRINTED:
            self._close_line(self._err, self._beside)
            self._beside.part = _PRINTED
        self._err.write(text)
        self._beside.line_is_open = not text.endswith("\n")

    def finish(self) -> None:
        """End the lines that are open."""
        self._waited()
        self._close_line(self._out, self._answer)
        self._close_line(self._err, self._beside)

    def _write_piece(
        self, stream: Stream, surface: _Surface, piece: Piece, *, style: str | None
    ) -> None:
        self._waited()
        if piece.part != surface.part:
            self._close_line(stream, surface)
            surface.part = piece.part
        text = for_terminal(piece.text) if stream.is_terminal else piece.text
        if not text:
            return
        stream.write(text if style is None else self._paint(style, text))
        surface.line_is_open = not text.endswith("\n")

    def _in_one_row(self, text: str, indent: int) -> str:
        columns = self._err.columns
        if columns is None:
            return text
        fitted: str = load("steer.cli.terminal.rows:in_one_row")(text, columns - indent)
        return fitted

    def _waited(self) -> None:
        if self._waits:
            self._err.write(_ERASE_LINE)
            self._waits = False

    def _close_line(self, stream: Stream, surface: _Surface) -> None:
        if surface.line_is_open:
            stream.write("\n")
            surface.line_is_open = False
