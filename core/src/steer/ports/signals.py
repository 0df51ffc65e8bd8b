"""The port of signals: a nudge to look again, which may get lost."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

__all__ = ["SignalChannel", "Waiter"]


class Waiter(Protocol):
    """One subscription to one topic."""

    async def wait(self, timeout: float, /) -> bool:  # noqa: ASYNC109 - bounded by contract
        """Wait until the topic was signalled since the last wait, or ``timeout`` seconds passed.

        Returns whether it was signalled. A signal between two waits is kept; several count as
        one (SG-2). A waiter can be woken for nothing, and a signal can be lost: read the state
        again after subscribing, after each wake and after each time-out (SG-3).
        """
        ...


class SignalChannel(Protocol):
    """Wakes waiters in this process and, where the channel reaches them, in others."""

    async def publish(self, scope_id: str, topic: str, /) -> None:
        """Wake whoever waits for ``topic`` in this scope; called after the commit it is about."""
        ...

    def subscribe(self, scope_id: str, topic: str, /) -> AbstractAsyncContextManager[Waiter]:
        """Return a subscription: what is published inside the ``async with`` wakes it (SG-1)."""
        ...

    async def aclose(self) -> None:
        """Wake all waiters a last time (SG-9) and let go of connections."""
        ...
