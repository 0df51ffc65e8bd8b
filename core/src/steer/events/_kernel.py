"""What the kernel alone emits: the life of a job, verdicts, budgets, people, the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

from steer.errors import ErrorInfo
from steer.values import ActionStatus, ActionType, FinishReason, JobStatus, JsonValue


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStarted:
    """The job was admitted; always the first event, and again nowhere."""

    type: ClassVar[str] = "job.started"
    agent: str
    runtime: str
    model: str | None = None
    scope_id: str
    principal_id: str
    session_id: str | None = None
    policy: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStatusChanged:
    """The job moved between states that are not terminal, for example after a recovery.

    ``retry_in_ms`` is how long a job that failed waits before it is tried again.
    """

    type: ClassVar[str] = "job.status_changed"
    old: JobStatus
    new: JobStatus
    reason: str = ""
    retry_in_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyDecided:
    """Policy answered a question; ``subject`` says of what kind, ``name`` of which thing.

    Every verdict on a tool call is told. Of models and runs only refusals are: an allowed one
    shows in ``model.started`` and ``job.started``.
    """

    type: ClassVar[str] = "policy.decided"
    subject: Literal["run", "model", "tool", "data"]
    name: str
    outcome: Literal["allow", "deny", "ask"]
    reason: str = ""
    rule: str | None = None
    policy: str | None = None
    call_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetWarning:
    """A limit is near, or a budget that only warns has none left; told once per run.

    ``limit`` is a bound of the run, or what ``budget`` counts; that begins anew at ``resets_at``.
    """

    type: ClassVar[str] = "budget.warning"
    limit: str
    used: str
    cap: str
    budget: str | None = None
    resets_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetExceededEvent:
    """A limit was reached; what would have gone over it was not admitted."""

    type: ClassVar[str] = "budget.exceeded"
    limit: str
    used: str
    cap: str
    budget: str | None = None
    resets_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetDegraded:
    """A budget had no room for a request to ``model``, so ``degraded_to`` was asked instead."""

    type: ClassVar[str] = "budget.degraded"
    budget: str
    model: str
    degraded_to: str
    used: str
    cap: str
    resets_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRequired:
    """A person is asked; the token that answers it is never in an event."""

    type: ClassVar[str] = "action.required"
    action_id: str
    action_type: ActionType
    payload: JsonValue = None
    held: Literal["inline", "suspended"] = "inline"
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionResolved:
    """A person answered; ``by`` says who and ``via`` how."""

    type: ClassVar[str] = "action.resolved"
    action_id: str
    by: str
    via: str
    outcome: str = ""
    status: ActionStatus = ActionStatus.RESOLVED


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionExpiredEvent:
    """Nobody answered in time."""

    type: ClassVar[str] = "action.expired"
    action_id: str
    rule: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionCancelled:
    """The question no longer matters."""

    type: ClassVar[str] = "action.cancelled"
    action_id: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalResult:
    """What the run produced; the terminal event follows in the same commit."""

    type: ClassVar[str] = "final.result"
    content: str
    output: JsonValue = None
    finish_reason: FinishReason = FinishReason.STOP


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalError:
    """Why the run did not produce a result; the terminal event follows in the same commit."""

    type: ClassVar[str] = "final.error"
    error: ErrorInfo
    finish_reason: FinishReason = FinishReason.ERROR


@dataclass(frozen=True, kw_only=True, slots=True)
class JobCompleted:
    """Terminal: the job succeeded."""

    type: ClassVar[str] = "job.completed"
    elapsed_ms: int
    cost: Decimal | None = None
    still_running: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFailed:
    """Terminal: the job failed; ``final.error`` says why."""

    type: ClassVar[str] = "job.failed"
    elapsed_ms: int
    cost: Decimal | None = None
    still_running: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class JobCancelled:
    """Terminal: the job was cancelled; ``still_running`` names what could not be stopped."""

    type: ClassVar[str] = "job.cancelled"
    elapsed_ms: int
    reason: str = ""
    by: str = ""
    cost: Decimal | None = None
    still_running: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class JobTimedOut:
    """Terminal: the job's time was up."""

    type: ClassVar[str] = "job.timed_out"
    elapsed_ms: int
    cost: Decimal | None = None
    still_running: tuple[str, ...] = ()
