"""Signals: kept between waits, by scope and topic, and never lost for a waiter that re-reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import anyio
import pytest
from steer.ports.storage import Storage
from steer_conformance.suites.storage.samples import admit, events, write

pytestmark = pytest.mark.anyio

PATIENCE = 20.0


async def test_a_signal_wakes_who_waits(storage: Storage) -> None:
    woken = anyio.Event()

    async def wait() -> None:
        async with storage.signals.subscribe("acme", "job-1") as waiter:
            subscribed.set()
            assert await waiter.wait(PATIENCE)
            woken.set()

    subscribed = anyio.Event()
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await subscribed.wait()
            await storage.signals.publish("acme", "job-1")
            await woken.wait()


async def test_signals_between_two_waits_are_kept_as_one(storage: Storage) -> None:
    async with storage.signals.subscribe("acme", "job-1") as waiter:
        for _ in range(3):
            await storage.signals.publish("acme", "job-1")
        assert await waiter.wait(0)
        assert not await waiter.wait(0)


async def test_a_signal_is_for_its_scope_and_topic_and_for_all_who_wait(storage: Storage) -> None:
    signals = storage.signals
    async with (
        signals.subscribe("acme", "job-1") as one,
        signals.subscribe("acme", "job-1") as two,
        signals.subscribe("acme", "job-2") as other_topic,
        signals.subscribe("other", "job-1") as other_scope,
    ):
        await signals.publish("acme", "job-1")
        assert await one.wait(0)
        assert await two.wait(0)
        assert not await other_topic.wait(0)
        assert not await other_scope.wait(0)


async def test_one_leaving_does_not_cut_off_the_others(storage: Storage) -> None:
    async with storage.signals.subscribe("acme", "job-1") as one:
        async with storage.signals.subscribe("acme", "job-1"):
            pass
        await storage.signals.publish("acme", "job-1")
        assert await one.wait(0)


async def test_waiting_ends_with_its_time(storage: Storage) -> None:
    async with storage.signals.subscribe("acme", "job-1") as waiter:
        with anyio.fail_after(PATIENCE):
            assert not await waiter.wait(0.01)


async def test_a_cancelled_wait_loses_no_signal(storage: Storage) -> None:
    async with storage.signals.subscribe("acme", "job-1") as waiter:
        task = asyncio.ensure_future(waiter.wait(PATIENCE))
        await asyncio.sleep(0)
        await storage.signals.publish("acme", "job-1")
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert await waiter.wait(0)


async def test_closing_wakes_all_a_last_time(storage: Storage) -> None:
    async with storage.signals.subscribe("acme", "job-1") as waiter:
        task = asyncio.ensure_future(waiter.wait(PATIENCE))
        await asyncio.sleep(0)
        await storage.aclose()
        with anyio.fail_after(PATIENCE):
            assert await task


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
