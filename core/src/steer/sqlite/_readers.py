"""The threads that read, each on a connection of its own, never on an event loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TypeVar, cast

from steer.errors import SteerError
from steer.sqlite._calls import CallQueue, answer
from steer.sqlite._connection import connect_for_reading, storage_error

__all__ = ["Readers"]

T = TypeVar("T")

_THREADS = 2


class Readers:
    """Two threads, so that one long read does not hold up all others."""

    def __init__(self, path: Path, lock_timeout: float) -> None:
        self._path = path
        self._lock_timeout = lock_timeout
        self._queue: CallQueue[Callable[[sqlite3.Connection], object]] = CallQueue()
        # Daemons, so that a process that forgets to close ends nevertheless.
        self._threads = [
            Thread(target=self._run, name=f"steer-sqlite-reader-{number}", daemon=True)
            for number in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on one snapshot of the file. Raises ``StorageError`` where SQLite fails."""
        return cast("T", await self._queue.call(work))

    def close(self) -> None:
        """Take no more reads."""
        self._queue.close(len(self._threads))

    def join(self) -> None:
        """Wait until the reads under way are done; for another thread, after ``close``."""
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        ended = False
        while not ended:
            calls, ended = self._queue.take(1, None)
            for call in calls:
                try:
                    if connection is None:
                        connection = connect_for_reading(self._path, self._lock_timeout)
                    call.result = _on_snapshot(connection, call.work)
                except SteerError as error:
                    call.error = error
                except Exception as error:
                    call.error = storage_error(self._path, error)
            answer(calls)
        if connection is not None:
            connection.close()


def _on_snapshot(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
