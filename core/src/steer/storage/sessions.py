"""Conversations: who goes on with one, and what is added to it."""

from __future__ import annotations

from datetime import datetime

from steer.errors import Conflict, NotFound, SessionBusy
from steer.ports.changes import SessionAppended, SessionDropped, SessionTaken
from steer.storage.tables import Tables

__all__ = ["append_session", "drop_session", "take_session"]


def take_session(tables: Tables, job_id: str, change: SessionTaken, now: datetime) -> None:
    """Note that the job goes on with the session. Raises ``SessionBusy`` and ``Conflict``."""
    _check_free(tables, job_id, change.session_id)
    if change.expected_version is not None:
        _check_version(tables, change.session_id, change.expected_version)
    tables.hold_session(change.session_id, job_id, now)


def append_session(
    tables: Tables, job_id: str | None, change: SessionAppended, now: datetime
) -> None:
    """Add items. Raises ``Conflict`` for another version, ``SessionBusy`` for another holder."""
    _check_free(tables, job_id, change.session_id)
    _check_version(tables, change.session_id, change.expected_version)
    tables.append_session(change.session_id, change.expected_version + 1, change.items, now)


def drop_session(tables: Tables, job_id: str | None, change: SessionDropped) -> None:
    """Forget a session. Raises ``NotFound`` and ``SessionBusy``."""
    if not tables.session_version(change.session_id):
        raise NotFound(f"there is no session {change.session_id}")
    _check_free(tables, job_id, change.session_id)
    tables.drop_session(change.session_id)


def _check_free(tables: Tables, job_id: str | None, session_id: str) -> None:
    holder = tables.session_holder(session_id)
    if holder is None or holder == job_id:
        return
    state = tables.job_state(holder)
    if state is not None and not state.status.terminal:
        raise SessionBusy(
            f"job {holder} goes on with session {session_id}",
            job_id=holder,
            fix=(
                "Wait until it has ended; if nobody runs it any more, go on with it"
                f" (steer jobs resume {holder}) or cancel it (steer jobs cancel {holder})"
            ),
        )


def _check_version(tables: Tables, session_id: str, expected: int) -> None:
    version = tables.session_version(session_id)
    if version != expected:
        raise Conflict(f"session {session_id} is at version {version}, not {expected}")
