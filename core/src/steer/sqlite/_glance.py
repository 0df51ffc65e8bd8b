"""A look at what is in a file by somebody who must not change it, nor make one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from steer.ports.money import BudgetRecord
from steer.ports.records import (
    ActionRecord,
    JobQuery,
    JobRecord,
    Page,
    SessionRecord,
    StoredAgent,
)
from steer.sqlite._actions import page_of_actions
from steer.sqlite._agents import page_of_agents
from steer.sqlite._budgets import page_of_budgets
from steer.sqlite._connection import connect_to_file_as_it_is, storage_error
from steer.sqlite._jobs import page_of_jobs
from steer.sqlite._migrations import check_newest, migrations
from steer.sqlite._sessions import sessions_beginning
from steer.values import ActionStatus

__all__ = [
    "glance_at_actions",
    "glance_at_agents",
    "glance_at_budgets",
    "glance_at_jobs",
    "glance_at_sessions",
]

T = TypeVar("T")


def glance_at_jobs(
    path: Path | str, scope_id: str, query: JobQuery, *, limit: int = 50, lock_timeout: float = 2.0
) -> tuple[JobRecord, ...]:
    """Return the newest jobs of a scope. Nothing is written: no file, no schema, no lease.

    Does input and output, and waits up to ``lock_timeout`` seconds. Raises ``StorageError`` where
    there is no such file, or none of the newest schema.
    """
    return _glance(path, page_of_jobs(scope_id, query, limit=limit, cursor=None), lock_timeout)


def glance_at_actions(
    path: Path | str,
    scope_id: str,
    status: ActionStatus | None,
    *,
    limit: int = 50,
    lock_timeout: float = 2.0,
) -> tuple[ActionRecord, ...]:
    """Return the oldest actions of a scope that stand so, in the way of ``glance_at_jobs``."""
    read = page_of_actions(scope_id, job_id=None, status=status, limit=limit, cursor=None)
    return _glance(path, read, lock_timeout)


def glance_at_agents(
    path: Path | str, scope_id: str, *, limit: int = 50, lock_timeout: float = 2.0
) -> tuple[StoredAgent, ...]:
    """Return the first stored agents of a scope, in the way of ``glance_at_jobs``."""
    return _glance(path, page_of_agents(scope_id, limit=limit, cursor=None), lock_timeout)


def glance_at_sessions(
    path: Path | str,
    scope_id: str,
    beginning: str,
    *,
    limit: int = 50,
    lock_timeout: float = 2.0,
) -> tuple[SessionRecord, ...]:
    """Return the first sessions of a scope whose names begin so, as ``glance_at_jobs`` does."""
    return _glance(path, sessions_beginning(scope_id, beginning, limit=limit), lock_timeout)


def glance_at_budgets(
    path: Path | str, scope_id: str, *, limit: int = 50, lock_timeout: float = 2.0
) -> tuple[BudgetRecord, ...]:
    """Return the first budgets of a scope, by name, in the way of ``glance_at_jobs``."""
    return _glance(path, page_of_budgets(scope_id, limit=limit, cursor=None), lock_timeout)


def _glance(
    path: Path | str, read: Callable[[sqlite3.Connection], Page[T]], lock_timeout: float
) -> tuple[T, ...]:
    file = Path(os.fspath(path))
    try:
        with closing(connect_to_file_as_it_is(file, lock_timeout)) as connection:
            connection.execute("BEGIN")
            check_newest(connection, file, migrations())
            return tuple(read(connection).items)
    except sqlite3.Error as error:
        raise storage_error(file, error) from error
