"""The port of compaction: what becomes of a conversation that grows too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from steer.ports.runtime import PastRun

__all__ = ["Compaction"]


class Compaction(Protocol):
    """Makes the history shorter that a session's next run is shown.

    Nothing is lost by it: what it returns is kept beside the whole conversation.
    """

    async def compact(self, past: Sequence[PastRun], /) -> Sequence[PastRun] | None:
        """Return the shorter history, or ``None`` to leave it as it is.

        ``past`` is what the run would be shown, oldest first. A run that is kept unchanged keeps
        its ``items``; one whose messages are changed has none. Each tool call stays together with
        its result. It has 30 seconds; what it raises fails the request.
        """
        ...
