"""Parking a run for a person: nothing more begins, what runs ends, and then all of it is left.

The SDK makes words for a model of what is raised inside of a nested agent, and its own
interruptions end at the run they are in. So a call that is to wait does not return, and neither
does anything that would begin after it. Once nothing else runs, all of it is unwound as a
cancelled run is: the author's code cannot take that for a failure of a tool.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeAlias

__all__ = ["Place", "Suspension", "Unwound"]

Place: TypeAlias = tuple[Hashable, ...]
"""Something that runs or waits; what is inside of it has a place that begins with it."""


class Unwound(BaseException):
    """Leaves an effect that the next attempt is to enter again, so that no outcome is recorded.

    No ``Exception``: the gate would record that as a failure.
    """


class Suspension:
    """How far the parking of one run is. Safe in any thread.

    ``begun`` says that a call is to wait for a person. ``quiet`` is done once all that runs on
    could only wait as well.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begun = False
        self.quiet: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._lock = threading.Lock()
        self._running: Counter[Place] = Counter()
        self._waiting: Counter[Place] = Counter()
        self._held: set[Place] = set()

    def begin(self) -> None:
        """Note that a call is to wait for a person."""
        self.begun = True
        self._look()

    def close(self) -> None:
        """Note that the run is over: what a thread of it does now is of no interest."""
        self.quiet.cancel()

    @contextmanager
    def running(self, place: Place) -> Iterator[None]:
        """Have the parking wait for what happens here."""
        try:
            with self._counted(self._running, place):
                yield
        finally:
            self._look()

    @contextmanager
    def waiting(self, place: Place) -> Iterator[None]:
        """Have the parking not wait for what happens here, nor for what that is a part of."""
        with self._counted(self._waiting, place):
            self._look()
            yield

    async def hold(self, place: Place) -> NoReturn:
        """Stay here until the run is unwound."""
        with self._lock:
            self._held.add(place)
        with self.waiting(place):
            while True:
                await asyncio.get_running_loop().create_future()

    def held_inside(self, place: Place) -> bool:
        """Whether something has been held at this place, or inside of it."""
        with self._lock:
            return any(_is_inside(each, place) for each in self._held)

    @contextmanager
    def _counted(self, places: Counter[Place], place: Place) -> Iterator[None]:
        with self._lock:
            places[place] += 1
        try:
            yield
        finally:
            with self._lock:
                places[place] -= 1
                if not places[place]:
                    del places[place]

    def _look(self) -> None:
        if not self.begun or self.quiet.done():
            return
        with self._lock:
            busy = any(
                not any(_is_inside(each, place) for each in self._waiting)
                for place in self._running
            )
        if not busy:
            self._loop.call_soon_threadsafe(self._fall_quiet)

    def _fall_quiet(self) -> None:
        if not self.quiet.done():
            self.quiet.set_result(None)


def _is_inside(place: Place, outer: Place) -> bool:
    return place[: len(outer)] == outer
