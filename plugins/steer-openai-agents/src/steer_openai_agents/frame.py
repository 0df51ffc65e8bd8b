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
from steer.errors import RuntimeFailure, SteerError, Suspending
from steer.events import RuntimeData
from steer.ports.gate import Ask, Decision, EffectRun, GateOutcome, Keep, ToolCall, ToolOutcome
from steer.ports.records import Grant
from steer.ports.runtime import Run
from steer.values import Effect, JsonValue

from steer_openai_agents.servers import McpServers
from steer_openai_agents.sessions import RunSessions
from steer_openai_agents.suspension import Place, Suspension, Unwound

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
    has already told the gate that it means. ``stopped`` is the refusal to go on, which the SDK
    may have turned into words for a model, and ``refusal`` the gate's, where it is one of the
    gate's. ``result`` is that of the last run on the outermost path which an author's code
    started. ``earlier`` has the ids of the calls that the run was given with its input.
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
    refusal: SteerError | None = None
    finish_reason: str | None = None
    servers: McpServers = field(default_factory=McpServers, init=False)
    result: RunResult | RunResultStreaming | None = None
    earlier: frozenset[str] = frozenset()
    sessions: RunSessions = field(default_factory=RunSessions)
    suspension: Suspension = field(init=False)

    def __post_init__(self) -> None:
        """Watch over the run from its own event loop."""
        self.suspension = Suspension(self.loop)

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

    ``path`` is the ids of the enclosing tool calls, ``place`` what names these for good: ids are
    used again. ``message`` and ``asked`` are the index and the calls of the newest message on it,
    ``turn_of`` is the copied agent that was to answer. ``effect_key`` is that of the enclosing
    call, ``ask`` and ``keep`` how it asks people and keeps files, ``failure`` what it raised, and
    ``result`` what it returned if it is a tool of steer's own. ``in_effect`` says that it is part
    of an effect which may not happen twice, and so has to come to its end once it has begun.

    ``permits`` are allowed calls that have not run yet. ``patches`` are those of them that change
    files, by what they change, ``computer_calls`` what the newest message asks of a computer, and
    ``performance`` the one of these that the SDK is taking apart. ``granted`` are allowed calls
    that the next request lets the provider make, ``begun`` those that one has.
    """

    active: ActiveRun
    path: tuple[str, ...] = ()
    place: Place = ()
    effect_key: str = ""
    ask: Ask | None = None
    keep: Keep | None = None
    in_effect: bool = False
    message: int = 0
    asked: Sequence[Asked] = ()
    permits: dict[str, tuple[ToolCall, Decision]] = field(default_factory=dict)
    patches: list[tuple[str, JsonValue]] = field(default_factory=list)
    computer_calls: deque[ResponseComputerToolCall] = field(default_factory=deque)
    performance: Performance | None = None
    granted: list[tuple[ToolCall, Decision]] = field(default_factory=list)
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

    def inside(self, call: ToolCall, effect_key: str) -> Frame:
        """Return the frame for what runs inside a tool call of this one."""
        return Frame(
            active=self.active,
            path=(*self.path, call.call_id),
            place=(*self.place, call.key),
            effect_key=effect_key,
            in_effect=self.in_effect or call.effect is Effect.ONCE,
        )

    def beside(self) -> Frame:
        """Return the frame for another run of the SDK's loop on the same path."""
        return Frame(
            active=self.active,
            path=self.path,
            place=self.place,
            effect_key=self.effect_key,
            in_effect=self.in_effect,
        )

    @property
    def parked(self) -> bool:
        """Whether nothing may begin here any more, because a call of the run waits for a person.

        What is part of an effect that has to come to its end goes on for as long as the gate
        lets it.
        """
        return self.active.suspension.begun and not self.in_effect

    async def may_go_on(self, place: Place | None = None) -> None:
        """Return, unless the run is being parked: then whoever is here stays here."""
        if self.parked:
            await self.active.suspension.hold(place or self.place)

    async def refused(self, error: SteerError, place: Place) -> None:
        """Keep what the gate raised: the SDK would wrap it, or show it to a model.

        Of a run that is being parked it ends nothing, and whoever is here stays here.
        """
        active = self.active
        if isinstance(error, Suspending):
            # The request itself has to wait for a person.
            active.suspension.begin()
        if active.suspension.begun:
            await active.suspension.hold(place)
        active.refusal = active.stop(error)

    async def authorize(self, call: ToolCall) -> Decision:
        """Ask the gate; returns what is allowed or denied, and never where that has to wait."""
        place, suspension = (*self.place, call.key), self.active.suspension
        await self.may_go_on(place)
        try:
            decision = await self.active.run.gate.authorize(call)
        except SteerError as error:
            await self.refused(error, place)
            raise
        if decision.outcome is GateOutcome.SUSPEND:
            suspension.begin()
            await suspension.hold(place)
        # Another call may have been suspended meanwhile.
        await self.may_go_on(place)
        return decision

    async def call(
        self,
        call: ToolCall,
        decision: Decision,
        effect: Callable[[EffectRun], Awaitable[JsonValue]],
    ) -> ToolOutcome:
        """Run an allowed call, or learn what became of it before; keeps what the gate raises."""
        if decision.grant is None:
            raise RuntimeFailure(f"the gate allowed {call.tool} without a grant")
        place, suspension = (*self.place, call.key), self.active.suspension
        await self.may_go_on(place)

        async def left_open(run: EffectRun) -> JsonValue:
            try:
                return await effect(run)
            except (Exception, asyncio.CancelledError) as error:
                if self._enters_again(call, error):
                    raise Unwound from error
                raise

        try:
            with suspension.running(place):
                outcome = await self.active.run.gate.call(call, decision.grant, left_open)
        except SteerError as error:
            await self.refused(error, place)
            raise
        except Unwound as unwound:
            if isinstance(unwound.__cause__, asyncio.CancelledError):
                raise asyncio.CancelledError from unwound
            await suspension.hold(place)
        # What came of it is recorded; who would go on with it has to wait.
        await self.may_go_on(place)
        return outcome

    def _enters_again(self, call: ToolCall, error: BaseException) -> bool:
        """Whether a call ends so only because what is inside of it was parked."""
        suspension = self.active.suspension
        if not suspension.begun or call.effect is Effect.ONCE:
            return False
        cancelled = isinstance(error, asyncio.CancelledError)
        return cancelled or suspension.held_inside((*self.place, call.key))

    async def begin_granted(self) -> None:
        """Note that the provider is about to make the calls that it may now make."""
        granted, self.granted = self.granted, []
        for call, decision in granted:
            if decision.grant is None:
                raise RuntimeFailure(f"the gate allowed {call.tool} without a grant")
            if await self.active.run.gate.begin(call, decision.grant) is None:
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
