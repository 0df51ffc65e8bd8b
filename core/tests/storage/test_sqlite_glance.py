"""A look at a file by somebody who must not change it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from steer.errors import StorageError
from steer.ports.records import JobQuery
from steer.sqlite import glance_at_jobs, open_sqlite
from steer_conformance.storing.samples import admit

pytestmark = pytest.mark.anyio


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def glance(path: Path) -> list[str]:
    return [job.job_id for job in glance_at_jobs(path, "acme", JobQuery())]


async def test_jobs_are_seen_newest_first_in_a_file_that_is_closed_open_or_crashed(
    tmp_path: Path,
) -> None:
    path, crashed = tmp_path / "a b?#%41.db", tmp_path / "crashed"
    crashed.mkdir()
    storage = open_sqlite(path)
    await admit(storage, "job-1")
    await admit(storage, "job-2")
    for side in ("", "-wal", "-shm"):
        shutil.copy(f"{path}{side}", crashed)
    while_open = glance(path)
    await storage.aclose()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    before, before_crashed = contents(tmp_path), contents(crashed)

    assert [while_open, glance(path), glance(link)] == [["job-2", "job-1"]] * 3
    assert glance(crashed / path.name) == ["job-2", "job-1"]

    assert contents(tmp_path) == before
    assert contents(crashed) == before_crashed

    (crashed / f"{path.name}-shm").unlink()
    with pytest.raises(StorageError):
        glance(crashed / path.name)
    assert f"{path.name}-shm" not in contents(crashed)


async def test_a_file_of_an_older_schema_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    await open_sqlite(path).aclose()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM steer_migrations")
    connection.close()
    before = contents(tmp_path)

    with pytest.raises(StorageError, match="not of the newest schema"):
        glance(path)

    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["none.db", "none/none.db", "empty.db", "text.db", "."])
def test_what_is_no_store_is_refused_and_stays_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("no database at all" * 100)
    before = contents(tmp_path)

    with pytest.raises(StorageError):
        glance(tmp_path / name)

    assert contents(tmp_path) == before
