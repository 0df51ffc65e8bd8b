"""The port of runtimes: how an agent runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from steer.capabilities import Capabilities
from steer.context import BudgetSpec, ExecutionContext
from steer.events import RuntimeData
from steer.ports.gate import Gate
from steer.ports.options import PrepareOptions
from steer.ports.policy import ToolKind
from steer.values import FinishReason, JsonValue, Message

__all__ = [
    "Finished",
    "PastRun",
    "Prepared",
    "Run",
    "Runtime",
    "Suspended",
    "ToolInfo",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolInfo:
    """A tool that a prepared agent can call."""

    name: str
    kind: ToolKind
    server: str | None = None


class Prepared(Protocol):
    """An agent compiled and checked: immutable, shared by concurrent runs."""

    @property
    def agent(self) -> str:
        """The agent's name."""
        ...

    @property
    def model(self) -> str | None:
        """The model it asks first, where that is known before it runs."""
        ...

    @property
    def provider(self) -> str | None:
        """Whose model that is."""
        ...

    @property
    def fingerprint(self) -> str:
        """A digest of what the author and the options fixed; differs when behaviour may."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this agent with these options can do: no more than the plugin declares (RT-45)."""
        ...

    @property
    def ungated(self) -> tuple[ToolInfo, ...]:
        """What can act without a call that steer sees; refused unless policy names it."""
        ...

    @property
    def current(self) -> bool:
        """Whether the author's objects are still what was compiled.

        Asked before each run of a live object; where it is false the agent is prepared anew.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """What an earlier run added to a session: what it was asked, and what came of it.

    ``messages`` say so in steer's words. ``items`` is the same as the ``runtime`` of that run keeps
    it, in JSON form, ``None`` where it kept nothing.
    """

    messages: tuple[Message, ...]
    runtime: str = ""
    items: JsonValue = None


class Run(Protocol):
    """What one run of a prepared agent is given."""

    @property
    def context(self) -> ExecutionContext: ...
    @property
    def input(self) -> tuple[Message, ...]:
        """The whole conversation so far, the newest message last."""
        ...

    @property
    def past(self) -> tuple[PastRun, ...]:
        """The earlier runs of the session, oldest first; ``input`` begins with their messages.

        ``items`` are there only where this very runtime gave them and claims ``session_items``.
        """
        ...

    @property
    def asked(self) -> tuple[Message, ...]:
        """What this run is asked: the rest of ``input``."""
        ...

    @property
    def user_context(self) -> object:
        """The author's own context object, ``None`` where none was given; never journaled."""
        ...

    @property
    def budgets(self) -> BudgetSpec:
        """The bounds of the run. The gate enforces them; a runtime may pass them on."""
        ...

    @property
    def gate(self) -> Gate: ...
    @property
    def resume_state(self) -> bytes | None:
        """The vendor's state from ``Suspended.state``, where the runtime offers that."""
        ...

    def emit(
        self, data: RuntimeData, /, *, path: tuple[str, ...] = (), agent: str | None = None
    ) -> None:
        """Say that something happened. From any thread, never blocking (RT-2)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """The run produced a result. ``output`` is the structured output in JSON form.

    ``said`` is what the run adds to its conversation after what it was asked: what the model said,
    the tools it called, and what it was told of them (RT-68). Where it is empty, that is
    ``content``. ``items`` is all that the run adds, the question too, in a JSON form of the
    runtime's own, for ``Run.past`` of the session's next run (RT-69); ``None`` where it has none.
    """

    content: str
    output: JsonValue = None
    finish_reason: FinishReason = FinishReason.STOP
    said: tuple[Message, ...] = ()
    items: JsonValue = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspended:
    """The run was parked for a person, because the gate answered a call with ``suspend``.

    It is run again from the top, from its records, once there is an answer. ``state`` is the
    vendor's own, where it offers one.
    """

    state: bytes | None = None


class Runtime(Protocol):
    """Runs agents of one kind. What belongs to one run is never kept here (RT-1)."""

    def prepare(self, agent: object, options: PrepareOptions, /) -> Prepared:
        """Compile and check once, without I/O and without writing to the author's objects (RT-38).

        ``agent`` is a ``steer.agents.Agent`` or an object of the vendor's. Raises
        ``AgentError`` for an agent that cannot run and ``ConfigError`` for an option that cannot
        take effect (RT-39).
        """
        ...

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        """Emit events in the order they happened; return when the run has ended (RT-3).

        A run one of whose calls is suspended comes to nothing but ``Suspended`` or a failure of
        its own. Failures raise ``SteerError``. Cancelling the task cancels the run: it returns
        only when nothing of it runs on but what it named to ``gate.background`` (RT-4).
        """
        ...

    async def aclose(self) -> None:
        """Close connections and processes that runs shared (RT-55)."""
        ...
