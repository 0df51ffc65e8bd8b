"""Actions wherever their job is: found, waited for, answered, withdrawn and expired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import anyio

from steer._engine.audits import answer_booked
from steer._engine.questions import bound_path
from steer._engine.telling import Telling
from steer._engine.topics import NO_SCOPE, answers_topic, queue_topic, tell_topic
from steer.actions import shown_resolution
from steer.clock import Clock
from steer.errors import ActionClosed, ActionExpired, Conflict, InvalidTransition
from steer.events import (
    ActionCancelled,
    ActionExpiredEvent,
    ActionResolved,
    Event,
    EventData,
    JobStatusChanged,
)
from steer.ports.changes import ActionMoved, Change, EventsAppended, JobMoved
from steer.ports.records import ActionRecord, JobRecord
from steer.ports.signals import SignalChannel
from steer.ports.storage import MAX_PAGE, Storage
from steer.values import ActionStatus, ActionType, JobStatus

__all__ = ["Actions", "closed_by", "ending_of", "listed", "shown"]

POLL_SECONDS = 5.0
"""How often a question is looked at when no signal comes."""

TRIES = 20
"""How often a parked job may move under an answer before that gives up."""


class Actions:
    """What can be done to the actions of one store.

    ``on_events`` is called with events that were committed for a job that nobody runs.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        signals: SignalChannel,
        clock: Clock,
        telling: Telling,
        on_events: Callable[[JobRecord, Sequence[Event]], Awaitable[None]],
    ) -> None:
        self._storage = storage
        self._signals = signals
        self._signal = partial(tell_topic, signals)
        self._clock = clock
        self._telling = telling
        self._on_events = on_events

    async def of_job(self, scope_id: str, job_id: str) -> list[ActionRecord]:
        """Return all actions of a job, oldest first."""
        found: list[ActionRecord] = []
        cursor = None
        while True:
            page = await self._storage.actions.list(
                scope_id, job_id=job_id, limit=MAX_PAGE, cursor=cursor
            )
            found.extend(page.items)
            cursor = page.cursor
            if cursor is None:
                return found

    async def wait(
        self,
        scope_id: str,
        action: ActionRecord,
        *,
        until: datetime | None = None,
        nudged: Callable[[], Awaitable[None]] | None = None,
    ) -> ActionRecord:
        """Return the action once it is not pending; as it then stands at ``until``.

        The same once ``nudged`` returns. A question past its time is expired by whoever waits for
        it.
        """
        expires = action.expires_at
        ends = min((each for each in (until, expires) if each is not None), default=None)
        found = await self._look_until(scope_id, action, ends, nudged)
        if (
            found.status is ActionStatus.PENDING
            and expires is not None
            and expires <= self._clock.now()
        ):
            return await self.expire(scope_id, found)
        return found

    async def expire(self, scope_id: str, action: ActionRecord) -> ActionRecord:
        """Record that nobody answered in time, unless somebody did after all."""
        try:
            return await self.move(
                scope_id,
                action,
                ActionMoved(action_id=action.action_id, status=ActionStatus.EXPIRED),
            )
        except ActionClosed:
            return await self._storage.actions.get(scope_id, action.action_id)

    async def move(
        self,
        scope_id: str,
        action: ActionRecord,
        moved: ActionMoved,
        *,
        reason: str = "",
        also: Callable[[], Awaitable[Sequence[Change]]] | None = None,
    ) -> ActionRecord:
        """Commit the end of a question, wake whom it concerns, and return it as it now stands.

        ``also`` returns what goes with it in the same commit, and is called for each try.
        The process that runs the job tells of it. Of a job that nobody runs it is told here, in the
        same commit, and one that waits for this answer is queued again. Raises ``ActionClosed``
        where the question has ended already, and ``ActionExpired`` for an answer that is too late.
        """
        for _ in range(TRIES):
            job = await self._storage.jobs.get(scope_id, action.job_id)
            # Whoever holds the job acts on it, as long as that is so when this is committed.
            held_by = None if job.owner is None else job.fence
            changes: list[Change] = [
                replace(moved, held_by=held_by),
                *answer_booked(job, action, moved, self._clock.now()),
            ]
            if also is not None:
                changes.extend(await also())
            events: tuple[Event, ...] = ()
            queued = False
            if job.owner is None and not job.status.terminal:
                events = self._events(job, action, moved, reason)
                changes.append(EventsAppended(events=events))
                queued = isinstance(events[-1].data, JobStatusChanged)
                if queued:
                    changes.append(JobMoved(status=JobStatus.QUEUED))
            try:
                await self._storage.commit(scope_id, job.job_id, None, changes)
            except InvalidTransition:
                raise closed_by(
                    await self._storage.actions.get(scope_id, action.action_id)
                ) from None
            except ActionExpired:
                raise _too_late(action) from None
            except Conflict:
                # Somebody took the job, or answered another question of it, since it was read.
                continue
            await self._signal(scope_id, answers_topic(job.job_id))
            if events:
                await self._on_events(job, events)
            if queued:
                await self._signal(NO_SCOPE, queue_topic(job.queue))
            return await self._storage.actions.get(scope_id, action.action_id)
        raise Conflict(
            f"job {action.job_id} moved {TRIES} times while action {action.action_id} was answered",
            fix="Try again",
        )

    def _events(
        self, job: JobRecord, action: ActionRecord, moved: ActionMoved, reason: str
    ) -> tuple[Event, ...]:
        after = replace(
            action,
            status=moved.status,
            resolution=moved.resolution,
            resolved_by=moved.by,
            resolved_via=moved.via,
        )
        told: list[tuple[EventData, tuple[str, ...]]] = [
            (ending_of(after, reason=reason), bound_path(action))
        ]
        # A question without a binding is an application's own: the run does not wait for it.
        if job.status is JobStatus.WAITING_ACTION and action.binding is not None:
            what = f"{action.type} action {action.action_id} is {moved.status}"
            told.append((JobStatusChanged(old=job.status, new=JobStatus.QUEUED, reason=what), ()))
        return self._telling.events(job, *told)

    async def _look_until(
        self,
        scope_id: str,
        action: ActionRecord,
        ends: datetime | None,
        nudged: Callable[[], Awaitable[None]] | None,
    ) -> ActionRecord:
        found, failure = action, None
        async with anyio.create_task_group() as group:

            async def give_up(at: datetime) -> None:
                left = (at - self._clock.now()).total_seconds()
                await self._clock.sleep_until(self._clock.monotonic() + left)
                group.cancel_scope.cancel()

            async def stop_on(signal: Callable[[], Awaitable[None]]) -> None:
                await signal()
                group.cancel_scope.cancel()

            if ends is not None:
                group.start_soon(give_up, ends)
            if nudged is not None:
                group.start_soon(stop_on, nudged)
            try:
                topic = answers_topic(action.job_id)
                async with self._signals.subscribe(scope_id, topic) as waiter:
                    # Read after subscribing, so that an answer in between is not missed.
                    while True:
                        found = await self._storage.actions.get(scope_id, action.action_id)
                        if found.status is not ActionStatus.PENDING:
                            break
                        await waiter.wait(POLL_SECONDS)
            except Exception as error:  # out of the group, which would wrap it
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return found


def listed(action: ActionRecord) -> ActionRecord:
    """Return the action as it is listed: as it is shown, and without secrets that were given."""
    hidden = {
        name: shown_resolution(action.type, action.payload, getattr(action, name))
        for name in ("resolution", "default")
    }
    return replace(shown(action), **hidden)


def shown(action: ActionRecord) -> ActionRecord:
    """Return the action as it is shown: what only the engine needs is left out."""
    return replace(action, token_hash=None, binding=None)


def ending_of(action: ActionRecord, *, reason: str = "") -> EventData:
    """Return the event that tells how a question ended."""
    match action.status:
        case ActionStatus.RESOLVED:
            return ActionResolved(
                action_id=action.action_id,
                by=action.resolved_by or "",
                via=action.resolved_via or "",
                outcome=_outcome(action),
            )
        case ActionStatus.EXPIRED:
            return ActionExpiredEvent(action_id=action.action_id, rule=action.on_expiry.value)
        case _:
            return ActionCancelled(action_id=action.action_id, reason=reason)


def closed_by(action: ActionRecord) -> ActionClosed | ActionExpired:
    """Return the error of an answer that comes after the end of the question."""
    when = f" at {action.resolved_at:%Y-%m-%d %H:%M:%S} UTC" if action.resolved_at else ""
    by = action.resolved_by
    match action.status:
        case ActionStatus.RESOLVED:
            outcome = _outcome(action)
            if action.type is ActionType.APPROVAL and _edited(action):
                outcome += " with other arguments"
            told = f" ({outcome})" if outcome else ""
            message = f"action {action.action_id} was answered by {by} via {action.resolved_via}"
            return ActionClosed(f"{message}{when}{told}", by=by)
        case ActionStatus.EXPIRED:
            return ActionExpired(f"action {action.action_id} expired{when}")
        case _:
            withdrawn = f" by {by}" if by else ""
            return ActionClosed(f"action {action.action_id} was withdrawn{withdrawn}{when}", by=by)


def _too_late(action: ActionRecord) -> ActionExpired:
    when = f" at {action.expires_at:%Y-%m-%d %H:%M:%S} UTC" if action.expires_at else ""
    return ActionExpired(f"action {action.action_id} expired{when}: this answer is too late")


def _outcome(action: ActionRecord) -> str:
    """Return in a word what was answered, where a word can say it."""
    if action.type is ActionType.APPROVAL and isinstance(action.resolution, dict):
        return str(action.resolution.get("decision", ""))
    return ""


def _edited(action: ActionRecord) -> bool:
    answer = action.resolution
    return isinstance(answer, dict) and answer.get("arguments") is not None
