"""The port of storage: one write, reads per store, and the scope in every signature.

Whatever a method returns or changes belongs to the scope it names (ST-1). Methods may be called
from any event loop of the process and from several at once (ST-38). What is given comes back as it
was (ST-33 to ST-36). The clauses are those of the conformance suite.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from steer.events import Event
from steer.ports.changes import Change
from steer.ports.money import BudgetRecord, UsageGroup, UsageTotal
from steer.ports.records import (
    Account,
    ActionRecord,
    ArtifactRecord,
    JobQuery,
    JobRecord,
    JournalEntry,
    LedgerEntry,
    LedgerKind,
    Owner,
    Page,
    Records,
    Reservation,
    SessionRecord,
    StoredAgent,
)
from steer.ports.signals import SignalChannel
from steer.values import ActionStatus

__all__ = [
    "MAX_PAGE",
    "ActionReads",
    "AgentReads",
    "ArtifactReads",
    "Committed",
    "HeldJob",
    "JobReads",
    "JournalReads",
    "LedgerReads",
    "RecordReads",
    "SessionReads",
    "Storage",
]

MAX_PAGE = 1000
"""The most items any listing returns at once; a larger ``limit`` is lowered to it.

A ``limit`` below 1 raises ``ConfigError`` (ST-32).
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """A commit that is durable.

    ``position`` is the store's newest position after it. ``fence`` and ``attempt`` are the job's
    after the commit, 0 where the commit was for no job. ``accounts`` are those that it reserved on,
    settled or released, each as the commit left it (ST-73).
    """

    position: int
    fence: int = 0
    attempt: int = 0
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldJob:
    """A job that this process believes it holds, with the fence it holds it by."""

    scope_id: str
    job_id: str
    fence: int


class JobReads(Protocol):
    """Jobs, and the leases on them."""

    async def get(self, scope_id: str, job_id: str, /) -> JobRecord:
        """Return the job. Raises ``NotFound``."""
        ...

    async def find(self, scope_id: str, idempotency_key: str, /) -> JobRecord | None:
        """Return the job that holds the key in this scope (ST-8)."""
        ...

    async def list(
        self, scope_id: str, query: JobQuery, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[JobRecord]:
        """Return jobs, newest first (ST-30); ``cursor`` is the last page's (ST-31).

        Raises ``ConfigError`` for a cursor that is not one (ST-32).
        """
        ...

    async def claimable(
        self,
        queue: str,
        /,
        *,
        scopes: Collection[str] | None = None,
        dead: Collection[Owner] = (),
        limit: int = 50,
    ) -> Sequence[JobRecord]:
        """Return the jobs of a queue that a worker can take, those that are longest due first.

        That is: nobody holds it and it is due; or its lease has run out by the store's clock; or
        one of ``dead`` holds it. Looks into these scopes only, or into all of the store with
        ``None``: a worker serves whoever uses the store (ST-49).
        """
        ...

    async def owners(self, *, scopes: Collection[str] | None = None) -> Sequence[Owner]:
        """Return who holds jobs, each once, for those who can tell that a process is gone (ST-50).

        Looks into these scopes only, or into all of the store with ``None``.
        """
        ...

    async def renew(self, held: Sequence[HeldJob], /, *, lease_seconds: float) -> Sequence[HeldJob]:
        """Extend the leases of all these jobs in one write; return those that are lost.

        A job is lost once another fence holds it, or nobody does (ST-11).
        """
        ...

    async def cancellations(self, held: Sequence[HeldJob], /) -> Mapping[str, tuple[str, str]]:
        """Return, by job id, (reason, by) of each that was asked to stop (ST-13)."""
        ...


class JournalReads(Protocol):
    """Events, by job and across jobs."""

    async def events(
        self, scope_id: str, job_id: str, /, *, after: int = 0, limit: int = MAX_PAGE
    ) -> Sequence[Event]:
        """Return the job's events with ``seq`` above ``after``, in order (ST-18).

        Raises ``NotFound``.
        """
        ...

    async def read(
        self, scope_id: str, /, *, after: int = 0, limit: int = MAX_PAGE
    ) -> Sequence[JournalEntry]:
        """Return the scope's events in commit order, from positions above ``after``.

        An event is visible only once all at earlier positions are (ST-17), so a reader that goes on
        from the last position it saw misses none. Positions have no gaps (ST-16).
        """
        ...


class RecordReads(Protocol):
    """What replays need."""

    async def load(self, scope_id: str, job_id: str, /) -> Records:
        """Return the job's recorded model calls, effects and grants. Raises ``NotFound``."""
        ...


class ActionReads(Protocol):
    """Questions to people."""

    async def get(self, scope_id: str, action_id: str, /) -> ActionRecord:
        """Return the action. Raises ``NotFound``."""
        ...

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
        """Return actions, oldest first."""
        ...


class ArtifactReads(Protocol):
    """Files of jobs."""

    async def get(self, scope_id: str, artifact_id: str, /) -> ArtifactRecord:
        """Return the artifact, without its content. Raises ``NotFound``."""
        ...

    async def list(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArtifactRecord]:
        """Return artifacts, oldest first."""
        ...

    async def read(
        self, scope_id: str, artifact_id: str, /, *, start: int = 0, length: int
    ) -> bytes:
        """Return the content from byte ``start`` on, ``length`` bytes or as many as there are.

        It takes no more memory than that, however large the content is. Raises ``NotFound``, and
        ``ConfigError`` for a start below 0 or a length below 1 (ST-62).
        """
        ...


class LedgerReads(Protocol):
    """Usage and budgets."""

    async def entries(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        kinds: Collection[LedgerKind] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = MAX_PAGE,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]:
        """Return lines of the ledger, oldest first: at ``since`` or later, before ``until``."""
        ...

    async def totals(
        self,
        by: Sequence[UsageGroup],
        /,
        *,
        scopes: Collection[str] | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[UsageTotal]:
        """Sum up what models, tools and connectors came to, one total for each group (ST-74).

        A group that names nothing comes first, the others in the order of their names. Looks into
        these scopes, or into all of the store with ``None``, for who runs the store itself. Costs
        are summed exactly.
        """
        ...

    async def budget(self, scope_id: str, name: str, /) -> BudgetRecord:
        """Return the budget. Raises ``NotFound``."""
        ...

    async def budgets(
        self, scope_id: str, /, *, limit: int = MAX_PAGE, cursor: str | None = None
    ) -> Page[BudgetRecord]:
        """Return budgets, by name."""
        ...

    async def account(self, scope_id: str, account: str, /) -> Account:
        """Return the account. Raises ``NotFound``."""
        ...

    async def accounts(
        self,
        scope_id: str,
        /,
        *,
        budget_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Account]:
        """Return accounts, by name; those of one budget, or all."""
        ...

    async def reservations(self, scope_id: str, job_id: str, /) -> Sequence[Reservation]:
        """Return the job's reservations, settled ones too."""
        ...

    async def reserved(self, scope_id: str, account: str, /) -> Sequence[Reservation]:
        """Return the reservations on an account that are not settled."""
        ...


class SessionReads(Protocol):
    """Conversations. One that nothing was appended to is not there yet, taken or not."""

    async def get(self, scope_id: str, session_id: str, /) -> SessionRecord:
        """Return the session. Raises ``NotFound``."""
        ...

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        """Return sessions without their items, by id."""
        ...


class AgentReads(Protocol):
    """Stored agents."""

    async def get(self, scope_id: str, name: str, /, *, version: int | None = None) -> StoredAgent:
        """Return the agent, its newest version unless one is given. Raises ``NotFound``.

        A removed agent is found with its version only.
        """
        ...

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        """Return the newest version of each agent that was not removed, by name."""
        ...

    async def versions(
        self, scope_id: str, name: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        """Return the versions of an agent, newest first, of a removed one too."""
        ...


class Storage(Protocol):
    """A store, open."""

    @property
    def jobs(self) -> JobReads: ...
    @property
    def journal(self) -> JournalReads: ...
    @property
    def records(self) -> RecordReads: ...
    @property
    def actions(self) -> ActionReads: ...
    @property
    def artifacts(self) -> ArtifactReads: ...
    @property
    def ledger(self) -> LedgerReads: ...
    @property
    def sessions(self) -> SessionReads: ...
    @property
    def agents(self) -> AgentReads: ...
    @property
    def signals(self) -> SignalChannel:
        """The channel that the store itself offers."""
        ...

    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[Change],
        /,
    ) -> Committed:
        """Apply all changes or none (ST-2), and return when they are durable (ST-43).

        With a ``fence`` the caller acts as the job's owner: refused with ``StaleFence`` unless it
        is the job's newest (ST-3). Without one it may only create, claim, ask to cancel, and
        change what is no part of a running job: actions, artifacts, budgets, sessions, agents, the
        ledger; also ``JobMoved`` and ``EventsAppended`` of a job that nobody owns. Anything else
        raises ``Conflict`` (ST-4). Raises ``NotFound`` where the scope has no such job (ST-5).
        Cancelling the call leaves it open whether the commit happened (ST-40).
        """
        ...

    async def aclose(self) -> None:
        """Write what is under way, then close. Further calls raise ``StorageError`` (ST-41)."""
        ...
