"""The table ``actions``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from steer.errors import NotFound
from steer.ports.records import ActionRecord, Page
from steer.sqlite._readers import Readers
from steer.sqlite._rows import Row, Rows, from_micros, json_text, json_value, page, to_micros
from steer.storage import decode_cursor, page_size
from steer.values import ActionStatus, ActionType, Expiry

__all__ = ["ActionRows", "SqliteActions"]

_INSERT = """
INSERT INTO actions (scope_id, action_id, job_id, type, status, payload, binding, token_hash,
    created_at, expires_at, resolved_at, resolution, resolved_by, resolved_via, asked_by,
    approvers, on_expiry, default_answer)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
UPDATE actions SET status = ?, resolved_at = ?, resolution = ?, resolved_by = ?, resolved_via = ?
WHERE scope_id = ? AND action_id = ?
"""
_SELECT = """
SELECT number, action_id, job_id, type, status, payload, binding, token_hash, created_at,
    expires_at, resolved_at, resolution, resolved_by, resolved_via, asked_by, approvers, on_expiry,
    default_answer
FROM actions WHERE scope_id = ?
"""
_ONE = _SELECT + "AND action_id = ?"


class ActionRows(Rows):
    """Actions, inside a commit."""

    def action(self, action_id: str, /) -> ActionRecord | None:
        row = self._one(_ONE, (self._scope_id, action_id))
        return None if row is None else _action(row)

    def add_action(self, action: ActionRecord, /) -> None:
        self._connection.execute(
            _INSERT,
            (
                self._scope_id,
                action.action_id,
                action.job_id,
                action.type.value,
                action.status.value,
                json_text(action.payload),
                json_text(action.binding),
                action.token_hash,
                to_micros(action.created_at),
                to_micros(action.expires_at),
                to_micros(action.resolved_at),
                json_text(action.resolution),
                action.resolved_by,
                action.resolved_via,
                action.asked_by,
                json_text(action.approvers),
                action.on_expiry.value,
                json_text(action.default),
            ),
        )

    def save_action(self, action: ActionRecord, /) -> None:
        self._connection.execute(
            _UPDATE,
            (
                action.status.value,
                to_micros(action.resolved_at),
                json_text(action.resolution),
                action.resolved_by,
                action.resolved_via,
                self._scope_id,
                action.action_id,
            ),
        )


class SqliteActions:
    """``steer.ports.storage.ActionReads``."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def get(self, scope_id: str, action_id: str, /) -> ActionRecord:
        def read(connection: sqlite3.Connection) -> ActionRecord:
            row = connection.execute(_ONE, (scope_id, action_id)).fetchone()
            if row is None:
                raise NotFound(f"there is no action {action_id} in scope {scope_id}")
            return _action(row)

        return await self._readers.read(read)

    async def list(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        status: ActionStatus | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ActionRecord]:
        read = page_of_actions(scope_id, job_id=job_id, status=status, limit=limit, cursor=cursor)
        return await self._readers.read(read)


def page_of_actions(
    scope_id: str,
    *,
    job_id: str | None,
    status: ActionStatus | None,
    limit: int,
    cursor: str | None,
) -> Callable[[sqlite3.Connection], Page[ActionRecord]]:
    """Return what reads a page of actions, oldest first."""
    size = page_size(limit)
    arguments: list[object] = [scope_id, decode_cursor("actions", cursor, 0)]
    conditions = [_SELECT, "number > ?"]
    if job_id is not None:
        conditions.append("job_id = ?")
        arguments.append(job_id)
    if status is not None:
        conditions.append("status = ?")
        arguments.append(status.value)
    sql = " AND ".join(conditions) + " ORDER BY number LIMIT ?"

    def read(connection: sqlite3.Connection) -> Page[ActionRecord]:
        rows = connection.execute(sql, (*arguments, size + 1)).fetchall()
        return page("actions", rows, size, _action)

    return read


def _action(row: Row) -> ActionRecord:
    return ActionRecord(
        action_id=row[1],
        job_id=row[2],
        type=ActionType(row[3]),
        status=ActionStatus(row[4]),
        payload=json_value(row[5]),
        binding=json_value(row[6]),
        token_hash=row[7],
        created_at=from_micros(row[8]),
        expires_at=from_micros(row[9]),
        resolved_at=from_micros(row[10]),
        resolution=json_value(row[11]),
        resolved_by=row[12],
        resolved_via=row[13],
        asked_by=row[14],
        approvers=tuple(json_value(row[15])),
        on_expiry=Expiry(row[16]),
        default=json_value(row[17]),
    )
