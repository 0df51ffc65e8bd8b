"""The gate: what a runtime asks before it acts, and where each act is recorded.

One gate per run; its methods may be called from any event loop of the process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from steer.errors import ErrorInfo, SteerError
from steer.ports.policy import ToolKind
from steer.ports.records import ArtifactRecord, EffectKey, Grant, ModelRecord
from steer.values import ActionType, Effect, EffectStatus, Expiry, JsonValue, Usage

__all__ = [
    "Ask",
    "Asked",
    "Decision",
    "EffectRun",
    "Gate",
    "GateOutcome",
    "Keep",
    "ModelCall",
    "ModelRequest",
    "Sent",
    "ToolCall",
    "ToolOutcome",
]


class GateOutcome(StrEnum):
    """What the gate says to a tool call."""

    ALLOW = "allow"
    DENY = "deny"
    SUSPEND = "suspend"


class Sent(StrEnum):
    """How far a failed model request got; what it may have cost follows from it."""

    NO = "no"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """A tool call as the model proposed it.

    ``path`` is the ids of the enclosing tool calls, ``message`` the index (from 0) of the model
    message on that path that holds the call: ``ModelCall.message`` of that request.
    ``arguments`` is the decoded JSON, or the model's text where that is no JSON.
    ``needs_approval`` says that the agent's author wants a person to approve this call. ``refused``
    says that whoever executes such calls has refused this one already: policy is asked for the
    record, and no person, since nothing of it happens.
    """

    call_id: str
    tool: str
    message: int
    path: tuple[str, ...] = ()
    arguments: JsonValue = None
    kind: ToolKind = ToolKind.FUNCTION
    effect: Effect = Effect.ONCE
    declared: bool = True
    server: str | None = None
    agent: str | None = None
    needs_approval: bool = False
    refused: bool = False

    @property
    def key(self) -> EffectKey:
        """What names this call under replay."""
        return EffectKey(path=self.path, message=self.message, call_id=self.call_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The gate's answer. ``reason`` is for the model where the call is denied.

    ``arguments`` are the ones to run with: the proposed ones, or what policy made of them.
    """

    outcome: GateOutcome
    grant: Grant | None = None
    arguments: JsonValue = None
    reason: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the call may be made."""
        return self.outcome is GateOutcome.ALLOW


class Asked(Protocol):
    """A question as a value, such as ``steer.actions.Confirm``; its fields are the payload."""

    @property
    def type(self) -> ActionType:
        """What kind of question it is."""
        ...


class Ask(Protocol):
    """How a tool asks a person in the middle of its work."""

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
        """Ask, wait, and return the answer in JSON form; from any event loop of the process.

        The question is a value, or a type with its payload. The same one of a call that is run
        again after a crash finds the first one and its answer. Raises ``InvalidQuestion`` and
        ``InvalidAnswer`` (for the default), ``ConfigError`` for terms that cannot be,
        ``ActionExpired``
        where nobody answered within ``expires_in`` seconds (by ``on_expiry`` the job fails too, or
        ``default`` is returned instead), ``ActionClosed`` where the question was withdrawn.
        """
        ...


class Keep(Protocol):
    """How a tool keeps a file of its job."""

    async def __call__(self, content: bytes, /, *, name: str, media_type: str) -> ArtifactRecord:
        """Keep the file and say so; it is durable on return. From any event loop of the process.

        The same file of a call that is run again after a crash is kept once. Raises
        ``BudgetExceeded`` where it is too large, ``ConfigError`` for a name or media type that is
        none.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectRun:
    """What an effect is given: its arguments and the key that makes a repetition harmless.

    ``ask`` lets it ask a person and ``keep`` keep files; give them to the tool in ``ToolContext``.
    """

    key: str
    arguments: JsonValue
    ask: Ask | None = field(default=None, repr=False, compare=False)
    keep: Keep | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolOutcome:
    """How a tool call ended.

    ``value`` is the result in JSON form. ``replayed`` says that it comes from a record and
    nothing ran. ``exception`` is the live exception of an effect that just failed; it is never
    recorded.
    """

    status: EffectStatus
    value: JsonValue = None
    error: ErrorInfo | None = None
    replayed: bool = False
    exception: BaseException | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRequest:
    """One request that is about to go to a model.

    ``digest`` identifies what is asked; a replay compares it. ``input_bound`` is an upper bound
    on the input tokens, ``None`` where there is none. ``max_output_tokens`` is what the author
    asked for.
    """

    digest: str
    model: str
    path: tuple[str, ...] = ()
    agent: str | None = None
    provider: str | None = None
    input_bound: int | None = None
    max_output_tokens: int | None = None


class ModelCall(Protocol):
    """One admitted model request."""

    @property
    def id(self) -> str:
        """The name that the events of this request carry as ``call``."""
        ...

    @property
    def message(self) -> int:
        """The index, from 0, of the message this request will complete on its path."""
        ...

    @property
    def recorded(self) -> ModelRecord | None:
        """The response of an earlier attempt: yield it and send nothing (RT-40)."""
        ...

    @property
    def model(self) -> str:
        """The model to ask: the request's, unless a budget has room for another one only (RT-67).

        Only a runtime that claims ``model_substitution`` is given another one. The request stays
        known by what its author asked for.
        """
        ...

    @property
    def max_output_tokens(self) -> int | None:
        """How much the model may answer: never more than was asked for (RT-22)."""
        ...

    def complete(
        self,
        response: bytes,
        usage: Usage | None,
        /,
        *,
        model: str | None = None,
        response_id: str | None = None,
        finish_reason: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Record the response, in the runtime's own encoding; emits usage and ``model.done``.

        ``usage`` is the provider's count, ``None`` where it sent none. ``metadata`` is what else
        it says of the response; no secret, and nothing of what was said. Not for a recorded call.
        """
        ...

    def fail(self, error: SteerError, /, *, sent: Sent, usage: Usage | None = None) -> None:
        """Say that the request failed and how far it got; retracts what it had said."""
        ...

    async def retry(self, error: SteerError, /, *, sent: Sent, usage: Usage | None = None) -> bool:
        """Say that the request failed, as ``fail``, and wait until it may be made again.

        ``True``: leave this context and make the same request anew, under a new ``model_call``.
        ``False``: the run's patience, its time or the kind of the error forbid that; raise it.
        Raises the run's stopping error once the run is to end. A vendor's own retries are to be
        off (RT-5); ours pass the gate one by one (RT-57).
        """
        ...


class Gate(Protocol):
    """The verdicts a run waits for."""

    async def authorize(self, call: ToolCall, /) -> Decision:
        """Ask policy, then the budget, then a person; may wait long.

        What the author wants approved is asked about, whatever policy allows; what policy denies
        stays denied.
        What an earlier attempt recorded is allowed without asking again. ``deny`` is a tool
        result: show the model ``reason`` (RT-12). Raises the run's stopping error once the run
        is to end; let it out (RT-15).

        ``suspend`` parks the run for a person: begin nothing more, let effects and model requests
        that run come to their end, and return ``Suspended`` (RT-43, RT-63). From then on every
        call of the run is answered so, recorded ones too, no model request is admitted, and what
        the gate raises is no failure of the run. Only what is inside of a running effect that may
        not run twice is answered as ever, because that effect has to end as well. For the same
        reason a call in there is never suspended, but held: all calls around a suspended one are
        entered again by the next attempt. Nor is one where the runtime does not claim it.
        """
        ...

    async def call(
        self, call: ToolCall, grant: Grant, effect: Callable[[EffectRun], Awaitable[JsonValue]], /
    ) -> ToolOutcome:
        """Run the effect at most once and record how it ended.

        A recorded outcome is returned without running anything. Otherwise the intent is made
        durable, ``effect`` is awaited in the caller's own event loop, and its result or error
        is recorded. ``TimeoutError`` counts as timed out; other exceptions as failed. What is no
        ``Exception``, and no cancellation, passes through, and leaves the call without an outcome:
        so a runtime leaves an agent used as a tool inside of which a call is suspended. Raises
        ``OutcomeUnknown`` where an earlier attempt began this effect, did not finish it, and
        the tool may not run twice, and ``Conflict`` for a call that was ``refused``.
        """
        ...

    async def begin(self, call: ToolCall, grant: Grant, /) -> ToolOutcome | None:
        """Record that the vendor is about to execute an allowed call.

        Returns the outcome that an earlier attempt recorded, where there is one: then the model is
        told that outcome, and the vendor must not execute the call, unless it changes nothing.
        Otherwise ``None``: let it execute, and ``observe`` how it ended. Raises ``OutcomeUnknown``
        as ``call`` does.
        """
        ...

    async def observe(self, call: ToolCall, grant: Grant, outcome: ToolOutcome, /) -> None:
        """Record how a call ended that the vendor executed; no promise of one effect there.

        Raises ``Conflict`` where one that was ``refused`` is said to have succeeded.
        """
        ...

    def model_call(self, request: ModelRequest, /) -> AbstractAsyncContextManager[ModelCall]:
        """Admit one wire request (RT-5); leaving without ``complete`` counts as a failure.

        Entering raises ``PolicyDenied``, ``BudgetExceeded`` or ``Diverged``, and ``Suspending``
        once ``authorize`` has said ``suspend``, or where the request itself has to wait for a
        person: let it out, or return ``Suspended``.
        """
        ...

    def background(self, name: str, done: Callable[[Callable[[], None]], object], /) -> None:
        """Name something that may outlive the run, for example the thread of a sync tool.

        ``done`` registers a callback that is called when it has ended, as
        ``concurrent.futures.Future.add_done_callback`` does with its argument dropped. A run that
        ends before then says so in ``still_running`` (RT-20).
        """
        ...
