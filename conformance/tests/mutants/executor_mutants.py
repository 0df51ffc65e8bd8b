"""An executor of tasks that keeps the contract, and what is left when one thing is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mutant import Mutant, Reference
from steer.plugin import ExecutorPlugin

__all__ = ["MUTANTS", "REFERENCE"]

Body = Callable[[], Coroutine[Any, Any, None]]


class Tasks:
    """Runs bodies as tasks of this event loop."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    async def submit(self, job_id: str, body: Body, /) -> None:
        self.start(body)

    def start(self, body: Body) -> None:
        async def run() -> None:
            try:
                await body()
            except Exception as error:
                self.failed(error)

        task = asyncio.get_running_loop().create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def failed(self, error: Exception) -> None:
        """It is the body's own matter."""

    async def aclose(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(set(self.tasks))


@contextmanager
def configured(folder: Path) -> Iterator[Mapping[str, Any]]:
    yield {}


def declared(make: Callable[[], Tasks]) -> ExecutorPlugin:
    return ExecutorPlugin(
        name="tasks",
        summary="Jobs as tasks of this event loop",
        contract=1,
        open=lambda config: make(),
    )


REFERENCE = Reference(plugin=declared(Tasks), factory=configured)


class RunsSomeTwice(Tasks):
    number = 0

    async def submit(self, job_id: str, body: Body, /) -> None:
        self.number += 1
        self.start(body)
        if self.number % 10 == 0:
            self.start(body)


class LosesSome(Tasks):
    number = 0

    async def submit(self, job_id: str, body: Body, /) -> None:
        self.number += 1
        if self.number % 10:
            self.start(body)


class WaitsForTheEnd(Tasks):
    async def submit(self, job_id: str, body: Body, /) -> None:
        await body()


class OneAfterTheOther(Tasks):
    def __init__(self) -> None:
        super().__init__()
        self.turn = asyncio.Lock()

    async def submit(self, job_id: str, body: Body, /) -> None:
        async def alone() -> None:
            async with self.turn:
                await body()

        self.start(alone)


class OneFailsAllEnd(Tasks):
    def failed(self, error: Exception) -> None:
        for task in self.tasks:
            task.cancel()


class EndsWithItsSubmitter(Tasks):
    async def submit(self, job_id: str, body: Body, /) -> None:
        self.start(body)
        task = max(self.tasks, key=id)
        submitter = asyncio.current_task()
        assert submitter is not None
        submitter.add_done_callback(lambda _: task.cancel())


class LeavesThemRunning(Tasks):
    async def aclose(self) -> None:
        pass


class LeavesBeforeTheyEnd(Tasks):
    async def aclose(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.sleep(0)


class WaitsWithoutCancelling(Tasks):
    async def aclose(self) -> None:
        if self.tasks:
            await asyncio.wait(set(self.tasks))


def _mutant(name: str, kind: Callable[[], Tasks], *clauses: str) -> Mutant:
    return Mutant(name=name, clauses=clauses, plugin=declared(kind), factory=configured)


MUTANTS = (
    _mutant("runs some twice", RunsSomeTwice, "EX-1"),
    _mutant("loses some", LosesSome, "EX-1"),
    _mutant("waits for the end", WaitsForTheEnd, "EX-2"),
    _mutant("runs one after the other", OneAfterTheOther, "EX-2"),
    _mutant("ends all when one fails", OneFailsAllEnd, "EX-3"),
    _mutant("ends a body with its submitter", EndsWithItsSubmitter, "EX-4"),
    _mutant("leaves them running", LeavesThemRunning, "EX-5"),
    _mutant("does not wait for clean-up", LeavesBeforeTheyEnd, "EX-5"),
    _mutant("waits without cancelling", WaitsWithoutCancelling, "EX-5"),
)
