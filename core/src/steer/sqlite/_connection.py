"""Connections to the file, and what the errors of SQLite mean to who reads them."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from steer.errors import StorageError

__all__ = [
    "begin_immediate",
    "connect",
    "connect_for_reading",
    "connect_to_file_as_it_is",
    "storage_error",
]

_MEANINGS = {
    "SQLITE_BUSY": ("another process holds it locked", "Try again, or end that process"),
    "SQLITE_LOCKED": ("another process holds it locked", "Try again, or end that process"),
    "SQLITE_FULL": ("the disk is full", "Make room; nothing of this write was kept"),
    "SQLITE_NOTADB": ("it is not a SQLite database", "Name another file"),
    "SQLITE_CORRUPT": ("it is damaged", "Restore a copy, or try the .recover command of sqlite3"),
    "SQLITE_READONLY": ("it cannot be written", "Give this user leave to write file and folder"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Give this user leave to write file and folder"),
    "SQLITE_PERM": ("it cannot be opened", "Give this user leave to write file and folder"),
    "SQLITE_IOERR": ("the disk failed, or refused the write", "Look at the disk and its quota"),
    "SQLITE_TOOBIG": ("a value is too large for a row", "SQLite keeps up to 1 GB per row"),
}
_TRANSIENT = {"SQLITE_BUSY", "SQLITE_LOCKED"}
_RETRY_SECONDS = 0.01
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.004


def connect(path: Path, lock_timeout: float) -> sqlite3.Connection:
    """Open a connection that writes, in autocommit mode, durable to the disk at each commit.

    Raises ``StorageError``. The connection may be handed to one other thread.
    """
    connection = _connect(path, lock_timeout)
    try:
        _use_wal(connection, lock_timeout)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # A burst lets the log grow; without a limit the file keeps that size.
        connection.execute("PRAGMA journal_size_limit = 67108864")
    except sqlite3.Error as error:
        connection.close()
        raise storage_error(path, error) from error
    except StorageError:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path, lock_timeout: float) -> sqlite3.Connection:
    """Open a connection that cannot change anything. Raises ``sqlite3.Error``."""
    connection = _connect(path, lock_timeout)
    connection.execute("PRAGMA query_only = ON")
    return connection


def connect_to_file_as_it_is(path: Path, lock_timeout: float) -> sqlite3.Connection:
    """Open a connection to a file that is there, which makes no file beside it either.

    Raises ``sqlite3.Error``.
    """
    file = path.resolve()
    url = f"{file.as_uri()}?mode=ro&readonly_shm=1"
    if not file.with_name(f"{file.name}-wal").exists():
        # Nobody has it open, and everything is in it. SQLite would make the log to read that.
        url += "&immutable=1"
    return sqlite3.connect(url, uri=True, timeout=lock_timeout, isolation_level=None)


def begin_immediate(connection: sqlite3.Connection, lock_timeout: float) -> None:
    """Begin a transaction that may write, once no other process is in one.

    The connection has to have no time-out of its own: SQLite's pauses grow to 100 ms, so that
    among busy processes the one that has waited longest tries least. Raises ``sqlite3.Error``.
    """
    deadline = time.monotonic() + lock_timeout
    pause = _FIRST_PAUSE
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise
        else:
            return
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def storage_error(path: Path, error: Exception) -> StorageError:
    """Return what to raise instead of ``error``; it says whether trying again may help."""
    name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
    meaning, fix = _MEANINGS.get(name, (str(error) or repr(error), None))
    raised = StorageError(f"sqlite: {path}: {meaning}", fix=fix)
    raised.retryable = name in _TRANSIENT
    raised.__cause__ = error
    return raised


def _connect(path: Path, lock_timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=lock_timeout, isolation_level=None, check_same_thread=False
    )


def _use_wal(connection: sqlite3.Connection, lock_timeout: float) -> None:
    deadline = time.monotonic() + lock_timeout
    mode = _try_wal(connection)
    while mode is None and time.monotonic() < deadline:
        time.sleep(_RETRY_SECONDS)
        mode = _try_wal(connection)
    if mode is None:
        raise StorageError("sqlite: another process holds the file locked", fix="End that process")
    if mode != "wal":
        raise StorageError(
            f"sqlite: this file system cannot share a write-ahead log (mode {mode})",
            fix="Put the file on a local disk",
        )


def _try_wal(connection: sqlite3.Connection) -> str | None:
    """Return the journal's mode, ``None`` where the file is busy.

    Changing the mode of a new file fails at once, whatever the time-out, where another process
    does the same at this moment.
    """
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if not _is_busy(error):
            raise
        return None
    return str(mode)


def _is_busy(error: sqlite3.OperationalError) -> bool:
    # The low byte says what it is, the rest of which kind.
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
