"""Catching what an agent's file and its tools print, so that it can be told in its place."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

from steer.cli.terminal.streams import ReaderGone

__all__ = ["prints_told"]

_CHUNK = 65536
_LAST_SECONDS = 0.5


@contextlib.contextmanager
def prints_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Give what is printed to standard output inside the ``with`` to ``tell``, as it comes.

    Programs that are started inside print there too. ``tell`` is called in a thread of its own.
    """
    reader, writer = os.pipe()
    before = os.dup(1)
    os.dup2(writer, 1)
    os.close(writer)
    thread = threading.Thread(target=_read, args=(reader, tell), name="prints", daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            if sys.stdout is not None:
                sys.stdout.flush()
        os.dup2(before, 1)
        os.close(before)
        # A program that a tool left running holds the other end; it is not waited for.
        thread.join(_LAST_SECONDS)


def _read(reader: int, tell: Callable[[str], None]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    with open(reader, "rb", buffering=0) as pipe:
        # Read to the end whatever becomes of it, or whoever prints would wait for ever.
        while chunk := pipe.read(_CHUNK):
            with contextlib.suppress(ReaderGone):
                tell(decoder.decode(chunk))
