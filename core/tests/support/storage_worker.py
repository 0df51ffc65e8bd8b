"""Another process on a SQLite file, for tests: ``python storage_worker.py TASK FILE ARGUMENTS``.

Every task says on its standard output, a line at a time, what it has seen or was acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path
from typing import Any

from steer.errors import BudgetExceeded, StorageError
from steer.ports import changes as c
from steer.ports.records import JobQuery
from steer.ports.storage import Storage
from steer.sqlite import SqliteStorage, open_sqlite
from steer.values import JobStatus
from storage_samples import (
    admit,
    created,
    effect,
    ending,
    entry,
    events,
    job,
    model_record,
    owner,
    write,
)


def say(line: object) -> None:
    """Write one line at once: a pipe keeps it also when this process is killed right after."""
    os.write(1, f"{line}\n".encode())


async def append(storage: Storage, worker: str, count: str) -> None:
    """Append events to an own job from several tasks' worth of jobs; say each acknowledged."""

    async def one(number: int) -> None:
        job_id = f"job-{worker}-{number}"
        await admit(storage, job_id)
        for seq in range(1, int(count) + 1):
            done = await storage.commit("acme", job_id, 1, [events(seq, job_id=job_id)])
            say(f"{job_id} {seq} {done.position}")

    await asyncio.gather(*(one(number) for number in range(4)))


async def spend(storage: Storage, worker: str, count: str) -> None:
    """Reserve and settle on the account ``team``; say how often that was admitted."""
    admitted = 0
    for number in range(int(count)):
        key = f"{worker}-{number}"
        try:
            await storage.commit("acme", None, None, [c.Reserved(key=key, amounts=(("team", 7),))])
        except BudgetExceeded:
            continue
        admitted += 1
        await storage.commit("acme", None, None, [c.Settled(key=key, actuals=(("team", 3),))])
    say(admitted)


async def whole_jobs(storage: Storage, worker: str) -> None:
    """Write whole jobs, for ever, from several tasks; say each acknowledged commit."""

    async def forever(task: int) -> None:
        number = 0
        while True:
            number += 1
            job_id = f"job-{worker}-{task}-{number}"
            first: list[c.Change] = [
                created(job(job_id, owner=owner())),
                events(1, 2, job_id=job_id),
                c.ModelRecorded(record=model_record(response=os.urandom(3000))),
                c.EffectIntended(effect=effect()),
                c.LedgerAppended(entries=(entry(job_id, job_id=job_id),)),
                c.SessionAppended(session_id=job_id, expected_version=0, items=("1", "2")),
            ]
            await storage.commit("acme", job_id, None, first)
            say(f"begun {job_id}")
            await write(
                storage, ending(3, job_id), c.JobMoved(status=JobStatus.FAILED), job_id=job_id
            )
            say(f"ended {job_id}")

    await asyncio.gather(*(forever(task) for task in range(4)))


async def publish_rounds(storage: Storage, rounds: str) -> None:
    """Append an event whenever a line comes in."""
    for seq in range(1, int(rounds) + 1):
        await asyncio.to_thread(sys.stdin.readline)
        await write(storage, events(seq))


async def fill_disk(storage: SqliteStorage) -> None:
    """Write under a limit on the size of files, then above it, then under it again."""
    await admit(storage)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
    item = c.SessionAppended(session_id="talk", expected_version=0, items=("x" * 2_000_000,))
    try:
        await write(storage, item)
    except StorageError as error:
        say(f"refused: {error}")
    await write(storage, events(1))
    say("small writes go on")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await write(storage, item)
    say("large writes go on")


async def forget(storage: Storage) -> None:
    """Leave without closing, with somebody waiting."""
    await admit(storage)
    asyncio.ensure_future(storage.jobs.list("acme", JobQuery()))  # noqa: RUF006 - left on purpose
    say("leaving")
    sys.exit(3)


async def main(task: str, file: str, *arguments: str) -> None:
    storage = open_sqlite(Path(file))
    tasks: dict[str, Any] = {
        "append": append,
        "spend": spend,
        "whole_jobs": whole_jobs,
        "publish_rounds": publish_rounds,
        "fill_disk": fill_disk,
        "forget": forget,
    }
    await tasks[task](storage, *arguments)
    await storage.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
