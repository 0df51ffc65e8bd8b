"""Several processes on one file, processes that are killed, disks that are full."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
import storage_worker
from steer.errors import NotFound
from steer.ports.changes import BudgetSet
from steer.ports.records import JobQuery
from steer.sqlite import SqliteStorage, open_sqlite
from steer.values import JobStatus
from storage_samples import admit, seqs

pytestmark = pytest.mark.anyio

PATIENCE = 60.0


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start a worker process."""
    script = Path(storage_worker.__file__)
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(workers: Sequence[subprocess.Popen[str]]) -> list[list[str]]:
    """Wait for workers that end well, and return the lines each said."""
    said = []
    for worker in workers:
        out, err = worker.communicate(timeout=PATIENCE)
        assert (worker.returncode, err) == (0, "")
        said.append(out.splitlines())
    return said


@contextmanager
def killed_in_the_end(worker: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    with worker:
        try:
            yield worker
        finally:
            worker.kill()


async def test_processes_that_open_a_new_file_at_once_write_it_together(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    workers = [start("append", path, worker, 40) for worker in range(3)]
    said = [line.split() for lines in finish(workers) for line in lines]
    assert len(said) == 3 * 4 * 40
    acknowledged = {(job_id, int(seq)): int(position) for job_id, seq, position in said}

    storage = open_sqlite(path)
    read = await storage.journal.read("acme")
    assert [entry.position for entry in read] == list(range(1, 481))
    assert {(e.event.job_id, e.event.seq): e.position for e in read} == acknowledged
    for job_id in {job_id for job_id, _ in acknowledged}:
        assert seqs(await storage.journal.events("acme", job_id)) == list(range(1, 41))
    await storage.aclose()


async def test_processes_together_never_reserve_past_a_limit(tmp_path: Path) -> None:
    storage = open_sqlite(tmp_path / "runs.db")
    budget = BudgetSet(account="team", unit="usd", limit=200)
    await storage.commit("acme", None, None, [budget])
    workers = [start("spend", tmp_path / "runs.db", worker, 60) for worker in range(3)]
    admitted = sum(int(line) for (line,) in finish(workers))
    account = await storage.ledger.account("acme", "team")
    # An admission needs 7 free, and 3 of them stay spent: 65 or a few less, never more.
    assert (account.spent, account.reserved) == (3 * admitted, 0)
    assert 60 <= admitted <= 65
    await storage.aclose()


async def test_what_was_acknowledged_survives_a_kill_and_nothing_is_half(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    acknowledged: Counter[str] = Counter()
    for round_ in range(6):
        with killed_in_the_end(start("whole_jobs", path, round_)) as worker:
            assert worker.stdout is not None
            # Killed at another moment each time: after so many lines, at once and in the middle.
            for _ in range(10 + 7 * round_):
                acknowledged[worker.stdout.readline().strip()] += 1
            time.sleep(0.0007 * round_)  # noqa: ASYNC251 - another moment, there is nothing to wait for
            worker.kill()
            acknowledged.update(worker.stdout.read().split("\n")[:-1])
        await check_nothing_is_half(path, acknowledged)


async def check_nothing_is_half(path: Path, acknowledged: Counter[str]) -> None:
    storage = open_sqlite(path)
    begun, ended = set(), set()
    page = await storage.jobs.list("acme", JobQuery(), limit=1000)
    assert page.cursor is None
    for job in page.items:
        begun.add(f"begun {job.job_id}")
        found = seqs(await storage.journal.events("acme", job.job_id))
        records = await storage.records.load("acme", job.job_id)
        assert (len(records.models), len(records.effects)) == (1, 1)
        assert (await storage.sessions.get("acme", job.job_id)).items == ("1", "2")
        assert len((await storage.ledger.entries("acme", job_id=job.job_id)).items) == 1
        if job.status is JobStatus.FAILED:
            ended.add(f"ended {job.job_id}")
            assert found == [1, 2, 3]
        else:
            assert (job.status, found) == (JobStatus.RUNNING, [1, 2])
    positions = [entry.position for entry in await storage.journal.read("acme")]
    assert positions == list(range(1, len(positions) + 1))
    assert set(acknowledged) - {""} <= begun | ended
    await storage.aclose()


async def test_a_commit_of_another_process_wakes_who_waits(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    rounds = 30
    storage = open_sqlite(path)
    await admit(storage)
    seen = 0
    with (
        anyio.fail_after(PATIENCE),
        killed_in_the_end(start("publish_rounds", path, rounds)) as worker,
    ):
        assert worker.stdin is not None
        async with storage.signals.subscribe("acme", "any topic") as waiter:
            while seen < rounds:
                # Read, ask for one more, wait: a lost wake-up would time out.
                worker.stdin.write("\n")
                worker.stdin.flush()
                while not (found := await storage.journal.events("acme", "job-1", after=seen)):
                    assert await waiter.wait(PATIENCE / 3), f"no wake-up after event {seen}"
                seen += len(found)
        worker.wait(PATIENCE)
    await storage.aclose()


async def test_a_full_disk_refuses_what_is_too_large_and_nothing_else(tmp_path: Path) -> None:
    (lines,) = finish([start("fill_disk", tmp_path / "runs.db")])
    assert lines[0].startswith("refused: sqlite: ")
    assert lines[1:] == ["small writes go on", "large writes go on"]
    storage = open_sqlite(tmp_path / "runs.db")
    assert len((await storage.sessions.get("acme", "talk")).items) == 1
    await storage.aclose()


async def test_a_process_that_forgets_to_close_ends_nevertheless(tmp_path: Path) -> None:
    worker = start("forget", tmp_path / "runs.db")
    out, _ = worker.communicate(timeout=PATIENCE)
    assert (worker.returncode, out) == (3, "leaving\n")
    storage: SqliteStorage = open_sqlite(tmp_path / "runs.db")
    await storage.jobs.get("acme", "job-1")
    with pytest.raises(NotFound):
        await storage.jobs.get("acme", "job-2")
    await storage.aclose()
