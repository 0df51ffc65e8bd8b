"""Many tasks, threads and event loops on one storage; cancelled calls; closing under load."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from steer.errors import BudgetExceeded, Conflict, IdempotencyConflict, StorageError
from steer.ports.changes import BudgetSet, JobClaimed, Reserved, SessionAppended, Settled
from steer.ports.records import JobQuery
from steer.ports.storage import HeldJob, Storage
from storage_samples import admit, created, events, job, open_kind, owner, seqs, write

pytestmark = pytest.mark.anyio

PATIENCE = 30.0


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


async def test_no_interleaving_reserves_past_a_limit(storage: Storage) -> None:
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


async def test_of_many_claims_one_wins(storage: Storage) -> None:
    await write(storage, created(), fence=None)

    async def claim(worker: int) -> int:
        change = JobClaimed(
            owner=owner(f"kernel-{worker}"), run_id="r", expected_fence=0, lease_seconds=30
        )
        try:
            await storage.commit("acme", "job-1", None, [change])
        except Conflict:
            return 0
        return 1

    assert sum(await anyio.to_thread.run_sync(on_own_loops, 6, claim)) == 1
    assert (await storage.jobs.get("acme", "job-1")).fence == 1


async def test_of_many_requests_with_one_key_one_is_admitted(storage: Storage) -> None:
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


async def test_threads_append_without_gaps_and_a_reader_misses_nothing(storage: Storage) -> None:
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


async def test_a_session_takes_one_of_two_appends_at_the_same_version(storage: Storage) -> None:
    conflicts = 0

    async def append(number: int) -> None:
        nonlocal conflicts
        change = SessionAppended(session_id="talk", expected_version=0, items=(str(number),))
        try:
            await storage.commit("acme", None, None, [change])
        except Conflict:
            conflicts += 1

    await each(10, append)
    assert conflicts == 9
    assert len((await storage.sessions.get("acme", "talk")).items) == 1


async def test_cancelling_a_commit_leaves_it_whole(storage: Storage) -> None:
    await admit(storage)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await write(storage, events(1), events(2))
    await storage.sessions.list("acme")
    await storage.commit("acme", None, None, [])
    assert seqs(await storage.journal.events("acme", "job-1")) in ([], [1, 2])


async def test_a_commit_cancelled_while_it_is_written_is_kept(storage: Storage) -> None:
    await admit(storage)
    task = asyncio.ensure_future(write(storage, events(1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    # A commit after it, so that whatever was under way is done.
    await storage.commit("acme", None, None, [])
    assert seqs(await storage.journal.events("acme", "job-1")) == [1]


async def test_an_event_loop_that_is_gone_does_not_disturb_the_others(storage: Storage) -> None:
    await admit(storage)

    async def leave_behind() -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(write(storage, events(1)))
        await asyncio.sleep(0)
        task.cancel()

    await anyio.to_thread.run_sync(asyncio.run, leave_behind())
    await storage.commit("acme", None, None, [])
    await write(storage, events(2))


@pytest.mark.parametrize("times", [1, 3])
async def test_closing_writes_what_is_under_way_and_then_refuses(
    kind: str, tmp_path: Path, times: int
) -> None:
    before = threading.active_count()
    storage = open_kind(kind, tmp_path)
    await admit(storage)
    tasks = [asyncio.ensure_future(write(storage, events(seq))) for seq in range(1, 51)]
    reads = [asyncio.ensure_future(storage.jobs.get("acme", "job-1")) for _ in range(10)]
    await asyncio.sleep(0)
    with anyio.fail_after(PATIENCE):
        await asyncio.gather(*(storage.aclose() for _ in range(times)))
        await asyncio.gather(*tasks, *reads)
    for call in (
        write(storage, events(51)),
        storage.jobs.get("acme", "job-1"),
        storage.journal.read("acme"),
        storage.jobs.renew([HeldJob(scope_id="acme", job_id="job-1", fence=1)], lease_seconds=1),
    ):
        with pytest.raises(StorageError, match="closed"):
            await call
    await storage.aclose()
    assert threading.active_count() == before
    if kind == "sqlite":
        again = open_kind(kind, tmp_path)
        assert seqs(await again.journal.events("acme", "job-1")) == list(range(1, 51))
        await again.aclose()


async def test_a_storage_closes_from_another_event_loop(kind: str, tmp_path: Path) -> None:
    storage = open_kind(kind, tmp_path)
    await admit(storage)
    await anyio.to_thread.run_sync(lambda: asyncio.run(storage.aclose()))
    with pytest.raises(StorageError, match="closed"):
        await storage.jobs.get("acme", "job-1")
