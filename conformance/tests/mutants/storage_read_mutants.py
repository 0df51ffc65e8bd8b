"""Storages that give back something else than they were given, or in another order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

from mutant import Mutant
from steer.clock import Clock
from steer.errors import ConfigError
from steer.events import UnrecognisedData
from steer.ports import changes as c
from steer.ports.records import JobQuery, Page
from steer.ports.storage import MAX_PAGE, Committed
from storage_reference import Altered, Rewriting, in_memory


class EvenPositions(Altered):
    async def commit(self, *call: Any) -> Committed:
        done = await super().commit(*call)
        return replace(done, position=2 * done.position)

    async def journal_read(self, scope_id: str, **page: Any) -> Any:
        found = await self.inner.journal.read(scope_id, **page)
        return [replace(entry, position=2 * entry.position) for entry in found]


class OwnPositions(Altered):
    async def journal_read(self, scope_id: str, **page: Any) -> Any:
        found = await self.inner.journal.read(scope_id, **page)
        return [replace(entry, position=number) for number, entry in enumerate(found, 1)]


class ReadsTwice(Altered):
    async def journal_read(self, scope_id: str, *, after: int = 0, **page: Any) -> Any:
        return await self.inner.journal.read(scope_id, after=after and after - 1, **page)


class SkipsOne(Altered):
    async def journal_events(
        self, scope_id: str, job_id: str, *, after: int = 0, **page: Any
    ) -> Any:
        return await self.inner.journal.events(scope_id, job_id, after=after and after + 1, **page)


class NewestAgentOnly(Altered):
    async def agents_get(self, scope_id: str, name: str, *, version: int | None = None) -> Any:
        return await self.inner.agents.get(scope_id, name)


def forgetting(field: str) -> Callable[[str, Clock], Altered]:
    """Return a storage that lists jobs whatever they have in a field of the query."""

    class Forgetting(Altered):
        async def jobs_list(self, scope_id: str, query: JobQuery, **page: Any) -> Any:
            whatever = replace(query, **{field: getattr(JobQuery(), field)})
            return await self.inner.jobs.list(scope_id, whatever, **page)

    return Forgetting


class ActionsOfAnyStatus(Altered):
    async def actions_list(self, scope_id: str, *, status: object = None, **rest: Any) -> Any:
        return await self.inner.actions.list(scope_id, **rest)


def ignoring(field: str) -> Callable[[str, Clock], Altered]:
    """Return a storage that lists the ledger whatever is asked of one of its fields."""

    class Ignoring(Altered):
        async def ledger_entries(self, scope_id: str, **asked: Any) -> Any:
            asked.pop(field, None)
            return await self.inner.ledger.entries(scope_id, **asked)

    return Ignoring


class ListsItems(Altered):
    async def sessions_list(self, scope_id: str, **page: Any) -> Any:
        found = await self.inner.sessions.list(scope_id, **page)
        whole = [await self.inner.sessions.get(scope_id, one.session_id) for one in found.items]
        return replace(found, items=tuple(whole))


class CountsRows(Altered):
    """A cursor that says how many rows were seen: what is inserted meanwhile shifts all others."""

    async def jobs_list(
        self, scope_id: str, query: JobQuery, *, limit: int = 50, cursor: str | None = None
    ) -> Any:
        rows = (await self.inner.jobs.list(scope_id, query, limit=MAX_PAGE)).items
        end = int(cursor or 0) + limit
        return Page(items=rows[end - limit : end], cursor=str(end) if end < len(rows) else None)


class SkipsARow(Altered):
    async def actions_list(self, scope_id: str, *, cursor: str | None = None, **rest: Any) -> Any:
        found = await self.inner.actions.list(scope_id, cursor=cursor, **rest)
        return found if cursor is None else replace(found, items=found.items[1:])


class OnePageMore(Altered):
    async def ledger_entries(self, scope_id: str, *, cursor: str | None = None, **rest: Any) -> Any:
        if cursor == "end":
            return Page(items=())
        found = await self.inner.ledger.entries(scope_id, cursor=cursor, **rest)
        return replace(found, cursor=found.cursor or "end")


class AnyCursor(Altered):
    async def jobs_list(
        self, scope_id: str, query: JobQuery, *, limit: int = 50, cursor: str | None = None
    ) -> Any:
        try:
            return await self.inner.jobs.list(scope_id, query, limit=limit, cursor=cursor)
        except ConfigError:
            return await self.inner.jobs.list(scope_id, query)


class NoLongestPage(Altered):
    async def journal_events(
        self, scope_id: str, job_id: str, *, after: int = 0, limit: int = MAX_PAGE
    ) -> Any:
        found = await self.inner.journal.events(scope_id, job_id, after=after, limit=limit)
        if len(found) == MAX_PAGE < limit:
            rest = await self.journal_events(scope_id, job_id, after=found[-1].seq, limit=limit)
            return [*found, *rest]
        return found


class CutsAtZero(Rewriting):
    def SessionAppended(self, change: c.SessionAppended) -> c.SessionAppended:  # noqa: N802
        return replace(change, items=tuple(item.partition("\0")[0] for item in change.items))


class CutsAtAMebibyte(Rewriting):
    def ModelRecorded(self, change: c.ModelRecorded) -> c.ModelRecorded:  # noqa: N802
        return replace(
            change, record=replace(change.record, response=change.record.response[: 2**20])
        )


class SortsTags(Rewriting):
    def JobCreated(self, change: c.JobCreated) -> c.JobCreated:  # noqa: N802
        return replace(change, job=replace(change.job, tags=tuple(sorted(change.job.tags))))


class FloatMoney(Rewriting):
    def LedgerAppended(self, change: c.LedgerAppended) -> c.LedgerAppended:  # noqa: N802
        return replace(change, entries=tuple(map(_as_float, change.entries)))


def _as_float(entry: Any) -> Any:
    return entry if entry.cost is None else replace(entry, cost=Decimal(float(entry.cost)))


class FloatAmounts(Rewriting):
    def BudgetSet(self, change: c.BudgetSet) -> c.BudgetSet:  # noqa: N802
        return replace(change, limit=None if change.limit is None else int(float(change.limit)))


class TimesIn(Altered):
    """Gives the times of lines of the ledger in another form."""

    def told(self, moment: Any) -> Any:
        return moment

    async def ledger_entries(self, scope_id: str, **rest: Any) -> Any:
        found = await self.inner.ledger.entries(scope_id, **rest)
        return replace(
            found, items=tuple(replace(line, at=self.told(line.at)) for line in found.items)
        )


class DropsTheZone(TimesIn):
    def told(self, moment: Any) -> Any:
        return moment.replace(tzinfo=None)


class LocalTimes(TimesIn):
    def told(self, moment: Any) -> Any:
        return moment.astimezone(timezone(timedelta(hours=2)))


class Milliseconds(TimesIn):
    def told(self, moment: Any) -> Any:
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Normalises(Altered):
    async def journal_events(self, scope_id: str, job_id: str, **page: Any) -> Any:
        return [
            replace(
                event,
                data=replace(
                    event.data, encoded=json.dumps(json.loads(event.data.encoded)).encode()
                ),
            )
            if isinstance(event.data, UnrecognisedData)
            else event
            for event in await self.inner.journal.events(scope_id, job_id, **page)
        ]


class DropsHalfCharacters(Rewriting):
    def SessionAppended(self, change: c.SessionAppended) -> c.SessionAppended:  # noqa: N802
        return replace(
            change, items=tuple(item.encode(errors="ignore").decode() for item in change.items)
        )


class Fails(Rewriting):
    def ActionRequested(self, change: c.ActionRequested) -> c.ActionRequested:  # noqa: N802
        str(change.action.payload).encode()
        return change


MUTANTS: tuple[Mutant, ...] = (
    in_memory("leaves gaps between positions", "ST-16", EvenPositions),
    in_memory("counts positions by scope", "ST-16", OwnPositions),
    in_memory("leaves a reader gaps", "ST-17", EvenPositions),
    in_memory("reads a position twice", "ST-18", ReadsTwice),
    in_memory("skips an event", "ST-18", SkipsOne),
    in_memory("gives the newest version only", "ST-29", NewestAgentOnly),
    *(
        in_memory(f"lists jobs of any {field.name}", "ST-30", forgetting(field.name))
        for field in fields(JobQuery)
    ),
    in_memory("lists actions of any status", "ST-30", ActionsOfAnyStatus),
    *(
        in_memory(f"lists the ledger of any {field}", "ST-30", ignoring(field))
        for field in ("job_id", "kinds", "since", "until")
    ),
    in_memory("lists sessions with their items", "ST-30", ListsItems),
    in_memory("pages by the number of rows", "ST-31", CountsRows),
    in_memory("a cursor skips a row", "ST-31", SkipsARow),
    in_memory("the last page has a cursor", "ST-31", OnePageMore),
    in_memory("takes any cursor", "ST-32", AnyCursor),
    in_memory("has no longest page", "ST-32", NoLongestPage),
    in_memory("cuts text at a zero", "ST-33", CutsAtZero),
    in_memory("cuts bytes at a mebibyte", "ST-33", CutsAtAMebibyte),
    in_memory("sorts tags", "ST-33", SortsTags),
    in_memory("keeps money as a float", "ST-34", FloatMoney),
    in_memory("keeps amounts as floats", "ST-34", FloatAmounts),
    in_memory("drops the time zone", "ST-35", DropsTheZone),
    in_memory("tells local times", "ST-35", LocalTimes),
    in_memory("keeps milliseconds", "ST-35", Milliseconds),
    in_memory("writes an unknown event anew", "ST-36", Normalises),
    in_memory("drops half a character", "ST-37", DropsHalfCharacters),
    replace(in_memory("fails at half a character", "ST-37", Fails), raises=(UnicodeEncodeError,)),
)
