"""The calls that models have proposed, for those who are asked about them before or after that."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from steer.errors import RuntimeFailure

from steer_claude_code.calls import Calls, Proposed

__all__ = ["Proposals"]

_PROPOSAL_SECONDS = 10.0
"""How long the CLI may take to tell of a call that it asks about."""

_MESSAGE_SECONDS = 3600.0
"""How long a model may write on after it has proposed a call."""


@dataclass(slots=True)
class _Waits:
    """What can be waited for of one call."""

    proposed: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    free: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Proposals:
    """Notes calls in ``calls``, and lets others wait for them; they are woken in that order."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._waits: dict[str, _Waits] = {}
        self._held: dict[str, list[str]] = {}
        self._closed = False

    def add(self, call: Proposed, *, held_by: str | None) -> None:
        """Note a call; ``held_by`` is the message that has to come to its end before it begins."""
        self._calls.propose(call)
        _set(self._of(call.call_id).proposed)
        if held_by is None:
            _set(self._of(call.call_id).free)
        else:
            self._held.setdefault(held_by, []).append(call.call_id)

    def release(self, message_id: str) -> None:
        """Note that a message has come to its end."""
        for call_id in self._held.pop(message_id, ()):
            _set(self._of(call_id).free)

    def close(self) -> None:
        """Have everybody who waits give up: nothing begins any more."""
        self._closed = True
        for waits in self._waits.values():
            _set(waits.proposed)
            _set(waits.free)

    async def wait(self, call_id: str) -> Proposed:
        """Return a call once it may begin; raises ``RuntimeFailure`` where that never comes."""
        waits = self._of(call_id)
        await self._bounded(waits.proposed, _PROPOSAL_SECONDS)
        call = self._calls.find(call_id)
        if call is None:
            raise RuntimeFailure(f"no model of this run has proposed the call {call_id}")
        await self._bounded(waits.free, _MESSAGE_SECONDS)
        if self._closed or not waits.free.done():
            raise RuntimeFailure(f"the message with the call {call_id} did not come to its end")
        return call

    async def _bounded(self, future: asyncio.Future[None], seconds: float) -> None:
        if not self._closed:
            await asyncio.wait({future}, timeout=seconds)

    def _of(self, call_id: str) -> _Waits:
        return self._waits.setdefault(call_id, _Waits())


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
