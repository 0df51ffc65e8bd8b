"""The schema: numbered SQL files, each applied once, in one transaction for all that are new."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from steer.errors import StorageError

__all__ = ["Migration", "check_newest", "migrate", "migrations"]

_PLUGIN = "steer"
_NAME = re.compile(r"(\d{4})_\w+\.sql")
_CREATE = """
CREATE TABLE IF NOT EXISTS steer_migrations (
    plugin TEXT NOT NULL,
    version INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (plugin, version)
) STRICT, WITHOUT ROWID
"""
_TABLES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_APPLIED = "SELECT version, checksum FROM steer_migrations WHERE plugin = ?"
_RECORD = "INSERT INTO steer_migrations (plugin, version, checksum, applied_at) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One step of the schema."""

    version: int
    sql: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the text, in hex: a released step is never edited."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self) -> Iterator[str]:
        """The statements one by one: ``executescript`` would commit before the first."""
        statement = ""
        for line in self.sql.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement
                statement = ""


def migrations() -> Sequence[Migration]:
    """Return the steps that this version of steer knows, oldest first."""
    found = [
        Migration(version=int(match[1]), sql=file.read_text(encoding="utf-8"))
        for file in files("steer.sqlite").joinpath("schema").iterdir()
        if (match := _NAME.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.version)


def check_newest(connection: sqlite3.Connection, path: Path, known: Sequence[Migration]) -> None:
    """Refuse a file that is not of the newest schema. Changes nothing; raises as ``migrate``."""
    if _missing(connection, path, known):
        raise StorageError(
            f"sqlite: {path} is not of the newest schema", fix="Open it once with open_sqlite"
        )


def migrate(connection: sqlite3.Connection, path: Path, known: Sequence[Migration]) -> None:
    """Bring the file to the newest schema.

    Raises ``StorageError`` for a file of another program, of a later version of steer, or whose
    history differs; ``sqlite3.Error`` where the file cannot be read or written.
    """
    if not _missing(connection, path, known):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_CREATE)
        # Asked again under the lock: another process may have done it meanwhile.
        for migration in _missing(connection, path, known):
            for statement in migration.statements():
                connection.execute(statement)
            connection.execute(
                _RECORD,
                (_PLUGIN, migration.version, migration.checksum, time.time_ns() // 1000),
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _missing(
    connection: sqlite3.Connection, path: Path, known: Sequence[Migration]
) -> Sequence[Migration]:
    applied = _applied(connection, path)
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise StorageError(
                f"sqlite: {path}: step {migration.version} of its schema is not the one that this"
                " version of steer knows",
                fix="Open it with the version of steer that made it, or name another file",
            )
    newest = max((migration.version for migration in known), default=0)
    if (version := max(applied, default=0)) > newest:
        raise StorageError(
            f"sqlite: {path} has schema version {version}, this version of steer knows up to"
            f" {newest}",
            fix="Upgrade steer, or name another file",
        )
    return [migration for migration in known if migration.version not in applied]


def _applied(connection: sqlite3.Connection, path: Path) -> dict[int, str]:
    tables = {name for (name,) in connection.execute(_TABLES)}
    if "steer_migrations" in tables:
        return dict(connection.execute(_APPLIED, (_PLUGIN,)))
    if tables:
        raise StorageError(
            f"sqlite: {path} is the database of another program", fix="Name another file"
        )
    return {}
