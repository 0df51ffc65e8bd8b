"""The storage in one SQLite file: opening it, and the port's methods on its threads."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from steer.clock import Clock, SystemClock
from steer.ports.changes import Change
from steer.ports.storage import Committed
from steer.sqlite._actions import SqliteActions
from steer.sqlite._agents import SqliteAgents
from steer.sqlite._artifacts import SqliteArtifacts
from steer.sqlite._commit import Commit
from steer.sqlite._connection import connect, storage_error
from steer.sqlite._jobs import SqliteJobs
from steer.sqlite._journal import SqliteJournal
from steer.sqlite._ledger import SqliteLedger
from steer.sqlite._location import prepare_file
from steer.sqlite._migrations import migrate, migrations
from steer.sqlite._readers import Readers
from steer.sqlite._records import SqliteRecords
from steer.sqlite._sessions import SqliteSessions
from steer.sqlite._writer import Writer
from steer.storage import LocalSignals

__all__ = ["SqliteStorage", "open_sqlite"]


class SqliteStorage:
    """A ``steer.ports.storage.Storage`` in a file; for asyncio's event loops, any number of them.

    A commit returns when it is on the disk. Cancelling the call does not undo it.
    """

    def __init__(self, readers: Readers, writer: Writer, clock: Clock) -> None:
        self._readers = readers
        self._writer = writer
        self.jobs = SqliteJobs(readers, writer, clock)
        self.journal = SqliteJournal(readers)
        self.records = SqliteRecords(readers)
        self.actions = SqliteActions(readers)
        self.artifacts = SqliteArtifacts(readers)
        self.ledger = SqliteLedger(readers)
        self.sessions = SqliteSessions(readers)
        self.agents = SqliteAgents(readers)

    @property
    def signals(self) -> LocalSignals:
        """Signals of this process, and a wake for all within 50 ms of another's commit."""
        return self._writer.signals

    @property
    def commits(self) -> int:
        """How often this storage has waited for the disk: a group of commits counts once."""
        return self._writer.commits

    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[Change],
        /,
    ) -> Committed:
        return await self._writer.write(Commit(scope_id, job_id, fence, changes).run)

    async def aclose(self) -> None:
        self._readers.close()
        self._writer.close()
        await self.signals.aclose()
        await asyncio.wrap_future(self._writer.ended)
        self._writer.join()


def open_sqlite(
    path: Path | str, clock: Clock | None = None, *, lock_timeout: float = 10.0
) -> SqliteStorage:
    """Open the file, made and brought to the newest schema where need be.

    ``lock_timeout`` bounds, in seconds, how long to wait for another process that writes; past
    it a commit raises a ``StorageError`` that is ``retryable``. Does input and output: call it
    from a thread where an event loop must not wait. Raises ``StorageError``.
    """
    file = prepare_file(Path(os.fspath(path)))
    connection = connect(file, lock_timeout)
    try:
        migrate(connection, file, migrations())
    except sqlite3.Error as error:
        connection.close()
        raise storage_error(file, error) from error
    except BaseException:
        connection.close()
        raise
    clock = clock or SystemClock()
    readers = Readers(file, lock_timeout)
    writer = Writer(
        connection,
        file,
        clock,
        lock_timeout=lock_timeout,
        before_close=readers.join,
    )
    return SqliteStorage(readers, writer, clock)
