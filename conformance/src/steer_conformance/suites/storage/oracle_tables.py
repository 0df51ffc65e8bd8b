"""The tables of the suite's own store, in dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from steer.errors import Conflict, SteerError
from steer.ports.money import BudgetRecord
from steer.ports.records import Account, JobRecord, SessionRecord

__all__ = ["ENDED", "PlainChanges", "PlainScope", "Refused"]

ENDED = {"succeeded", "failed", "cancelled", "timed_out"}


class Refused(Exception):
    """A change that must be refused with this error."""

    def __init__(self, kind: type[SteerError]) -> None:
        self.kind = kind


@dataclass
class PlainScope:
    """All of one scope. Dictionaries keep the order in which things came."""

    jobs: dict[str, JobRecord] = field(default_factory=dict)
    events: list[tuple[int, Any]] = field(default_factory=list)
    models: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    effects: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    grants: dict[tuple[str, str], Any] = field(default_factory=dict)
    budgets: dict[str, BudgetRecord] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    reserved: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)
    actions: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, tuple[Any, bytes]] = field(default_factory=dict)
    sessions: dict[str, SessionRecord] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    agents: dict[str, list[Any]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def events_of(self, job_id: str) -> list[Any]:
        return [event for _, event in self.events if event.job_id == job_id]

    def holder_of(self, session_id: str) -> str | None:
        """Return the job that goes on with the session and has not ended."""
        holder = self.jobs.get(self.holders.get(session_id, ""))
        return None if holder is None or holder.status in ENDED else holder.job_id


class PlainChanges:
    """What the rules of all changes stand on: a scope to change, and how to refuse."""

    def __init__(self, scope: PlainScope, job_id: str | None, now: datetime) -> None:
        self.scope, self.job_id, self.now = scope, job_id, now

    def need(self, fine: bool, otherwise: type[SteerError]) -> None:
        if not fine:
            raise Refused(otherwise)

    def new(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self.need(key not in table, Conflict)
        table[key] = value
