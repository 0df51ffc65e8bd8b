"""The port of event sinks: somewhere committed events go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from steer.events import Event

__all__ = ["EventSink"]


class EventSink(Protocol):
    """Receives what was committed, and nothing else. It cannot answer and cannot slow a run."""

    async def write(self, events: Sequence[Event], /) -> None:
        """Take these events; each job's come in the order of ``seq``, and arrive so (SK-1).

        Raising loses this batch for this sink alone; the loss is counted and reported. Nothing
        else is lost (SK-3), and what is buffered is bounded (SK-8). Content fields are blank
        unless the sink was opened with ``contents=True``.
        """
        ...

    async def aclose(self) -> None:
        """Pass on what is buffered, then close (SK-2)."""
        ...
