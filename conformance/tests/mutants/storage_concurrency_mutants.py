"""Storages that are right only as long as one call comes after another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mutant import Mutant
from steer.clock import Clock
from steer.errors import BudgetExceeded
from steer.errors import Conflict as Refusal
from steer.ports import changes as c
from steer.ports.storage import Committed
from storage_reference import Altered, in_memory, swallowing

Changes = Sequence[c.Change]


class ChecksThenActs(Altered):
    """Looks whether there is room, and then takes it: right, as long as nobody else does."""

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        match changes:
            case [c.Reserved(amounts=((name, amount),))]:
                before = await self.inner.ledger.account(scope_id, name)
                if before.spent + before.reserved + amount > before.limit:
                    raise BudgetExceeded(name, "no room")
                await asyncio.sleep(0)
                unbound = c.BudgetSet(account=name, unit=before.unit, limit=None)
                changes = [unbound, *changes, replace(unbound, limit=before.limit)]
        return await super().commit(scope_id, job_id, fence, changes)


class LosesWhatComesMeanwhile(Altered):
    busy = False

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        if self.busy:
            return Committed(position=0)
        self.busy = True
        try:
            await asyncio.sleep(0)
            return await super().commit(scope_id, job_id, fence, changes)
        finally:
            self.busy = False


class HalfWhereNotAlone(Altered):
    under_way = 0

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        self.under_way += 1
        try:
            await asyncio.sleep(0)
            return await super().commit(scope_id, job_id, fence, changes)
        except Refusal:
            if self.under_way > 1 and len(changes) > 1:
                await super().commit(scope_id, job_id, 1, changes[:1])
            raise
        finally:
            self.under_way -= 1


class ReadsInTwoGoes(Altered):
    async def records_load(self, scope_id: str, job_id: str) -> Any:
        first = await self.inner.records.load(scope_id, job_id)
        await asyncio.sleep(0.001)
        return replace(await self.inner.records.load(scope_id, job_id), models=first.models)


class ChangeByChange(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        done = await super().commit(scope_id, job_id, fence, changes[:1])
        for change in changes[1:]:
            await asyncio.sleep(0)
            done = await super().commit(scope_id, job_id, done.fence or None, [change])
        return done


class DropsWhatIsUnderWay(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        for _ in range(9):
            await asyncio.sleep(0)
        return await super().commit(scope_id, job_id, fence, changes)


class NeverCloses(Altered):
    async def aclose(self) -> None:
        pass


class ShowsTooEarly(Altered):
    """Shows the events of a commit before it is known whether that can be kept."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        self.under_way: list[Any] = []

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        before = list(self.under_way)
        self.under_way += [event for change in changes for event in getattr(change, "events", ())]
        try:
            await asyncio.sleep(0)
            return await super().commit(scope_id, job_id, fence, changes)
        finally:
            self.under_way = before

    async def journal_events(self, scope_id: str, job_id: str, **page: Any) -> Any:
        return [*await self.inner.journal.events(scope_id, job_id, **page), *self.under_way]


MUTANTS: tuple[Mutant, ...] = (
    in_memory("keeps half a commit among others", "ST-2", HalfWhereNotAlone),
    in_memory("reads in two goes", "ST-2", ReadsInTwoGoes),
    in_memory("shows events before they are committed", "ST-17", ShowsTooEarly),
    in_memory("loses what comes meanwhile", "ST-38", LosesWhatComesMeanwhile),
    in_memory("checks a limit and then acts", "ST-39", ChecksThenActs),
    in_memory("tells every claimant that it won", "ST-39", swallowing(c.JobClaimed, Refusal)),
    in_memory("leaves half of a cancelled commit", "ST-40", ChangeByChange),
    in_memory("drops what is under way when it closes", "ST-41", DropsWhatIsUnderWay),
    in_memory("answers after closing", "ST-41", NeverCloses),
)
