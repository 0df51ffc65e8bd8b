"""The storages that mutants are made of: the one in memory, and the SQLite file for durability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mutant import Mutant
from steer.builtins.fresh_stores import fresh_memory, fresh_sqlite
from steer.builtins.storages import open_memory_url, open_sqlite_url
from steer.capabilities import StorageCapabilities
from steer.clock import Clock
from steer.errors import SteerError
from steer.plugin import StoragePlugin
from steer.ports.changes import Change
from steer.ports.storage import Committed, Storage

STORES = ("jobs", "journal", "records", "actions", "artifacts", "ledger", "sessions", "agents")


class Altered:
    """Does what the storage below does. A mutant overrides ``commit``, or ``jobs_get`` and alike.

    ``self.inner`` is the storage below.
    """

    below: Callable[[str, Clock], Storage] = staticmethod(open_memory_url)

    jobs: Any
    journal: Any
    records: Any
    actions: Any
    artifacts: Any
    ledger: Any
    sessions: Any
    agents: Any

    def __init__(self, url: str, clock: Clock) -> None:
        self.inner: Any = self.below(url, clock)
        self.signals = self.inner.signals
        for store in STORES:
            setattr(self, store, _Reads(self, store))

    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[Change],
        /,
    ) -> Committed:
        done: Committed = await self.inner.commit(
            scope_id, job_id, fence, self.altered(list(changes))
        )
        return done

    def altered(self, changes: list[Change]) -> list[Change]:
        """Return what is committed instead of these changes."""
        return changes

    async def aclose(self) -> None:
        await self.inner.aclose()


class AlteredFile(Altered):
    """The same of a SQLite file."""

    below: Callable[[str, Clock], Storage] = staticmethod(open_sqlite_url)


class _Reads:
    def __init__(self, altered: Altered, store: str) -> None:
        self._altered, self._store = altered, store

    def __getattr__(self, method: str) -> Any:
        own = getattr(self._altered, f"{self._store}_{method}", None)
        return own or getattr(getattr(self._altered.inner, self._store), method)


def losing(kind: type[Any]) -> Callable[[str, Clock], Altered]:
    """Return a storage that loses every change of a kind."""

    class Losing(Altered):
        def altered(self, changes: list[Change]) -> list[Change]:
            return [change for change in changes if not isinstance(change, kind)]

    return Losing


def swallowing(kind: type[Any], *errors: type[SteerError]) -> Callable[[str, Clock], Altered]:
    """Return a storage that says yes where it has to refuse a change of a kind."""

    class Swallowing(Altered):
        async def commit(
            self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change], /
        ) -> Committed:
            try:
                return await super().commit(scope_id, job_id, fence, changes)
            except errors:
                if any(isinstance(change, kind) for change in changes):
                    return Committed(position=0, fence=1, attempt=1)
                raise

    return Swallowing


class Rewriting(Altered):
    """Gives each change to the method named for its kind, and commits what that returns."""

    def altered(self, changes: list[Change]) -> list[Change]:
        return [
            getattr(self, type(change).__name__, lambda same: same)(change) for change in changes
        ]


def in_memory(name: str, clause: str, opener: Callable[[str, Clock], Any]) -> Mutant:
    """Return a mutant of the storage in memory."""
    plugin = StoragePlugin(
        name="mutant", summary=name, contract=1, open=opener, schemes=("memory",)
    )
    return Mutant(name=name, clauses=(clause,), plugin=plugin, factory=fresh_memory)


def in_a_file(name: str, clause: str, opener: Callable[[str, Clock], Any]) -> Mutant:
    """Return a mutant of the SQLite file, which other processes can open too."""
    plugin = StoragePlugin(
        name="mutant",
        summary=name,
        contract=1,
        open=opener,
        schemes=("sqlite",),
        capabilities=StorageCapabilities(durable=True, shared=True, upgrades=True),
    )
    return Mutant(name=name, clauses=(clause,), plugin=plugin, factory=fresh_sqlite)
