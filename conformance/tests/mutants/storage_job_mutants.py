"""Storages that admit, claim, renew, move or stop jobs in a wrong way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mutant import Mutant
from steer.errors import Conflict as Refusal
from steer.errors import InvalidTransition, NotFound
from steer.ports import changes as c
from steer.ports.storage import Committed, HeldJob
from storage_reference import Altered, Rewriting, in_memory, swallowing

Changes = Sequence[c.Change]


class NeverClaimed(Rewriting):
    def JobCreated(self, change: c.JobCreated) -> c.JobCreated:  # noqa: N802 - as the change
        return replace(change, job=replace(change.job, owner=None))


class ForgetsKeys(Rewriting):
    def JobCreated(self, change: c.JobCreated) -> c.JobCreated:  # noqa: N802
        return replace(change, job=replace(change.job, idempotency_key=None))


class KeyFreeAfterTheEnd(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        for number, change in enumerate(changes):
            if isinstance(change, c.JobCreated) and change.job.idempotency_key:
                holder = await self.inner.jobs.find(scope_id, change.job.idempotency_key)
                if holder is not None and holder.status.terminal:
                    free = replace(change, job=replace(change.job, idempotency_key=None))
                    changes = [*changes[:number], free, *changes[number + 1 :]]
        return await super().commit(scope_id, job_id, fence, changes)


class AnyFenceClaims(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        if job_id is not None and any(isinstance(change, c.JobClaimed) for change in changes):
            now = (await self.inner.jobs.get(scope_id, job_id)).fence
            changes = [
                replace(change, expected_fence=now) if isinstance(change, c.JobClaimed) else change
                for change in changes
            ]
        return await super().commit(scope_id, job_id, fence, changes)


class LeaseIgnored(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        if job_id is not None and any(isinstance(change, c.JobClaimed) for change in changes):
            owner = (await self.inner.jobs.get(scope_id, job_id)).owner
            changes = [
                replace(change, dead_owner=owner) if isinstance(change, c.JobClaimed) else change
                for change in changes
            ]
        return await super().commit(scope_id, job_id, fence, changes)


class NobodyIsDead(Rewriting):
    def JobClaimed(self, change: c.JobClaimed) -> c.JobClaimed:  # noqa: N802
        return replace(change, dead_owner=None)


class RenewsPastATakeover(Altered):
    async def jobs_renew(
        self, held: Sequence[HeldJob], *, lease_seconds: float
    ) -> Sequence[HeldJob]:
        lost = []
        for one in held:
            try:
                fence = (await self.inner.jobs.get(one.scope_id, one.job_id)).fence
            except NotFound:
                lost.append(one)
                continue
            if await self.inner.jobs.renew(
                [replace(one, fence=fence)], lease_seconds=lease_seconds
            ):
                lost.append(one)
        return lost


class RenewsNothing(Altered):
    async def jobs_renew(
        self, held: Sequence[HeldJob], *, lease_seconds: float
    ) -> Sequence[HeldJob]:
        return []


class HeldAfterTheEnd(Altered):
    async def jobs_get(self, scope_id: str, job_id: str) -> Any:
        found = await self.inner.jobs.get(scope_id, job_id)
        return replace(found, lease_expires_at=found.updated_at)


class NobodyIsAsked(Altered):
    async def jobs_cancellations(self, held: Sequence[HeldJob]) -> Any:
        return {}


class LastRequestStays(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        done = await super().commit(scope_id, job_id, fence, changes)
        for change in changes:
            if isinstance(change, c.CancelRequested):
                self.last = change
        return done

    async def jobs_get(self, scope_id: str, job_id: str) -> Any:
        found = await self.inner.jobs.get(scope_id, job_id)
        if found.cancel_by is None:
            return found
        return replace(found, cancel_by=self.last.by, cancel_reason=self.last.reason)


MUTANTS: tuple[Mutant, ...] = (
    in_memory("admits a claimed job unclaimed", "ST-7", NeverClaimed),
    in_memory("creates a job over another", "ST-7", swallowing(c.JobCreated, Refusal)),
    in_memory("forgets idempotency keys", "ST-8", ForgetsKeys),
    in_memory("frees a key when its job ends", "ST-8", KeyFreeAfterTheEnd),
    in_memory("claims by any fence", "ST-9", AnyFenceClaims),
    in_memory("claims before the lease has run out", "ST-10", LeaseIgnored),
    in_memory("waits for the lease of a dead owner", "ST-10", NobodyIsDead),
    in_memory("renews past a takeover", "ST-11", RenewsPastATakeover),
    in_memory("renews nothing and loses nothing", "ST-11", RenewsNothing),
    in_memory("moves from anywhere", "ST-12", swallowing(c.JobMoved, InvalidTransition)),
    in_memory("holds a lease after the end", "ST-12", HeldAfterTheEnd),
    in_memory("tells nobody of a request to stop", "ST-13", NobodyIsAsked),
    in_memory("keeps the last request to stop", "ST-13", LastRequestStays),
)
