"""The closed union of what one commit can change, each with the rule that can refuse it.

A commit applies its changes in the order given; if one is refused, none is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from steer.events import Event
from steer.ports.money import BudgetRecord
from steer.ports.records import (
    ActionRecord,
    ArtifactRecord,
    EffectKey,
    EffectOutcome,
    EffectRecord,
    Grant,
    JobRecord,
    LedgerEntry,
    ModelRecord,
    Owner,
    StoredAgent,
)
from steer.values import ActionStatus, JobStatus, JsonValue, RunResult

__all__ = [
    "AccountOpened",
    "ActionMoved",
    "ActionRequested",
    "AgentRemoved",
    "AgentStored",
    "ArtifactDropped",
    "ArtifactStored",
    "BudgetDefined",
    "BudgetDropped",
    "BudgetSet",
    "CancelRequested",
    "Change",
    "EffectIntended",
    "EffectResolved",
    "EventsAppended",
    "GrantIssued",
    "GrantUsed",
    "JobClaimed",
    "JobCreated",
    "JobMoved",
    "LedgerAppended",
    "ModelRecorded",
    "RecordsDropped",
    "Released",
    "Reserved",
    "SessionAppended",
    "SessionDropped",
    "SessionTaken",
    "Settled",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class JobCreated:
    """A new job, the one that the commit names. One with an owner is admitted already claimed.

    Then it is running with fence and attempt 1, ``lease_seconds`` starts the lease by the store's
    clock, and the rest of the commit acts as the owner. Without an owner it has neither fence nor
    attempt nor lease, and is due at once where it does not say when. Refused with
    ``IdempotencyConflict``, naming the holder, where the scope has a job with the same key;
    with ``Conflict`` where the id is taken (ST-7, ST-8). With ``max_children`` refused with
    ``NotFound`` where the scope does not have the job's parent, with ``InvalidTransition`` where
    the parent has ended, and with ``BudgetExceeded`` where it has that many children (ST-52).
    """

    job: JobRecord
    lease_seconds: float | None = None
    max_children: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobClaimed:
    """Take the job: fence + 1, attempt + 1, status running, a new lease.

    The rest of the commit acts as the new owner.
    Refused with ``Conflict`` unless the fence is still ``expected_fence`` and the job is queued
    or waiting, or its lease has run out by the store's clock, or its owner is ``dead_owner``: the
    claimant has seen that this very process is gone. Refused with ``InvalidTransition`` where the
    job has ended (ST-9, ST-10).
    """

    owner: Owner
    run_id: str
    expected_fence: int
    lease_seconds: float
    dead_owner: Owner | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobMoved:
    """The job's new status; any but running gives up owner and lease.

    ``due_at`` is when a job that nobody holds is to be looked at: a queued one at once unless it is
    given, one that waits for a person never. ``retry`` counts the move as another try after a
    failure. Refused with ``InvalidTransition``, naming both states (ST-12), and with ``Conflict``
    where one of the actions ``waits_for`` is none of the job's or is not pending: whoever parks a
    job and whoever answers it cannot miss each other (ST-48).
    """

    status: JobStatus
    result: RunResult | None = None
    due_at: datetime | None = None
    retry: bool = False
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelRequested:
    """Ask the job's owner to stop. The first request stays; needs no fence (ST-13).

    A job that nobody holds is due from then on, and one that is given up later is at once: whoever
    takes it ends it, even where the process that asked is gone.

    Refused with ``InvalidTransition`` where the job has ended.
    """

    reason: str
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EventsAppended:
    """Events for the journal, all with ``seq``, continuing the job's without a gap.

    Refused with ``Conflict`` for a gap or a repetition (ST-14), or anything after a terminal event
    (ST-15).
    """

    events: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRecorded:
    """A model's response. Refused with ``Conflict`` where (path, index) has one (ST-19)."""

    record: ModelRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectIntended:
    """A tool call that is about to run. Refused with ``Conflict`` where its key has one (ST-20)."""

    effect: EffectRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectResolved:
    """How an intended tool call ended.

    Refused with ``NotFound`` without an intent, with ``Conflict`` where an outcome is recorded,
    unless that one says ``unknown`` (ST-20).
    """

    key: EffectKey
    outcome: EffectOutcome


@dataclass(frozen=True, kw_only=True, slots=True)
class GrantIssued:
    """A grant. Refused with ``Conflict`` where its id is taken."""

    grant: Grant


@dataclass(frozen=True, kw_only=True, slots=True)
class GrantUsed:
    """A grant is spent, once (ST-21). Refused with ``NotFound``, or with ``Conflict`` if used."""

    grant_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetDefined:
    """A budget of this scope, new or changed; it holds at once, for accounts that are open too.

    Refused with ``Conflict`` unless the revision is the next, 1 where the scope has no budget of
    that name, where subject, period, unit or id are others than before, and where another budget
    has the id (ST-70).
    """

    budget: BudgetRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetDropped:
    """Forget a budget: its accounts lose its limit (ST-71). Refused with ``NotFound``."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountOpened:
    """An account for one period of a budget; one that exists is left as it is (ST-72).

    Refused with ``NotFound`` where the scope has no budget with this id.
    """

    account: str
    budget_id: str
    resets_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSet:
    """The own limit of an account of this scope; ``None`` leaves it to the account's budget.

    A limit below what is spent and reserved blocks what follows (ST-23). Refused with ``Conflict``
    where the account counts another unit.
    """

    account: str
    unit: str
    limit: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reserved:
    """Set ``amount`` aside on several accounts, on all or on none (ST-24).

    A key that exists is left as it is. Refused with ``BudgetExceeded``, naming the account,
    where spent + reserved + amount would pass its limit; with ``NotFound`` for no account; with
    ``ConfigError`` where it names none, or an amount below 0.
    """

    key: str
    amounts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What a reservation came to, on each of its accounts; above the reservation too (ST-25).

    Refused with ``NotFound`` without a reservation or for an account it has nothing on, with
    ``Conflict`` where it is settled or one of its accounts is left out, with ``ConfigError`` for
    an amount below 0.
    """

    key: str
    actuals: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """A reservation that was not needed: the same as settling it at nothing."""

    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerAppended:
    """Lines of the ledger. A key that exists is left as it is (ST-26)."""

    entries: tuple[LedgerEntry, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRequested:
    """A question to a person.

    Refused with ``Conflict`` where its id is taken, with ``NotFound`` without its job.
    """

    action: ActionRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionMoved:
    """An answer, an expiry or a cancellation. The first one wins (ST-27).

    Refused with ``NotFound``, with ``InvalidTransition`` where it is not pending, and with
    ``ActionExpired`` for an answer after ``expires_at`` by the store's clock (ST-51). ``held_by``
    is the fence of the owner that is left to act on it: refused with ``Conflict`` unless the action
    is of the job that the commit names, and somebody holds that job by this fence. So a job that is
    parked meanwhile is not forgotten by who answers it (ST-53).
    """

    action_id: str
    status: ActionStatus
    held_by: int | None = None
    resolution: JsonValue = None
    by: str | None = None
    via: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactStored:
    """A file of a job, with its content as it is (ST-60).

    Refused with ``Conflict`` where its id is taken, with ``NotFound`` without its job.
    """

    artifact: ArtifactRecord
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactDropped:
    """Forget a file and its content (ST-61). Refused with ``NotFound``."""

    artifact_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionTaken:
    """The job goes on with a conversation, and nobody else does until it has ended (ST-75).

    Also one that is not there yet. Refused with ``SessionBusy`` where another job holds it that has
    not ended, with ``Conflict`` where it is not at ``expected_version``, if one is given.
    """

    session_id: str
    expected_version: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionAppended:
    """More items of a conversation. ``expected_version`` 0 creates it.

    Refused with ``Conflict`` where the session has another version (ST-28), and with
    ``SessionBusy`` where a job that is not the commit's holds it (ST-76).
    """

    session_id: str
    expected_version: int
    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionDropped:
    """Forget a conversation (ST-77). Refused with ``NotFound`` and, while held, ``SessionBusy``."""

    session_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentStored:
    """A new version of a stored agent. Refused with ``Conflict`` unless it is the next (ST-29).

    One that was removed is there again by that, and its versions count on.
    """

    agent: StoredAgent


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRemoved:
    """Take an agent's name back; jobs find its versions (ST-78). Refused with ``NotFound``."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordsDropped:
    """Forget what a replay of the job would need, and ``answers`` to actions (ST-22)."""

    answers: tuple[str, ...] = ()


Change: TypeAlias = (
    JobCreated
    | JobClaimed
    | JobMoved
    | CancelRequested
    | EventsAppended
    | ModelRecorded
    | EffectIntended
    | EffectResolved
    | GrantIssued
    | GrantUsed
    | BudgetDefined
    | BudgetDropped
    | AccountOpened
    | BudgetSet
    | Reserved
    | Settled
    | Released
    | LedgerAppended
    | ActionRequested
    | ActionMoved
    | ArtifactStored
    | ArtifactDropped
    | SessionTaken
    | SessionAppended
    | SessionDropped
    | AgentStored
    | AgentRemoved
    | RecordsDropped
)
"""What a commit can change."""
