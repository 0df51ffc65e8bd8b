"""What a store keeps: jobs, recorded model calls and effects, grants, money, actions, sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from steer.errors import ErrorInfo
from steer.events import Event
from steer.values import (
    ActionStatus,
    ActionType,
    Effect,
    EffectStatus,
    Expiry,
    JobStatus,
    JsonValue,
    RunResult,
    Usage,
)

__all__ = [
    "Account",
    "ActionRecord",
    "ArtifactRecord",
    "EffectKey",
    "EffectOutcome",
    "EffectRecord",
    "Grant",
    "JobQuery",
    "JobRecord",
    "JournalEntry",
    "LedgerEntry",
    "LedgerKind",
    "ModelRecord",
    "Owner",
    "Page",
    "Records",
    "Reservation",
    "SessionRecord",
    "StoredAgent",
]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """The process that holds a job.

    ``boot_id``, ``pid`` and ``started`` (the process's start time in the machine's own ticks)
    together tell another process on the same ``host`` for certain that this one is gone.
    ``token`` is new for every kernel, so two kernels of one process are told apart.
    """

    token: str
    host: str
    boot_id: str
    pid: int
    started: int


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRecord:
    """A job as it stands.

    ``request`` is what another process needs to run it again, as JSON text; it may hold content.
    ``request_digest`` identifies it under ``idempotency_key`` and is empty without one.
    ``agent_ref`` is the agent's reference as JSON text, ``None`` for a live object.
    ``fence`` grows with every claim, ``attempt`` too; both are 0 before the first. ``retries``
    counts how often it was queued again because it had failed. ``depth`` is 0 for a job without a
    parent, else one more than the parent's. ``due_at`` is when somebody is to look at a job that
    nobody holds: a queued one runs then, one that waits for a person gives up waiting; ``None`` is
    never.
    ``last_seq`` is the number of the newest event in the journal. Times are UTC.
    """

    job_id: str
    scope_id: str
    principal_id: str
    team_id: str | None = None
    session_id: str | None = None
    parent_job_id: str | None = None
    depth: int = 0
    run_id: str = ""
    status: JobStatus
    queue: str = "default"
    agent: str
    agent_ref: str | None = None
    runtime: str
    model: str | None = None
    request: str
    request_digest: str
    idempotency_key: str | None = None
    policy: str | None = None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deadline: datetime | None = None
    due_at: datetime | None = None
    attempt: int = 0
    retries: int = 0
    fence: int = 0
    owner: Owner | None = None
    lease_expires_at: datetime | None = None
    cancel_reason: str | None = None
    cancel_by: str | None = None
    last_seq: int = 0
    result: RunResult | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class JobQuery:
    """Which jobs to list, newest first; an empty field matches every job."""

    statuses: frozenset[JobStatus] = frozenset()
    session_id: str | None = None
    runtime: str | None = None
    agent: str | None = None
    queue: str | None = None
    parent_job_id: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """A part of a listing; ``cursor`` asks for the next part and is ``None`` at the end."""

    items: tuple[T, ...]
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """An event at its position in the order of commits of the whole store."""

    position: int
    event: Event


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRecord:
    """A model's complete response, kept so that a replay need not ask again.

    Keyed by (``path``, ``index``): index counts the completed calls on that path from 0.
    ``call`` is the name its events carry. ``response`` is the runtime's own encoding.
    """

    path: tuple[str, ...]
    index: int
    call: str
    request_digest: str
    response: bytes
    usage: Usage
    model: str | None = None
    provider: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectKey:
    """What names one tool call of a job under replay: ids alone get reused by providers.

    ``message`` is the index of the model message on ``path`` that asked for the call.
    """

    path: tuple[str, ...]
    message: int
    call_id: str

    def __str__(self) -> str:
        """One line for people and for the key that a tool is given."""
        return "/".join((*self.path, str(self.message), self.call_id))


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectOutcome:
    """How a tool call ended. ``value`` is its result in JSON form."""

    status: EffectStatus
    value: JsonValue = None
    error: ErrorInfo | None = None
    ended_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectRecord:
    """A tool call that was allowed, with its outcome once that is known.

    ``digest`` binds tool and effective arguments. Without ``outcome`` the call may or may not
    have happened.
    """

    key: EffectKey
    tool: str
    digest: str
    proposed: JsonValue = None
    arguments: JsonValue = None
    effect: Effect = Effect.ONCE
    grant_id: str
    intended_at: datetime
    outcome: EffectOutcome | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """The leave to make one tool call, once.

    Bound to the call, to the digest of tool and arguments, and to the policy that gave it.
    """

    grant_id: str
    key: EffectKey
    digest: str
    policy: str
    by: str = "policy"
    expires_at: datetime | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """All that a replay of one job needs."""

    models: tuple[ModelRecord, ...] = ()
    effects: tuple[EffectRecord, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What is spent of one unit, and what may be. Amounts are integers of the unit's smallest part.

    ``spent`` + ``reserved`` never passes the limit by admission; a settlement above its reservation
    can, and then blocks what follows. The limit is ``limit``, else that of the budget whose period
    the account is about, else none. That of a budget which only warns is none, too. ``resets_at``
    is when the budget's next period begins.
    """

    account: str
    unit: str
    limit: int | None = None
    spent: int = 0
    reserved: int = 0
    budget_id: str | None = None
    resets_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """A part of an account set aside for one call; ``actual`` is what it came to."""

    key: str
    account: str
    amount: int
    actual: int | None = None
    job_id: str | None = None


class LedgerKind(StrEnum):
    """What a line of the ledger is about."""

    MODEL = "model"
    TOOL = "tool"
    CONNECTOR = "connector"
    BUDGET = "budget"
    POLICY = "policy"
    AUDIT = "audit"


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """One line of the ledger, written once per ``key``.

    ``kind`` is ``model`` for a request to a model, ``tool`` for a tool call, ``connector`` for one
    that a server of tools ran, ``budget`` and ``policy`` for decisions, ``audit`` for what people
    did. The key is made of job, attempt, path and call, so that no retry counts twice. ``job_id``
    is empty for what belongs to no job. ``cost`` is in US dollars, ``None`` where the price is not
    known.
    """

    key: str
    job_id: str
    principal_id: str
    kind: LedgerKind
    team_id: str | None = None
    agent: str | None = None
    provider: str | None = None
    model: str | None = None
    runtime: str | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    at: datetime
    details: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRecord:
    """A question to a person. ``token_hash`` is all that is kept of the token that answers it.

    ``asked_by`` is the principal that the job runs for. ``approvers`` are globs of the principals
    who may answer; none leaves that to policy. ``binding`` is what the answer is good for, ``None``
    where it is for nothing but the question. Past ``expires_at`` nobody answers it any more, and
    ``on_expiry`` holds, with ``default`` for the answer that is taken then.
    """

    action_id: str
    job_id: str
    type: ActionType
    asked_by: str = ""
    approvers: tuple[str, ...] = ()
    status: ActionStatus = ActionStatus.PENDING
    payload: JsonValue = None
    binding: JsonValue = None
    token_hash: str | None = field(default=None, repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    on_expiry: Expiry = Expiry.DENY
    default: JsonValue = None
    resolved_at: datetime | None = None
    resolution: JsonValue = None
    resolved_by: str | None = None
    resolved_via: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRecord:
    """A file of a job; its content is kept apart.

    ``name`` is a label that anybody may have written: no path is ever made of it. ``size`` is in
    bytes, ``digest`` the SHA-256 of the content in hex. ``created_by`` is the principal who brought
    it, empty for the run itself, and ``action_id`` the question that it was uploaded for.
    """

    artifact_id: str
    job_id: str
    name: str
    media_type: str
    size: int
    digest: str
    created_at: datetime
    created_by: str = ""
    action_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRecord:
    """A conversation; ``items`` are its parts as JSON text, ``version`` counts appends.

    ``held_by`` is the job that goes on with it now and will append to it, ``None`` where that has
    ended, or where there was none.
    """

    session_id: str
    version: int = 0
    items: tuple[str, ...] = ()
    updated_at: datetime | None = None
    held_by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredAgent:
    """An agent's definition, kept in the store under a name; versions count from 1.

    A removed agent is not found by its name alone any more; jobs that refer to one of its versions
    still find that.
    """

    name: str
    version: int
    definition: str
    created_at: datetime
