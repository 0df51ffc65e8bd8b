"""The channel of core as the reference, and channels of a few lines that lose or mix signals."""

# ruff: noqa: ASYNC109 - the port bounds a wait by its argument

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from mutant import Mutant, Reference
from steer.plugin import SignalsPlugin
from steer.ports.signals import SignalChannel, Waiter
from steer.storage.local_signals import LocalSignals

__all__ = ["MUTANTS", "REFERENCE"]


@contextmanager
def address(folder: Path) -> Iterator[str]:
    yield "here://"


def declared(make: Callable[[], SignalChannel]) -> SignalsPlugin:
    return SignalsPlugin(
        name="here",
        summary="Signals in this process",
        contract=1,
        open=lambda url, clock: make(),
        schemes=("here",),
    )


REFERENCE = Reference(plugin=declared(LocalSignals), factory=address)


class Bell:
    """A waiter that rings once for all signals since it last rang."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    async def wait(self, timeout: float, /) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self.rung.wait()
        except TimeoutError:
            return False
        self.rung.clear()
        return True


class Plain:
    """A channel for one event loop; what is broken in a mutant is one of its methods."""

    make: Callable[[], Any] = Bell

    def __init__(self) -> None:
        self.bells: dict[Any, list[Any]] = {}

    def key(self, scope_id: str, topic: str) -> Any:
        return (scope_id, topic)

    def ring(self, bells: list[Any]) -> None:
        for bell in bells:
            bell.rung.set()

    async def publish(self, scope_id: str, topic: str, /) -> None:
        self.ring(self.bells.get(self.key(scope_id, topic), []))

    def leave(self, key: Any, bell: Any) -> None:
        self.bells[key].remove(bell)

    def subscribe(self, scope_id: str, topic: str, /) -> AbstractAsyncContextManager[Waiter]:
        return self.subscription(self.key(scope_id, topic))

    @asynccontextmanager
    async def subscription(self, key: Any) -> AsyncIterator[Any]:
        bell = type(self).make()
        self.bells.setdefault(key, []).append(bell)
        try:
            yield bell
        finally:
            self.leave(key, bell)

    async def aclose(self) -> None:
        for bells in self.bells.values():
            self.ring(bells)


class WakesTheFirst(Plain):
    def ring(self, bells: list[Any]) -> None:
        super().ring(bells[:1])


class Deaf(Bell):
    """Hears only while it waits."""

    async def wait(self, timeout: float, /) -> bool:
        self.rung.clear()
        return await super().wait(timeout)


class HearsOnlyWhileWaiting(Plain):
    make = Deaf


class Counting(Bell):
    """Rings once for each signal."""

    def __init__(self) -> None:
        self.rung = self  # type: ignore[assignment]
        self.signals: asyncio.Queue[None] = asyncio.Queue()

    def set(self) -> None:
        self.signals.put_nowait(None)

    async def wait(self, timeout: float, /) -> bool:
        try:
            await asyncio.wait_for(self.signals.get(), max(timeout, 0.001))
        except TimeoutError:
            return False
        return True


class QueuesSignals(Plain):
    make = Counting


class Impatient(Bell):
    async def wait(self, timeout: float, /) -> bool:
        return await super().wait(timeout / 10)


class GivesUpEarly(Plain):
    make = Impatient


class Stubborn(Bell):
    async def wait(self, timeout: float, /) -> bool:
        await self.rung.wait()
        self.rung.clear()
        return True


class WaitsForEver(Plain):
    make = Stubborn


class OneLeavesAllLeave(Plain):
    def leave(self, key: Any, bell: Any) -> None:
        self.bells[key].clear()


class Deadened(Bell):
    dead = False

    async def wait(self, timeout: float, /) -> bool:
        try:
            return not self.dead and await super().wait(timeout)
        except asyncio.CancelledError:
            self.dead = True
            raise


class CancelledForGood(Plain):
    make = Deadened


class NoScopes(Plain):
    def key(self, scope_id: str, topic: str) -> Any:
        return topic


class LateWithoutScopes(NoScopes):
    def ring(self, bells: list[Any]) -> None:
        asyncio.get_running_loop().call_later(0.1, super().ring, list(bells))


class DropsPatterns(Plain):
    async def publish(self, scope_id: str, topic: str, /) -> None:
        if "*" not in topic:
            await super().publish(scope_id, topic)


class JoinsScopeAndTopic(Plain):
    def key(self, scope_id: str, topic: str) -> Any:
        return f"{scope_id}:{topic}"


class GoesByPrefix(Plain):
    async def publish(self, scope_id: str, topic: str, /) -> None:
        for (scope, waited), bells in self.bells.items():
            if scope == scope_id and waited.startswith(topic):
                self.ring(bells)


class FoldsTopics(Plain):
    def key(self, scope_id: str, topic: str) -> Any:
        return (scope_id, topic.lower())


class KeepsForLater(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.kept: set[Any] = set()

    async def publish(self, scope_id: str, topic: str, /) -> None:
        self.kept.add(self.key(scope_id, topic))
        await super().publish(scope_id, topic)

    @asynccontextmanager
    async def subscription(self, key: Any) -> AsyncIterator[Any]:
        async with super().subscription(key) as bell:
            if key in self.kept:
                bell.rung.set()
            yield bell


class ClosesInSilence(Plain):
    async def aclose(self) -> None:
        self.bells.clear()

    def leave(self, key: Any, bell: Any) -> None:
        pass


def _mutant(name: str, kind: Callable[[], SignalChannel], *clauses: str) -> Mutant:
    return Mutant(name=name, clauses=clauses, plugin=declared(kind), factory=address)


MUTANTS = (
    _mutant("wakes the first waiter alone", WakesTheFirst, "SG-1"),
    _mutant("hears only while it waits", HearsOnlyWhileWaiting, "SG-2", "SG-3"),
    _mutant("queues signals", QueuesSignals, "SG-2"),
    _mutant("gives up early", GivesUpEarly, "SG-4"),
    _mutant("waits for ever", WaitsForEver, "SG-4"),
    _mutant("cuts off all when one leaves", OneLeavesAllLeave, "SG-5"),
    _mutant("is dead after a cancelled wait", CancelledForGood, "SG-5"),
    _mutant("knows no scopes", NoScopes, "SG-6"),
    _mutant("knows no scopes, and is late", LateWithoutScopes, "SG-6"),
    _mutant("drops signals of some topics", DropsPatterns, "SG-7"),
    _mutant("joins scope and topic", JoinsScopeAndTopic, "SG-6"),
    _mutant("goes by how a topic begins", GoesByPrefix, "SG-7"),
    _mutant("folds topics", FoldsTopics, "SG-7"),
    _mutant("keeps signals for whoever comes", KeepsForLater, "SG-8"),
    _mutant("closes in silence", ClosesInSilence, "SG-9"),
)
