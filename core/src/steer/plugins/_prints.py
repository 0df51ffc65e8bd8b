"""Keeping what a plugin prints while it is loaded out of the program's own output."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

__all__ = ["Prints", "caught_prints"]


class Prints:
    """What was printed, both streams together in the order of writing."""

    def __init__(self) -> None:
        self._written = io.StringIO()
        self.thread: int | None = threading.get_ident()

    def keep(self, text: str) -> bool:
        """Keep ``text`` if this is the loading thread and loading goes on."""
        if threading.get_ident() != self.thread:
            return False
        self._written.write(text)
        return True

    @property
    def text(self) -> str:
        """What was kept so far."""
        return self._written.getvalue()


class _Stream(io.TextIOBase):
    """Stands in for a standard stream. Other threads, and later writes, reach the real one."""

    def __init__(self, prints: Prints, real: TextIO | None) -> None:
        super().__init__()
        self._prints = prints
        self._real = real

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if not self._prints.keep(text) and self._real is not None:
            self._real.write(text)
        return len(text)

    def flush(self) -> None:
        if self._real is not None:
            self._real.flush()

    def close(self) -> None:
        # Called when this is collected too; the real stream is not ours to flush or close then.
        pass


@contextlib.contextmanager
def caught_prints() -> Iterator[Prints]:
    """Catch what this thread prints inside the ``with``.

    A stream that code inside takes hold of, as a log handler does, goes on to the real one after.
    """
    prints = Prints()
    with (
        contextlib.redirect_stdout(_Stream(prints, sys.stdout)),
        contextlib.redirect_stderr(_Stream(prints, sys.stderr)),
    ):
        try:
            yield prints
        finally:
            prints.thread = None
