"""The storage in memory: commits under one lock, taken back where they are refused."""

from __future__ import annotations

from collections.abc import Sequence

from steer.clock import Clock, SystemClock
from steer.memory._ledger import MemoryLedger
from steer.memory._reads import (
    MemoryActions,
    MemoryAgents,
    MemoryArtifacts,
    MemoryJobs,
    MemoryJournal,
    MemoryRecords,
    MemorySessions,
)
from steer.memory._store import Store
from steer.ports.changes import Change
from steer.ports.storage import Committed
from steer.storage import LocalSignals, apply_changes

__all__ = ["MemoryStorage", "open_memory"]


class MemoryStorage:
    """A ``steer.ports.storage.Storage`` that keeps everything until it is let go.

    Values are kept as they are handed over, not copied: change nothing in them afterwards.
    """

    def __init__(self, clock: Clock) -> None:
        self._store = Store(clock)
        self._commits = 0
        self.jobs = MemoryJobs(self._store)
        self.journal = MemoryJournal(self._store)
        self.records = MemoryRecords(self._store)
        self.actions = MemoryActions(self._store)
        self.artifacts = MemoryArtifacts(self._store)
        self.ledger = MemoryLedger(self._store)
        self.sessions = MemorySessions(self._store)
        self.agents = MemoryAgents(self._store)
        self.signals = LocalSignals()

    @property
    def commits(self) -> int:
        """How many commits were kept."""
        return self._commits

    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[Change],
        /,
    ) -> Committed:
        store = self._store
        now = store.clock.now()
        with store.writing(scope_id) as tables:
            after = apply_changes(tables, scope_id, job_id, fence, changes, now=now)
            self._commits += 1
            return Committed(
                position=store.counter.value,
                fence=after.fence,
                attempt=after.attempt,
                accounts=after.accounts,
            )

    async def aclose(self) -> None:
        self._store.close()
        await self.signals.aclose()


def open_memory(clock: Clock | None = None) -> MemoryStorage:
    """Open a new, empty store; ``clock`` tells its time, the machine's own by default."""
    return MemoryStorage(clock or SystemClock())
