"""Closing: under load, more than once, from another event loop; and opening again."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable

import anyio
from steer.errors import StaleFence, StorageError
from steer.ports.changes import SessionAppended
from steer.ports.records import JobQuery
from steer.ports.storage import HeldJob, Storage

from steer_conformance.checks import check, raises
from steer_conformance.storing.filling import claim, fill
from steer_conformance.storing.samples import admit, events, owner, seqs, write
from steer_conformance.suites.storage.case import PATIENCE, StorageCase
from steer_conformance.suites.storage.showing import show

HELD = HeldJob(scope_id="acme", job_id="job-1", fence=1)
CALLS: tuple[Callable[[Storage], Awaitable[object]], ...] = (
    lambda s: write(s, events(51)),
    lambda s: s.jobs.get("acme", "job-1"),
    lambda s: s.jobs.list("acme", JobQuery()),
    lambda s: s.jobs.renew([HELD], lease_seconds=1),
    lambda s: s.journal.read("acme"),
    lambda s: s.records.load("acme", "job-1"),
    lambda s: s.actions.list("acme"),
    lambda s: s.artifacts.list("acme"),
    lambda s: s.ledger.entries("acme"),
    lambda s: s.sessions.list("acme"),
    lambda s: s.agents.list("acme"),
)
"""What a storage that is closed refuses."""
# Threads that an event loop lends to whoever asks, and ends itself.
_OF_THE_LOOP = re.compile(r"AnyIO worker thread|asyncio_\d+")


@check("ST-41")
async def closing_ends_what_is_under_way_and_then_refuses(case: StorageCase) -> None:
    before = set(threading.enumerate())
    storage = case.storage
    await admit(storage)
    tasks = [asyncio.ensure_future(write(storage, events(seq))) for seq in range(1, 51)]
    reads = [asyncio.ensure_future(storage.jobs.get("acme", "job-1")) for _ in range(10)]
    await asyncio.sleep(0)
    with anyio.fail_after(PATIENCE):
        await asyncio.gather(*(storage.aclose() for _ in range(3)))
        await asyncio.gather(*tasks, *reads)
    for call in CALLS:
        with raises(StorageError):
            await call(storage)
    await storage.aclose()
    new = set(threading.enumerate()) - before
    left = [thread.name for thread in new if not _OF_THE_LOOP.match(thread.name)]
    assert not left, f"threads that outlive the store: {left}"


@check("ST-41")
async def a_storage_closes_from_another_event_loop(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await anyio.to_thread.run_sync(lambda: asyncio.run(storage.aclose()))
    with raises(StorageError):
        await storage.jobs.get("acme", "job-1")


@check("ST-42", requires="durable")
async def what_was_committed_is_there_after_opening_again(case: StorageCase) -> None:
    storage = case.open()
    await fill(storage)
    shown = await show(storage, "acme")
    await storage.aclose()
    storage = case.open()
    assert await show(storage, "acme") == shown
    done = await storage.commit("acme", "job-1", 1, [events(2)])
    assert done.position == 2


@check("ST-42", requires="durable")
async def what_was_under_way_when_it_closed_is_there_after_opening_again(
    case: StorageCase,
) -> None:
    storage = case.open()
    await admit(storage)
    tasks = [asyncio.ensure_future(write(storage, events(seq))) for seq in range(1, 51)]
    await asyncio.sleep(0)
    with anyio.fail_after(PATIENCE):
        await storage.aclose()
        await asyncio.gather(*tasks)
    storage = case.open()
    assert seqs(await storage.journal.events("acme", "job-1")) == list(range(1, 51))


@check("ST-44", requires="shared")
async def a_store_that_is_opened_twice_is_one_store(case: StorageCase) -> None:
    one, other = case.open(), case.open()
    await admit(one)
    for seq in range(1, 6):
        writer, reader = (one, other) if seq % 2 else (other, one)
        done = await writer.commit("acme", "job-1", 1, [events(seq)])
        assert done.position == seq
        assert seqs(await reader.journal.events("acme", "job-1")) == list(range(1, seq + 1))
    said = SessionAppended(session_id="talk", expected_version=0, items=("1",))
    await other.commit("acme", None, None, [said])
    await other.commit("acme", "job-1", None, [claim(1, dead_owner=owner())])
    with raises(StaleFence):
        await write(one, events(6))
    assert list(await one.jobs.renew([HELD], lease_seconds=60)) == [HELD]
    assert await show(one, "acme") == await show(other, "acme")
    await one.aclose()
    await write(other, events(6), fence=2)
