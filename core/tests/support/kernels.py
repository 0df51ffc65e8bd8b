"""Making kernels and requests for tests, and waiting with a bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
from steer import ExecutionRequest, RuntimeKernel
from steer.events import Event
from steer.handle import ExecutionHandle
from steer.ports.policy import Question, Verdict
from stepwise import Stepwise, Turn, registry

PATIENCE = 60.0
"""Seconds after which a test that waits has failed."""


def request(agent: Stepwise | str | None = None, **fields: Any) -> ExecutionRequest:
    """A request for an agent that says hello unless another is given."""
    agent = agent or Stepwise(turns=(Turn(text="Hello."),))
    return ExecutionRequest(agent=agent, **({"prompt": "Hi"} | fields))


@asynccontextmanager
async def open_kernel(**fields: Any) -> AsyncIterator[RuntimeKernel]:
    """A kernel with the stepwise runtime, closed at the end."""
    with anyio.fail_after(PATIENCE):
        async with RuntimeKernel(**({"registry": registry()} | fields)) as kernel:
            yield kernel


async def all_events(handle: ExecutionHandle, **how: Any) -> list[Event]:
    """Every event of a job up to its terminal one."""
    with anyio.fail_after(PATIENCE):
        return [event async for event in handle.events(**how)]


def types(events: list[Event]) -> list[str]:
    """The types of the durable events, in order."""
    return [event.type for event in events if event.seq is not None]


def texts(events: list[Event]) -> str:
    """The text of all tokens, joined as a reader would."""
    return "".join(event.data.text for event in events if event.type == "model.token")


class FixedPolicy:
    """Answers every question by a function."""

    name = "fixed"
    version = "1"

    def __init__(self, answer: Callable[[Question], Verdict | None]) -> None:
        self._answer = answer

    def evaluate(self, question: Question, /) -> Verdict | None:
        return self._answer(question)


class Moment:
    """A place in a run where it waits until the test lets it go on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.reached = anyio.Event()
        self.go = anyio.Event()

    async def __call__(self, name: str) -> None:
        if name == self._name:
            self.reached.set()
            await self.go.wait()

    async def arrive(self) -> None:
        """Wait until the run is here."""
        with anyio.fail_after(PATIENCE):
            await self.reached.wait()


def noting(notes: list[Any]) -> Callable[[Any], Awaitable[Any]]:
    """A tool that notes its arguments and returns how many notes there are."""

    async def note(run: Any) -> int:
        notes.append(run.arguments)
        return len(notes)

    return note


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._turned = anyio.Event()
        self._sleeper = anyio.Event()

    def now(self) -> datetime:
        return datetime.fromtimestamp(1_800_000_000 + self._seconds, UTC)

    def monotonic(self) -> float:
        return self._seconds

    async def sleep_until(self, moment: float, /) -> None:
        while self._seconds < moment:
            self._sleeper.set()
            await self._turned.wait()

    async def somebody_sleeps(self) -> None:
        """Wait until somebody waits for this clock, who did not when it was turned last."""
        await self._sleeper.wait()

    def turn(self, seconds: float) -> None:
        self._seconds += seconds
        self._sleeper = anyio.Event()
        self._turned.set()
        self._turned = anyio.Event()
