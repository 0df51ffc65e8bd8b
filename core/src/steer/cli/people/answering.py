"""Ending a question from the command line, and saying what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from steer.actions import Answer, Approval, Input, Question, Upload, check_resolution
from steer.cli.opening import check_there, open_kernel
from steer.cli.people.action_names import find_action
from steer.cli.people.action_text import action_json, answered_text, question_in, what_text
from steer.cli.people.approval_dialog import edited_arguments
from steer.cli.people.dialogs import Files
from steer.cli.people.prompting import ask_person, converse, opened_terminal
from steer.cli.people.uploading import store_files
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.person import Dismissed, Left, Terminal
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.telling import teller
from steer.config import Settings
from steer.errors import ActionClosed, ActionExpired, ConfigError
from steer.kernel import RuntimeKernel
from steer.ports.records import ActionRecord
from steer.values import ActionStatus, JobStatus, JsonValue

__all__ = ["VIA", "Asked", "Reply", "Way", "answer_action", "cancel_action"]

VIA = "terminal"
"""How an answer came that was given here."""

Reply: TypeAlias = Answer | JsonValue
"""An answer, as a value or as JSON; ``None`` where none is given after all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How a question is answered: as the principal of the settings, or by a token.

    ``elsewhere`` says how it is answered where there is no terminal.
    """

    settings: Settings
    token: str | None
    as_json: bool
    elsewhere: str = ""


class Asked:
    """A question that a command answers."""

    def __init__(
        self, kernel: RuntimeKernel, way: Way, action: ActionRecord, question: Question
    ) -> None:
        self._kernel = kernel
        self._way = way
        self._action = action
        self._question = question

    async def at_terminal(self) -> Reply:
        """Return what the person at the terminal answers, ``None`` where they leave it."""
        with opened_terminal(Streams.standard()) as terminal:
            person = self._there(terminal).person(self._tell)
            try:
                answer = await ask_person(
                    self._kernel, self._action, self._question, person, scope_id=self._scope
                )
            except Left:
                return None
        return await self.stored(answer.paths) if isinstance(answer, Files) else answer

    async def edited(self) -> dict[str, JsonValue] | None:
        """Return the arguments as the person changes them, ``None`` where they change none."""
        question = self._question
        if not isinstance(question, Approval):
            return None
        with opened_terminal(Streams.standard()) as terminal:
            person = self._there(terminal).person(self._tell)
            try:
                return await converse(
                    self._kernel,
                    self._action,
                    person,
                    lambda: edited_arguments(question, person),
                    scope_id=self._scope,
                )
            except Left:
                return None

    async def stored(self, paths: Sequence[Path]) -> Reply:
        """Store files as what an upload is answered with. Raises ``ConfigError``."""
        if not isinstance(self._question, Upload):
            raise ConfigError(
                f"action {self._action.action_id} asks for no file",
                fix=f"See: steer actions show {self._action.action_id}",
            )
        return await store_files(
            self._kernel,
            self._action,
            self._question,
            paths,
            scope_id=self._scope,
            by=self._way.settings.principal,
        )

    def refuse_secret(self) -> None:
        """Refuse a secret on the command line. Raises ``ConfigError``."""
        if isinstance(self._question, Input) and self._question.secret:
            raise ConfigError(
                "--answer: a secret does not belong on the command line",
                fix="Leave --answer out and type it, or pipe it in with --answer -",
            )

    @property
    def _scope(self) -> str:
        return self._way.settings.scope

    @property
    def _tell(self) -> Callable[[str, str], None]:
        err = Streams.standard().err
        return teller(err, paint_for(err))

    def _there(self, terminal: Terminal | None) -> Terminal:
        if terminal is None:
            raise ConfigError(
                "there is no terminal to ask on",
                fix=self._way.elsewhere,
            )
        return terminal


async def answer_action(
    way: Way,
    name: str,
    answer: Callable[[Asked], Awaitable[Reply]],
    *,
    approval: bool = False,
) -> None:
    """Answer the action of that name, and say what became of it.

    Raises ``ConfigError`` for one that is not about a tool call where ``approval`` is wanted, and
    what ``RuntimeKernel.resolve_action`` raises.
    """
    scope = way.settings.scope
    check_there(way.settings)
    async with open_kernel(way.settings).kernel as kernel:
        action = await find_action(kernel, name, scope_id=scope, to_answer=True)
        question = _question(action, approval=approval)
        _check_pending(action)
        try:
            given = await answer(Asked(kernel, way, action, question))
        except Dismissed:
            _check_pending(await kernel.action(action.action_id, scope_id=scope))
            return
        if given is None:
            Streams.standard().err.write(f"not answered \u00b7 action {action.action_id}\n")
            return
        resolution = check_resolution(action.type, action.payload, given)
        ended = await kernel.resolve_action(
            action.action_id,
            resolution,
            scope_id=scope,
            principal_id=way.settings.principal,
            token=way.token,
            via=VIA,
        )
        await _tell_ending(kernel, way, ended)


async def cancel_action(way: Way, name: str, reason: str) -> None:
    """Take the action of that name back, and say so."""
    scope = way.settings.scope
    check_there(way.settings)
    async with open_kernel(way.settings).kernel as kernel:
        action = await find_action(kernel, name, scope_id=scope, to_answer=True)
        _check_pending(action)
        ended = await kernel.cancel_action(
            action.action_id,
            scope_id=scope,
            principal_id=way.settings.principal,
            reason=reason,
            via=VIA,
        )
        await _tell_ending(kernel, way, ended)


def _question(action: ActionRecord, *, approval: bool) -> Question:
    question = question_in(action)
    if question is None:
        raise ConfigError(
            f"action {action.action_id} asks something that this version of steer does not know"
        )
    if approval and not isinstance(question, Approval):
        raise ConfigError(
            f"action {action.action_id} is no tool call that waits for approval, it is a question"
            f" of type {action.type}",
            fix=f"Answer it with: steer actions resolve {action.action_id}",
        )
    return question


def _check_pending(action: ActionRecord) -> None:
    """Refuse what has ended before anybody edits or types an answer to it."""
    if action.status is ActionStatus.PENDING:
        return
    message = f"action {action.action_id} has ended: {answered_text(action)}"
    if action.status is ActionStatus.EXPIRED:
        raise ActionExpired(message)
    raise ActionClosed(message, by=action.resolved_by)


async def _tell_ending(kernel: RuntimeKernel, way: Way, action: ActionRecord) -> None:
    streams = Streams.standard()
    if way.as_json:
        streams.out.write_bytes(action_json(action) + b"\n")
        return
    streams.err.write(
        f"{ended_word(action)}: {what_text(action)} \u00b7 action {action.action_id}\n"
    )
    job = await kernel.storage.jobs.get(way.settings.scope, action.job_id)
    on = f"steer worker, or steer jobs resume {job.job_id}"
    if job.status is JobStatus.QUEUED:
        streams.err.write(f"its job is queued; to go on with it: {on}\n")
    elif kernel.orphaned(job):
        streams.err.write(f"nobody runs its job; to go on with it: {on}\n")


def ended_word(action: ActionRecord) -> str:
    """Return what became of a question, in a word."""
    match action.resolution:
        case {"decision": "approve", "arguments": dict()}:
            return "approved with other arguments"
        case {"decision": "approve"}:
            return "approved"
        case {"decision": "deny"}:
            return "denied"
        case _:
            return "answered" if action.status is ActionStatus.RESOLVED else action.status.value
