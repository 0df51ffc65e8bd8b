"""The file: where it is, who may read it, what it refuses, and how its schema grows."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from steer.errors import ConfigError, StorageError
from steer.sqlite import open_sqlite, path_from_url
from steer.sqlite._migrations import Migration, migrate, migrations
from steer_conformance.storing.samples import admit, events, seqs, write

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///runs.db", "runs.db"),
        ("sqlite:///folder/runs.db", "folder/runs.db"),
        ("sqlite:////var/lib/runs.db", "/var/lib/runs.db"),
        ("SQLite:///runs.db", "runs.db"),
        ("sqlite:///my runs/Läufe 🚚.db", "my runs/Läufe 🚚.db"),
        ("sqlite:///my%20runs/L%C3%A4ufe%3F.db", "my runs/Läufe?.db"),
        ("sqlite:///a#b.db", "a#b.db"),
    ],
)
def test_a_url_names_a_path(url: str, path: str) -> None:
    assert path_from_url(url) == Path(path)


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert path_from_url("sqlite:///~/runs.db") == Path("/home/ada/runs.db")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "runs.db",
        "memory://",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/runs.db",
        "sqlite:///:memory:",
        "sqlite:///runs.db?mode=ro",
        "sqlite:///a%00b",
    ],
)
def test_what_is_no_such_url_is_refused_with_a_hint(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        path_from_url(url)
    assert raised.value.fix


@pytest.mark.parametrize("name", ["a b.db", "Läufe 🚚.db", "a?b#c%41.db", "'; drop.db", "file:x"])
async def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    storage = open_sqlite(tmp_path / "new folder" / name)
    await admit(storage)
    await storage.aclose()
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == [name]


async def test_a_relative_path_is_one_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = open_sqlite("runs.db")
    monkeypatch.chdir("/")
    await admit(storage)
    await storage.jobs.get("acme", "job-1")
    await storage.aclose()
    assert (tmp_path / "runs.db").stat().st_size > 0


async def test_what_is_made_here_is_for_its_owner_alone(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        storage = open_sqlite(tmp_path / "a" / "b" / "runs.db")
        await admit(storage)
        found = modes(tmp_path)
        await storage.aclose()
    finally:
        os.umask(old_mask)
    assert found == {
        "a": 0o700,
        "a/b": 0o700,
        "a/b/runs.db": 0o600,
        "a/b/runs.db-wal": 0o600,
        "a/b/runs.db-shm": 0o600,
    }


def modes(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


async def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    await open_sqlite(tmp_path / "shared" / "runs.db").aclose()
    assert modes(tmp_path)["shared"] == 0o755


def a_folder(path: Path) -> None:
    path.mkdir()


def a_text(path: Path) -> None:
    path.write_text("This is a text, and no database at all. " * 100)


def a_foreign_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (name)")
    connection.close()


def a_damaged_database(path: Path) -> None:
    storage_file = path.with_suffix(".whole")
    with sqlite3.connect(storage_file) as connection:
        connection.execute("CREATE TABLE customers (name)")
    connection.close()
    path.write_bytes(storage_file.read_bytes()[:5000] + b"\xff" * 3192)


def a_broken_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / "runs.db")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (a_folder, "folder"),
        (a_text, "not a SQLite database"),
        (a_foreign_database, "another program"),
        (a_damaged_database, "damaged|another program"),
        (a_broken_link, "No such file"),
    ],
)
def test_what_cannot_be_a_store_is_refused_with_path_and_fix(
    tmp_path: Path, make: object, says: str
) -> None:
    path = tmp_path / "runs.db"
    assert callable(make)
    make(path)
    with pytest.raises(StorageError, match=says) as raised:
        open_sqlite(path)
    assert str(path) in str(raised.value)
    assert raised.value.fix


def test_a_file_that_this_user_may_not_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs.db").touch(mode=0)
    user = os.geteuid()
    # Nothing is unreadable to root.
    os.seteuid(user or 65534)
    try:
        with pytest.raises(StorageError, match="Permission denied"):
            open_sqlite(tmp_path / "runs.db")
    finally:
        os.seteuid(user)


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"Not a directory|File exists"):
        open_sqlite(tmp_path / "file" / "runs.db")


def test_a_file_that_stays_locked_is_refused_in_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError, match="locked"):
        open_sqlite(path, lock_timeout=0.05)
    holder.close()


async def test_a_commit_that_finds_the_file_locked_can_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    storage = open_sqlite(path, lock_timeout=0.05)
    await admit(storage)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked") as raised:
        await write(storage, events(1))
    assert raised.value.retryable
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
    assert seqs(await storage.journal.events("acme", "job-1")) == []
    holder.execute("ROLLBACK")
    holder.close()
    await write(storage, events(1))
    await storage.aclose()


def test_a_new_file_has_each_step_of_the_schema_with_its_checksum(tmp_path: Path) -> None:
    path, known = fresh(tmp_path), migrations()
    with sqlite3.connect(path) as connection:
        applied = connection.execute("SELECT plugin, version, checksum FROM steer_migrations")
        assert applied.fetchall() == [("steer", one.version, one.checksum) for one in known]
    connection.close()
    assert [one.version for one in known] == list(range(1, len(known) + 1))


def test_a_file_of_a_later_steer_is_refused(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    change(path, "INSERT INTO steer_migrations VALUES ('steer', 9, 'x', 0)")
    with pytest.raises(StorageError, match=r"schema version 9.*Upgrade steer"):
        open_sqlite(path)


def test_a_file_whose_history_differs_is_refused(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    change(path, "UPDATE steer_migrations SET checksum = 'x' WHERE version = 1")
    with pytest.raises(StorageError, match="step 1 of its schema"):
        open_sqlite(path)


def test_tables_of_a_plugin_do_not_stand_in_the_way(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    change(path, "CREATE TABLE acme_things (x)")
    change(path, "INSERT INTO steer_migrations VALUES ('acme', 7, 'x', 0)")
    assert tables(fresh(tmp_path)) >= {"acme_things", "jobs"}


NEXT = Migration(
    version=98, sql="CREATE TABLE more (x);\n-- a comment; with a semicolon\nSELECT 1;\n"
)
BROKEN = Migration(version=99, sql="CREATE TABLE half (x);\nCREATE TABLE more (x);\n")


def test_new_steps_are_applied_once_and_all_or_none(tmp_path: Path) -> None:
    path = fresh(tmp_path)
    first = list(migrations())
    apply(path, [*first, NEXT])
    apply(path, [*first, NEXT])
    with pytest.raises(sqlite3.OperationalError, match="more"):
        apply(path, [*first, NEXT, BROKEN])
    assert "more" in tables(path)
    assert "half" not in tables(path)
    apply(path, [*first, NEXT])


def fresh(folder: Path) -> Path:
    """A file as ``open_sqlite`` makes it."""
    path = folder / "fresh.db"
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, migrations())
    connection.close()
    return path


def apply(path: Path, known: Sequence[Migration]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        migrate(connection, path, known)
    finally:
        connection.close()


def change(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(sql)
    connection.close()


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    connection.close()
    return found
