"""A question that an application asks in the name of a job; the run itself does not wait for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from steer._engine.asking import Asking, Question, checked
from steer._engine.state import JobState
from steer._engine.telling import Telling
from steer._engine.tokens import new_token
from steer.clock import Clock
from steer.errors import Conflict, InvalidTransition
from steer.events import ActionRequired, Event
from steer.ids import new_id
from steer.ports.artifact import ArtifactStore
from steer.ports.changes import ActionRequested, EventsAppended
from steer.ports.gate import Asked
from steer.ports.records import ActionRecord, JobRecord
from steer.ports.storage import Storage
from steer.request import StoredRequest
from steer.values import ActionType, Expiry, JsonValue

__all__ = ["Requiring"]

TRIES = 20


class Requiring:
    """Asks for jobs that this process runs, and for those that nobody runs.

    ``running`` finds the state of a job that runs here. ``on_events`` is called with events that
    were committed for a job that nobody runs.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        telling: Telling,
        artifacts: ArtifactStore,
        running: Callable[[str, str], JobState | None],
        on_events: Callable[[JobRecord, Sequence[Event]], Awaitable[None]],
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._telling = telling
        self._artifacts = artifacts
        self._running = running
        self._on_events = on_events

    async def __call__(
        self,
        scope_id: str,
        job_id: str,
        asked: Asked | ActionType | str,
        payload: JsonValue,
        *,
        expires_in: float | None,
        on_expiry: Expiry,
        default: JsonValue,
        approvers: tuple[str, ...],
    ) -> tuple[ActionRecord, str]:
        """Ask, and return the action and its token: see ``RuntimeKernel.require_action``."""
        action_type, payload, default = checked(asked, payload, expires_in, on_expiry, default)
        for _ in range(TRIES):
            job = await self._storage.jobs.get(scope_id, job_id)
            if job.status.terminal:
                raise InvalidTransition(f"a job that is {job.status} asks nobody any more")
            if expires_in is None:
                expires_in = StoredRequest.decode(job.request).approvals.expires_in_seconds
            question = Question(
                type=action_type,
                payload=payload,
                approvers=approvers,
                expires_in=expires_in,
                on_expiry=on_expiry,
                default=default,
            )
            await question.check_default(scope_id, job_id, self._artifacts, now=self._clock.now())
            state = self._running(scope_id, job_id)
            if state is not None:
                return await Asking(state).put(question)
            if job.owner is not None:
                raise Conflict(
                    f"job {job_id} is run by process {job.owner.pid} on {job.owner.host}",
                    fix="Ask there",
                )
            try:
                return await self._put(job, question)
            except Conflict:
                # Somebody took the job, or told something of it, since it was read.
                continue
        raise Conflict(f"job {job_id} moved {TRIES} times while a question was asked")

    async def _put(self, job: JobRecord, question: Question) -> tuple[ActionRecord, str]:
        action_id, now = new_id(), self._clock.now()
        token = new_token(action_id)
        action = question.record(action_id, token, job_id=job.job_id, by=job.principal_id, now=now)
        required = ActionRequired(
            action_id=action_id,
            action_type=action.type,
            payload=action.payload,
            expires_at=action.expires_at,
        )
        events = self._telling.events(job, (required, ()))
        await self._storage.commit(
            job.scope_id,
            job.job_id,
            None,
            [ActionRequested(action=action), EventsAppended(events=events)],
        )
        await self._on_events(job, events)
        return action, token
