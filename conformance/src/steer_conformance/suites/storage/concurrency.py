"""Many tasks, threads and event loops on one storage, and calls that are cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import anyio
from steer.errors import BudgetExceeded, Conflict, IdempotencyConflict, NotFound
from steer.ports.changes import (
    BudgetSet,
    Change,
    EffectIntended,
    GrantIssued,
    ModelRecorded,
    Reserved,
    SessionAppended,
    Settled,
)
from steer.ports.records import JobQuery
from steer.ports.storage import Committed

from steer_conformance.checks import check
from steer_conformance.storing.filling import REFUSED, claim
from steer_conformance.storing.samples import (
    admit,
    created,
    effect,
    events,
    grant,
    job,
    model_record,
    seqs,
    write,
)
from steer_conformance.suites.storage.case import PATIENCE, StorageCase

__all__ = ["on_own_loops"]


def on_own_loops(threads: int, main: Callable[[int], Coroutine[Any, Any, Any]]) -> list[Any]:
    """Run ``main(n)`` in each of ``threads`` threads, each with an event loop of its own."""

    async def bounded(number: int) -> Any:
        with anyio.fail_after(PATIENCE):
            return await main(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda number: asyncio.run(bounded(number)), range(threads)))


async def each(count: int, one: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """Run ``one(n)`` in as many tasks."""
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(one, number)


@check("ST-2")
async def refused_commits_leave_nothing_among_those_at_the_same_time(case: StorageCase) -> None:
    storage = case.storage
    for number in range(20):
        await admit(storage, f"job-{number}")

    async def one(number: int) -> Committed:
        job_id = f"job-{number}"
        changes: list[Change] = [
            events(1, job_id=job_id),
            SessionAppended(session_id=job_id, expected_version=0, items=("1",)),
        ]
        if number % 4 == 1:
            changes.append(events(3, job_id=job_id))
        if number % 4 == 3:
            changes.append(REFUSED)
        return await storage.commit("acme", job_id, 2 if number % 4 == 2 else 1, changes)

    nothing = storage.commit("acme", None, None, [])
    *outcomes, last = await asyncio.gather(*map(one, range(20)), nothing, return_exceptions=True)
    read = await storage.journal.read("acme")
    assert [entry.position for entry in read] == list(range(1, 6))
    assert isinstance(last, Committed)
    assert last.position <= 5, "a commit tells a position that a refused one had"
    position = {entry.event.job_id: entry.position for entry in read}
    talks = {one.session_id for one in (await storage.sessions.list("acme")).items}
    for number, outcome in enumerate(outcomes):
        job_id = f"job-{number}"
        kept = number % 4 == 0
        assert (job_id in position, job_id in talks) == (kept, kept), job_id
        if isinstance(outcome, Committed):
            assert outcome.position == position.get(job_id), job_id
        else:
            assert isinstance(outcome, Conflict), outcome


@check("ST-2")
async def a_read_never_sees_half_a_commit(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    talk = SessionAppended(session_id="talk", expected_version=0, items=())
    await storage.commit("acme", None, None, [talk])
    done = threading.Event()
    reads: list[int] = []

    async def write_on() -> None:
        try:
            for number in range(1000):
                # Enough of both at the same time, whichever of them is the faster.
                if number >= 50 and len(reads) >= 50:
                    break
                await write(
                    storage,
                    ModelRecorded(record=model_record(number)),
                    EffectIntended(effect=effect(f"call-{number}")),
                    GrantIssued(grant=grant(f"grant-{number}")),
                    replace(talk, expected_version=number + 1, items=(str(number),)),
                )
        finally:
            done.set()

    async def read_on() -> None:
        last = False
        while not last:
            last = done.is_set()
            found = await storage.records.load("acme", "job-1")
            reads.append(len(found.models))
            counts = {len(found.models), len(found.effects), len(found.grants)}
            assert len(counts) == 1, f"models, effects and grants of half a commit: {counts}"
            session = await storage.sessions.get("acme", "talk")
            assert session.version == len(session.items) + 1

    async def main(number: int) -> None:
        await (write_on() if number == 0 else read_on())

    await anyio.to_thread.run_sync(on_own_loops, 3, main)
    assert len((await storage.records.load("acme", "job-1")).models) == max(reads)


@check("ST-17")
async def threads_append_without_gaps_and_a_reader_misses_nothing(case: StorageCase) -> None:
    storage = case.storage
    for number in range(4):
        await admit(storage, f"job-{number}")
    done = threading.Event()
    read: list[int] = []

    async def follow() -> None:
        while True:
            last = done.is_set()
            entries = await storage.journal.read("acme", after=len(read), limit=10)
            read.extend(entry.position for entry in entries)
            if last and not entries:
                return

    async def append(worker: int) -> None:
        if worker == 4:
            await follow()
            return
        for seq in range(1, 31):
            change = events(seq, job_id=f"job-{worker}")
            await storage.commit("acme", f"job-{worker}", 1, [change])

    def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            follower = pool.submit(asyncio.run, append(4))
            try:
                on_own_loops(4, append)
            finally:
                done.set()
            follower.result(PATIENCE)

    await anyio.to_thread.run_sync(run)
    assert read == list(range(1, 121))
    for number in range(4):
        found = await storage.journal.events("acme", f"job-{number}")
        assert seqs(found) == list(range(1, 31))


@check("ST-38")
async def what_many_threads_write_at_once_is_all_there(case: StorageCase) -> None:
    storage = case.storage

    async def write_all(worker: int) -> None:
        async def one(number: int) -> None:
            job_id = f"job-{worker}-{number}"
            await admit(storage, job_id)
            for version in range(3):
                said = SessionAppended(
                    session_id=job_id, expected_version=version, items=(str(version),)
                )
                await write(storage, events(version + 1, job_id=job_id), said, job_id=job_id)

        await each(5, one)

    await anyio.to_thread.run_sync(on_own_loops, 4, write_all)
    page = await storage.jobs.list("acme", JobQuery())
    assert len(page.items) == 20
    for found in page.items:
        assert found.last_seq == 3
        assert seqs(await storage.journal.events("acme", found.job_id)) == [1, 2, 3]
        assert (await storage.sessions.get("acme", found.job_id)).items == ("0", "1", "2")


@check("ST-39")
async def no_interleaving_reserves_past_a_limit(case: StorageCase) -> None:
    storage = case.storage
    budget = BudgetSet(account="team", unit="usd", limit=100)
    await storage.commit("acme", None, None, [budget])

    async def spend(worker: int) -> int:
        admitted = 0

        async def one(number: int) -> None:
            nonlocal admitted
            key = f"{worker}-{number}"
            try:
                await storage.commit(
                    "acme", None, None, [Reserved(key=key, amounts=(("team", 7),))]
                )
            except BudgetExceeded:
                return
            admitted += 1
            account = await storage.ledger.account("acme", "team")
            assert account.spent + account.reserved <= 100
            await storage.commit("acme", None, None, [Settled(key=key, actuals=(("team", 3),))])

        await each(15, one)
        return admitted

    admitted = await anyio.to_thread.run_sync(on_own_loops, 4, spend)
    account = await storage.ledger.account("acme", "team")
    assert (account.spent, account.reserved) == (3 * sum(admitted), 0)
    assert 14 <= sum(admitted) <= 33


@check("ST-39")
async def of_many_claims_one_wins(case: StorageCase) -> None:
    storage = case.storage
    await write(storage, created(), fence=None)

    async def take(worker: int) -> int:
        try:
            await storage.commit("acme", "job-1", None, [claim(0, f"kernel-{worker}")])
        except Conflict:
            return 0
        return 1

    assert sum(await anyio.to_thread.run_sync(on_own_loops, 6, take)) == 1
    assert (await storage.jobs.get("acme", "job-1")).fence == 1


@check("ST-39")
async def of_many_requests_with_one_key_one_is_admitted(case: StorageCase) -> None:
    storage = case.storage
    refused: list[str] = []

    async def admit_one(number: int) -> None:
        record = job(f"job-{number}", idempotency_key="key")
        try:
            await storage.commit("acme", record.job_id, None, [created(record)])
        except IdempotencyConflict as error:
            refused.append(error.job_id)

    await each(20, admit_one)
    (holder,) = (await storage.jobs.list("acme", JobQuery())).items
    assert refused == [holder.job_id] * 19


@check("ST-40")
async def cancelling_a_commit_leaves_it_whole(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    said = SessionAppended(session_id="talk", expected_version=0, items=("1",))
    # Cancelled after so many steps of the event loop: before, while and after it is written.
    for steps in range(6):
        seen = len(await storage.journal.events("acme", "job-1"))
        said = SessionAppended(session_id=f"talk-{steps}", expected_version=0, items=("1",))
        task = asyncio.ensure_future(write(storage, events(seen + 1), said, events(seen + 2)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
        assert task.done()
        # A commit after it, so that whatever was under way is done.
        await storage.commit("acme", None, None, [])
        kept = len(await storage.journal.events("acme", "job-1")) - seen
        assert kept in (0, 2), f"{kept} events of a commit of two"
        try:
            await storage.sessions.get("acme", f"talk-{steps}")
        except NotFound:
            assert kept == 0
        else:
            assert kept == 2


@check("ST-40")
async def an_event_loop_that_is_gone_does_not_disturb_the_others(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await admit(storage, "job-2")

    async def leave_behind() -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(write(storage, events(1, job_id="job-2"), job_id="job-2"))
        await asyncio.sleep(0)
        task.cancel()

    await anyio.to_thread.run_sync(lambda: asyncio.run(leave_behind()))
    await write(storage, events(1))
    assert seqs(await storage.journal.events("acme", "job-1")) == [1]
