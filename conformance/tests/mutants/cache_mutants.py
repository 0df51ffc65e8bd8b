"""A cache in a dict that keeps the contract, and what is left when one thing is broken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mutant import Mutant, Reference
from steer.plugin import CachePlugin

__all__ = ["MUTANTS", "REFERENCE"]


class Kept:
    """Keeps values in this process."""

    def __init__(self) -> None:
        self.values: dict[Any, tuple[bytes, float]] = {}

    def key(self, scope_id: str, key: str) -> Any:
        return (scope_id, key)

    async def get(self, scope_id: str, key: str, /) -> bytes | None:
        value, until = self.values.get(self.key(scope_id, key), (None, 0.0))
        return value if time.monotonic() < until else None

    async def put(self, scope_id: str, key: str, value: bytes, /, *, seconds: float) -> None:
        self.values[self.key(scope_id, key)] = (value, time.monotonic() + seconds)

    async def aclose(self) -> None:
        self.values.clear()


@contextmanager
def address(folder: Path) -> Iterator[str]:
    yield "kept://"


def declared(make: Callable[[], Kept]) -> CachePlugin:
    return CachePlugin(
        name="kept",
        summary="Values in this process",
        contract=1,
        open=lambda url, clock: make(),
        schemes=("kept",),
    )


REFERENCE = Reference(plugin=declared(Kept), factory=address)


class KeepsTheFirst(Kept):
    async def put(self, scope_id: str, key: str, value: bytes, /, *, seconds: float) -> None:
        self.values.setdefault(self.key(scope_id, key), (value, time.monotonic() + seconds))


class TakesValuesForText(Kept):
    async def put(self, scope_id: str, key: str, value: bytes, /, *, seconds: float) -> None:
        text = value.decode(errors="replace").encode()
        await super().put(scope_id, key, text, seconds=seconds)


class MakesUpValues(Kept):
    async def get(self, scope_id: str, key: str, /) -> bytes | None:
        return await super().get(scope_id, key) or b""


class NeverForgets(Kept):
    async def get(self, scope_id: str, key: str, /) -> bytes | None:
        return self.values.get(self.key(scope_id, key), (None, 0.0))[0]


class KeepsTheLongestTime(Kept):
    async def put(self, scope_id: str, key: str, value: bytes, /, *, seconds: float) -> None:
        _, before = self.values.get(self.key(scope_id, key), (b"", 0.0))
        until = max(before, time.monotonic() + seconds)
        self.values[self.key(scope_id, key)] = (value, until)


class NoScopes(Kept):
    def key(self, scope_id: str, key: str) -> Any:
        return key


class JoinsScopeAndKey(Kept):
    def key(self, scope_id: str, key: str) -> Any:
        return f"{scope_id}:{key}"


class KeepsNothing(Kept):
    async def get(self, scope_id: str, key: str, /) -> bytes | None:
        return None


class OneKeyAtATime(Kept):
    """Keeps the key of the call in the cache while it waits."""

    async def put(self, scope_id: str, key: str, value: bytes, /, *, seconds: float) -> None:
        self.current = key
        await asyncio.sleep(0)
        await super().put(scope_id, self.current, value, seconds=seconds)


def _mutant(name: str, kind: Callable[[], Kept], *clauses: str) -> Mutant:
    return Mutant(name=name, clauses=clauses, plugin=declared(kind), factory=address)


MUTANTS = (
    _mutant("keeps the first value", KeepsTheFirst, "CA-1"),
    _mutant("takes values for text", TakesValuesForText, "CA-1"),
    _mutant("makes up values", MakesUpValues, "CA-2"),
    _mutant("never forgets", NeverForgets, "CA-3"),
    _mutant("keeps the longest time", KeepsTheLongestTime, "CA-3"),
    _mutant("knows no scopes", NoScopes, "CA-4"),
    _mutant("joins scope and key", JoinsScopeAndKey, "CA-4"),
    _mutant("keeps nothing", KeepsNothing, "CA-5"),
    _mutant("mixes calls at one time", OneKeyAtATime, "CA-6"),
)
