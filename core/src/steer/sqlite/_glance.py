"""A look at the jobs in a file by somebody who must not change it, nor make one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from steer.ports.records import JobQuery, JobRecord
from steer.sqlite._connection import connect_to_file_as_it_is, storage_error
from steer.sqlite._jobs import page_of_jobs
from steer.sqlite._migrations import check_newest, migrations

__all__ = ["glance_at_jobs"]


def glance_at_jobs(
    path: Path | str, scope_id: str, query: JobQuery, *, limit: int = 50, lock_timeout: float = 2.0
) -> tuple[JobRecord, ...]:
    """Return the newest jobs of a scope. Nothing is written: no file, no schema, no lease.

    Does input and output, and waits up to ``lock_timeout`` seconds. Raises ``StorageError`` where
    there is no such file, or none of the newest schema.
    """
    file = Path(os.fspath(path))
    try:
        with closing(connect_to_file_as_it_is(file, lock_timeout)) as connection:
            connection.execute("BEGIN")
            check_newest(connection, file, migrations())
            read = page_of_jobs(scope_id, query, limit=limit, cursor=None)
            return tuple(read(connection).items)
    except sqlite3.Error as error:
        raise storage_error(file, error) from error
