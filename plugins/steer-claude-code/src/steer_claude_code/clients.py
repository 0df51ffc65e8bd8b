"""The processes of the CLI that one runtime has: bounded, and started ahead where that pays."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import anyio
from pydantic_core import to_jsonable_python
from steer.values import JsonValue, digest_of

from steer_claude_code.client import Client
from steer_claude_code.prepared import ClaudeCodePrepared

__all__ = ["Clients"]

SPARE_SECONDS = 300.0
"""How long a process that was started ahead waits for a run."""


class _Kind(NamedTuple):
    """What processes have to share to be alike: one scope, one agent, the same settings."""

    scope_id: str
    settings: str


@dataclass(eq=False, slots=True)
class _Spare:
    """A process that waits for a run, and what ends it if none comes."""

    kind: _Kind
    client: Client
    timer: asyncio.TimerHandle


class Clients:
    """Processes of one event loop, no more than ``limit`` at a time; who comes later waits.

    Each serves one run. One that has served a run would keep what it has read, begun and been
    told, and none of the CLI's own ways to forget does away with all of it. What a start costs is
    saved by a spare instead, from the second run of an agent in a scope on.
    """

    def __init__(self, *, limit: int) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._waiting = 0
        self._runs: Counter[_Kind] = Counter()
        self._spares: list[_Spare] = []
        self._tasks: set[asyncio.Task[None]] = set()
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
        try:
            await client.start()
            yield client
        finally:
            await self._closed_and_free(client)
            if kind is not None:
                self._think_ahead(kind, prepared)

    async def aclose(self) -> None:
        """End the spares, and those that are being started."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        with anyio.CancelScope(shield=True):
            if self._tasks:
                await asyncio.wait(self._tasks)
            while self._spares:
                await self._end(self._spares[0])

    def _taken(self, kind: _Kind | None) -> Client | None:
        """Return a spare that is alive, no longer one."""
        for spare in list(self._spares):
            if spare.kind == kind and spare.client.alive:
                spare.timer.cancel()
                self._spares.remove(spare)
                return spare.client
        return None

    async def _slot(self) -> None:
        """Wait for room; a spare of others makes room, also one that is still being started."""
        self._waiting += 1
        try:
            if self._slots.locked() and self._spares:
                await self._end(self._spares[0])
            await self._slots.acquire()
        finally:
            self._waiting -= 1

    async def _closed_and_free(self, client: Client) -> None:
        """End a process; its place is free afterwards, even where nobody waits for the end."""
        try:
            await client.close()
        finally:
            self._slots.release()

    def _think_ahead(self, kind: _Kind, prepared: ClaudeCodePrepared) -> None:
        """Start a spare where a run like this one has come before, and there is room."""
        self._runs[kind] += 1
        there = sum(spare.kind == kind for spare in self._spares)
        if self._runs[kind] > 1 and there < prepared.config.spares and not self._closed:
            self._in_background(self._start_ahead(kind, prepared))

    async def _start_ahead(self, kind: _Kind, prepared: ClaudeCodePrepared) -> None:
        if self._slots.locked():
            return
        await self._slots.acquire()
        client = Client(prepared)
        kept = False
        try:
            await client.start()
            if self._waiting:
                return
            timer = asyncio.get_running_loop().call_later(SPARE_SECONDS, self._expire, client)
            self._spares.append(_Spare(kind, client, timer))
            kept = True
        finally:
            if not kept:
                await self._closed_and_free(client)

    def _expire(self, client: Client) -> None:
        for spare in self._spares:
            if spare.client is client:
                self._in_background(self._end(spare))

    async def _end(self, spare: _Spare) -> None:
        if spare in self._spares:
            self._spares.remove(spare)
            spare.timer.cancel()
            await self._closed_and_free(spare.client)

    def _in_background(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # A process that could not be started ahead says so when it is started for a run.
        if not task.cancelled():
            task.exception()


def _kind(prepared: ClaudeCodePrepared, scope_id: str) -> _Kind:
    config = prepared.config.model_dump(mode="json", exclude={"api_key"})
    # What servers are told may be a user's own secret, which no fingerprint holds.
    servers = to_jsonable_python(prepared.servers)
    settings = digest_of([prepared.fingerprint, config, servers, str(prepared.cwd)])
    return _Kind(scope_id, settings)
