"""The scopes of one store in memory and the lock that makes each use of them whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from steer.clock import Clock
from steer.errors import StorageError
from steer.memory._tables import Counter, MemoryTables

__all__ = ["Store"]


class Store:
    """All scopes, each in tables of its own, so that none can reach another's rows."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.counter = Counter()
        self._lock = Lock()
        self._scopes: dict[str, MemoryTables] = {}
        self._closed = False

    @contextmanager
    def reading(self, scope_id: str) -> Iterator[MemoryTables]:
        """Hold the scope still. A scope nobody has written to is empty and is not kept."""
        with self._lock:
            self._check_open()
            yield self._scopes.get(scope_id) or MemoryTables(self.counter)

    def scopes(self) -> Sequence[str]:
        """Return the scopes that have been written to."""
        with self._lock:
            self._check_open()
            return tuple(self._scopes)

    @contextmanager
    def writing(self, scope_id: str) -> Iterator[MemoryTables]:
        """Hold the scope for a change that is kept whole, or not at all where it raises."""
        with self._lock:
            self._check_open()
            tables = self._scopes.get(scope_id)
            if tables is None:
                tables = self._scopes[scope_id] = MemoryTables(self.counter)
            try:
                yield tables
            except BaseException:
                tables.undo()
                raise
            tables.keep()

    def close(self) -> None:
        """Refuse every further use."""
        with self._lock:
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("memory: the storage is closed")
