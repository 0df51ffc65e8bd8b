"""Lines typed at a real terminal: edited, hidden, left and taken back."""

from __future__ import annotations

import os
import pty
import select
import termios
import threading
from collections.abc import Callable, Iterator

import pytest
from steer.cli.terminal.person import Dismissed, Left, LineReader, line_reader
from steer.cli.terminal.streams import Stream, Streams

PATIENCE = 30.0


class Screen:
    """One end of a terminal, whose other end a reader has."""

    def __init__(self, ours: int) -> None:
        self._ours = ours
        self.shown = b""

    def wait_for(self, text: bytes) -> None:
        while text not in self.shown:
            ready, _, _ = select.select([self._ours], [], [], PATIENCE)
            assert ready, f"the terminal shows {self.shown!r}"
            self.shown += os.read(self._ours, 4096)

    def type(self, text: bytes) -> None:
        os.write(self._ours, text)


@pytest.fixture(params=["xterm", "dumb"])
def terminal(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Screen, LineReader, int]]:
    """A terminal that can move its cursor, and one that cannot."""
    monkeypatch.setenv("TERM", request.param)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    stream = Stream.of_descriptor(theirs)
    reader = line_reader(theirs, Streams(out=stream, err=stream))
    yield Screen(ours), reader, theirs
    reader.close()
    os.close(ours)
    os.close(theirs)


def typed(read: Callable[[], str], act: Callable[[], None]) -> str:
    """What is read while, in another thread, somebody acts."""
    thread = threading.Thread(target=act)
    thread.start()
    try:
        return read()
    finally:
        thread.join(PATIENCE)


def test_a_line_is_read_as_it_is_typed(terminal: tuple[Screen, LineReader, int]) -> None:
    screen, reader, _ = terminal

    def act() -> None:
        screen.wait_for(b"name>")
        screen.type("J\u00f6x\x7f\r".encode())

    assert typed(lambda: reader.read("name> "), act) == "J\u00f6"


def test_a_secret_is_never_on_the_screen(terminal: tuple[Screen, LineReader, int]) -> None:
    screen, reader, _ = terminal

    def act() -> None:
        screen.wait_for(b"password>")
        screen.type(b"hunter2\r")

    assert typed(lambda: reader.read("password> ", secret=True), act) == "hunter2"
    screen.wait_for(b"\n")
    assert b"hunter" not in screen.shown


def test_a_default_can_be_taken_as_it_is(terminal: tuple[Screen, LineReader, int]) -> None:
    screen, reader, _ = terminal

    def act() -> None:
        screen.wait_for(b"edit>")
        screen.type(b"\r")

    assert typed(lambda: reader.read("edit> ", default='{"a": 1}'), act) == '{"a": 1}'


def test_ctrl_d_leaves_it(terminal: tuple[Screen, LineReader, int]) -> None:
    screen, reader, _ = terminal

    def act() -> None:
        screen.wait_for(b"name>")
        screen.type(b"\x04")

    with pytest.raises(Left):
        typed(lambda: reader.read("name> "), act)


def test_what_was_typed_before_it_was_asked_for_answers_nothing(
    terminal: tuple[Screen, LineReader, int],
) -> None:
    screen, reader, theirs = terminal
    screen.type(b"y\r")
    screen.wait_for(b"y")
    select.select([theirs], [], [], PATIENCE)

    reader.forget_typed()

    def act() -> None:
        screen.wait_for(b"sure>")
        screen.type(b"n\r")

    assert typed(lambda: reader.read("sure> "), act) == "n"


def test_a_line_that_is_not_wanted_any_more_ends(terminal: tuple[Screen, LineReader, int]) -> None:
    screen, reader, theirs = terminal
    before = termios.tcgetattr(theirs)

    def act() -> None:
        screen.wait_for(b"name>")
        screen.type(b"half a na")
        screen.wait_for(b"half a na")
        reader.dismiss()

    with pytest.raises(Dismissed):
        typed(lambda: reader.read("name> "), act)
    with pytest.raises(Dismissed):
        reader.read("once more> ")
    assert termios.tcgetattr(theirs) == before, "the terminal is left as it was found"
