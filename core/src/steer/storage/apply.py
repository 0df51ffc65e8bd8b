"""One commit: its changes in order, each by its rule, or the error that refuses them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from steer.errors import (
    ActionExpired,
    BudgetExceeded,
    Conflict,
    IdempotencyConflict,
    InvalidTransition,
    NotFound,
    StaleFence,
)
from steer.events import Event
from steer.ports.changes import (
    AccountOpened,
    ActionMoved,
    ActionRequested,
    AgentRemoved,
    AgentStored,
    ArtifactDropped,
    ArtifactStored,
    BudgetDefined,
    BudgetDropped,
    BudgetSet,
    CancelRequested,
    Change,
    EffectIntended,
    EffectResolved,
    EventsAppended,
    GrantIssued,
    GrantUsed,
    JobClaimed,
    JobCreated,
    JobMoved,
    LedgerAppended,
    ModelRecorded,
    RecordsDropped,
    Released,
    Reserved,
    SessionAppended,
    SessionDropped,
    SessionTaken,
    Settled,
)
from steer.ports.records import Account, JobRecord
from steer.storage import money, sessions
from steer.storage.job_state import JobState
from steer.storage.tables import Tables
from steer.values import ActionStatus

__all__ = ["Applied", "apply_changes"]


def apply_changes(
    tables: Tables,
    scope_id: str,
    job_id: str | None,
    fence: int | None,
    changes: Sequence[Change],
    /,
    *,
    now: datetime,
) -> Applied:
    """Apply the changes to ``tables``; return what the job and the accounts are after them.

    Raises what ``Storage.commit`` says, possibly with a part already written: the caller runs
    this in a transaction and undoes it then. ``now`` is the store's clock.
    """
    commit = _Commit(tables, scope_id, job_id, fence, changes, now=now)
    for change in changes:
        commit.apply(change)
    return commit.finish()


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What ``Committed`` says of the job and of the accounts."""

    fence: int = 0
    attempt: int = 0
    accounts: tuple[Account, ...] = ()


class _Commit:
    """One commit under way.

    ``state`` is the job's working copy. It and the events are written once, at the end: each write
    has its price, above all where a database takes it.
    """

    __slots__ = (
        "_accounts",
        "_acting",
        "_changed",
        "_events",
        "_job_id",
        "_new",
        "_now",
        "_scope_id",
        "_state",
        "_tables",
    )

    def __init__(
        self,
        tables: Tables,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[Change],
        /,
        *,
        now: datetime,
    ) -> None:
        self._tables = tables
        self._scope_id = scope_id
        self._job_id = job_id
        self._now = now
        self._state = None if job_id is None else tables.job_state(job_id)
        self._changed = False
        self._new: JobRecord | None = None
        self._events: list[Event] = []
        self._accounts: dict[str, None] = {}
        # Who brings the fence, or takes the job in this very commit, acts as its owner.
        self._acting = fence is not None
        if self._state is None:
            creates = any(type(change) is JobCreated for change in changes)
            if fence is not None or (job_id is not None and not creates):
                raise NotFound(f"there is no job {job_id} in scope {scope_id}")
        elif fence is not None and fence != self._state.fence:
            raise StaleFence(
                f"job {job_id} was claimed by another process:"
                f" its fence is {self._state.fence}, not {fence}"
            )

    def finish(self) -> Applied:
        state = self._state
        accounts = tuple(filter(None, map(self._tables.account, self._accounts)))
        if state is None or self._job_id is None:
            return Applied(accounts=accounts)
        if self._new is not None:
            self._write_new()
        elif self._changed:
            state.updated_at = self._now
            self._tables.save_job(self._job_id, state)
        if self._events:
            self._tables.add_events(self._job_id, self._events)
        return Applied(fence=state.fence, attempt=state.attempt, accounts=accounts)

    def apply(self, change: Change) -> None:  # noqa: C901, PLR0912, PLR0915 - flat: a case per change
        tables, now = self._tables, self._now
        match change:
            case EventsAppended():
                job_id, state = self._unowned(change)
                state.append(job_id, change.events)
                self._events.extend(change.events)
            case ModelRecorded(record=record):
                job_id, _ = self._held(change)
                if not tables.add_model(job_id, record):
                    raise Conflict(f"model call {record.index} on path {record.path} is recorded")
            case EffectIntended(effect=effect):
                job_id, _ = self._held(change)
                if not tables.add_effect(job_id, effect):
                    raise Conflict(f"tool call {effect.key} is recorded")
            case EffectResolved():
                self._resolve_effect(change)
            case GrantIssued(grant=grant):
                job_id, _ = self._held(change)
                if not tables.add_grant(job_id, grant):
                    raise Conflict(f"the id of grant {grant.grant_id} is taken")
            case GrantUsed():
                self._use_grant(change)
            case Reserved():
                self._touch(money.reserve(tables, self._job_id, change))
            case Settled():
                self._touch(money.settle(tables, change))
            case Released():
                self._touch(money.release(tables, change))
            case LedgerAppended(entries=entries):
                tables.add_ledger(entries)
            case JobCreated():
                self._create(change)
            case JobClaimed():
                _, state = self._job(change)
                state.claim(change, now)
                self._acting = True
            case JobMoved():
                job_id, state = self._unowned(change)
                for action_id in change.waits_for:
                    self._check_waits(job_id, action_id)
                state.move(change, now)
                if change.result is not None:
                    self._write_new()
                    tables.save_result(job_id, change.result)
            case CancelRequested():
                _, state = self._job(change)
                state.ask_to_stop(change, now)
            case ActionRequested():
                self._request_action(change)
            case ActionMoved():
                self._move_action(change)
            case ArtifactStored():
                self._store_artifact(change)
            case ArtifactDropped(artifact_id=artifact_id):
                if not tables.drop_artifact(artifact_id):
                    raise NotFound(f"there is no artifact {artifact_id} in scope {self._scope_id}")
            case SessionTaken():
                job_id, _ = self._held(change)
                sessions.take_session(tables, job_id, change, now)
            case SessionAppended():
                sessions.append_session(tables, self._job_id, change, now)
            case SessionDropped():
                sessions.drop_session(tables, self._job_id, change)
            case AgentStored(agent=agent):
                newest = tables.agent_version(agent.name)
                if agent.version != newest + 1:
                    raise Conflict(
                        f"version {agent.version} of agent {agent.name} follows version {newest}"
                    )
                tables.add_agent(agent)
            case AgentRemoved(name=name):
                if not tables.remove_agent(name):
                    raise NotFound(
                        f"there is no agent {name} in scope {self._scope_id}",
                        fix="See: steer agents list",
                    )
            case BudgetDefined():
                money.define_budget(tables, change)
            case BudgetDropped():
                money.drop_budget(tables, change)
            case AccountOpened():
                money.open_account(tables, change)
            case BudgetSet():
                money.set_budget(tables, change)
            case RecordsDropped():
                job_id, _ = self._held(change)
                tables.drop_records(job_id)
                for action_id in change.answers:
                    action = tables.action(action_id)
                    if action is not None and action.job_id == job_id:
                        tables.save_action(replace(action, resolution=None))
            case _:
                assert_never(change)

    def _touch(self, accounts: Sequence[str]) -> None:
        """Note accounts whose sums have changed."""
        self._accounts.update(dict.fromkeys(accounts))

    def _job(self, change: Change) -> tuple[str, JobState]:
        """Return the job for a change of it; who may make the change is asked elsewhere."""
        if self._job_id is None:
            raise Conflict(f"{type(change).__name__} is for a job and the commit names none")
        if self._state is None:
            raise NotFound(f"there is no job {self._job_id} in scope {self._scope_id}")
        self._changed = True
        return self._job_id, self._state

    def _held(self, change: Change) -> tuple[str, JobState]:
        job_id, state = self._job(change)
        if not self._acting:
            raise Conflict(f"{type(change).__name__} needs the fence of job {job_id}")
        self._write_new()
        return job_id, state

    def _unowned(self, change: Change) -> tuple[str, JobState]:
        job_id, state = self._job(change)
        if not self._acting and state.owner is not None:
            raise Conflict(
                f"{type(change).__name__} needs the fence of job {job_id}: it is held by"
                f" {state.owner}"
            )
        return job_id, state

    def _create(self, change: JobCreated) -> None:
        job, tables = change.job, self._tables
        if (job.scope_id, job.job_id) != (self._scope_id, self._job_id):
            raise Conflict(
                f"job {job.job_id} of scope {job.scope_id} cannot be created by a commit"
                f" for job {self._job_id} in scope {self._scope_id}"
            )
        key = job.idempotency_key
        if key is not None and (holder := tables.job_with_key(key)) is not None:
            raise IdempotencyConflict(
                f"the idempotency key {key!r} is held by job {holder}", job_id=holder
            )
        if self._state is not None:
            raise Conflict(f"the id of job {job.job_id} is taken")
        if change.max_children is not None and job.parent_job_id is not None:
            self._check_parent(job.parent_job_id, change.max_children)
        self._state = JobState.created(change, self._now)
        self._acting = job.owner is not None
        self._new = job

    def _check_parent(self, parent_id: str, most: int) -> None:
        parent = self._tables.job_state(parent_id)
        if parent is None:
            raise NotFound(f"there is no job {parent_id} in scope {self._scope_id}")
        if parent.status.terminal:
            raise InvalidTransition(f"a job that is {parent.status} cannot start another one")
        if self._tables.children(parent_id) >= most:
            raise BudgetExceeded(
                "max_children", f"job {parent_id} has had its {most} child job{'s' * (most != 1)}"
            )

    def _check_waits(self, job_id: str, action_id: str) -> None:
        action = self._tables.action(action_id)
        if action is None or action.job_id != job_id:
            raise Conflict(f"job {job_id} has no action {action_id} to wait for")
        if action.status is not ActionStatus.PENDING:
            raise Conflict(f"action {action_id} is {action.status}: there is nothing to wait for")

    def _write_new(self) -> None:
        """Write the job that this commit creates, before rows that refer to it."""
        job, self._new = self._new, None
        if job is not None and self._state is not None:
            self._tables.add_job(job, self._state)

    def _resolve_effect(self, change: EffectResolved) -> None:
        job_id, _ = self._held(change)
        if self._tables.save_outcome(job_id, change.key, change.outcome):
            return
        status = self._tables.effect_status(job_id, change.key)
        if status is None:
            raise NotFound(f"there is no intent of tool call {change.key}")
        raise Conflict(f"tool call {change.key} has ended: {status}")

    def _use_grant(self, change: GrantUsed) -> None:
        job_id, _ = self._held(change)
        if self._tables.use_grant(job_id, change.grant_id, self._now):
            return
        used_at = self._tables.grant_used(job_id, change.grant_id)
        if used_at is None:
            raise NotFound(f"there is no grant {change.grant_id} for job {job_id}")
        raise Conflict(f"grant {change.grant_id} was used at {used_at}")

    def _request_action(self, change: ActionRequested) -> None:
        action, tables = change.action, self._tables
        self._check_job(action.job_id)
        if tables.action(action.action_id) is not None:
            raise Conflict(f"the id of action {action.action_id} is taken")
        tables.add_action(action)

    def _store_artifact(self, change: ArtifactStored) -> None:
        artifact, tables = change.artifact, self._tables
        self._check_job(artifact.job_id)
        if tables.artifact(artifact.artifact_id) is not None:
            raise Conflict(f"the id of artifact {artifact.artifact_id} is taken")
        tables.add_artifact(artifact, change.content)

    def _check_job(self, job_id: str) -> None:
        """Refuse what belongs to no job of this scope."""
        self._write_new()
        state = self._state if job_id == self._job_id else self._tables.job_state(job_id)
        if state is None:
            raise NotFound(f"there is no job {job_id} in scope {self._scope_id}")

    def _move_action(self, change: ActionMoved) -> None:
        action = self._tables.action(change.action_id)
        if action is None:
            raise NotFound(f"there is no action {change.action_id} in scope {self._scope_id}")
        if action.status is not ActionStatus.PENDING or change.status is ActionStatus.PENDING:
            raise InvalidTransition(
                f"an action that is {action.status} cannot become {change.status}"
            )
        expires = action.expires_at
        if change.status is ActionStatus.RESOLVED and expires is not None and expires <= self._now:
            raise ActionExpired(f"action {change.action_id} expired at {expires:%Y-%m-%d %H:%M:%S}")
        if change.held_by is not None and not self._is_held(action.job_id, change.held_by):
            raise Conflict(f"nobody holds job {action.job_id} by fence {change.held_by}")
        self._tables.save_action(
            replace(
                action,
                status=change.status,
                resolved_at=self._now,
                resolution=change.resolution,
                resolved_by=change.by,
                resolved_via=change.via,
            )
        )

    def _is_held(self, job_id: str, fence: int) -> bool:
        state = self._state
        return (
            job_id == self._job_id
            and state is not None
            and state.owner is not None
            and state.fence == fence
        )
