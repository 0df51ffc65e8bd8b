"""Storages that park jobs, show workers what is due or bound children in a wrong way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from mutant import Mutant
from steer.clock import Clock
from steer.errors import ActionExpired, BudgetExceeded, InvalidTransition, NotFound
from steer.ports import changes as c
from steer.ports.records import ActionRecord, JobRecord, Owner
from steer.ports.storage import Committed
from steer.values import ActionStatus, JobStatus
from storage_reference import Altered, Rewriting, in_memory, swallowing

Changes = Sequence[c.Change]
Shown = Sequence[JobRecord]


class ForgetsTheTime(Rewriting):
    def JobMoved(self, change: c.JobMoved) -> c.JobMoved:  # noqa: N802 - as the change
        return replace(change, due_at=None)


class ForgetsRetries(Rewriting):
    def JobMoved(self, change: c.JobMoved) -> c.JobMoved:  # noqa: N802
        return replace(change, retry=False)


class AnyNumberOfChildren(Rewriting):
    def JobCreated(self, change: c.JobCreated) -> c.JobCreated:  # noqa: N802
        return replace(change, max_children=None)


class OneChildTooMany(Rewriting):
    def JobCreated(self, change: c.JobCreated) -> c.JobCreated:  # noqa: N802
        most = change.max_children
        return replace(change, max_children=None if most is None else most + 1)


def not_waiting_for(
    passes: Callable[[str | None, ActionRecord], bool],
) -> Callable[[str, Clock], Altered]:
    """Return a storage that does not look at some of the actions that a job is parked for."""

    class NotWaiting(Altered):
        async def commit(
            self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
        ) -> Committed:
            rest = [
                replace(change, waits_for=await self._left(scope_id, job_id, change))
                if isinstance(change, c.JobMoved)
                else change
                for change in changes
            ]
            return await super().commit(scope_id, job_id, fence, rest)

        async def _left(
            self, scope_id: str, job_id: str | None, change: c.JobMoved
        ) -> tuple[str, ...]:
            left = []
            for name in change.waits_for:
                try:
                    action = await self.inner.actions.get(scope_id, name)
                except NotFound:
                    left.append(name)
                    continue
                if not passes(job_id, action):
                    left.append(name)
            return tuple(left)

    return NotWaiting


class ShowsEachQueue(Altered):
    async def jobs_claimable(self, queue: str, **which: Any) -> Shown:
        default: Shown = await self.inner.jobs.claimable("default", **which)
        other: Shown = await self.inner.jobs.claimable("other", **which)
        return [*default, *other]


class NewestFirst(Altered):
    async def jobs_claimable(self, queue: str, **which: Any) -> Shown:
        found: Shown = await self.inner.jobs.claimable(queue, **which)
        return list(reversed(found))


class ShowsAllScopes(Altered):
    async def jobs_claimable(self, queue: str, *, scopes: object = None, **which: Any) -> Shown:
        found: Shown = await self.inner.jobs.claimable(queue, **which)
        return found


class ShowsNothingHeld(Altered):
    async def jobs_claimable(self, queue: str, **which: Any) -> Shown:
        found: Shown = await self.inner.jobs.claimable(queue, **which)
        return [job for job in found if job.owner is None]


class DeadOwnersKeepTheirs(Altered):
    async def jobs_claimable(
        self, queue: str, *, dead: Collection[Owner] = (), **which: Any
    ) -> Shown:
        found: Shown = await self.inner.jobs.claimable(queue, **which)
        return found


class HidesWhoGivesUpWaiting(Altered):
    async def jobs_claimable(self, queue: str, **which: Any) -> Shown:
        found: Shown = await self.inner.jobs.claimable(queue, **which)
        return [job for job in found if job.status is not JobStatus.WAITING_ACTION]


class NamesAnOwnerTwice(Altered):
    async def jobs_owners(self, **which: Any) -> Sequence[Owner]:
        found: Sequence[Owner] = await self.inner.jobs.owners(**which)
        return [*found, *found]


class NamesOwnersOfAllScopes(Altered):
    async def jobs_owners(self, *, scopes: object = None) -> Sequence[Owner]:
        found: Sequence[Owner] = await self.inner.jobs.owners()
        return found


MUTANTS: tuple[Mutant, ...] = (
    in_memory("forgets when a job is due", "ST-48", ForgetsTheTime),
    in_memory(
        "parks for an answer that is there",
        "ST-48",
        not_waiting_for(lambda _, action: action.status is not ActionStatus.PENDING),
    ),
    in_memory(
        "parks for another job's action",
        "ST-48",
        not_waiting_for(lambda job_id, action: action.job_id != job_id),
    ),
    in_memory("shows jobs of other queues", "ST-49", ShowsEachQueue),
    in_memory("shows the newest first", "ST-49", NewestFirst),
    in_memory("shows jobs of other scopes", "ST-49", ShowsAllScopes),
    in_memory("shows no job whose lease is over", "ST-49", ShowsNothingHeld),
    in_memory("shows no job of a dead owner", "ST-49", DeadOwnersKeepTheirs),
    in_memory("shows no job that gives up waiting", "ST-49", HidesWhoGivesUpWaiting),
    in_memory("does not count retries", "ST-49", ForgetsRetries),
    in_memory("names an owner twice", "ST-50", NamesAnOwnerTwice),
    in_memory("names owners of other scopes", "ST-50", NamesOwnersOfAllScopes),
    in_memory("takes an answer that is late", "ST-51", swallowing(c.ActionMoved, ActionExpired)),
    in_memory("takes any number of children", "ST-52", AnyNumberOfChildren),
    in_memory("takes one child too many", "ST-52", OneChildTooMany),
    in_memory(
        "gives a job that has ended children", "ST-52", swallowing(c.JobCreated, InvalidTransition)
    ),
    in_memory("gives no refusal of a child", "ST-52", swallowing(c.JobCreated, BudgetExceeded)),
)
