"""What a commit needs of a store: rows of one scope, read and written inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from steer.events import Event
from steer.ports.money import BudgetRecord
from steer.ports.records import (
    Account,
    ActionRecord,
    ArtifactRecord,
    EffectKey,
    EffectOutcome,
    EffectRecord,
    Grant,
    JobRecord,
    LedgerEntry,
    ModelRecord,
    Reservation,
    StoredAgent,
)
from steer.storage.job_state import JobState
from steer.values import EffectStatus, RunResult

__all__ = ["Tables"]


class Tables(Protocol):
    """The rows of one scope. Nothing here decides: ``apply_changes`` does."""

    def job_state(self, job_id: str, /) -> JobState | None:
        """Return a copy of the job's state that the caller may change."""
        ...

    def save_job(self, job_id: str, state: JobState, /) -> None: ...
    def add_job(self, job: JobRecord, state: JobState, /) -> None:
        """Keep a new job; where it and ``state`` differ, ``state`` counts."""
        ...

    def save_result(self, job_id: str, result: RunResult, /) -> None: ...
    def children(self, job_id: str, /) -> int:
        """Return how many jobs have this one as their parent."""
        ...

    def job_with_key(self, idempotency_key: str, /) -> str | None: ...

    def add_events(self, job_id: str, events: Sequence[Event], /) -> None: ...

    def add_model(self, job_id: str, record: ModelRecord, /) -> bool:
        """Keep the record; return whether its path and index were free."""
        ...

    def effect_status(self, job_id: str, key: EffectKey, /) -> EffectStatus | None:
        """Return how the effect ended, ``None`` where it has not or was never intended."""
        ...

    def add_effect(self, job_id: str, effect: EffectRecord, /) -> bool:
        """Keep the effect; return whether its key was free."""
        ...

    def save_outcome(self, job_id: str, key: EffectKey, outcome: EffectOutcome, /) -> bool:
        """Keep the outcome of an effect that has none, or an unknown one; return whether it is so.

        There is no such effect where it was not intended.
        """
        ...

    def grant_used(self, job_id: str, grant_id: str, /) -> datetime | None:
        """Return when the grant was used, ``None`` where it was not or was never issued."""
        ...

    def add_grant(self, job_id: str, grant: Grant, /) -> bool:
        """Keep the grant; return whether its id was free."""
        ...

    def use_grant(self, job_id: str, grant_id: str, now: datetime, /) -> bool:
        """Note the use of a grant that was issued and not used; return whether it is so."""
        ...

    def drop_records(self, job_id: str, /) -> None: ...

    def budget(self, name: str, /) -> BudgetRecord | None: ...
    def budget_of(self, budget_id: str, /) -> BudgetRecord | None: ...
    def save_budget(self, budget: BudgetRecord, /) -> None:
        """Keep the budget in the place of the one of its name."""
        ...

    def drop_budget(self, name: str, /) -> bool:
        """Forget the budget; return whether there was one."""
        ...

    def account(self, account: str, /) -> Account | None: ...
    def save_account(self, account: Account, /) -> None: ...
    def reservations(self, key: str, /) -> Sequence[Reservation]: ...
    def add_reservations(self, reservations: Sequence[Reservation], /) -> None: ...
    def settle_reservations(self, settled: Sequence[Reservation], /) -> None: ...
    def add_ledger(self, entries: Sequence[LedgerEntry], /) -> None:
        """Keep the entries whose key is new."""
        ...

    def action(self, action_id: str, /) -> ActionRecord | None: ...
    def add_action(self, action: ActionRecord, /) -> None: ...
    def save_action(self, action: ActionRecord, /) -> None: ...

    def artifact(self, artifact_id: str, /) -> ArtifactRecord | None: ...
    def add_artifact(self, artifact: ArtifactRecord, content: bytes, /) -> None: ...
    def drop_artifact(self, artifact_id: str, /) -> bool:
        """Forget the artifact with its content; return whether there was one."""
        ...

    def session_version(self, session_id: str, /) -> int:
        """Return the session's version, 0 where there is none."""
        ...

    def session_holder(self, session_id: str, /) -> str | None:
        """Return the job that took the session last, ``None`` where none did."""
        ...

    def hold_session(self, session_id: str, job_id: str, now: datetime, /) -> None:
        """Note that the job took the session, which may not be there yet."""
        ...

    def drop_session(self, session_id: str, /) -> None: ...

    def append_session(
        self, session_id: str, version: int, items: Sequence[str], now: datetime, /
    ) -> None:
        """Add the items and make ``version`` the session's."""
        ...

    def agent_version(self, name: str, /) -> int:
        """Return the agent's newest version, 0 where there is none; of a removed one too."""
        ...

    def add_agent(self, agent: StoredAgent, /) -> None:
        """Keep the version; the agent is not removed any more."""
        ...

    def remove_agent(self, name: str, /) -> bool:
        """Note that the agent was removed; return whether there was one that was not."""
        ...
