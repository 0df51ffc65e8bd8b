"""Another process on a SQLite file, for tests: ``python sqlite_worker.py TASK FILE ARGUMENTS``.

Every task says on its standard output, a line at a time, what it has seen or was acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path
from typing import Any

from steer.errors import StorageError
from steer.ports import changes as c
from steer.ports.records import JobQuery
from steer.ports.storage import Storage
from steer.sqlite import SqliteStorage, open_sqlite
from steer_conformance.storing.samples import admit, events, write


def say(line: object) -> None:
    """Write one line at once: a pipe keeps it also when this process is killed right after."""
    os.write(1, f"{line}\n".encode())


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
        "publish_rounds": publish_rounds,
        "fill_disk": fill_disk,
        "forget": forget,
    }
    await tasks[task](storage, *arguments)
    await storage.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
