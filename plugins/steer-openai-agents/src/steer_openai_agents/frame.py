"""Where a piece of the SDK's work belongs: its run, and its place among nested agents.

The SDK hands no such thing through, but it runs every part of a run, nested runs and tool
threads included, in contexts copied from its caller's: a context variable reaches them all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
from agents import Agent
from agents.result import RunResult, RunResultStreaming
from openai.types.responses import ResponseComputerToolCall
from steer.agents import EncodedResult
from steer.errors import RuntimeFailure, SteerError
from steer.events import RuntimeData
from steer.ports.gate import Decision, EffectRun, Keep, ToolCall, ToolOutcome
from steer.ports.records import Grant
from steer.ports.runtime import Run
from steer.values import JsonValue

from steer_openai_agents.servers import McpServers
from steer_openai_agents.sessions import RunSessions

if TYPE_CHECKING:
    from steer_openai_agents.clients import Clients
    from steer_openai_agents.clones import Clones

__all__ = [
    "ActiveRun",
    "Asked",
    "Frame",
    "Performance",
    "current_frame",
    "denial_here",
    "entered",
    "frame_or_none",
]

SETTLE_SECONDS = 5.0
"""How long what was cancelled may take to end before the run names it and goes on."""


class Asked(NamedTuple):
    """A function call that a model's message holds."""

    call_id: str
    name: str
    arguments: str


@dataclass(eq=False, kw_only=True, slots=True)
class ActiveRun:
    """What all frames of one run share.

    ``failures`` says, by the identity of an exception that the SDK carries onwards, what steer
    has already told the gate that it means. ``stopped`` is the gate's refusal to go on, which
    the SDK may have turned into words for a model. ``result`` is that of the last run on the
    outermost path which an author's code started.
    """

    run: Run
    clones: Clones
    clients: Clients
    tracing: bool
    loop: asyncio.AbstractEventLoop
    failures: dict[int, SteerError] = field(default_factory=dict)
    # Keeps those exceptions alive: the identity of a dead one is given to another.
    _kept: list[BaseException] = field(default_factory=list, init=False)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set, init=False)
    stopped: SteerError | None = None
    finish_reason: str | None = None
    servers: McpServers = field(default_factory=McpServers, init=False)
    result: RunResult | RunResultStreaming | None = None
    sessions: RunSessions = field(default_factory=RunSessions)

    def means(self, error: BaseException, failure: SteerError) -> None:
        """Note what an exception means that is on its way through the SDK."""
        self._kept.append(error)
        self.failures[id(error)] = failure

    def stop(self, error: SteerError) -> SteerError:
        """Note that the run is to end with an error, unless it is to end with another."""
        self.stopped = self.stopped or error
        return self.stopped

    def group(self, path: tuple[str, ...]) -> str:
        """Return a name for the SDK's run on a path.

        The SDK derives keys of requests from it. Its own is random, and differs on a replay.
        """
        return "/".join((self.run.context.job_id, *path))

    @property
    def elsewhere(self) -> bool:
        """Whether this is another event loop than the run's."""
        return asyncio.get_running_loop() is not self.loop

    def works(self, task: asyncio.Task[Any]) -> None:
        """Note that a task works for this run until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def work_here(self) -> None:
        """Note that the current task works for this run until it ends."""
        task = asyncio.current_task()
        if task is not None:
            self.works(task)

    def cancel_elsewhere(self) -> None:
        """Cancel what runs in the event loops of other threads."""
        for task in list(self._tasks):
            loop = task.get_loop()
            if loop is not self.loop and not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)

    def cancel_others(self) -> None:
        """Cancel what works for this run in this event loop beside the current task."""
        current = asyncio.current_task()
        for task in list(self._tasks):
            # A second cancellation would interrupt what one that is being cancelled cleans up.
            if task is not current and task.get_loop() is self.loop and not task.cancelling():
                task.cancel()

    async def settle(self) -> None:
        """Wait, bounded, until nothing of the run is left in this event loop; name what is.

        The SDK cancels its tasks and does not wait for them.
        """
        here = {task for task in list(self._tasks) if task.get_loop() is self.loop}
        left: set[asyncio.Task[Any]] = set()
        if here:
            with anyio.CancelScope(shield=True):
                _, left = await asyncio.wait(here, timeout=SETTLE_SECONDS)
        for task in left | await self.servers.aclose():
            self.run.gate.background(f"task {task.get_name()}", _end_of(task))


def _end_of(task: asyncio.Task[Any]) -> Callable[[Callable[[], None]], None]:
    return lambda done: task.add_done_callback(lambda _: done())


@dataclass(eq=False, kw_only=True, slots=True)
class Performance:
    """A call of a computer that was done: the screen it left, and the SDK's steps to come."""

    screen: str
    steps_left: int


@dataclass(eq=False, kw_only=True, slots=True)
class Frame:
    """One run of the SDK's loop inside a run of steer's: the outermost, or a nested one.

    ``path`` is the ids of the enclosing tool calls. ``message`` and ``asked`` are the index and
    the calls of the newest message on it, ``turn_of`` is the copied agent that was to answer.
    ``effect_key`` is that of the enclosing call, ``keep`` how it keeps files, ``failure`` what it
    raised, and ``result`` what it returned if it is a tool of steer's own.

    ``permits`` are allowed calls that have not run yet. ``patches`` are those of them that change
    files, by what they change, ``computer_calls`` what the newest message asks of a computer, and
    ``performance`` the one of these that the SDK is taking apart. ``begun`` are allowed calls that
    the provider makes itself.
    """

    active: ActiveRun
    path: tuple[str, ...] = ()
    effect_key: str = ""
    keep: Keep | None = None
    message: int = 0
    asked: Sequence[Asked] = ()
    permits: dict[str, tuple[ToolCall, Decision]] = field(default_factory=dict)
    patches: list[tuple[str, JsonValue]] = field(default_factory=list)
    computer_calls: deque[ResponseComputerToolCall] = field(default_factory=deque)
    performance: Performance | None = None
    begun: dict[str, tuple[ToolCall, Grant]] = field(default_factory=dict)
    failure: Exception | None = None
    result: EncodedResult | None = None
    turn_of: Agent[Any] | None = None
    _denied: tuple[int, str] | None = field(default=None, init=False)

    @property
    def denial(self) -> str | None:
        """Why the handoff that the newest message asks for was denied, ``None`` if it was not."""
        at, reason = self._denied or (None, None)
        return reason if at == self.message else None

    def deny_handoff(self, reason: str) -> None:
        """Note that the handoff that the newest message asks for was denied."""
        self._denied = (self.message, reason)

    def emit(self, data: RuntimeData, *, agent: str | None = None) -> None:
        """Say that something happened on this path."""
        self.active.run.emit(data, path=self.path, agent=agent)

    def inside(self, call_id: str, effect_key: str) -> Frame:
        """Return the frame for what runs inside a tool call of this one."""
        return Frame(active=self.active, path=(*self.path, call_id), effect_key=effect_key)

    def beside(self) -> Frame:
        """Return the frame for another run of the SDK's loop on the same path."""
        return Frame(active=self.active, path=self.path, effect_key=self.effect_key)

    async def authorize(self, call: ToolCall) -> Decision:
        """Ask the gate, and keep what it raises: the SDK would wrap it, or show it to a model."""
        try:
            return await self.active.run.gate.authorize(call)
        except SteerError as error:
            self.active.stopped = self.active.stopped or error
            raise

    async def call(
        self,
        call: ToolCall,
        decision: Decision,
        effect: Callable[[EffectRun], Awaitable[JsonValue]],
    ) -> ToolOutcome:
        """Run an allowed call, or learn what became of it before; keeps what the gate raises."""
        if decision.grant is None:
            raise RuntimeFailure(f"the gate allowed {call.tool} without a grant")
        try:
            return await self.active.run.gate.call(call, decision.grant, effect)
        except SteerError as error:
            self.active.stopped = self.active.stopped or error
            raise

    async def begin(self, call: ToolCall, decision: Decision) -> None:
        """Note that the provider is about to make an allowed call; keeps what the gate raises."""
        if decision.grant is None:
            raise RuntimeFailure(f"the gate allowed {call.tool} without a grant")
        try:
            await self.active.run.gate.begin(call, decision.grant)
        except SteerError as error:
            self.active.stopped = self.active.stopped or error
            raise
        self.begun[call.call_id] = (call, decision.grant)


_FRAME: ContextVar[Frame | None] = ContextVar("steer_openai_agents_frame", default=None)


def frame_or_none() -> Frame | None:
    """The frame of whatever runs here, ``None`` outside of steer's runs."""
    return _FRAME.get()


def current_frame() -> Frame:
    """The frame of whatever runs here."""
    frame = _FRAME.get()
    if frame is None:
        raise RuntimeFailure("an agent that steer prepared was run outside of its run")
    return frame


def denial_here() -> str | None:
    """Why the handoff that is under way here was denied, ``None`` if it was not."""
    frame = _FRAME.get()
    return None if frame is None else frame.denial


@contextmanager
def entered(frame: Frame) -> Iterator[Frame]:
    """Make ``frame`` the current one."""
    token = _FRAME.set(frame)
    try:
        yield frame
    finally:
        _FRAME.reset(token)
