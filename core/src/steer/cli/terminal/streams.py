"""Where the program writes: the answer to one stream, everything about it to the other."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Iterator

from steer.errors import SteerError

__all__ = ["ReaderGone", "Stream", "Streams", "answer_apart"]

# For terminals and files whose encoding has not these signs.
_PLAIN_SIGNS = str.maketrans(
    {
        "\u2190": "<-",
        "\u2192": "->",
        "\u21e2": "=>",
        "\u2713": "ok",
        "\u2717": "x",
        "\u00b7": "-",
        "\u2026": "...",
        "\u2588": "#",
    }
)


class ReaderGone(Exception):
    """Whoever read the output has closed it; there is nobody left to tell."""


class Stream:
    """One stream of text. Each write is complete when it returns.

    Raises ``ReaderGone`` when its reader is, ``SteerError`` where it cannot be written otherwise.
    """

    def __init__(self, raw: io.FileIO, *, encoding: str = "utf-8") -> None:
        self._raw = raw
        self.encoding = encoding
        self.is_terminal = raw.isatty()

    @classmethod
    def of_descriptor(cls, descriptor: int, *, encoding: str = "utf-8") -> Stream:
        """Return a stream that writes to an open file descriptor, which stays its owner's."""
        return cls(io.FileIO(descriptor, "wb", closefd=False), encoding=encoding)

    @property
    def columns(self) -> int | None:
        """How wide the terminal is now, ``None`` where that is not known."""
        if not self.is_terminal:
            return None
        with contextlib.suppress(OSError):
            return os.get_terminal_size(self._raw.fileno()).columns or None
        return None

    def fileno(self) -> int:
        """The descriptor it writes to."""
        return self._raw.fileno()

    def write(self, text: str) -> None:
        """Write text; what the encoding has no character for is written as an escape."""
        try:
            encoded = text.encode(self.encoding)
        except UnicodeEncodeError:
            plain = text.translate(_PLAIN_SIGNS)
            encoded = plain.encode(self.encoding, errors="backslashreplace")
        self.write_bytes(encoded)

    def write_bytes(self, encoded: bytes) -> None:
        """Write bytes as they are."""
        rest = memoryview(encoded)
        try:
            while rest:
                written = self._raw.write(rest)
                if written is None:
                    # Somebody set the descriptor to non-blocking, and it is full.
                    select.select([], [self._raw], [])
                else:
                    rest = rest[written:]
        except BrokenPipeError as error:
            raise ReaderGone from error
        except OSError as error:
            # A terminal that was closed answers with EIO.
            if error.errno == errno.EIO and self.is_terminal:
                raise ReaderGone from error
            raise SteerError(f"the output cannot be written: {error.strerror}") from error


class Streams:
    """The two streams of a command."""

    def __init__(self, *, out: Stream, err: Stream) -> None:
        self.out = out
        self.err = err

    @classmethod
    def standard(cls) -> Streams:
        """Return the process's own standard output and standard error."""
        return cls(out=_standard(1), err=_standard(2))

    @property
    def meet(self) -> bool:
        """Whether both lead to one terminal, pipe or file, so that lines of one follow the other's.

        One must then not write into a line that the other has begun.
        """
        return os.path.sameopenfile(self.out.fileno(), self.err.fileno())


@contextlib.contextmanager
def answer_apart() -> Iterator[Streams]:
    """Keep standard output for the answer alone.

    What an agent's file, its tools and the programs they start print goes to standard error.
    """
    # Where our caller closed descriptors, they lead nowhere: else the next file that is opened,
    # a database say, would get the number 1 and be printed into.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - the standard three
        pass
    os.close(spare)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Into a pipe it would keep what a tool prints until the end.
        sys.stdout.reconfigure(line_buffering=True)
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        yield Streams(
            out=Stream.of_descriptor(answer, encoding=_encoding(1)),
            err=Stream.of_descriptor(2, encoding=_encoding(2)),
        )
    finally:
        with contextlib.suppress(OSError, ValueError):
            if sys.stdout is not None:
                sys.stdout.flush()
        os.dup2(answer, 1)
        os.close(answer)


def _standard(descriptor: int) -> Stream:
    try:
        return Stream.of_descriptor(descriptor, encoding=_encoding(descriptor))
    except OSError:
        return Stream.of_descriptor(os.open(os.devnull, os.O_WRONLY))


def _encoding(descriptor: int) -> str:
    stream = sys.stdout if descriptor == 1 else sys.stderr
    return getattr(stream, "encoding", None) or "utf-8"
