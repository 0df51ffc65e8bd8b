"""Lines that are edited while they are typed."""

from __future__ import annotations

import os
import signal
import termios
import threading
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.data_structures import Size
from prompt_toolkit.history import DummyHistory
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output.vt100 import Vt100_Output

from steer.cli.terminal.person import Dismissed, Left
from steer.cli.terminal.streams import Stream

__all__ = ["EditedLines"]


class EditedLines:
    """Reads a ``LineReader``'s lines with prompt_toolkit, in an event loop of their own.

    So Ctrl-C arrives even while an author's code blocks the loop that runs the job.
    """

    def __init__(self, descriptor: int, shown: Stream) -> None:
        self._descriptor = descriptor
        self._shown = shown
        self._lock = threading.Lock()
        self._dismissed = False
        self._session: PromptSession[str] | None = None

    def read(self, label: str, /, *, default: str = "", secret: bool = False) -> str:
        with (
            open(self._descriptor, encoding="utf-8", closefd=False) as typed,
            open(
                self._shown.fileno(), "w", encoding=self._shown.encoding, errors="replace",
                closefd=False,
            ) as shown,
        ):  # fmt: skip
            output = Vt100_Output(
                shown,
                self._size,
                term=os.environ["TERM"],
                # Not asked where the cursor is: the answer would mix with what is typed.
                enable_cpr=False,
            )
            session = PromptSession[str](
                input=Vt100Input(typed),
                output=output,
                history=DummyHistory(),
                key_bindings=_keys(),
                is_password=secret,
                enable_suspend=True,
                reserve_space_for_menu=0,
            )
            with self._lock:
                self._session = session
            try:
                return session.prompt(
                    label, default=default, handle_sigint=False, pre_run=self._begun
                )
            except EOFError as error:
                raise Left from error
            finally:
                with self._lock:
                    self._session = None

    def forget_typed(self) -> None:
        with open(self._descriptor, encoding="utf-8", closefd=False) as typed:
            clear_typeahead(Vt100Input(typed))
        termios.tcflush(self._descriptor, termios.TCIFLUSH)

    def dismiss(self) -> None:
        with self._lock:
            self._dismissed = True
            app = None if self._session is None else self._session.app
            if app is not None and app.loop is not None:
                app.loop.call_soon_threadsafe(_end, app)

    def close(self) -> None:
        """Nothing is held between two reads."""

    def _size(self) -> Size:
        columns, rows = os.get_terminal_size(self._shown.fileno())
        # A terminal that does not know its size says 0.
        return Size(rows=rows or 24, columns=columns or 80)

    def _begun(self) -> None:
        with self._lock:
            session, dismissed = self._session, self._dismissed
        if dismissed and session is not None:
            _end(session.app)


def _end(app: Any) -> None:
    if app.is_running and not app.is_done:
        app.erase_when_done = True
        app.exit(exception=Dismissed())


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("c-c", eager=True)
    def _(event: Any) -> None:
        # The terminal makes a key of it while a line is edited; everybody else waits for a signal.
        _end(event.app)
        os.kill(os.getpid(), signal.SIGINT)

    return keys
