"""The rows of one scope in dictionaries, and how to take back what a refused commit wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from steer.errors import NotFound
from steer.events import Event
from steer.memory._times import in_utc
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
from steer.storage import JobState
from steer.values import EffectStatus, RunResult

__all__ = ["ArtifactRow", "Counter", "JobRows", "MemoryTables"]

K = TypeVar("K")
V = TypeVar("V")


class Counter:
    """The newest position of the whole store, shared by its scopes."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class JobRows:
    """A job and what belongs to it. ``created`` is as it came, ``state`` is what changed since."""

    __slots__ = ("created", "effects", "events", "grants", "models", "number", "result", "state")

    def __init__(self, number: int, created: JobRecord, state: JobState) -> None:
        self.number = number
        self.created = created
        self.state = state
        self.result = created.result
        self.events: list[Event] = []
        self.models: dict[tuple[tuple[str, ...], int], ModelRecord] = {}
        self.effects: dict[EffectKey, EffectRecord] = {}
        self.grants: dict[str, Grant] = {}

    def record(self) -> JobRecord:
        """Return the job as it stands."""
        state = self.state
        return replace(
            self.created,
            run_id=state.run_id,
            status=state.status,
            updated_at=state.updated_at,
            started_at=state.started_at,
            ended_at=state.ended_at,
            due_at=state.due_at,
            attempt=state.attempt,
            retries=state.retries,
            fence=state.fence,
            owner=state.owner,
            lease_expires_at=state.lease_expires_at,
            cancel_reason=state.cancel_reason,
            cancel_by=state.cancel_by,
            last_seq=state.last_seq,
            result=self.result,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRow:
    """A file; ``number`` counts those of the scope in the order they came."""

    number: int
    artifact: ArtifactRecord
    content: bytes


@dataclass(slots=True)
class _Session:
    version: int
    items: list[str]
    updated_at: datetime
    held_by: str | None = None


class MemoryTables:
    """One scope. Fills ``steer.storage.Tables``; every write leaves how to undo it."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._undo: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.jobs: dict[str, JobRows] = {}
        self.numbered: list[JobRows] = []
        self.keys: dict[str, str] = {}
        self.live: dict[str, JobRows] = {}
        self.parents: dict[str, int] = {}
        # Two lists instead of one of pairs: an entry is built only for who reads it.
        self.positions: list[int] = []
        self.events: list[Event] = []
        self.budgets: dict[str, BudgetRecord] = {}
        self.budget_names: dict[str, str] = {}
        self.accounts: dict[str, Account] = {}
        self.reserved: dict[str, tuple[Reservation, ...]] = {}
        self.reserved_by_job: dict[str | None, list[str]] = {}
        self.entries: list[LedgerEntry] = []
        self.entry_keys: dict[str, None] = {}
        self.actions: dict[str, ActionRecord] = {}
        self.action_order: list[str] = []
        self.artifacts: dict[str, ArtifactRow] = {}
        self.artifacts_ever = 0
        self.sessions: dict[str, _Session] = {}
        self.agents: dict[str, list[StoredAgent]] = {}
        self.removed_agents: dict[str, None] = {}

    def keep(self) -> None:
        """The commit stands."""
        self._undo.clear()

    def undo(self) -> None:
        """Take back every write since the last ``keep``."""
        for function, arguments in reversed(self._undo):
            function(*arguments)
        self._undo.clear()

    def rows(self, job_id: str) -> JobRows:
        """Return the job with all that belongs to it. Raises ``NotFound``."""
        try:
            return self.jobs[job_id]
        except KeyError:
            raise NotFound(f"there is no job {job_id} in this scope") from None

    def job_state(self, job_id: str, /) -> JobState | None:
        rows = self.jobs.get(job_id)
        return None if rows is None else rows.state.copy()

    def save_job(self, job_id: str, state: JobState, /) -> None:
        rows = self.jobs[job_id]
        self._set_attribute(rows, "state", state)
        if state.status.terminal:
            self._remove(self.live, job_id)

    def add_job(self, job: JobRecord, state: JobState, /) -> None:
        rows = JobRows(len(self.numbered) + 1, in_utc(job), state)
        self._put(self.jobs, job.job_id, rows)
        self._extend(self.numbered, (rows,))
        if not state.status.terminal:
            self._put(self.live, job.job_id, rows)
        if job.parent_job_id is not None:
            self._put(self.parents, job.parent_job_id, self.children(job.parent_job_id) + 1)
        if job.idempotency_key is not None:
            self._put(self.keys, job.idempotency_key, job.job_id)

    def save_result(self, job_id: str, result: RunResult, /) -> None:
        self._set_attribute(self.jobs[job_id], "result", result)

    def children(self, job_id: str, /) -> int:
        return self.parents.get(job_id, 0)

    def job_with_key(self, idempotency_key: str, /) -> str | None:
        return self.keys.get(idempotency_key)

    def add_events(self, job_id: str, events: Sequence[Event], /) -> None:
        events = [in_utc(event) for event in events]
        first = self._counter.value + 1
        self._set_attribute(self._counter, "value", self._counter.value + len(events))
        self._extend(self.positions, range(first, first + len(events)))
        self._extend(self.events, events)
        self._extend(self.jobs[job_id].events, events)

    def add_model(self, job_id: str, record: ModelRecord, /) -> bool:
        return self._add(self.jobs[job_id].models, (record.path, record.index), in_utc(record))

    def effect_status(self, job_id: str, key: EffectKey, /) -> EffectStatus | None:
        effect = self.jobs[job_id].effects.get(key)
        return None if effect is None or effect.outcome is None else effect.outcome.status

    def add_effect(self, job_id: str, effect: EffectRecord, /) -> bool:
        if effect.outcome is not None:
            effect = replace(effect, outcome=in_utc(effect.outcome))
        return self._add(self.jobs[job_id].effects, effect.key, in_utc(effect))

    def save_outcome(self, job_id: str, key: EffectKey, outcome: EffectOutcome, /) -> bool:
        effects = self.jobs[job_id].effects
        effect = effects.get(key)
        if effect is None or self.effect_status(job_id, key) not in (None, EffectStatus.UNKNOWN):
            return False
        self._put(effects, key, replace(effect, outcome=in_utc(outcome)))
        return True

    def grant_used(self, job_id: str, grant_id: str, /) -> datetime | None:
        grant = self.jobs[job_id].grants.get(grant_id)
        return None if grant is None else grant.used_at

    def add_grant(self, job_id: str, grant: Grant, /) -> bool:
        return self._add(self.jobs[job_id].grants, grant.grant_id, in_utc(grant))

    def use_grant(self, job_id: str, grant_id: str, now: datetime, /) -> bool:
        grants = self.jobs[job_id].grants
        grant = grants.get(grant_id)
        if grant is None or grant.used_at is not None:
            return False
        self._put(grants, grant_id, replace(grant, used_at=now))
        return True

    def drop_records(self, job_id: str, /) -> None:
        rows = self.jobs[job_id]
        for name in ("models", "effects", "grants"):
            self._set_attribute(rows, name, {})

    def budget(self, name: str, /) -> BudgetRecord | None:
        return self.budgets.get(name)

    def budget_of(self, budget_id: str, /) -> BudgetRecord | None:
        return self.budgets.get(self.budget_names.get(budget_id, ""))

    def save_budget(self, budget: BudgetRecord, /) -> None:
        self._put(self.budgets, budget.name, in_utc(budget))
        self._put(self.budget_names, budget.budget_id, budget.name)

    def drop_budget(self, name: str, /) -> bool:
        budget = self.budgets.get(name)
        if budget is None:
            return False
        self._remove(self.budgets, name)
        self._remove(self.budget_names, budget.budget_id)
        return True

    def account(self, account: str, /) -> Account | None:
        return self.accounts.get(account)

    def save_account(self, account: Account, /) -> None:
        self._put(self.accounts, account.account, in_utc(account))

    def reservations(self, key: str, /) -> Sequence[Reservation]:
        return self.reserved.get(key, ())

    def add_reservations(self, reservations: Sequence[Reservation], /) -> None:
        first = reservations[0]
        self._put(self.reserved, first.key, tuple(reservations))
        self._extend(self.reserved_by_job.setdefault(first.job_id, []), (first.key,))

    def settle_reservations(self, settled: Sequence[Reservation], /) -> None:
        self._put(self.reserved, settled[0].key, tuple(settled))

    def add_ledger(self, entries: Sequence[LedgerEntry], /) -> None:
        for entry in entries:
            if self._add(self.entry_keys, entry.key, None):
                self._extend(self.entries, (in_utc(entry),))

    def action(self, action_id: str, /) -> ActionRecord | None:
        return self.actions.get(action_id)

    def add_action(self, action: ActionRecord, /) -> None:
        self._put(self.actions, action.action_id, in_utc(action))
        self._extend(self.action_order, (action.action_id,))

    def save_action(self, action: ActionRecord, /) -> None:
        self._put(self.actions, action.action_id, in_utc(action))

    def artifact(self, artifact_id: str, /) -> ArtifactRecord | None:
        row = self.artifacts.get(artifact_id)
        return None if row is None else row.artifact

    def add_artifact(self, artifact: ArtifactRecord, content: bytes, /) -> None:
        self._set_attribute(self, "artifacts_ever", self.artifacts_ever + 1)
        row = ArtifactRow(number=self.artifacts_ever, artifact=in_utc(artifact), content=content)
        self._put(self.artifacts, artifact.artifact_id, row)

    def drop_artifact(self, artifact_id: str, /) -> bool:
        there = artifact_id in self.artifacts
        self._remove(self.artifacts, artifact_id)
        return there

    def session_version(self, session_id: str, /) -> int:
        session = self.sessions.get(session_id)
        return 0 if session is None else session.version

    def append_session(
        self, session_id: str, version: int, items: Sequence[str], now: datetime, /
    ) -> None:
        old = self.sessions.get(session_id)
        kept = [] if old is None else old.items
        holder = self.session_holder(session_id)
        self._put(self.sessions, session_id, _Session(version, kept, now, holder))
        self._extend(kept, items)

    def session_holder(self, session_id: str, /) -> str | None:
        session = self.sessions.get(session_id)
        return None if session is None else session.held_by

    def hold_session(self, session_id: str, job_id: str, now: datetime, /) -> None:
        session = self.sessions.get(session_id) or _Session(0, [], now)
        self._put(self.sessions, session_id, replace(session, held_by=job_id))

    def drop_session(self, session_id: str, /) -> None:
        self._remove(self.sessions, session_id)

    def agent_version(self, name: str, /) -> int:
        return len(self.agents.get(name, ()))

    def add_agent(self, agent: StoredAgent, /) -> None:
        versions = self.agents.get(agent.name)
        if versions is None:
            versions = []
            self._put(self.agents, agent.name, versions)
        self._extend(versions, (in_utc(agent),))
        self._remove(self.removed_agents, agent.name)

    def remove_agent(self, name: str, /) -> bool:
        return name in self.agents and self._add(self.removed_agents, name, None)

    def _add(self, table: dict[K, V], key: K, value: V) -> bool:
        if key in table:
            return False
        self._undo.append((table.pop, (key,)))
        table[key] = value
        return True

    def _put(self, table: dict[K, V], key: K, value: V) -> None:
        if key in table:
            self._undo.append((table.__setitem__, (key, table[key])))
        else:
            self._undo.append((table.pop, (key,)))
        table[key] = value

    def _remove(self, table: dict[K, V], key: K) -> None:
        if key in table:
            self._undo.append((table.__setitem__, (key, table.pop(key))))

    def _extend(self, rows: list[V], more: Sequence[V]) -> None:
        self._undo.append((_truncate, (rows, len(rows))))
        rows.extend(more)

    def _set_attribute(self, row: object, name: str, value: object) -> None:
        self._undo.append((setattr, (row, name, getattr(row, name))))
        setattr(row, name, value)


def _truncate(rows: list[Any], length: int) -> None:
    del rows[length:]
