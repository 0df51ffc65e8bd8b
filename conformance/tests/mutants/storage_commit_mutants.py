"""Storages that take what they have to refuse, and lose or halve what they have to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from mutant import Mutant
from steer.clock import Clock
from steer.errors import BudgetExceeded, ConfigError, InvalidTransition, NotFound, SteerError
from steer.errors import Conflict as Refusal
from steer.ports import changes as c
from steer.ports.storage import Committed
from storage_reference import Altered, Rewriting, in_memory, losing, swallowing

Changes = Sequence[c.Change]


class HalfACommit(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except SteerError:
            if len(changes) > 1:
                await self.commit(scope_id, job_id, fence, changes[:-1])
            raise


class NewestFence(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        if job_id is not None and fence is not None:
            fence = (await self.inner.jobs.get(scope_id, job_id)).fence
        return await super().commit(scope_id, job_id, fence, changes)


class NoFenceNeeded(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except Refusal:
            if job_id is None or fence is not None:
                raise
            fence = (await self.inner.jobs.get(scope_id, job_id)).fence
            return await super().commit(scope_id, job_id, fence, changes)


class NoJobNeeded(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except NotFound:
            return await super().commit(scope_id, None, None, changes)


class Renumbering(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        if job_id is None or not all(isinstance(change, c.EventsAppended) for change in changes):
            return await super().commit(scope_id, job_id, fence, changes)
        seq = (await self.inner.jobs.get(scope_id, job_id)).last_seq
        events = [event for change in changes for event in getattr(change, "events", ())]
        numbered = tuple(replace(event, seq=seq + n) for n, event in enumerate(events, 1))
        one = c.EventsAppended(events=numbered)
        return await super().commit(scope_id, job_id, fence, [one])


class TwoEndings(Altered):
    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        self.more: list[Any] = []

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except Refusal:
            (change,) = changes
            if not isinstance(change, c.EventsAppended) or not change.events[-1].terminal:
                raise
            self.more += change.events
            return Committed(position=0)

    async def journal_events(self, scope_id: str, job_id: str, **page: Any) -> Any:
        more = [event for event in self.more if event.job_id == job_id]
        return [*await self.inner.journal.events(scope_id, job_id, **page), *more]


class DropsTheJournalToo(Altered):
    dropped: tuple[str | None, ...] = ()

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        if any(isinstance(change, c.RecordsDropped) for change in changes):
            self.dropped = (*self.dropped, job_id)
        return await super().commit(scope_id, job_id, fence, changes)

    async def journal_events(self, scope_id: str, job_id: str, **page: Any) -> Any:
        found = await self.inner.journal.events(scope_id, job_id, **page)
        return [] if job_id in self.dropped else found


class LimitIgnored(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except BudgetExceeded as error:
            unbound = c.BudgetSet(account=error.limit, unit="usd", limit=None)
            return await super().commit(scope_id, job_id, fence, [unbound, *changes])


class ReservesInPart(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except (BudgetExceeded, NotFound):
            match changes:
                case [c.Reserved(key=key, amounts=(first, _))]:
                    part = c.Reserved(key=f"{key}-part", amounts=(first,))
                    await super().commit(scope_id, job_id, fence, [part])
            raise


class SettlesTwice(Rewriting):
    def Settled(self, change: c.Settled) -> c.Settled:  # noqa: N802
        return replace(change, actuals=change.actuals + change.actuals)


class LedgerCountsAgain(Altered):
    again: tuple[Any, ...] = ()

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        known = {line.key for line in (await self.inner.ledger.entries(scope_id)).items}
        for change in changes:
            if isinstance(change, c.LedgerAppended):
                self.again += tuple(line for line in change.entries if line.key in known)
        return await super().commit(scope_id, job_id, fence, changes)

    async def ledger_entries(self, scope_id: str, **page: Any) -> Any:
        found = await self.inner.ledger.entries(scope_id, **page)
        return replace(found, items=found.items + self.again)


class LastAppendWins(Altered):
    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Changes, /
    ) -> Committed:
        match changes:
            case [c.SessionAppended(session_id=session_id) as said]:
                try:
                    version = (await self.inner.sessions.get(scope_id, session_id)).version
                except NotFound:
                    version = 0
                changes = [replace(said, expected_version=version)]
        return await super().commit(scope_id, job_id, fence, changes)


MUTANTS: tuple[Mutant, ...] = (
    in_memory("keeps half a commit", "ST-2", HalfACommit),
    in_memory("accepts a stale fence", "ST-3", NewestFence),
    in_memory("needs no fence", "ST-4", NoFenceNeeded),
    in_memory("needs no job", "ST-5", NoJobNeeded),
    *(
        in_memory(f"loses every {kind.__name__}", "ST-6", losing(kind))
        for kind in get_args(c.Change)
    ),
    in_memory("numbers events by itself", "ST-14", Renumbering),
    in_memory("doubles a terminal event", "ST-15", TwoEndings),
    in_memory("takes a second response", "ST-19", swallowing(c.ModelRecorded, Refusal)),
    in_memory("takes a second intent", "ST-20", swallowing(c.EffectIntended, Refusal)),
    in_memory("takes a second outcome", "ST-20", swallowing(c.EffectResolved, Refusal)),
    in_memory("uses a grant twice", "ST-21", swallowing(c.GrantUsed, Refusal)),
    in_memory("drops the journal with the records", "ST-22", DropsTheJournalToo),
    in_memory("keeps records that were dropped", "ST-22", losing(c.RecordsDropped)),
    in_memory("reserves past the limit", "ST-23", LimitIgnored),
    in_memory("reserves on some of the accounts", "ST-24", ReservesInPart),
    in_memory("settles twice", "ST-25", SettlesTwice),
    in_memory("settles what is settled", "ST-25", swallowing(c.Settled, Refusal)),
    in_memory("takes amounts below nothing", "ST-25", swallowing(c.Reserved, ConfigError)),
    in_memory("counts a line of the ledger again", "ST-26", LedgerCountsAgain),
    in_memory("takes a second answer", "ST-27", swallowing(c.ActionMoved, InvalidTransition)),
    in_memory("appends at any version", "ST-28", LastAppendWins),
    in_memory("takes any version of an agent", "ST-29", swallowing(c.AgentStored, Refusal)),
)
