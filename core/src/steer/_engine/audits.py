"""Lines of the ledger about what people did to a job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from steer.ports.changes import ActionMoved, Change, LedgerAppended
from steer.ports.records import ActionRecord, JobRecord, LedgerEntry, LedgerKind
from steer.values import JsonValue

__all__ = ["STEER", "answer_booked", "cancellation_booked"]

STEER = "steer"
"""Who acts where no person does."""


def answer_booked(
    job: JobRecord, action: ActionRecord, moved: ActionMoved, at: datetime
) -> list[Change]:
    """Return the line of an answer or a withdrawal; none where nobody made it.

    What was answered stays with the action.
    """
    if moved.by is None or moved.by == STEER:
        return []
    details: dict[str, JsonValue] = {
        "action": action.action_id,
        "type": action.type.value,
        "outcome": moved.status.value,
        "via": moved.via or "",
    }
    return [_line(job, f"action/{action.action_id}", moved.by, at, details)]


def cancellation_booked(job: JobRecord, *, by: str, at: datetime) -> list[Change]:
    """Return the line of a request to stop; none where steer itself asks.

    The reason stays with the job.
    """
    if by == STEER:
        return []
    return [_line(job, "cancel", by, at, {"outcome": "cancel"})]


def _line(
    job: JobRecord, what: str, by: str, at: datetime, details: Mapping[str, JsonValue]
) -> Change:
    entry = LedgerEntry(
        key=f"{job.job_id}/{what}",
        job_id=job.job_id,
        principal_id=by,
        team_id=job.team_id,
        kind=LedgerKind.AUDIT,
        agent=job.agent,
        runtime=job.runtime,
        at=at,
        details=details,
    )
    return LedgerAppended(entries=(entry,))
