"""Other processes on one file: a commit wakes who waits, disks that are full, leaving unclosed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
import sqlite_worker
from steer.errors import NotFound
from steer.sqlite import SqliteStorage, open_sqlite
from steer_conformance.storing.samples import admit

pytestmark = pytest.mark.anyio

PATIENCE = 60.0


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start a worker process."""
    script = Path(sqlite_worker.__file__)
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
