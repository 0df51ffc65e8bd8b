"""The processes of the CLI that one runtime has: bounded, and started ahead where that pays."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic_core import to_jsonable_python
from steer.errors import SteerError
from steer.values import JsonValue, digest_of

from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.process.client import Client
from steer_claude_code.process.environment import given_to_cli
from steer_claude_code.uninterrupted import uninterrupted

__all__ = ["Clients"]

SPARE_SECONDS = 300.0
"""How long a process that was started ahead waits for a run."""

_REMEMBERED = 256
"""How many kinds of runs are remembered, those that came last."""


class _Kind(NamedTuple):
    """What processes have to share to be alike: one scope, one agent, the same settings."""

    scope_id: str
    settings: str


@dataclass(eq=False, slots=True)
class _Spare:
    """A process that was started ahead, or is being, and the task that ends it if no run comes."""

    kind: _Kind
    client: Client
    keeping: asyncio.Task[None] = field(init=False)


class Clients:
    """Processes of one event loop, no more than ``limit`` at a time; who comes later waits.

    Each serves one run. One that has served a run would keep what it has read, begun and been
    told, and none of the CLI's own ways to forget does away with all of it. What a start costs is
    saved by a spare instead, from the second run of an agent in a scope on. A spare waits for
    ``spare_seconds``, and makes room as soon as somebody else needs it.
    """

    def __init__(self, *, limit: int, spare_seconds: float = SPARE_SECONDS) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._spare_seconds = spare_seconds
        self._seen: OrderedDict[_Kind, None] = OrderedDict()
        # Each of them has a slot, also while it is being started: nobody waits for one that idles.
        self._spares: list[_Spare] = []
        self._keeping: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def client(
        self,
        prepared: ClaudeCodePrepared,
        *,
        scope_id: str,
        history: Sequence[Mapping[str, JsonValue]] = (),
    ) -> AsyncIterator[Client]:
        """Lend a process that takes a question; it is ended on the way out.

        Only one without ``history`` can have been started ahead.
        """
        kind = None if history or not prepared.alike else _kind(prepared, scope_id)
        client = self._taken(kind)
        if client is None:
            await self._slot()
            client = Client(prepared, history=history)
        started = False
        try:
            await client.start()
            started = True
            yield client
        finally:
            await self._end(client)
            if started and kind is not None:
                await self._think_ahead(kind, prepared)

    async def aclose(self) -> None:
        """End the spares, and those that are being started."""
        self._closed = True
        await uninterrupted(self._end_spares())

    def _taken(self, kind: _Kind | None) -> Client | None:
        """Return a spare that is alive, or is being started; it is none any more."""
        for spare in self._spares:
            if spare.kind == kind and spare.client.alive:
                return self._let_go(spare)
        return None

    def _let_go(self, spare: _Spare) -> Client:
        self._spares.remove(spare)
        spare.keeping.cancel()
        return spare.client

    async def _slot(self) -> None:
        """Wait for room; a spare of others makes room."""
        if self._slots.locked() and self._spares:
            await self._end(self._let_go(self._spares[0]))
        await self._slots.acquire()

    async def _end(self, client: Client) -> None:
        """End a process, and only then give its slot to another."""
        try:
            await uninterrupted(client.close())
        finally:
            self._slots.release()

    # ---- spares --------------------------------------------------------------------------------

    async def _think_ahead(self, kind: _Kind, prepared: ClaudeCodePrepared) -> None:
        """Have a spare started where a run like this one has come before, and there is room."""
        come_before = kind in self._seen
        self._seen[kind] = None
        self._seen.move_to_end(kind)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        there = sum(spare.kind == kind for spare in self._spares)
        enough = not come_before or there >= prepared.config.spares
        if enough or self._closed or self._slots.locked():
            return
        await self._slots.acquire()  # does not wait: there is room
        spare = _Spare(kind, Client(prepared))
        spare.keeping = asyncio.create_task(self._keep(spare), name="spare claude")
        self._spares.append(spare)
        self._keeping.add(spare.keeping)
        spare.keeping.add_done_callback(self._keeping.discard)

    async def _keep(self, spare: _Spare) -> None:
        """Have a spare wait for a run, until it ends by itself or its time is up."""
        # One that could not be started ahead says so when it is started for a run.
        with suppress(SteerError, TimeoutError):
            async with asyncio.timeout(self._spare_seconds):
                await spare.client.start()
                await spare.client.ended()
        if spare in self._spares:
            self._spares.remove(spare)
            await self._end(spare.client)

    async def _end_spares(self) -> None:
        spares = [self._let_go(spare) for spare in list(self._spares)]
        await asyncio.gather(*map(self._end, spares))
        if self._keeping:
            await asyncio.wait(self._keeping)


def _kind(prepared: ClaudeCodePrepared, scope_id: str) -> _Kind:
    config = prepared.config
    here = Path()
    # What is passed on of this process's environment is as it was when a spare was started.
    given = given_to_cli(
        config,
        ours=os.environ,
        home=here,
        temp=here,
        claude=here,
        endpoint=None,
        token="any",  # noqa: S106 - none that is shown to anybody
    )
    settings = digest_of(
        [
            prepared.fingerprint,
            config.model_dump(mode="json", exclude={"api_key"}),
            # What servers are told may be a user's own secret, which no fingerprint holds.
            to_jsonable_python(prepared.servers),
            str(prepared.cwd),
            dict(given.environment),
            dict(given.secrets),
        ]
    )
    return _Kind(scope_id, settings)
