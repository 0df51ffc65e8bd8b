"""The port of policy: a question in, a verdict out.

A policy is a function of its question: the same question gets the same answer (PO-1). What it
may look at is in the question; what it decides is in the verdict; it changes nothing (PO-3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from steer.context import ExecutionContext
from steer.values import ActionType, Effect, JsonValue, Usage

__all__ = [
    "ActionQuestion",
    "AsyncPolicy",
    "Counters",
    "DataQuestion",
    "ModelQuestion",
    "OnExpiry",
    "Outcome",
    "Policy",
    "Question",
    "RunQuestion",
    "ToolKind",
    "ToolQuestion",
    "Verdict",
]


OnExpiry: TypeAlias = Literal["deny", "fail"]
"""What becomes of a call that nobody answered in time; nothing is ever approved by silence.

``deny``: the model is told that it was denied. ``fail``: the run ends.
"""


class Outcome(StrEnum):
    """What a policy says. The strictest of several answers wins: deny, then ask, then allow."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class ToolKind(StrEnum):
    """What stands behind a tool's name.

    ``function`` and ``mcp`` run where the gate can stop them, ``agent`` and ``handoff`` pass the
    floor to another agent, ``native`` is the vendor's own (a shell, a file editor) under the
    gate, ``hosted`` runs at the provider, and ``ungated`` acts without a call that steer sees.
    """

    FUNCTION = "function"
    MCP = "mcp"
    AGENT = "agent"
    HANDOFF = "handoff"
    NATIVE = "native"
    HOSTED = "hosted"
    UNGATED = "ungated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """How far the run is: model calls on the outermost path, allowed tool calls, tokens.

    ``turns`` counts the turn that is on, the model call that is asked about included.
    ``tool_calls`` are those before the call that is asked about, ``turn_tool_calls`` those of them
    since the turn began, the calls of nested agents among them.
    """

    turns: int = 0
    tool_calls: int = 0
    turn_tool_calls: int = 0
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunQuestion:
    """May this principal run this agent on this runtime?"""

    context: ExecutionContext
    agent: str
    runtime: str
    model: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelQuestion:
    """May this model be asked?"""

    context: ExecutionContext
    model: str
    provider: str | None = None
    agent: str | None = None
    counters: Counters = field(default_factory=Counters)


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolQuestion:
    """May this tool run with these arguments?

    ``declared`` says that the agent's author put this tool into the agent. ``arguments`` is the
    decoded JSON, or the model's text where that is no JSON. ``path`` is the enclosing tool calls.
    ``needs_approval`` says that the author wants a person to approve this call; a person is then
    asked, unless policy denies it.
    """

    context: ExecutionContext
    tool: str
    arguments: JsonValue = None
    kind: ToolKind = ToolKind.FUNCTION
    effect: Effect = Effect.ONCE
    declared: bool = True
    server: str | None = None
    agent: str | None = None
    path: tuple[str, ...] = ()
    needs_approval: bool = False
    counters: Counters = field(default_factory=Counters)


@dataclass(frozen=True, kw_only=True, slots=True)
class DataQuestion:
    """May this principal read or write this thing, for example a session?"""

    context: ExecutionContext
    action: Literal["read", "write"]
    kind: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionQuestion:
    """May this principal answer this action, which waits for a person?

    ``context`` has the scope and the principal of the person who answers, and the job that waits.
    ``tool`` is the one to approve, where the action is about one, ``agent`` the one that waits,
    ``asked_by`` the principal the job runs for. ``approvers`` are those of the verdict that asked:
    the stack refuses everybody else, whatever its policies say. An ``ask`` is a refusal here.
    """

    context: ExecutionContext
    action_type: ActionType
    tool: str | None = None
    agent: str | None = None
    asked_by: str
    approvers: tuple[str, ...] = ()


Question: TypeAlias = RunQuestion | ModelQuestion | ToolQuestion | DataQuestion | ActionQuestion


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A policy's answer. ``reason`` is told to the model where a tool is refused.

    ``rewritten`` with ``arguments`` set: the tool may run, but with these arguments.

    The last three are for an ``ask``. ``approvers`` says who may answer: a principal whom every
    entry matches, where an entry is one glob or several with ``|`` between them, of which one has
    to match; empty lets anybody answer whom policy lets. ``expires_in_seconds`` is how long the
    question stands, as long as the kernel lets it where it is ``None``, and ``on_expiry`` what
    becomes of the call after that.
    """

    outcome: Outcome
    reason: str = ""
    rule: str | None = None
    policy: str | None = None
    arguments: JsonValue = None
    rewritten: bool = False
    approvers: tuple[str, ...] = ()
    expires_in_seconds: float | None = None
    on_expiry: OnExpiry = "deny"

    @classmethod
    def allow(cls, reason: str = "", *, rule: str | None = None) -> Verdict:
        """Let it happen."""
        return cls(outcome=Outcome.ALLOW, reason=reason, rule=rule)

    @classmethod
    def ask(
        cls,
        reason: str = "",
        *,
        rule: str | None = None,
        approvers: tuple[str, ...] = (),
        expires_in_seconds: float | None = None,
        on_expiry: OnExpiry = "deny",
    ) -> Verdict:
        """Let a person decide."""
        return cls(
            outcome=Outcome.ASK,
            reason=reason,
            rule=rule,
            approvers=approvers,
            expires_in_seconds=expires_in_seconds,
            on_expiry=on_expiry,
        )

    @classmethod
    def deny(cls, reason: str, *, rule: str | None = None) -> Verdict:
        """Do not let it happen."""
        return cls(outcome=Outcome.DENY, reason=reason, rule=rule)

    @classmethod
    def rewrite(cls, arguments: JsonValue, reason: str = "", *, rule: str | None = None) -> Verdict:
        """Let it happen with other arguments."""
        return cls(
            outcome=Outcome.ALLOW, reason=reason, rule=rule, arguments=arguments, rewritten=True
        )


class Policy(Protocol):
    """Rules that answer at once."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    def evaluate(self, question: Question, /) -> Verdict | None:
        """Answer, or return ``None`` to leave it to others. Raising counts as a denial."""
        ...


class AsyncPolicy(Protocol):
    """Rules that must ask somewhere else; declared as such, and bounded in time."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    async def evaluate(self, question: Question, /) -> Verdict | None:
        """Answer, or return ``None``. Raising and being too late count as denials."""
        ...
