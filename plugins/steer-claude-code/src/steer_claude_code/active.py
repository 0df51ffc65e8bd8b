"""What belongs to one run while it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from steer.errors import RuntimeFailure, SteerError
from steer.ports.runtime import Run

from steer_claude_code.calls import Calls, Place

__all__ = ["ActiveRun"]

_INTRODUCTION_SECONDS = 10.0
"""How long the CLI may take to say which call a subagent belongs to."""


class ActiveRun:
    """A run: what its models proposed, where its subagents stand, and whether it is to end.

    ``over`` is set once the run has to end before the CLI has come to a result: with ``stopped``,
    or, if a call of it waits for a person, once nothing of it runs any more.
    """

    def __init__(self, run: Run, *, agent: str) -> None:
        self.run = run
        self.calls = Calls()
        self.stopped: SteerError | None = None
        self.suspended = False
        self.over = asyncio.Event()
        self._outermost = Place((), agent)
        self._subagents: dict[str, asyncio.Future[Place]] = {}
        self._busy = 0

    def stop(self, error: SteerError) -> None:
        """Have the run end with an error, unless it is to end with another already."""
        self.stopped = self.stopped or error
        self.over.set()

    # ---- places --------------------------------------------------------------------------------

    async def place(self, subagent: str | None) -> Place:
        """Return where an agent stands: the outermost one, or a subagent by the CLI's id of it.

        The CLI says on another channel which call a subagent belongs to; that is waited for.
        """
        if subagent is None:
            return self._outermost
        try:
            async with asyncio.timeout(_INTRODUCTION_SECONDS):
                return await asyncio.shield(self._introduction(subagent))
        except TimeoutError:
            raise RuntimeFailure(
                f"the CLI did not say which call the subagent {subagent} belongs to"
            ) from None

    def introduce(self, subagent: str, call_id: str, name: str | None) -> None:
        """Note which call a subagent belongs to, and what it is called."""
        call = self.calls.find(call_id)
        introduction = self._introduction(subagent)
        if call is not None and not introduction.done():
            introduction.set_result(Place((*call.place.path, call_id), name))

    def _introduction(self, subagent: str) -> asyncio.Future[Place]:
        future = self._subagents.get(subagent)
        if future is None:
            future = self._subagents[subagent] = asyncio.get_running_loop().create_future()
        return future

    # ---- parking -------------------------------------------------------------------------------

    def suspend(self) -> None:
        """Note that a call waits for a person: nothing begins any more, and what runs may end."""
        self.suspended = True
        self._look()

    async def hold(self) -> NoReturn:
        """Stay here until the run is taken down."""
        while True:
            await asyncio.get_running_loop().create_future()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Have the parking wait for what happens here."""
        self.begins()
        try:
            yield
        finally:
            self.ends()

    def begins(self) -> None:
        """Note that something runs that the parking has to wait for."""
        self._busy += 1

    def ends(self) -> None:
        """Note that it has ended."""
        self._busy -= 1
        self._look()

    def _look(self) -> None:
        if self.suspended and not self._busy:
            self.over.set()
