"""A sink into a list that keeps the contract, and what is left when one thing is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from mutant import Mutant, Reference
from pydantic import BaseModel
from steer.events import Event, UnrecognisedData, encode
from steer.plugin import SinkPlugin

__all__ = ["MUTANTS", "REFERENCE"]


class Place:
    """A destination of events, which can be down or stalled."""

    def __init__(self, number: int) -> None:
        self.config: Mapping[str, Any] = {"place": number}
        self.ids: list[str] = []
        self.is_down = False
        self.open = asyncio.Event()
        self.open.set()

    def arrived(self) -> Sequence[str]:
        return self.ids

    @contextmanager
    def down(self) -> Iterator[None]:
        self.is_down = True
        try:
            yield
        finally:
            self.is_down = False

    @contextmanager
    def stalled(self) -> Iterator[None]:
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()

    async def take(self, ids: Sequence[str]) -> None:
        await self.open.wait()
        if self.is_down:
            raise OSError("the destination is down")
        self.ids.extend(ids)


class Where(BaseModel):
    """``place``: the number of the place that events go to."""

    places: ClassVar[dict[int, Place]] = {}

    place: int


@contextmanager
def bench(folder: Path) -> Iterator[Place]:
    number = len(Where.places)
    Where.places[number] = Place(number)
    yield Where.places[number]


class Through:
    """Passes every batch on at once."""

    def __init__(self, config: Where) -> None:
        self.place = Where.places[config.place]

    async def write(self, events: Sequence[Event], /) -> None:
        if events:
            await self.place.take([event.id for event in events if encode(event)])

    async def aclose(self) -> None:
        """There is nothing to pass on."""


class Buffering(Through):
    """Passes events on when there are ten of them, and the rest in the end."""

    size = 10

    def __init__(self, config: Where) -> None:
        super().__init__(config)
        self.buffer: list[Event] = []

    async def write(self, events: Sequence[Event], /) -> None:
        self.buffer += events
        if len(self.buffer) >= self.size:
            await self.aclose()

    async def aclose(self) -> None:
        taken, self.buffer = self.buffer, []
        await super().write(taken)


def declared(make: Callable[[Where], Through]) -> SinkPlugin:
    return SinkPlugin(
        name="lines",
        summary="Events into a list",
        contract=1,
        open=lambda config, contents: make(config),
        config=Where,
    )


REFERENCE = Reference(plugin=declared(Through), factory=bench)


class Backwards(Through):
    async def write(self, events: Sequence[Event], /) -> None:
        await super().write(events[::-1])


class Twice(Through):
    async def write(self, events: Sequence[Event], /) -> None:
        await super().write(events)
        if len(events) > 2:
            await super().write(events[-1:])


class ForgetsTheRest(Buffering):
    async def aclose(self) -> None:
        self.buffer.clear()


class DropsWhatFails(Through):
    async def write(self, events: Sequence[Event], /) -> None:
        try:
            await super().write(events)
        except OSError:
            return


class GivesUpForGood(Through):
    dead = False

    async def write(self, events: Sequence[Event], /) -> None:
        if not self.dead:
            try:
                await super().write(events)
            except OSError:
                self.dead = True
                raise


class KnowsItsTypes(Through):
    async def write(self, events: Sequence[Event], /) -> None:
        await super().write([e for e in events if not isinstance(e.data, UnrecognisedData)])


class WantsContents(Through):
    async def write(self, events: Sequence[Event], /) -> None:
        await super().write([e for e in events if getattr(e.data, "text", "-")])


class Shielded(Through):
    async def write(self, events: Sequence[Event], /) -> None:
        writing = asyncio.ensure_future(super().write(events))
        while not writing.done():
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                continue


class TellsOfNothing(Through):
    async def write(self, events: Sequence[Event], /) -> None:
        await self.place.take([event.id for event in events] or ["nothing"])


class WithoutBound(Buffering):
    size = 10**9


class SlowWithoutBound(WithoutBound):
    async def write(self, events: Sequence[Event], /) -> None:
        await asyncio.sleep(0.03)
        await super().write(events)


def _mutant(name: str, kind: Callable[[Where], Through], *clauses: str) -> Mutant:
    return Mutant(name=name, clauses=clauses, plugin=declared(kind), factory=bench)


MUTANTS = (
    _mutant("writes a batch backwards", Backwards, "SK-1"),
    _mutant("writes the last event twice", Twice, "SK-1"),
    _mutant("forgets what is buffered", ForgetsTheRest, "SK-2"),
    _mutant("drops what fails", DropsWhatFails, "SK-3"),
    _mutant("gives up after a failure", GivesUpForGood, "SK-4"),
    _mutant("drops types it does not know", KnowsItsTypes, "SK-5"),
    _mutant("drops events without contents", WantsContents, "SK-5"),
    _mutant("cannot be cancelled", Shielded, "SK-6"),
    _mutant("delivers empty batches", TellsOfNothing, "SK-7"),
    _mutant("buffers without bound", WithoutBound, "SK-8"),
    _mutant("buffers slowly, and without bound", SlowWithoutBound, "SK-8"),
)
