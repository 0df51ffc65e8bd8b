"""The tables ``model_records``, ``effects`` and ``grants``: what replays need."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from steer.errors import ErrorInfo, NotFound
from steer.ports.records import (
    EffectKey,
    EffectOutcome,
    EffectRecord,
    Grant,
    ModelRecord,
    Records,
)
from steer.sqlite._readers import Readers
from steer.sqlite._rows import (
    Row,
    Rows,
    from_micros,
    json_text,
    json_value,
    key_columns,
    path_text,
    read_as,
    to_micros,
)
from steer.values import Effect, EffectStatus, Usage

__all__ = ["RecordRows", "SqliteRecords"]

_INSERT_MODEL = """
INSERT INTO model_records (job, path, call_index, call, request_digest, response, usage, model,
    provider, response_id, finish_reason, recorded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_MODELS = """
SELECT path, call_index, call, request_digest, response, usage, model, provider, response_id,
    finish_reason, recorded_at
FROM model_records WHERE job = ? ORDER BY number
"""

_STATUS = """
SELECT status FROM effects WHERE job = ? AND path = ? AND message = ? AND call_id = ?
"""
_INSERT_EFFECT = """
INSERT INTO effects (job, path, message, call_id, tool, digest, proposed, arguments, effect,
    grant_id, intended_at, status, value, error, ended_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_SAVE_OUTCOME = """
UPDATE effects SET status = ?, value = ?, error = ?, ended_at = ?
WHERE job = ? AND path = ? AND message = ? AND call_id = ?
    AND (status IS NULL OR status = 'unknown')
"""
_EFFECTS = """
SELECT path, message, call_id, tool, digest, proposed, arguments, effect, grant_id, intended_at,
    status, value, error, ended_at
FROM effects WHERE job = ? ORDER BY number
"""

_USED = "SELECT used_at FROM grants WHERE job = ? AND grant_id = ?"
_INSERT_GRANT = """
INSERT INTO grants (job, grant_id, path, message, call_id, digest, policy, granted_by, expires_at,
    used_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_USE_GRANT = "UPDATE grants SET used_at = ? WHERE job = ? AND grant_id = ? AND used_at IS NULL"
_GRANTS = """
SELECT grant_id, path, message, call_id, digest, policy, granted_by, expires_at, used_at
FROM grants WHERE job = ? ORDER BY number
"""

_DROP = (
    "DELETE FROM model_records WHERE job = ?",
    "DELETE FROM effects WHERE job = ?",
    "DELETE FROM grants WHERE job = ?",
)
_JOB = "SELECT number FROM jobs WHERE scope_id = ? AND job_id = ?"


class RecordRows(Rows):
    """Recorded model calls, effects and grants, inside a commit."""

    def add_model(self, job_id: str, record: ModelRecord, /) -> bool:
        return self._changed_one(
            _INSERT_MODEL,
            (
                self._numbers[job_id],
                path_text(record.path),
                record.index,
                record.call,
                record.request_digest,
                record.response,
                json_text(record.usage),
                record.model,
                record.provider,
                record.response_id,
                record.finish_reason,
                to_micros(record.recorded_at),
            ),
        )

    def effect_status(self, job_id: str, key: EffectKey, /) -> EffectStatus | None:
        row = self._one(_STATUS, (self._numbers[job_id], *key_columns(key)))
        return None if row is None or row[0] is None else EffectStatus(row[0])

    def add_effect(self, job_id: str, effect: EffectRecord, /) -> bool:
        return self._changed_one(
            _INSERT_EFFECT,
            (
                self._numbers[job_id],
                *key_columns(effect.key),
                effect.tool,
                effect.digest,
                json_text(effect.proposed),
                json_text(effect.arguments),
                effect.effect.value,
                effect.grant_id,
                to_micros(effect.intended_at),
                *_outcome_columns(effect.outcome),
            ),
        )

    def save_outcome(self, job_id: str, key: EffectKey, outcome: EffectOutcome, /) -> bool:
        number = self._numbers[job_id]
        return self._changed_one(
            _SAVE_OUTCOME, (*_outcome_columns(outcome), number, *key_columns(key))
        )

    def grant_used(self, job_id: str, grant_id: str, /) -> datetime | None:
        row = self._one(_USED, (self._numbers[job_id], grant_id))
        used_at: datetime | None = None if row is None else from_micros(row[0])
        return used_at

    def add_grant(self, job_id: str, grant: Grant, /) -> bool:
        return self._changed_one(
            _INSERT_GRANT,
            (
                self._numbers[job_id],
                grant.grant_id,
                *key_columns(grant.key),
                grant.digest,
                grant.policy,
                grant.by,
                to_micros(grant.expires_at),
                to_micros(grant.used_at),
            ),
        )

    def use_grant(self, job_id: str, grant_id: str, now: datetime, /) -> bool:
        return self._changed_one(_USE_GRANT, (to_micros(now), self._numbers[job_id], grant_id))

    def drop_records(self, job_id: str, /) -> None:
        for sql in _DROP:
            self._connection.execute(sql, (self._numbers[job_id],))


class SqliteRecords:
    """``steer.ports.storage.RecordReads``."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def load(self, scope_id: str, job_id: str, /) -> Records:
        def read(connection: sqlite3.Connection) -> Records:
            job = connection.execute(_JOB, (scope_id, job_id)).fetchone()
            if job is None:
                raise NotFound(f"there is no job {job_id} in scope {scope_id}")
            return Records(
                models=tuple(map(_model, connection.execute(_MODELS, job))),
                effects=tuple(map(_effect, connection.execute(_EFFECTS, job))),
                grants=tuple(map(_grant, connection.execute(_GRANTS, job))),
            )

        return await self._readers.read(read)


def _outcome_columns(outcome: EffectOutcome | None) -> Row:
    if outcome is None:
        return (None,) * 4
    return (
        outcome.status.value,
        json_text(outcome.value),
        json_text(outcome.error),
        to_micros(outcome.ended_at),
    )


def _outcome(columns: Row) -> EffectOutcome | None:
    status, value, error, ended_at = columns
    if status is None:
        return None
    return EffectOutcome(
        status=EffectStatus(status),
        value=json_value(value),
        error=read_as(ErrorInfo, error),
        ended_at=from_micros(ended_at),
    )


def _key(path: str, message: int, call_id: str) -> EffectKey:
    return EffectKey(path=tuple(json_value(path)), message=message, call_id=call_id)


def _model(row: Row) -> ModelRecord:
    return ModelRecord(
        path=tuple(json_value(row[0])),
        index=row[1],
        call=row[2],
        request_digest=row[3],
        response=row[4],
        usage=read_as(Usage, row[5]),
        model=row[6],
        provider=row[7],
        response_id=row[8],
        finish_reason=row[9],
        recorded_at=from_micros(row[10]),
    )


def _effect(row: Row) -> EffectRecord:
    return EffectRecord(
        key=_key(*row[:3]),
        tool=row[3],
        digest=row[4],
        proposed=json_value(row[5]),
        arguments=json_value(row[6]),
        effect=Effect(row[7]),
        grant_id=row[8],
        intended_at=from_micros(row[9]),
        outcome=_outcome(row[10:]),
    )


def _grant(row: Row) -> Grant:
    return Grant(
        grant_id=row[0],
        key=_key(*row[1:4]),
        digest=row[4],
        policy=row[5],
        by=row[6],
        expires_at=from_micros(row[7]),
        used_at=from_micros(row[8]),
    )
