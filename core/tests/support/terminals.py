"""A pseudo-terminal with a program at it, and somebody who reads and types."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from programs import PATIENCE, Program

__all__ = ["Terminal", "at_terminal"]

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>])")

# Makes the terminal the one that controls the process, so that Ctrl-C reaches it as from a shell.
_CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class Terminal:
    """What somebody sees of a program that has a terminal, and how they type into it."""

    def __init__(self, ours: int, process: subprocess.Popen[bytes]) -> None:
        self._ours = ours
        self.process = process
        self.raw = ""
        self._read = 0

    @property
    def seen(self) -> str:
        """All that was shown so far, without what moves the cursor or colours."""
        return _ESCAPES.sub("", self.raw).replace("\r\n", "\n").replace("\r", "")

    def until(self, pattern: str) -> str:
        """Wait until what was not waited for yet shows this; return it up to its end."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen[self._read :])):
            left = end - time.monotonic()
            ready, _, _ = select.select([self._ours], [], [], max(0.0, left))
            assert ready, f"the terminal did not show {pattern!r} but {self.seen!r}"
            assert self._more(), f"the program ended without {pattern!r}: {self.seen!r}"
        shown = self.seen[self._read : self._read + found.end()]
        self._read += found.end()
        return shown

    def type(self, text: str) -> None:
        """Type text as it is."""
        os.write(self._ours, text.encode())

    def enter(self, text: str = "") -> None:
        """Type a line."""
        self.type(f"{text}\r")

    def end(self) -> int:
        """Read to the end of the program and return its exit code."""
        while self._more():
            pass
        return self.process.wait(PATIENCE)

    @property
    def echoes(self) -> bool:
        """Whether the terminal is in the state in which shells leave it to programs."""
        return bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)

    def _more(self) -> bool:
        # Linux ends a terminal whose other side is closed with EIO.
        with suppress(OSError):
            chunk = os.read(self._ours, 65536)
            self.raw += chunk.decode(errors="replace")
            return bool(chunk)
        return False


@contextmanager
def at_terminal(
    steer: Program, *arguments: str, term: str = "xterm-256color", columns: int = 100
) -> Iterator[Terminal]:
    """The program with a terminal that controls it and is its input and both its outputs."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    with subprocess.Popen(
        [sys.executable, "-c", _CONTROLLED, "-m", "steer", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=steer.folder,
        env={**steer.env, "TERM": term}, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            if process.poll() is None:
                process.kill()
            os.close(ours)
