"""The signals that storages offer are a channel like any other, for threads as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from steer.builtins.fresh_stores import fresh_memory, fresh_sqlite
from steer.builtins.storages import open_memory_url, open_sqlite_url
from steer.clock import Clock
from steer.plugin import FreshStore, SignalsPlugin
from steer.ports.signals import Waiter
from steer.ports.storage import Storage
from steer_conformance import signals_checks
from steer_conformance.storing.samples import admit, events, write

PATIENCE = 20.0


class SignalsOf:
    """A storage's signals, which end with the storage."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    async def publish(self, scope_id: str, topic: str, /) -> None:
        await self.storage.signals.publish(scope_id, topic)

    def subscribe(self, scope_id: str, topic: str, /) -> AbstractAsyncContextManager[Waiter]:
        return self.storage.signals.subscribe(scope_id, topic)

    async def aclose(self) -> None:
        await self.storage.aclose()


def declared(scheme: str, open_url: Callable[[str, Clock], Storage]) -> SignalsPlugin:
    return SignalsPlugin(
        name=scheme,
        summary="The signals of a storage",
        contract=1,
        open=lambda url, clock: SignalsOf(open_url(url, clock)),
        schemes=(scheme,),
    )


def addressed(
    fresh: Callable[[Path], AbstractContextManager[FreshStore]],
) -> Callable[[Path], AbstractContextManager[str]]:
    @contextmanager
    def address(folder: Path) -> Iterator[str]:
        with fresh(folder) as store:
            yield store.url

    return address


test_signals_of_memory = signals_checks(
    declared("memory", open_memory_url), addressed(fresh_memory)
)
test_signals_of_sqlite = signals_checks(
    declared("sqlite", open_sqlite_url), addressed(fresh_sqlite)
)


@pytest.mark.anyio
async def test_a_waiter_that_reads_again_sees_every_commit_of_another_thread(
    storage: Storage,
) -> None:
    """Commit, publish, and wait for the reader's echo: one lost wake-up would time out."""
    await admit(storage)
    rounds = 100
    asked: list[Callable[[], object]] = []

    async def read_along(ready: Future[None]) -> int:
        seen = wakes = 0
        async with storage.signals.subscribe("acme", "job-1") as waiter:
            ready.set_result(None)
            while seen < rounds:
                found = await storage.journal.events("acme", "job-1", after=seen)
                seen += len(found)
                for _ in found:
                    asked.pop(0)()
                if seen < rounds and not found:
                    assert await waiter.wait(PATIENCE), f"lost after {seen}"
                    wakes += 1
        return wakes

    ready: Future[None] = Future()
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(lambda: asyncio.run(read_along(ready)))
        await asyncio.wrap_future(ready)
        loop = asyncio.get_running_loop()
        for seq in range(1, rounds + 1):
            echo = anyio.Event()
            asked.append(partial(loop.call_soon_threadsafe, echo.set))
            await write(storage, events(seq))
            await storage.signals.publish("acme", "job-1")
            with anyio.fail_after(PATIENCE):
                await echo.wait()
        assert await asyncio.wrap_future(reader) > 0
