"""Named gates at which streams wait until a test lets them go on."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict

from steer_conformance.provider.notices import Notices

__all__ = ["Gates"]


class Gates:
    """Gates that are shut until released, and stay open from then on."""

    def __init__(self, notices: Notices) -> None:
        self._lock = threading.Lock()
        self._notices = notices
        self._open: set[str] = set()
        self._reached: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]]
        self._waiting = defaultdict(list)

    def release(self, name: str) -> None:
        """Open a gate, whether or not anyone waits there yet."""
        with self._lock:
            self._open.add(name)
            waiting = self._waiting.pop(name, [])
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)

    def reached(self, name: str) -> int:
        """How many streams have come to a gate so far, those that went on included."""
        with self._lock:
            return self._reached[name]

    def arrive(self, name: str) -> asyncio.Event:
        """Come to a gate, from inside the server's loop: the event is set once it is open."""
        event = asyncio.Event()
        with self._lock:
            self._reached[name] += 1
            if name in self._open:
                event.set()
            else:
                self._waiting[name].append((asyncio.get_running_loop(), event))
        self._notices.announce()
        return event
