"""Who listens to a stream while the model answers."""

from __future__ import annotations

from collections.abc import Callable

from agents.items import TResponseStreamEvent

__all__ = ["Audience"]


class Audience:
    """Whoever follows a stream of the SDK's, if anybody; what they heard cannot be taken back."""

    def __init__(self, listener: Callable[[TResponseStreamEvent], None] | None = None) -> None:
        self._listener = listener
        self.heard = False

    @property
    def empty(self) -> bool:
        """Whether nobody follows the stream."""
        return self._listener is None

    def hear(self, event: TResponseStreamEvent) -> None:
        """Pass an event on."""
        if self._listener is not None:
            self.heard = True
            self._listener(event)
