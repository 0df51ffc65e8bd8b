"""The one thread of this process that writes: what queues up meanwhile shares the next COMMIT.

It also looks whether other processes have committed, while somebody waits for a signal.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TypeAlias, TypeVar, cast

from steer.clock import Clock
from steer.errors import SteerError
from steer.sqlite._calls import Call, CallQueue, answer
from steer.sqlite._connection import begin_immediate, storage_error
from steer.sqlite._rows import Transaction
from steer.storage import LocalSignals

__all__ = ["Writer"]

T = TypeVar("T")
Write: TypeAlias = Callable[[Transaction], object]
"""What writes, inside a transaction."""

# Bounds how long the file is locked for other processes, and what one failed COMMIT refuses.
_MOST_IN_GROUP = 256
_LOOK_SECONDS = 0.05


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

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Return what ``work`` returns, once that is durable.

        Raises what it raises, then nothing of it is kept; ``StorageError`` where SQLite fails.
        """
        return cast("T", await self._queue.call(work))

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
        connection = self._connection
        try:
            begin_immediate(connection, self._lock_timeout)
            transaction = Transaction(connection, self._clock.now())
            if len(calls) == 1:
                self._run_one(calls[0], transaction)
            else:
                for call in calls:
                    self._run_among_others(call, transaction)
            if all(call.error for call in calls):
                connection.execute("ROLLBACK")
            else:
                connection.execute("COMMIT")
                self.commits += 1
        except Exception as error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            for call in calls:
                call.error = call.error or storage_error(self._path, error)

    def _run_among_others(self, call: Call[Write], transaction: Transaction) -> None:
        connection = self._connection
        position = transaction.position
        connection.execute("SAVEPOINT one")
        self._run_one(call, transaction)
        if call.error is not None:
            connection.execute("ROLLBACK TO one")
            transaction.position = position
            transaction.forget()
        connection.execute("RELEASE one")

    def _run_one(self, call: Call[Write], transaction: Transaction) -> None:
        """Do what is asked, or say why not; the caller undoes what was written of it by then."""
        try:
            call.result = call.work(transaction)
        except Exception as error:
            # After some failures, a full disk for one, SQLite has undone the whole group.
            if not self._connection.in_transaction:
                raise
            call.error = (
                error if isinstance(error, SteerError) else storage_error(self._path, error)
            )

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
