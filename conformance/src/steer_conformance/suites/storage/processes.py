"""Several processes on one store, and processes that are killed."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Timer

from steer.ports.changes import BudgetSet
from steer.ports.records import JobQuery
from steer.ports.storage import Storage
from steer.values import JobStatus

from steer_conformance.checks import check
from steer_conformance.storing.samples import created, job, seqs, write
from steer_conformance.suites.storage.case import PATIENCE, StorageCase

_WORKER = "steer_conformance.storing.worker"


@contextmanager
def started(case: StorageCase, task: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start another process on the store; it is gone in the end, and after ``PATIENCE``."""
    # It finds what this process finds: also a plugin that no distribution has brought.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-m", _WORKER, case.target, case.url, task, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as worker:
        bound = Timer(PATIENCE, worker.kill)
        bound.start()
        try:
            yield worker
        finally:
            bound.cancel()
            worker.kill()


@contextmanager
def together(case: StorageCase, task: str, most: int) -> Iterator[Sequence[subprocess.Popen[str]]]:
    """Start three processes with the same task."""
    with (
        started(case, task, 1, most) as one,
        started(case, task, 2, most) as two,
        started(case, task, 3, most) as three,
    ):
        yield one, two, three


def finish(workers: Sequence[subprocess.Popen[str]]) -> list[list[str]]:
    """Wait for processes that end well, and return the lines each said."""
    said = []
    for worker in workers:
        out, err = worker.communicate(timeout=PATIENCE)
        assert (worker.returncode, err) == (0, "")
        said.append(out.splitlines())
    return said


@check("ST-45", requires="shared", seconds=120)
def processes_that_open_a_new_store_at_once_write_it_together(case: StorageCase) -> None:
    with together(case, "append", 20) as workers:
        said = [line.split() for lines in finish(workers) for line in lines]
    assert len(said) == 3 * 4 * 20
    acknowledged = {(job_id, int(seq)): int(position) for job_id, seq, position in said}
    asyncio.run(_check_journal(case.storage, acknowledged))


async def _check_journal(storage: Storage, acknowledged: dict[tuple[str, int], int]) -> None:
    read = await storage.journal.read("acme")
    assert [entry.position for entry in read] == list(range(1, len(acknowledged) + 1))
    assert {(e.event.job_id, e.event.seq): e.position for e in read} == acknowledged
    for job_id in {job_id for job_id, _ in acknowledged}:
        assert seqs(await storage.journal.events("acme", job_id)) == list(range(1, 21))


@check("ST-46", requires="shared", seconds=120)
def each_job_is_claimed_by_one_of_the_processes(case: StorageCase) -> None:
    asyncio.run(_queue(case.storage, 20))
    with together(case, "take", 20) as workers:
        won = [int(line) for lines in finish(workers) for line in lines]
    assert sorted(won) == list(range(20))


async def _queue(storage: Storage, number: int) -> None:
    for one in range(number):
        await write(storage, created(job(f"job-{one}")), fence=None, job_id=f"job-{one}")


@check("ST-46", requires="shared", seconds=120)
def processes_together_never_reserve_past_a_limit(case: StorageCase) -> None:
    budget = BudgetSet(account="team", unit="usd", limit=100)
    asyncio.run(_commit(case.storage, budget))
    with together(case, "spend", 30) as workers:
        admitted = sum(int(line) for (line,) in finish(workers))
    account = asyncio.run(_account(case.storage))
    # An admission needs 7 free, and 3 of them stay spent: 32 or a few less, never more.
    assert account == (3 * admitted, 0)
    assert 28 <= admitted <= 32


async def _commit(storage: Storage, change: BudgetSet) -> None:
    await storage.commit("acme", None, None, [change])


async def _account(storage: Storage) -> tuple[int, int]:
    account = await storage.ledger.account("acme", "team")
    return account.spent, account.reserved


@check("ST-43", requires="durable", seconds=180)
def what_was_acknowledged_is_there_when_the_process_is_killed_at_once(case: StorageCase) -> None:
    acknowledged: set[str] = set()
    for last in range(1, max(4, case.profile.examples // 20) + 1):
        with started(case, "whole_jobs", last, 1, last) as worker:
            out, err = worker.communicate(timeout=PATIENCE)
            assert err == ""
            acknowledged.update(out.splitlines())
            assert len(out.splitlines()) == last
        asyncio.run(_check_nothing_is_half(case, acknowledged))


@check("ST-43", requires="durable", seconds=180)
def nothing_is_half_when_a_process_is_killed_at_any_moment(case: StorageCase) -> None:
    acknowledged: set[str] = set()
    moments = random.Random(case.profile.seed or 0)
    for round_ in range(max(3, case.profile.examples // 20)):
        with started(case, "whole_jobs", round_, 4, 0) as worker:
            assert worker.stdout is not None
            for _ in range(moments.randrange(5, 40)):
                acknowledged.add(next_line(worker))
            time.sleep(moments.uniform(0, 0.004))  # another moment; there is nothing to wait for
            worker.kill()
            acknowledged.update(worker.stdout.read().split("\n")[:-1])
        asyncio.run(_check_nothing_is_half(case, acknowledged))


def next_line(worker: subprocess.Popen[str]) -> str:
    """Wait for the next line of a process that goes on until it is killed."""
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        worker.kill()
        _, err = worker.communicate(timeout=PATIENCE)
        raise AssertionError(f"the process ended before it was killed:\n{err[-2000:]}")
    return line.strip()


async def _check_nothing_is_half(case: StorageCase, acknowledged: set[str]) -> None:
    storage = case.open()
    begun, ended = set(), set()
    events = 0
    cursor = None
    while True:
        page = await storage.jobs.list("acme", JobQuery(), limit=1000, cursor=cursor)
        for found in page.items:
            begun.add(f"begun {found.job_id}")
            seen = seqs(await storage.journal.events("acme", found.job_id))
            events += len(seen)
            records = await storage.records.load("acme", found.job_id)
            assert (len(records.models), len(records.effects)) == (1, 1)
            assert (await storage.sessions.get("acme", found.job_id)).items == ("1", "2")
            lines = await storage.ledger.entries("acme", job_id=found.job_id)
            assert len(lines.items) == 1
            if found.status is JobStatus.FAILED:
                ended.add(f"ended {found.job_id}")
                assert seen == [1, 2, 3]
            else:
                assert (found.status, seen) == (JobStatus.RUNNING, [1, 2])
        cursor = page.cursor
        if cursor is None:
            break
    missing = acknowledged - {""} - begun - ended
    assert not missing, f"acknowledged and lost: {sorted(missing)}"
    positions: list[int] = []
    while read := await storage.journal.read("acme", after=positions[-1] if positions else 0):
        assert read[0].position > (positions[-1] if positions else 0), "a position comes twice"
        positions += [entry.position for entry in read]
    assert positions == list(range(1, events + 1))
    await storage.aclose()
