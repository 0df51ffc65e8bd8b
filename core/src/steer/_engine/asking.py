"""Asking people in the middle of a run, and waiting for what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Literal

from steer._engine.actions import ending_of
from steer._engine.audits import STEER
from steer._engine.questions import binding_of, bound_path, is_same
from steer._engine.state import JobState, Stop
from steer._engine.tokens import hash_of, new_token
from steer._engine.told_files import tell_files
from steer.actions import check_question, check_resolution, check_upload
from steer.errors import ActionClosed, ActionExpired, ConfigError, InvalidTransition
from steer.events import ActionRequired
from steer.ids import new_id
from steer.ports.artifact import ArtifactStore
from steer.ports.changes import ActionMoved, ActionRequested
from steer.ports.gate import Asked, ToolCall
from steer.ports.records import ActionRecord, EffectKey
from steer.values import ActionStatus, ActionType, Expiry, JobStatus, JsonValue, digest_of

__all__ = ["Asking", "Question", "ToolAsk", "checked", "fail_expired"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is to be asked, bound to a call; ``expires_in`` is in seconds.

    ``left_by`` is the call that a run can leave behind while this question stands.
    """

    type: ActionType
    payload: JsonValue
    binding: JsonValue = None
    approvers: tuple[str, ...] = ()
    expires_in: float | None = None
    on_expiry: Expiry = Expiry.DENY
    default: JsonValue = None
    path: tuple[str, ...] = ()
    agent: str | None = None
    held: Literal["inline", "suspended"] = "inline"
    left_by: EffectKey | None = None

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

    async def check_default(
        self, scope_id: str, job_id: str, artifacts: ArtifactStore, *, now: datetime
    ) -> None:
        """Raise ``InvalidAnswer`` where the default of an upload names files that do not fit."""
        if self.default is not None:
            action = self.record("", "", job_id=job_id, by="", now=now)
            await check_upload(action, self.default, scope_id=scope_id, artifacts=artifacts)


class Asking:
    """Asks each question once, whichever attempt of the job it is, and tells how it ended."""

    def __init__(self, state: JobState) -> None:
        self._state = state

    async def answer(
        self,
        question: Question,
        *,
        asked: ActionRecord | None = None,
        covered: Callable[[], ActionRecord | None] = lambda: None,
    ) -> ActionRecord | None:
        """Return the action once it is not pending any more, ``None`` where the run leaves first.

        That it may where the question says that its call can be left. ``asked`` is the action where
        there is one already, from ``ask``. ``covered`` finds the answer to another question that is
        good for this one, too; this one is then withdrawn.
        """
        action = asked or await self.ask(question)
        parking = self._state.parking
        if action.status is ActionStatus.PENDING:
            parking.wait_begins(action.action_id, left_by=question.left_by)
            try:
                while action.status is ActionStatus.PENDING:
                    if self._is_over(action):
                        action = await self._state.actions.expire(self._scope_id, action)
                        continue
                    if parking.is_time() and question.left_by is not None:
                        return None
                    if (other := covered()) is not None:
                        await self.withdraw(action, question.path, "another answer covers it")
                        return other
                    action = await self._wait(action)
            finally:
                parking.wait_ends(action.action_id)
        if action.type is ActionType.UPLOAD:
            await tell_files(self._state)
        self.note_end(action, question.path, question.agent)
        return action

    async def ask(self, question: Question) -> ActionRecord:
        """Return the action that asks this, of an earlier attempt or a new one."""
        action = await self._found(question)
        if action is None:
            action, _ = await self.put(question)
        return action

    @property
    def _scope_id(self) -> str:
        return self._state.context.scope_id

    def _is_over(self, action: ActionRecord) -> bool:
        expires = action.expires_at
        return expires is not None and expires <= self._state.clock.now()

    async def _wait(self, action: ActionRecord) -> ActionRecord:
        state = self._state
        left = state.parking.seconds_left(action.action_id)
        return await state.actions.wait(
            self._scope_id,
            action,
            until=None if left is None else state.clock.now() + timedelta(seconds=left),
            nudged=state.parking.nudged(),
        )

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
                state.parking.check()
                raise InvalidTransition("a job that is about to end asks nobody any more")
            state.record(ActionRequested(action=action))
            state.questions.keep(action, token)
        await state.committer.commit()
        # Told only now, so that whoever hears of it can answer. If the process dies before that,
        # the next attempt finds the action and tells of it.
        self._tell(action, question)
        state.committer.commit_soon()
        return action, token

    def note_end(
        self,
        action: ActionRecord,
        path: tuple[str, ...],
        agent: str | None = None,
        *,
        reason: str = "",
    ) -> None:
        """Keep and tell how a question ended, the first time that this is seen."""
        state = self._state
        with state.lock:
            state.questions.keep(action)
            if state.questions.first_telling(action.action_id):
                state.tell(ending_of(action, reason=reason), path=path, agent=agent)
        if action.status is ActionStatus.RESOLVED:
            # It may cover other questions, too.
            state.parking.nudge()

    async def close(self) -> None:
        """Withdraw what nobody has answered: the job ends, and nothing more is asked for it."""
        state = self._state
        with state.lock:
            state.questions.closed = True
            pending = state.questions.pending()
        for action in pending:
            await self.withdraw(action, bound_path(action), "the job has ended")
        if any(action.type is ActionType.UPLOAD for action in state.questions.untold()):
            await tell_files(state)
        # Answered while a process held the job that is gone since: nobody told of it yet.
        for action in state.questions.ended():
            self.note_end(action, bound_path(action))

    def known(self, question: Question) -> ActionRecord | None:
        """Return the same question of an earlier attempt."""
        if not isinstance(question.binding, Mapping):
            return None
        for action in self._state.questions.bound_to(question.binding):
            if is_same(action.binding, question.binding) and not _withdrawn_here(action):
                return action
        return None

    async def _found(self, question: Question) -> ActionRecord | None:
        """Return the same question of an earlier attempt; withdraw others in its place."""
        state = self._state
        if not isinstance(question.binding, Mapping):
            return None
        found = self.known(question)
        if found is not None:
            self._tell(found, question)
            return found
        for action in state.questions.bound_to(question.binding):
            if action.status is ActionStatus.PENDING:
                await self.withdraw(action, question.path, "the call is another one now")
        return None

    async def withdraw(self, action: ActionRecord, path: tuple[str, ...], reason: str) -> None:
        """Take a question back, unless somebody has answered it."""
        state = self._state
        moved = ActionMoved(
            action_id=action.action_id, status=ActionStatus.CANCELLED, by=STEER, via=STEER
        )
        try:
            action = await state.actions.move(self._scope_id, action, moved, reason=reason)
        except (ActionClosed, ActionExpired):
            action = await state.storage.actions.get(self._scope_id, action.action_id)
        self.note_end(action, path, reason=reason)

    def _tell(self, action: ActionRecord, question: Question) -> None:
        self._state.tell(
            ActionRequired(
                action_id=action.action_id,
                action_type=action.type,
                payload=action.payload,
                held=question.held,
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
        asked: Asked | ActionType | str,
        payload: JsonValue = None,
        /,
        *,
        expires_in: float | None = None,
        on_expiry: Expiry = Expiry.DENY,
        default: JsonValue = None,
    ) -> JsonValue:
        """Ask a person: see ``Ask``."""
        call, spec = self._call, self._state.approvals
        action_type, payload, default = checked(asked, payload, expires_in, on_expiry, default)
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
        asking = Asking(state)
        if asking.known(question) is None:
            await question.check_default(
                state.context.scope_id, state.context.job_id, state.artifacts, now=state.clock.now()
            )
        action = await asking.answer(question)
        if action is None:
            raise AssertionError("a tool's own question was left behind")
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


def _withdrawn_here(action: ActionRecord) -> bool:
    """Whether steer itself took the question back, and so may ask it again."""
    return action.status is ActionStatus.CANCELLED and action.resolved_via == STEER


def fail_expired(state: JobState, error: ActionExpired) -> None:
    """End the job because nobody answered."""
    state.stop(Stop(status=JobStatus.FAILED, error=error))


def checked(
    asked: Asked | ActionType | str,
    payload: JsonValue,
    expires_in: float | None,
    on_expiry: Expiry,
    default: JsonValue,
) -> tuple[ActionType, JsonValue, JsonValue]:
    """Return type, payload and default of a question in normal form.

    Raises ``InvalidQuestion``, ``InvalidAnswer`` for the default, and ``ConfigError``.
    """
    # Anything else than a value of steer.actions is refused by the check.
    action_type, payload = check_question(asked, payload)  # type: ignore[arg-type]
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
    if default is not None:
        default = check_resolution(action_type, payload, default)
    return action_type, payload, default
