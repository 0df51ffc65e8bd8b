"""Asking people in the middle of a run, and waiting for what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from steer._engine.actions import ending_of
from steer._engine.questions import binding_of, bound_path
from steer._engine.state import JobState, Stop
from steer._engine.tokens import hash_of, new_token
from steer.errors import ActionClosed, ActionExpired, ConfigError, InvalidTransition
from steer.events import ActionRequired
from steer.ids import new_id
from steer.ports.changes import ActionMoved, ActionRequested
from steer.ports.gate import ToolCall
from steer.ports.records import ActionRecord
from steer.values import ActionStatus, ActionType, Expiry, JobStatus, JsonValue, digest_of

__all__ = ["Asking", "Question", "ToolAsk", "check_terms", "fail_expired"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is to be asked, bound to a call; ``expires_in`` is in seconds."""

    type: ActionType
    payload: JsonValue
    binding: JsonValue = None
    approvers: tuple[str, ...] = ()
    expires_in: float | None = None
    on_expiry: Expiry = Expiry.DENY
    default: JsonValue = None
    path: tuple[str, ...] = ()
    agent: str | None = None

    def record(
        self, action_id: str, token: str, *, job_id: str, by: str, now: datetime
    ) -> ActionRecord:
        """Return the action that asks this."""
        seconds = self.expires_in
        return ActionRecord(
            action_id=action_id,
            job_id=job_id,
            type=self.type,
            asked_by=by,
            approvers=self.approvers,
            payload=self.payload,
            binding=self.binding,
            token_hash=hash_of(token),
            created_at=now,
            expires_at=None if seconds is None else now + timedelta(seconds=seconds),
            on_expiry=self.on_expiry,
            default=self.default,
        )


class Asking:
    """Asks each question once, whichever attempt of the job it is, and tells how it ended."""

    def __init__(self, state: JobState) -> None:
        self._state = state

    async def answer(self, question: Question) -> ActionRecord:
        """Return the action once it is not pending any more."""
        state = self._state
        action = await self._found(question)
        if action is None:
            action, _ = await self.put(question)
        if action.status is ActionStatus.PENDING:
            action = await state.actions.wait(state.context.scope_id, action)
        self.note_end(action, question.path, question.agent)
        return action

    async def put(self, question: Question) -> tuple[ActionRecord, str]:
        """Ask; the question is durable when this returns. Its token is returned, too."""
        state, action_id = self._state, new_id()
        token = new_token(action_id)
        action = question.record(
            action_id,
            token,
            job_id=state.context.job_id,
            by=state.context.principal_id,
            now=state.clock.now(),
        )
        with state.lock:
            state.check()
            if state.questions.closed:
                raise InvalidTransition("a job that is about to end asks nobody any more")
            self._tell(action, question)
            state.record(ActionRequested(action=action))
            state.questions.keep(action, token)
        await state.committer.commit()
        return action, token

    def note_end(
        self, action: ActionRecord, path: tuple[str, ...], agent: str | None = None
    ) -> None:
        """Keep and tell how a question ended, the first time that this is seen."""
        state = self._state
        with state.lock:
            state.questions.keep(action)
            if state.questions.first_telling(action.action_id):
                state.tell(ending_of(action), path=path, agent=agent)

    async def close(self) -> None:
        """Withdraw what nobody has answered: the job ends, and nothing more is asked for it."""
        state = self._state
        with state.lock:
            state.questions.closed = True
            pending = state.questions.pending()
        for action in pending:
            await self._withdraw(action, bound_path(action))

    async def _found(self, question: Question) -> ActionRecord | None:
        """Return the same question of an earlier attempt; withdraw others in its place."""
        state = self._state
        if not isinstance(question.binding, Mapping):
            return None
        for action in state.questions.bound_to(question.binding):
            if action.binding == question.binding:
                self._tell(action, question)
                return action
            if action.status is ActionStatus.PENDING:
                await self._withdraw(action, question.path)
        return None

    async def _withdraw(self, action: ActionRecord, path: tuple[str, ...]) -> None:
        state = self._state
        scope_id = state.context.scope_id
        moved = ActionMoved(
            action_id=action.action_id, status=ActionStatus.CANCELLED, by="steer", via="steer"
        )
        try:
            action = await state.actions.move(scope_id, action, moved)
        except (ActionClosed, ActionExpired):
            action = await state.storage.actions.get(scope_id, action.action_id)
        self.note_end(action, path)

    def _tell(self, action: ActionRecord, question: Question) -> None:
        self._state.tell(
            ActionRequired(
                action_id=action.action_id,
                action_type=action.type,
                payload=action.payload,
                expires_at=action.expires_at,
            ),
            path=question.path,
            agent=question.agent,
        )


class ToolAsk:
    """Implements ``steer.ports.gate.Ask`` for one run of one tool call."""

    def __init__(self, state: JobState, call: ToolCall) -> None:
        self._state = state
        self._call = call
        self._places = count()

    async def __call__(
        self,
        action_type: ActionType,
        payload: JsonValue,
        /,
        *,
        expires_in: float | None = None,
        on_expiry: Expiry = Expiry.DENY,
        default: JsonValue = None,
    ) -> JsonValue:
        """Ask a person: see ``Ask``."""
        call, spec = self._call, self._state.approvals
        check_terms(action_type, expires_in, on_expiry, default)
        question = Question(
            type=action_type,
            payload=payload,
            binding=binding_of(
                call.key,
                asked="tool",
                place=next(self._places),
                digest=digest_of([action_type, payload]),
            ),
            expires_in=spec.expires_in_seconds if expires_in is None else expires_in,
            on_expiry=on_expiry,
            default=default,
            path=call.path,
            agent=call.agent,
        )
        return await self._state.at_home(self._answer, question)

    async def _answer(self, question: Question) -> JsonValue:
        state = self._state
        if state.approvals.unattended:
            raise ConfigError(
                f"{self._call.tool} asks a person, and this run is unattended",
                fix="Run it with somebody to ask",
            )
        action = await Asking(state).answer(question)
        match action.status:
            case ActionStatus.RESOLVED:
                return action.resolution
            case ActionStatus.EXPIRED if action.on_expiry is Expiry.DEFAULT:
                return action.default
            case ActionStatus.EXPIRED:
                error = ActionExpired(f"nobody answered what {self._call.tool} asks in time")
                if action.on_expiry is Expiry.FAIL:
                    fail_expired(state, error)
                raise error
            case _:
                raise ActionClosed(
                    f"what {self._call.tool} asks was withdrawn", by=action.resolved_by
                )


def fail_expired(state: JobState, error: ActionExpired) -> None:
    """End the job because nobody answered."""
    state.stop(Stop(status=JobStatus.FAILED, error=error))


def check_terms(
    action_type: ActionType, expires_in: float | None, on_expiry: Expiry, default: JsonValue
) -> None:
    """Refuse a question that cannot be asked so. Raises ``ConfigError``."""
    if action_type is ActionType.APPROVAL:
        raise ConfigError(
            "only the gate asks for approvals", fix="Use confirm, or let policy ask for the call"
        )
    if expires_in is not None and not 0 < expires_in < float("inf"):
        raise ConfigError(f"expires_in is {expires_in} s; it must be finite and more than 0")
    if (on_expiry is Expiry.DEFAULT) != (default is not None):
        raise ConfigError(
            "on_expiry='default' and a default belong together", fix="Give both, or neither"
        )
