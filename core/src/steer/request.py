"""What an application asks for: run this agent, with this input, for this principal."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Literal

from pydantic import TypeAdapter

from steer.context import (
    DEFAULT_PRINCIPAL,
    DEFAULT_SCOPE,
    ONE_TRY,
    ApprovalSpec,
    BudgetSpec,
    JobRetrySpec,
    PolicyRef,
    RetrySpec,
)
from steer.errors import ConfigError
from steer.ports.options import PrepareOptions
from steer.values import (
    FilePart,
    ImagePart,
    JsonValue,
    Message,
    Role,
    ToolCallPart,
    ToolResultPart,
    encode_json,
    user_message,
)

__all__ = [
    "SESSION_WAIT_SECONDS",
    "ExecutionRequest",
    "StoredRequest",
    "check_conversation",
    "check_session_id",
]

SESSION_WAIT_SECONDS = 60.0
"""How long a request waits for its session, unless it says so itself."""

MAX_SESSION_ID = 200
"""The most characters that the name of a session may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionRequest:
    """A run that is asked for.

    ``agent`` is a specification (``"file.py"``, ``"file.py:name"``, ``"package.module:name"``,
    ``"agent.toml"``; of one that is stored, ``"@name"`` or ``"name@2"``), an agent reference, a
    ``steer.agents.Agent`` or a vendor's agent object.
    A live object runs in this process only: after a crash its job fails as ``interrupted``.

    The input is either ``prompt`` or ``messages``, the whole conversation: texts of all roles,
    images and files of the user, tool calls of the assistant, each with its result in a tool's
    message right after it. ``runtime`` is the one that fits the agent unless given. ``policies``
    replaces the kernel's own selection. ``retries`` says how often model requests that failed are
    made again, ``approvals`` how the run waits for people. ``user_context`` is the author's object,
    handed to tools and never stored: a run that has one waits for people in its process, and after
    a crash its job fails as ``interrupted``, unless the same is asked again with it.

    With an ``idempotency_key`` the same request runs once in its scope: asking again returns
    the same job. ``keep_records`` keeps what a replay needs after the job has ended.

    ``job_retries`` says how often the whole job is tried again after a failure. ``queue`` is where
    it waits for a worker whenever no process has it. ``due_at``, or ``delay`` in seconds from now,
    is for ``submit`` alone: before that moment no worker takes it. With a ``parent_job_id`` it is
    that job's child: bounded by what the parent has left, and cancelled when the parent ends.

    With a ``session_id`` the run goes on with that conversation, begun by it where there is none:
    it is shown what earlier runs added, and adds its own part when it has succeeded. The input is
    then what is new. One job at a time does so: while another one has it, ``execute`` raises
    ``SessionBusy``, or waits up to ``session_wait_seconds`` with ``session_busy="wait"``. A queued
    job waits its turn.
    """

    agent: object
    prompt: str | None = None
    messages: Sequence[Message] = ()
    runtime: str | None = None
    options: PrepareOptions = field(default_factory=PrepareOptions)
    scope_id: str = DEFAULT_SCOPE
    principal_id: str = DEFAULT_PRINCIPAL
    team_id: str | None = None
    session_id: str | None = None
    session_busy: Literal["conflict", "wait"] | None = None
    session_wait_seconds: float | None = None
    budgets: BudgetSpec = field(default_factory=BudgetSpec)
    retries: RetrySpec = field(default_factory=RetrySpec)
    approvals: ApprovalSpec = field(default_factory=ApprovalSpec)
    policies: tuple[PolicyRef, ...] | None = None
    job_retries: JobRetrySpec = ONE_TRY
    queue: str = "default"
    due_at: datetime | None = None
    delay: float | None = None
    parent_job_id: str | None = None
    idempotency_key: str | None = None
    user_context: object = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    keep_records: bool = False

    def __post_init__(self) -> None:
        """Refuse a request without a scope, and input that no model could be asked with."""
        if not self.scope_id:
            raise ConfigError("a request needs a scope_id that is not empty")
        if (self.prompt is None) == (not self.messages):
            raise ConfigError("a request has either a prompt or messages", fix="Give one of them")
        check_conversation(self.messages)
        _check_session(self)
        if not self.queue:
            raise ConfigError("the name of a queue is not empty")
        _check_time(self.due_at, self.delay)

    @property
    def input(self) -> tuple[Message, ...]:
        """The conversation, the newest message last."""
        if self.prompt is not None:
            return (user_message(self.prompt),)
        return tuple(self.messages)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRequest:
    """The part of a request that another process needs to run it again.

    No secret is in it: another process looks for keys where its own configuration says. Of the
    author's context it is only known that there was one: nobody runs the request without it.
    """

    input: tuple[Message, ...]
    options: PrepareOptions
    budgets: BudgetSpec
    retries: RetrySpec = field(default_factory=RetrySpec)
    approvals: ApprovalSpec = field(default_factory=ApprovalSpec)
    job_retries: JobRetrySpec = ONE_TRY
    policies: tuple[PolicyRef, ...] | None = None
    has_user_context: bool = False
    keep_records: bool = False

    @classmethod
    def of(cls, request: ExecutionRequest) -> StoredRequest:
        """Return what is kept of a request."""
        return cls(
            input=request.input,
            options=request.options
            if request.options.api_key is None
            else replace(request.options, api_key=None),
            budgets=request.budgets,
            retries=request.retries,
            approvals=request.approvals,
            job_retries=request.job_retries,
            policies=request.policies,
            has_user_context=request.user_context is not None,
            keep_records=request.keep_records,
        )

    def without_settings(self, secret: Collection[str]) -> StoredRequest:
        """Return the same without these keys of the runtime's configuration."""
        config = {k: v for k, v in self.options.config.items() if k not in secret}
        return replace(self, options=replace(self.options, config=config))

    def encode(self) -> str:
        """Return the request as JSON text."""
        return encode_json(self).decode()

    @staticmethod
    def decode(text: str) -> StoredRequest:
        """Return the request that ``encode`` wrote."""
        return _adapter().validate_json(text)


def check_session_id(session_id: str) -> None:
    """Raise ``ConfigError`` for what cannot be the name of a session."""
    if not session_id or len(session_id) > MAX_SESSION_ID or not session_id.isprintable():
        raise ConfigError(
            f"a session has no such name: {session_id[:MAX_SESSION_ID]!r}",
            fix=f"Take 1 to {MAX_SESSION_ID} printable characters",
        )


def _check_session(request: ExecutionRequest) -> None:
    if request.session_id is None:
        if request.session_busy is not None:
            raise ConfigError("session_busy is about a session_id, and there is none")
    else:
        check_session_id(request.session_id)
    if request.session_busy not in {None, "conflict", "wait"}:
        raise ConfigError(
            f"session_busy is {request.session_busy!r}", fix="Say 'conflict' or 'wait'"
        )
    seconds = request.session_wait_seconds
    if seconds is None:
        return
    if request.session_busy != "wait":
        raise ConfigError(
            "session_wait_seconds bounds a wait for the session", fix="Say session_busy='wait' too"
        )
    if not 0 <= seconds < math.inf:
        raise ConfigError(
            f"session_wait_seconds is {seconds}, it must be a finite number, 0 or more"
        )


def _check_time(due_at: datetime | None, delay: float | None) -> None:
    if due_at is not None and delay is not None:
        raise ConfigError("a request has due_at or a delay, not both", fix="Leave one out")
    if due_at is not None and due_at.tzinfo is None:
        raise ConfigError("due_at names no time zone", fix="For example datetime.now(UTC)")
    if delay is not None and not 0 <= delay < math.inf:
        raise ConfigError(f"the delay is {delay}, it must be a finite number of seconds, 0 or more")


# Which role says what besides text; no vendor has a place for the rest.
_SPEAKERS: Mapping[type[object], Role] = {
    ImagePart: Role.USER,
    FilePart: Role.USER,
    ToolCallPart: Role.ASSISTANT,
    ToolResultPart: Role.TOOL,
}


def check_conversation(messages: Sequence[Message], *, unique: bool = True) -> None:
    """Refuse what vendors would drop or refuse one by one, each in its own words.

    Providers use ids of calls again, so where they come from one, they need not be ``unique``.
    Raises ``ConfigError``.
    """
    called: set[str] = set()
    waiting: dict[str, int] = {}
    for number, message in enumerate(messages, start=1):
        where = f"message {number} ({message.role})"
        if not message.content:
            raise ConfigError(f"{where} is empty", fix="Leave it out, or give it an empty text")
        if waiting and message.role is not Role.TOOL:
            # Chat refuses it, whichever message it is.
            call_id, calling = next(iter(waiting.items()))
            raise ConfigError(
                f"{where} comes before the result of the tool call {call_id!r} of"
                f" message {calling}",
                fix="Put each result into a tool's message right after the message with its call",
            )
        for part in message.content:
            speaker = _SPEAKERS.get(type(part))
            if speaker is not message.role and (speaker or message.role is Role.TOOL):
                what = part.type.replace("_", " ")
                raise ConfigError(
                    f"{where} holds a part that it cannot hold: {what}",
                    fix=f"Put it into a message of the {speaker or Role.USER}",
                )
            if isinstance(part, ToolCallPart):
                if part.call_id in (called if unique else waiting):
                    raise ConfigError(f"{where} repeats the tool call {part.call_id!r}")
                called.add(part.call_id)
                waiting[part.call_id] = number
            elif isinstance(part, ToolResultPart) and waiting.pop(part.call_id, None) is None:
                raise ConfigError(
                    f"{where} has a result of the tool call {part.call_id!r}, which does not wait"
                    " for one",
                    fix="Give each call one result, after the call",
                )
    for call_id, number in waiting.items():
        raise ConfigError(
            f"message {number} (assistant) has the tool call {call_id!r}, which has no result",
            fix="Give it one, in a tool's message right after it",
        )


@cache
def _adapter() -> TypeAdapter[StoredRequest]:
    return TypeAdapter(StoredRequest)
