"""Lines as the terminal itself lets one type them, for terminals that cannot do more."""

from __future__ import annotations

import os
import select
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from steer.cli.terminal.person import Dismissed, Left
from steer.cli.terminal.streams import Stream

__all__ = ["PlainLines"]

_LINE = 65536


class PlainLines:
    """Reads a ``LineReader``'s lines without moving the cursor.

    Such a terminal cannot show a default to be changed: an empty line stands for it.
    """

    def __init__(self, descriptor: int, shown: Stream) -> None:
        self._descriptor = descriptor
        self._shown = shown
        self._woken, self._wake = os.pipe()

    def read(self, label: str, /, *, default: str = "", secret: bool = False) -> str:
        # Hidden before it is asked for: who sees the label may type at once.
        with self._unechoed(secret):
            self._shown.write(f"{label}{'(nothing keeps it) ' if default else ''}")
            line = self._line()
            if secret:
                self._shown.write("\n")
        return line or default

    def forget_typed(self) -> None:
        termios.tcflush(self._descriptor, termios.TCIFLUSH)

    def dismiss(self) -> None:
        os.write(self._wake, b"\n")

    def close(self) -> None:
        """Close what wakes it."""
        os.close(self._woken)
        os.close(self._wake)

    def _line(self) -> str:
        typed = b""
        while not typed.endswith(b"\n"):
            ready, _, _ = select.select([self._descriptor, self._woken], [], [])
            if self._woken in ready:
                self._shown.write("\n")
                raise Dismissed
            chunk = os.read(self._descriptor, _LINE)
            if not chunk:
                self._shown.write("\n")
                raise Left
            typed += chunk
        return typed.decode(errors="replace").rstrip("\r\n")

    @contextmanager
    def _unechoed(self, secret: bool) -> Iterator[None]:  # noqa: FBT001 - the one thing it is for
        if not secret:
            yield
            return
        before = termios.tcgetattr(self._descriptor)
        quiet = termios.tcgetattr(self._descriptor)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, quiet)
        try:
            yield
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)
