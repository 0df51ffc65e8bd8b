"""One COMMIT for all that waits; a refusal in it harms no neighbour; looking only while waited."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from steer.errors import Conflict, SteerError, StorageError
from steer.ports.changes import ActionRequested, BudgetSet, Change, SessionAppended
from steer.sqlite import SqliteStorage, open_sqlite
from steer_conformance.storing.samples import START, action, admit, events, seqs, write

pytestmark = pytest.mark.anyio

PATIENCE = 20.0


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    opened = open_sqlite(tmp_path / "store.db")
    yield opened
    await opened.aclose()


async def test_commits_that_come_together_share_a_commit_to_the_disk(
    storage: SqliteStorage,
) -> None:
    for number in range(64):
        await admit(storage, f"job-{number}")
    before = storage.commits
    async with anyio.create_task_group() as group:
        for number in range(64):
            change = events(1, 2, job_id=f"job-{number}")
            group.start_soon(storage.commit, "acme", f"job-{number}", 1, [change])
    # The first may go alone, and the rest while it is written.
    assert storage.commits - before <= 8


async def test_one_commit_alone_is_one_commit_to_the_disk(storage: SqliteStorage) -> None:
    before = storage.commits
    await admit(storage)
    await write(storage, events(1), events(2))
    assert storage.commits - before == 2


async def test_many_events_of_one_commit_take_few_statements_and_keep_their_order(
    storage: SqliteStorage,
) -> None:
    await admit(storage)
    statements: list[str] = []
    storage._writer._connection.set_trace_callback(statements.append)
    done = await storage.commit("acme", "job-1", 1, [events(*range(1, 41))])
    storage._writer._connection.set_trace_callback(None)
    assert len(statements) <= 8
    assert done.position == 40
    found = await storage.journal.read("acme")
    assert [(entry.position, entry.event.seq) for entry in found] == [
        (number, number) for number in range(1, 41)
    ]


async def test_a_commit_that_is_refused_alone_leaves_nothing(storage: SqliteStorage) -> None:
    await admit(storage)
    budget = BudgetSet(account="team", unit="usd", limit=2**70)
    session = SessionAppended(session_id="talk", expected_version=0, items=("x",))
    with pytest.raises(StorageError):
        await write(storage, events(1), session, budget)
    done = await storage.commit("acme", "job-1", 1, [events(1), session])
    assert done.position == 1
    assert seqs(await storage.journal.events("acme", "job-1")) == [1]


async def test_a_refused_commit_harms_none_that_shares_its_group(storage: SqliteStorage) -> None:
    for number in range(20):
        await admit(storage, f"job-{number}")

    async def one(number: int) -> Exception | None:
        job_id = f"job-{number}"
        changes = [events(1, job_id=job_id)]
        if number % 4 == 1:
            changes.append(events(3, job_id=job_id))
        try:
            await storage.commit("acme", job_id, 2 if number % 4 == 2 else 1, changes)
        except SteerError as error:
            return error
        return None

    outcomes = await asyncio.gather(*(one(number) for number in range(20)))
    for number, error in enumerate(outcomes):
        refused = number % 4 in (1, 2)
        assert isinstance(error, Conflict) == refused
        found = await storage.journal.events("acme", f"job-{number}")
        assert seqs(found) == ([] if refused else [1])
    positions = [entry.position for entry in await storage.journal.read("acme")]
    assert positions == list(range(1, 11))


async def test_a_value_that_no_column_can_hold_refuses_its_commit_alone(
    storage: SqliteStorage,
) -> None:
    await admit(storage)
    naive = START.replace(tzinfo=None)
    wrong: tuple[Change, ...] = (
        SessionAppended(session_id="\ud800", expected_version=0, items=()),
        BudgetSet(account="team", unit="usd", limit=2**70),
        ActionRequested(action=action(created_at=naive)),
    )
    calls = [storage.commit("acme", "job-1", 1, [change]) for change in wrong]
    *refused, kept = await asyncio.gather(*calls, write(storage, events(1)), return_exceptions=True)
    assert [type(error) for error in refused] == [StorageError] * 3
    assert kept is None


async def test_only_who_waits_makes_it_look_at_the_file(
    storage: SqliteStorage, tmp_path: Path
) -> None:
    """An outside commit before anybody waits is noticed when somebody does, and wakes them."""
    await admit(storage)
    looks = Looks(storage)
    outside = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    outside.execute("UPDATE jobs SET queue = 'x'")
    await write(storage, events(1))
    assert looks.count == 0
    async with storage.signals.subscribe("acme", "job-1") as waiter:
        with anyio.fail_after(PATIENCE):
            assert await waiter.wait(PATIENCE)
            assert not await waiter.wait(0.2)
        assert looks.count >= 2
        outside.execute("UPDATE jobs SET queue = 'y'")
        with anyio.fail_after(PATIENCE):
            assert await waiter.wait(PATIENCE)
    await write(storage, events(2))
    count = looks.count
    await write(storage, events(3))
    assert looks.count == count
    outside.close()


class Looks:
    """Counts how often the storage asks SQLite whether somebody else has written."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.count = 0
        storage._writer._connection.set_trace_callback(self._trace)

    def _trace(self, statement: str) -> None:
        self.count += "data_version" in statement


async def test_a_commit_of_this_process_wakes_nobody_by_itself(storage: SqliteStorage) -> None:
    await admit(storage)
    async with storage.signals.subscribe("acme", "job-1") as waiter:
        await write(storage, events(1))
        assert not await waiter.wait(0.2)


async def test_every_commit_is_a_full_sync_in_write_ahead_mode(storage: SqliteStorage) -> None:
    connection = storage._writer._connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


async def test_readers_cannot_write(storage: SqliteStorage) -> None:
    def sneak(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM jobs")

    with pytest.raises(StorageError):
        await storage._readers.read(sneak)


async def test_the_tables_themselves_allow_one_terminal_event_per_job(
    storage: SqliteStorage, tmp_path: Path
) -> None:
    await admit(storage)
    outside = sqlite3.connect(tmp_path / "store.db")
    insert = (
        "INSERT INTO events (scope_id, job, seq, terminal, encoded) VALUES ('acme', 1, ?, 1, '')"
    )
    outside.execute(insert, (1,))
    with pytest.raises(sqlite3.IntegrityError):
        outside.execute(insert, (2,))
    outside.close()
