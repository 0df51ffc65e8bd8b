"""The one thread of this process that writes: what queues up meanwhile shares the next COMMIT.

It also looks whether other processes have committed, while somebody waits for a signal.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TypeVar, cast

from steer.clock import Clock
from steer.errors import SteerError
from steer.sqlite._calls import Call, CallQueue, answer
from steer.sqlite._connection import begin_immediate, storage_error
from steer.sqlite._journal import newest_position
from steer.sqlite._rows import Transaction
from steer.storage import LocalSignals

__all__ = ["Write", "Writer"]

T = TypeVar("T")

# Bounds how long the file is locked for other processes, and what one failed COMMIT refuses.
_MOST_IN_GROUP = 256
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """``run`` writes inside a transaction; ``prepare`` does before what needs no lock."""

    run: Callable[[Transaction], object]
    prepare: Callable[[], None] | None = None


class Writer:
    """Group commit on one connection, which this owns from now on."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        clock: Clock,
        *,
        lock_timeout: float,
        before_close: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock
        self._lock_timeout = lock_timeout
        self._before_close = before_close
        connection.execute("PRAGMA busy_timeout = 0")
        self._queue: CallQueue[Write] = CallQueue()
        self.signals = LocalSignals(on_first_wait=self._queue.nudge)
        self.commits = 0
        self._seen_version = self._version()
        self._looked_at = time.monotonic()
        self.ended: Future[None] = Future()
        # From here on cancelling who waits for the end cannot cancel the end.
        self.ended.set_running_or_notify_cancel()
        self._thread = Thread(target=self._run, name="steer-sqlite-writer", daemon=True)
        self._thread.start()

    async def write(
        self, run: Callable[[Transaction], T], prepare: Callable[[], None] | None = None
    ) -> T:
        """Return what ``run`` returns, once that is durable.

        Raises what it raises, then nothing of it is kept; ``StorageError`` where SQLite fails.
        """
        return cast("T", await self._queue.call(Write(run=run, prepare=prepare)))

    def close(self) -> None:
        """Take no more writes; ``ended`` is done when those that came are."""
        self._queue.close(threads=1)

    def join(self) -> None:
        """Wait for the thread; after ``ended`` that takes no time."""
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            timeout = _LOOK_SECONDS if self.signals.waiting else None
            calls, ended = self._queue.take(_MOST_IN_GROUP, timeout)
            if calls:
                self._commit(calls)
                answer(calls)
            if self.signals.waiting:
                self._look()
        # SQLite folds the log into the file when the last connection closes; let it be this one.
        self._before_close()
        self._connection.close()
        self.ended.set_result(None)

    def _commit(self, calls: Sequence[Call[Write]]) -> None:
        ready = [call for call in calls if self._prepared(call)]
        if not ready:
            return
        connection = self._connection
        try:
            begin_immediate(connection, self._lock_timeout)
            transaction = Transaction(connection, self._clock.now(), newest_position(connection))
            for call in ready:
                self._run_one(call, transaction)
            if all(call.error for call in ready):
                connection.execute("ROLLBACK")
            else:
                connection.execute("COMMIT")
                self.commits += 1
        except Exception as error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            for call in ready:
                call.error = call.error or storage_error(self._path, error)

    def _prepared(self, call: Call[Write]) -> bool:
        try:
            if call.work.prepare is not None:
                call.work.prepare()
        except Exception as error:
            call.error = storage_error(self._path, error)
        return call.error is None

    def _run_one(self, call: Call[Write], transaction: Transaction) -> None:
        connection = self._connection
        position = transaction.position
        connection.execute("SAVEPOINT one")
        try:
            call.result = call.work.run(transaction)
        except Exception as error:
            # After some failures, a full disk for one, SQLite has undone the whole group.
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO one")
            transaction.position = position
            call.error = (
                error if isinstance(error, SteerError) else storage_error(self._path, error)
            )
        connection.execute("RELEASE one")

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        # Compared with the version seen last, however long ago: a commit that came before a
        # waiter did may wake it for nothing, none that comes after it is missed.
        try:
            version = self._version()
        except sqlite3.Error:
            # Who writes or reads next is told; waiters look again by themselves.
            return
        if version != self._seen_version:
            self._seen_version = version
            self.signals.wake_all()

    def _version(self) -> int:
        """Return a number that changes when another connection commits."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)
