"""Records, changes and a clock for the checks; each factory fills in what a check leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from steer.events import Event, JobCompleted, ModelToken
from steer.ports.changes import ArtifactStored, Change, EventsAppended, JobCreated
from steer.ports.money import BudgetPeriod, BudgetRecord, BudgetSubject, BudgetUnit
from steer.ports.records import (
    ActionRecord,
    ArtifactRecord,
    EffectKey,
    EffectOutcome,
    EffectRecord,
    Grant,
    JobRecord,
    LedgerEntry,
    LedgerKind,
    ModelRecord,
    Owner,
    StoredAgent,
)
from steer.ports.storage import Storage
from steer.values import ActionType, EffectStatus, JobStatus, Usage

START = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
LEASE = 30.0


class TurnedClock:
    """A clock that goes on only when a test turns it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep_until(self, _: float, /) -> None:
        raise AssertionError("a storage does not sleep")

    def turn(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def owner(kernel: str = "kernel-1", **fields: Any) -> Owner:
    """Return a process that holds jobs, one for each name of a kernel."""
    defaults: dict[str, Any] = {"host": "h", "boot_id": "b", "pid": 7, "started": 99}
    return Owner(token=kernel, **(defaults | fields))


def job(job_id: str = "job-1", scope_id: str = "acme", **fields: Any) -> JobRecord:
    """A queued job; with an owner it is admitted already claimed."""
    defaults: dict[str, Any] = {
        "principal_id": "ada",
        "status": JobStatus.QUEUED,
        "agent": "clerk",
        "runtime": "stepwise",
        "request": '{"prompt": "Hi"}',
        "request_digest": "digest",
        "created_at": START,
        "updated_at": START,
    }
    return JobRecord(job_id=job_id, scope_id=scope_id, **(defaults | fields))


def created(record: JobRecord | None = None, *, lease_seconds: float | None = LEASE) -> JobCreated:
    """Return the change that creates a job."""
    return JobCreated(job=record or job(), lease_seconds=lease_seconds)


def event(seq: int, data: Any = None, job_id: str = "job-1", **fields: Any) -> Event:
    """Return an event; a token of text unless other data is given."""
    data = data or ModelToken(call="c", part=0, offset=seq, text=f"{seq} ")
    return Event(job_id=job_id, data=data, time=START, seq=seq, **fields)


def events(*seqs: int, job_id: str = "job-1") -> EventsAppended:
    """Return the change that appends events of these numbers."""
    return EventsAppended(events=tuple(event(seq, job_id=job_id) for seq in seqs))


def ending(seq: int, job_id: str = "job-1") -> EventsAppended:
    """The terminal event of a job."""
    return EventsAppended(events=(event(seq, JobCompleted(elapsed_ms=1), job_id),))


def model_record(index: int = 0, path: tuple[str, ...] = (), **fields: Any) -> ModelRecord:
    """Return a recorded response."""
    defaults: dict[str, Any] = {
        "call": f"m{index}",
        "request_digest": "digest",
        "response": b"\x00response\xff",
        "usage": Usage(requests=1, input_tokens=10, output_tokens=5),
        "recorded_at": START,
    }
    return ModelRecord(path=path, index=index, **(defaults | fields))


def effect_key(call_id: str = "call-1", path: tuple[str, ...] = (), message: int = 0) -> EffectKey:
    """Return what names a tool call."""
    return EffectKey(path=path, message=message, call_id=call_id)


def effect(call_id: str = "call-1", **fields: Any) -> EffectRecord:
    """Return a tool call that is about to run."""
    defaults: dict[str, Any] = {
        "key": effect_key(call_id),
        "tool": "refund",
        "digest": "digest",
        "proposed": {"amount": 5},
        "arguments": {"amount": 4},
        "grant_id": "grant-1",
        "intended_at": START,
    }
    return EffectRecord(**(defaults | fields))


def outcome(status: EffectStatus = EffectStatus.SUCCEEDED, **fields: Any) -> EffectOutcome:
    """Return how a tool call ended."""
    defaults: dict[str, Any] = {"value": {"ok": True}, "ended_at": START}
    return EffectOutcome(status=status, **(defaults | fields))


def grant(grant_id: str = "grant-1", **fields: Any) -> Grant:
    """Return the leave to make one tool call."""
    defaults: dict[str, Any] = {"key": effect_key(), "digest": "digest", "policy": "house@1"}
    return Grant(grant_id=grant_id, **(defaults | fields))


def entry(key: str = "entry-1", **fields: Any) -> LedgerEntry:
    """Return a line of the ledger."""
    defaults: dict[str, Any] = {
        "job_id": "job-1",
        "principal_id": "ada",
        "kind": LedgerKind.MODEL,
        "at": START,
    }
    return LedgerEntry(key=key, **(defaults | fields))


def budget(name: str = "cap", **fields: Any) -> BudgetRecord:
    """Return a budget of the whole scope, without a period."""
    defaults: dict[str, Any] = {
        "budget_id": f"id-of-{name}",
        "subject": BudgetSubject.SCOPE,
        "period": BudgetPeriod.TOTAL,
        "unit": BudgetUnit.USD,
        "limit": 10,
        "updated_at": START,
    }
    return BudgetRecord(name=name, **(defaults | fields))


def action(action_id: str = "action-1", **fields: Any) -> ActionRecord:
    """Return a question to a person."""
    defaults: dict[str, Any] = {"job_id": "job-1", "type": ActionType.CONFIRM, "created_at": START}
    return ActionRecord(action_id=action_id, **(defaults | fields))


def artifact(artifact_id: str = "artifact-1", **fields: Any) -> ArtifactRecord:
    """Return a file of a job."""
    defaults: dict[str, Any] = {
        "job_id": "job-1",
        "name": "bill.pdf",
        "media_type": "application/pdf",
        "size": 7,
        "digest": "digest",
        "created_at": START,
    }
    return ArtifactRecord(artifact_id=artifact_id, **(defaults | fields))


def stored(content: bytes = b"content", **fields: Any) -> ArtifactStored:
    """Return the change that keeps a file."""
    return ArtifactStored(artifact=artifact(**{"size": len(content)} | fields), content=content)


def stored_agent(name: str = "clerk", version: int = 1) -> StoredAgent:
    """Return a version of a stored agent."""
    return StoredAgent(
        name=name, version=version, definition=f'{{"v": {version}}}', created_at=START
    )


async def admit(storage: Storage, job_id: str = "job-1", scope_id: str = "acme") -> None:
    """Create a job that is running under fence 1."""
    record = job(job_id, scope_id, owner=owner())
    await storage.commit(scope_id, job_id, None, [created(record)])


async def write(
    storage: Storage, *changes: Change, fence: int | None = 1, job_id: str = "job-1"
) -> None:
    """Commit changes of a job of scope ``acme``, as its owner by default."""
    await storage.commit("acme", job_id, fence, changes)


def seqs(found: Sequence[Event]) -> list[int | None]:
    """Return the numbers of these events."""
    return [one.seq for one in found]
