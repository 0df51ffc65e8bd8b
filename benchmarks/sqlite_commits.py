"""How many durable commits a second a SQLite file takes: alone, and beside a busy event loop.

Each commit is one of a run's: four events, a recorded model call, a grant and an intended effect.
One task commits again and again, or 64 do and share commits to the disk. Beside it the event loop
computes in short steps, as it does while a model streams. Each thread that waits for the disk has
to get the interpreter back from it then, and the wait for that is what is measured: the fewer
statements a commit takes, the fewer chances to lose the interpreter.

The bare disk is measured in the same run, by the smallest commit that SQLite can make on a
connection of its own; all else is given as a ratio to it, or to the same commits alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
from steer.clock import SystemClock
from steer.events import Event, Progress
from steer.ports.changes import (
    Change,
    EffectIntended,
    EventsAppended,
    GrantIssued,
    JobCreated,
    ModelRecorded,
)
from steer.ports.records import EffectKey, EffectRecord, Grant, JobRecord, ModelRecord, Owner
from steer.sqlite import SqliteStorage, open_sqlite
from steer.values import Effect, JobStatus, Usage

TASKS = 64
BUSY_SECONDS = 0.001
EVENTS = 4
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def created(job_id: str) -> JobCreated:
    """A job that its maker runs."""
    job = JobRecord(
        scope_id="bench",
        job_id=job_id,
        principal_id="ada",
        run_id="run",
        status=JobStatus.RUNNING,
        agent="quick",
        runtime="none",
        request="{}",
        request_digest="0",
        created_at=NOW,
        updated_at=NOW,
        owner=Owner(token=job_id, host="here", boot_id="0", pid=1, started=0),
    )
    return JobCreated(job=job, lease_seconds=3600)


def turn(job_id: str, index: int) -> list[Change]:
    """What one model turn with one tool call commits."""
    first = 1 + EVENTS * index
    events = tuple(
        Event(job_id=job_id, data=Progress(message="x" * 100), time=NOW, seq=first + number)
        for number in range(EVENTS)
    )
    key = EffectKey(path=(), message=index, call_id="call")
    grant_id = f"grant-{index}"
    return [
        EventsAppended(events=events),
        ModelRecorded(
            record=ModelRecord(
                path=(),
                index=index,
                call=str(index),
                request_digest="0",
                response=b"{}" * 500,
                usage=Usage(),
                recorded_at=NOW,
            )
        ),
        GrantIssued(grant=Grant(grant_id=grant_id, key=key, digest="0", policy="p", by="policy")),
        EffectIntended(
            effect=EffectRecord(
                key=key,
                tool="look",
                digest="0",
                arguments={},
                effect=Effect.ONCE,
                grant_id=grant_id,
                intended_at=NOW,
            )
        ),
    ]


async def commits_a_second(storage: SqliteStorage, name: str, tasks: int, each: int) -> float:
    """The rate of ``tasks`` jobs that commit ``each`` turns one after another."""

    async def one(job_id: str) -> None:
        for index in range(each):
            await storage.commit("bench", job_id, 1, turn(job_id, index))

    jobs = [f"{name}-{number}" for number in range(tasks)]
    for job_id in jobs:
        await storage.commit("bench", job_id, None, [created(job_id)])
    start = time.perf_counter()
    async with anyio.create_task_group() as group:
        for job_id in jobs:
            group.start_soon(one, job_id)
    return tasks * each / (time.perf_counter() - start)


@contextlib.asynccontextmanager
async def busy_loop() -> AsyncIterator[None]:
    """Another task of this event loop computes all the time."""

    async def compute() -> None:
        while True:
            until = time.perf_counter() + BUSY_SECONDS
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    task = asyncio.create_task(compute())
    try:
        yield
    finally:
        task.cancel()


def smallest_commits_a_second(path: Path, commits: int) -> float:
    """The rate of commits of one row, without steer and without another thread."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE rows (x)")
    start = time.perf_counter()
    for number in range(commits):
        connection.execute("INSERT INTO rows VALUES (?)", (number,))
    rate = commits / (time.perf_counter() - start)
    connection.close()
    return rate


async def main(rounds: int, commits: int) -> None:
    smallest: list[float] = []
    alone: dict[int, list[float]] = {1: [], TASKS: []}
    busy: dict[int, list[float]] = {1: [], TASKS: []}
    with tempfile.TemporaryDirectory() as folder:
        storage = open_sqlite(Path(folder) / "commits.db", SystemClock())
        for number in range(rounds):
            bare = Path(folder) / f"bare-{number}.db"
            smallest.append(smallest_commits_a_second(bare, commits))
            for tasks, rates in alone.items():
                each = max(1, commits // (1 if tasks == 1 else 10))
                name = f"{number}-of-{tasks}"
                rates.append(await commits_a_second(storage, name, tasks, each))
                async with busy_loop():
                    rate = await commits_a_second(storage, f"{name}-busy", tasks, each)
                busy[tasks].append(rate)
        await storage.aclose()
    floor = statistics.median(smallest)
    print(f"the smallest commit, bare    {floor:7.0f} commits/s")
    for tasks, rates in alone.items():
        rate, beside = statistics.median(rates), statistics.median(busy[tasks])
        print(f"{tasks:2} tasks, alone            {rate:7.0f} commits/s, x{rate / floor:.2f} of it")
        print(f"{'':9} beside a busy loop {beside:6.0f} commits/s, x{beside / rate:.2f} of alone")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Commits a second on SQLite")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--commits", type=int, default=200, help="of one task, in a round")
    given = parser.parse_args()
    asyncio.run(main(given.rounds, given.commits))
