"""What belongs to one run while it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn, TypeVar

from steer.errors import RuntimeFailure, SteerError, Suspending
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.ports.runtime import Run

from steer_claude_code.calls import Calls, Place

__all__ = ["ActiveRun"]

T = TypeVar("T")

_INTRODUCTION_SECONDS = 10.0
"""How long the CLI may take to say which call a subagent belongs to."""
_SETTLE_SECONDS = 5.0
"""How long what was cancelled may take to end before the run names it and goes on."""


class ActiveRun:
    """A run: what its models proposed, where its subagents stand, and whether it is to end.

    ``over`` is set once the run has to end before the CLI has come to a result: with ``stopped``,
    because it is ``finished``, or, if a call of it waits for a person, once nothing of it runs any
    more.
    """

    def __init__(self, run: Run, *, agent: str) -> None:
        self.run = run
        self.calls = Calls()
        self.stopped: SteerError | None = None
        self.suspended = False
        self.finished = False
        self.over = asyncio.Event()
        self._outermost = Place((), agent)
        self._subagents: dict[str, asyncio.Future[Place]] = {}
        self._busy = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def stop(self, error: SteerError) -> None:
        """Have the run end with an error, unless it is to end with another already."""
        self.stopped = self.stopped or error
        self.over.set()

    def finish(self) -> None:
        """Have the run end with what the outermost agent has said."""
        self.finished = True
        self.over.set()

    # ---- places --------------------------------------------------------------------------------

    async def place(self, subagent: str | None) -> Place:
        """Return where an agent stands: the outermost one, or a subagent by the CLI's id of it.

        The CLI says on another channel which call a subagent belongs to; that is waited for.
        """
        if subagent is None:
            return self._outermost
        try:
            async with asyncio.timeout(_INTRODUCTION_SECONDS):
                return await asyncio.shield(self._introduction(subagent))
        except TimeoutError:
            raise RuntimeFailure(
                f"the CLI did not say which call the subagent {subagent} belongs to"
            ) from None

    def introduce(self, subagent: str, call_id: str, name: str | None) -> None:
        """Note which call a subagent belongs to, and what it is called."""
        call = self.calls.find(call_id)
        introduction = self._introduction(subagent)
        if call is not None and not introduction.done():
            introduction.set_result(Place((*call.place.path, call.call_id), name))

    def _introduction(self, subagent: str) -> asyncio.Future[Place]:
        future = self._subagents.get(subagent)
        if future is None:
            future = self._subagents[subagent] = asyncio.get_running_loop().create_future()
        return future

    def subagent_of(self, call: ToolCall) -> str | None:
        """Return the name of the subagent that a call has begun, ``None`` where none was seen."""
        path = (*call.path, call.call_id)
        places = (each.result() for each in self._subagents.values() if each.done())
        return next((place.agent for place in places if place.path == path), None)

    # ---- the gate ------------------------------------------------------------------------------

    async def authorize(self, call: ToolCall) -> Decision:
        """Ask the gate; returns what is allowed or denied, and never where that has to wait."""
        await self.may_go_on()
        decision = await self.asking(self.run.gate.authorize(call))
        if decision.outcome is GateOutcome.SUSPEND:
            self.suspend()
        # Another call may have been suspended meanwhile.
        await self.may_go_on()
        if decision.outcome is not GateOutcome.DENY and not _is_permission(decision, call):
            raise RuntimeFailure(f"the gate gave no answer about {call.tool} that can be followed")
        return decision

    async def asking(self, answer: Awaitable[T], *, busy: bool = False) -> T:
        """Return what the gate answers; where it ends the run, whoever asked stays here.

        What the gate raises would reach the CLI, which would make words of it for a model. The
        parking waits for a ``busy`` one.
        """
        try:
            with self.busy() if busy else nullcontext():
                return await answer
        except Suspending:
            self.suspend()
        except SteerError as error:
            self.stop(error)
        return await self.hold()

    # ---- work ----------------------------------------------------------------------------------

    async def work(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await something as part of the run, so that it ends before the run does.

        The caller is the SDK's, which neither bounds nor awaits what it has cancelled.
        """
        task = asyncio.create_task(self._ending_the_run(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # One that is cancelled before it has begun would never be awaited.
        task.add_done_callback(lambda _: coroutine.close())
        return await task

    async def _ending_the_run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what comes of it; what it raises ends the run, and is nothing for a model."""
        try:
            return await coroutine
        except SteerError as error:
            self.stop(error)
        except Exception as error:
            failure = RuntimeFailure(
                f"a call could not be governed: {type(error).__name__}: {error}"
            )
            failure.__cause__ = error
            self.stop(failure)
        return await self.hold()

    async def settle(self) -> None:
        """Cancel what works for the run, wait, bounded, for its end, and name what goes on."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, left = await asyncio.wait(tasks, timeout=_SETTLE_SECONDS)
        for task in left:
            self.run.gate.background(f"task {task.get_name()}", _end_of(task))

    # ---- parking -------------------------------------------------------------------------------

    def suspend(self) -> None:
        """Note that a call waits for a person: nothing begins any more, and what runs may end."""
        self.suspended = True
        self._look()

    async def may_go_on(self) -> None:
        """Return, unless the run is being parked or is over: then whoever is here stays here."""
        if self.suspended or self.over.is_set():
            await self.hold()

    async def hold(self) -> NoReturn:
        """Stay here until the run is taken down."""
        while True:
            await asyncio.get_running_loop().create_future()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Have the parking wait for what happens here."""
        self.begins()
        try:
            yield
        finally:
            self.ends()

    def begins(self) -> None:
        """Note that something runs that the parking has to wait for."""
        self._busy += 1

    def ends(self) -> None:
        """Note that it has ended."""
        self._busy -= 1
        self._look()

    def _look(self) -> None:
        if self.suspended and not self._busy:
            self.over.set()


def _is_permission(decision: Decision, call: ToolCall) -> bool:
    """Whether a decision says what is to run, and by which grant."""
    rewritten = decision.arguments
    return (
        decision.outcome is GateOutcome.ALLOW
        and decision.grant is not None
        and (isinstance(rewritten, dict) or rewritten == call.arguments)
    )


def _end_of(task: asyncio.Task[Any]) -> Any:
    return lambda done: task.add_done_callback(lambda _: done())
