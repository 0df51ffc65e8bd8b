"""Ctrl-C and SIGTERM while a job runs: the first asks it to end, the second gives it up."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Stops", "interrupts_held"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stops:
    """Catches the signals inside the ``with``; made inside the event loop, in the main thread.

    ``asked`` is set once a signal came, ``number`` is that signal's. A second one ends the
    process at once, even where the author's code blocks the event loop: the job is then left as
    a crash would leave it, to be resumed or cancelled. ``last_act`` is called before that.
    """

    def __init__(self, *, tell: bool) -> None:
        self.asked = asyncio.Event()
        self.number: int | None = None
        self.job_id: str | None = None
        self.last_act: Callable[[], None] = _nothing
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            # What our starter had ignored, as nohup and shells' background jobs do, stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                # Not the loop's own way: a handler of Python's runs while the loop is blocked.
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned

    def _take(self, number: int, _: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            self._say("stopping; once more gives it up")
            self._loop.call_soon_threadsafe(self.asked.set)
            return
        left = f"; its job {self.job_id} can be resumed or cancelled" if self.job_id else ""
        self.last_act()
        self._say(f"given up{left}")
        os._exit(128 + number)

    def _say(self, text: str) -> None:
        if self._tell:
            # Straight to the descriptor: whoever is writing just now may hold a lock.
            os.write(2, f"\nsteer: {text}\n".encode())


def _nothing() -> None:
    pass


@contextmanager
def interrupts_held() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Give what keeps Ctrl-C from whoever handles it, inside a ``with``, in any thread.

    For editors and pagers, which share the terminal and mean something else by it. Used in the main
    thread, after everybody else has set up a handler.
    """
    before = signal.getsignal(signal.SIGINT)
    holding: list[None] = []

    def take(number: int, frame: FrameType | None) -> None:
        if not holding and callable(before):
            before(number, frame)

    @contextmanager
    def held() -> Iterator[None]:
        holding.append(None)
        try:
            yield
        finally:
            holding.pop()

    if not callable(before):
        # Ignored by our starter, so there is nobody to keep it from.
        yield held
        return
    signal.signal(signal.SIGINT, take)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, before)
