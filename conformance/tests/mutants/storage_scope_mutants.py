"""Storages that give one scope what belongs to another, method by method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mutant import Mutant
from steer.clock import Clock
from steer.errors import Conflict, NotFound
from steer.ports.changes import Change, JobCreated
from steer.ports.storage import Committed, HeldJob
from storage_reference import Altered, in_memory

READS = (
    "jobs.get",
    "jobs.find",
    "jobs.list",
    "jobs.cancellations",
    "jobs.renew",
    "journal.events",
    "journal.read",
    "records.load",
    "actions.get",
    "actions.list",
    "artifacts.get",
    "artifacts.list",
    "artifacts.read",
    "ledger.entries",
    "ledger.account",
    "ledger.reservations",
    "ledger.reserved",
    "ledger.budget",
    "ledger.budgets",
    "ledger.accounts",
    "sessions.get",
    "sessions.list",
    "agents.get",
    "agents.list",
    "agents.versions",
)


def leaking(method: str) -> Callable[[str, Clock], Altered]:
    """Return a storage one method of which looks into the scope ``acme``, whoever asks."""

    def opened(url: str, clock: Clock) -> Altered:
        storage = Altered(url, clock)
        store, _, name = method.partition(".")
        honest: Any = getattr(getattr(storage.inner, store), name)

        def leaks(scope: str | Sequence[HeldJob], *rest: Any, **named: Any) -> Any:
            if isinstance(scope, str):
                return honest("acme", *rest, **named)
            return honest([replace(held, scope_id="acme") for held in scope], *rest, **named)

        setattr(storage, f"{store}_{name}", leaks)
        return storage

    return opened


class WritesIntoAnother(Altered):
    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[Change],
        /,
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except NotFound:
            return await super().commit("acme", job_id, fence, changes)


class OneNameForAll(Altered):
    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[Change],
        /,
    ) -> Committed:
        for change in changes:
            if isinstance(change, JobCreated) and scope_id != "acme":
                try:
                    await self.inner.jobs.get("acme", change.job.job_id)
                except NotFound:
                    continue
                raise Conflict("taken")
        return await super().commit(scope_id, job_id, fence, changes)


MUTANTS: tuple[Mutant, ...] = (
    *(in_memory(f"{method} leaks another scope", "ST-1", leaking(method)) for method in READS),
    in_memory("writes into another scope", "ST-1", WritesIntoAnother),
    in_memory("a job's id is taken in all scopes", "ST-1", OneNameForAll),
)
