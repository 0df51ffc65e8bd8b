"""The person at the terminal: what they are shown, and the lines they type."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol

from steer.cli.lazy import load
from steer.cli.terminal.editing import edit_text, editor_command, has_editor
from steer.cli.terminal.streams import Streams

__all__ = ["Dismissed", "Left", "LineReader", "Person", "Terminal", "line_reader", "terminal_input"]

_TTY = "/dev/tty"


class Dismissed(Exception):
    """What was asked need not be answered any more; its line is gone from the screen."""


class Left(Exception):
    """Whoever was asked does not want to answer now."""


class LineReader(Protocol):
    """Has a person type a line. Its methods block; ``dismiss`` may come from any thread."""

    def read(self, label: str, /, *, default: str = "", secret: bool = False) -> str:
        """Return the line that is typed after ``label``, without the end of line.

        ``default`` stands there to be changed. A ``secret`` is not shown, and no line is kept in
        any history. Raises ``Left`` for Ctrl-D, ``Dismissed`` after ``dismiss``.
        """
        ...

    def forget_typed(self) -> None:
        """Drop what was typed before it was asked for, so that it answers nothing."""
        ...

    def dismiss(self) -> None:
        """End the read that is under way, and all later ones."""
        ...

    def close(self) -> None:
        """Give up what it holds open."""
        ...


class Person:
    """Somebody who is asked: ``tell`` shows a line in a style, ``reader`` has them type one.

    ``undisturbed`` is what holds Ctrl-C off while an editor, to which it means something else,
    has the terminal.
    """

    def __init__(
        self,
        reader: LineReader,
        tell: Callable[[str, str], None],
        *,
        descriptor: int,
        undisturbed: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.reader = reader
        self.tell = tell
        self._descriptor = descriptor
        self._undisturbed = undisturbed

    def asked(self, label: str, *, default: str = "", secret: bool = False) -> str:
        """Return the line that they type, without white space around it unless it is secret."""
        line = self.reader.read(label, default=default, secret=secret)
        return line if secret else line.strip()

    def edited(self, text: str, label: str, *, suffix: str) -> str:
        """Return the text as they change it: in their editor where they have one, else as a line.

        Raises ``ConfigError`` where the editor fails.
        """
        command = editor_command()
        if command is None:
            return self.asked(label, default=text)
        with self._undisturbed():
            return edit_text(command, text, suffix=suffix, descriptor=self._descriptor)

    @property
    def has_editor(self) -> bool:
        """Whether ``edited`` opens an editor."""
        return has_editor()


@dataclass(frozen=True, kw_only=True, slots=True)
class Terminal:
    """A terminal with somebody at it, who can be asked."""

    descriptor: int
    streams: Streams
    undisturbed: Callable[[], AbstractContextManager[None]]

    def person(self, tell: Callable[[str, str], None]) -> Person:
        """Return the person, for one question; ``tell`` shows them lines."""
        reader = line_reader(self.descriptor, self.streams)
        return Person(reader, tell, descriptor=self.descriptor, undisturbed=self.undisturbed)

    def restored(self) -> Callable[[], None]:
        """Return what gives the terminal back the state that it has now, as after a prompt."""
        restore: Callable[[], None] = load("steer.cli.terminal.state:restorer")(self.descriptor)
        return restore


@contextmanager
def terminal_input(streams: Streams) -> Iterator[int | None]:
    """Give the descriptor to read a person's answers from, ``None`` where nobody could be asked.

    Somebody can be asked where standard error is a terminal and a terminal can be read: standard
    input, or the one that controls this process where standard input is a pipe or a file. A
    process in the background asks nobody: the terminal would stop it.
    """
    with _opened_input() as descriptor:
        usable = (
            descriptor is not None and streams.err.is_terminal and not _in_background(descriptor)
        )
        yield descriptor if usable else None


@contextmanager
def _opened_input() -> Iterator[int | None]:
    with suppress(OSError, AttributeError, ValueError):
        if sys.stdin.isatty():
            yield sys.stdin.fileno()
            return
    try:
        descriptor = os.open(_TTY, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _in_background(descriptor: int) -> bool:
    try:
        return os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:
        # Not the terminal that controls this process, which then does not stop it either.
        return False


def line_reader(descriptor: int, streams: Streams) -> LineReader:
    """Return what reads lines from a terminal, as well as the terminal can."""
    reader: LineReader
    if os.environ.get("TERM", "dumb") in {"", "dumb", "unknown"}:
        reader = load("steer.cli.terminal.plain_lines:PlainLines")(descriptor, streams.err)
    else:
        reader = load("steer.cli.terminal.edited_lines:EditedLines")(descriptor, streams.err)
    return reader
