"""Committed events on their way to sinks, none of which can slow a run."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from steer.events import Event, without_content
from steer.ports.sink import EventSink

__all__ = ["SinkPump", "SinkReport"]

QUEUE_SIZE = 10_000
"""Events that wait for one sink before further ones are dropped and counted."""

BATCH_SIZE = 500

_log = logging.getLogger("steer.sinks")


@dataclass(frozen=True, kw_only=True, slots=True)
class SinkReport:
    """How a sink fares: events it took, events that did not fit its queue, events it failed on."""

    name: str
    delivered: int
    dropped: int
    failed: int


class SinkPump:
    """Hands events to one sink, in order, from a bounded queue."""

    def __init__(self, name: str, sink: EventSink, *, contents: bool) -> None:
        self._name = name
        self._sink = sink
        self._contents = contents
        self._queue: deque[Event] = deque()
        self._wake = anyio.Event()
        self._closing = False
        self._idle = anyio.Event()
        self._delivered = self._dropped = self._failed = 0

    def report(self) -> SinkReport:
        """How the sink fares so far."""
        return SinkReport(
            name=self._name,
            delivered=self._delivered,
            dropped=self._dropped,
            failed=self._failed,
        )

    def offer(self, events: Sequence[Event]) -> None:
        """Queue committed events; what does not fit is counted and said."""
        room = max(0, QUEUE_SIZE - len(self._queue))
        if len(events) > room:
            if not self._dropped:
                _log.warning("sink %s is too slow: events are being dropped", self._name)
            self._dropped += len(events) - room
        self._queue.extend(events[:room])
        self._wake.set()

    async def run(self) -> None:
        """Deliver until closed and empty."""
        try:
            while True:
                while self._queue:
                    size = min(BATCH_SIZE, len(self._queue))
                    await self._deliver([self._queue.popleft() for _ in range(size)])
                if self._closing:
                    return
                self._wake = anyio.Event()
                await self._wake.wait()
        finally:
            self._idle.set()

    async def close(self, *, seconds: float) -> None:
        """Deliver what is queued, for at most ``seconds``, then close the sink."""
        self._closing = True
        self._wake.set()
        with anyio.move_on_after(seconds):
            await self._idle.wait()
        if self._queue:
            self._dropped += len(self._queue)
            _log.warning("sink %s closed with %d events undelivered", self._name, len(self._queue))
        try:
            with anyio.move_on_after(seconds):
                await self._sink.aclose()
        except Exception:
            _log.exception("sink %s failed to close", self._name)

    async def _deliver(self, events: list[Event]) -> None:
        batch = events if self._contents else [without_content(event) for event in events]
        try:
            await self._sink.write(batch)
        except Exception:
            self._failed += len(events)
            _log.exception("sink %s failed on %d events", self._name, len(events))
        else:
            self._delivered += len(events)
