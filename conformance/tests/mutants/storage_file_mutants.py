"""Storages that are not as durable, or not as shared, as they claim."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from mutant import Mutant
from steer.builtins.storages import open_sqlite_url
from steer.clock import Clock
from steer.errors import Conflict
from steer.ports import changes as c
from steer.ports.storage import Committed, Storage
from storage_concurrency_mutants import ChangeByChange
from storage_reference import AlteredFile, in_a_file


def open_another(url: str, clock: Clock) -> Storage:
    """Open a file of its own, each time."""
    return open_sqlite_url(f"{url}-{uuid4()}", clock)


def open_anew(url: str, clock: Clock) -> Storage:
    """Begin anew where an earlier version has written."""
    return open_sqlite_url(f"{url}.new" if "schema" in url else url, clock)


class AnswersBeforeItIsDurable(AlteredFile):
    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        self.later: asyncio.Task[Committed] | None = None

    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[c.Change],
        /,
    ) -> Committed:
        self.later = asyncio.ensure_future(super().commit(scope_id, job_id, fence, changes))
        return Committed(position=0, fence=1, attempt=1)


class HalfOnTheDisk(ChangeByChange, AlteredFile):
    pass


class Remembers(AlteredFile):
    """Answers from what it has read before."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        self.read: dict[object, Any] = {}

    async def journal_events(self, *asked: Any, **page: Any) -> Any:
        if asked not in self.read:
            self.read[asked] = await self.inner.journal.events(*asked, **page)
        return self.read[asked]


class CountsItsOwn(AlteredFile):
    position = 0

    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[c.Change],
        /,
    ) -> Committed:
        done = await super().commit(scope_id, job_id, fence, changes)
        self.position += sum(len(getattr(change, "events", ())) for change in changes)
        return replace(done, position=self.position)


class EveryoneWins(AlteredFile):
    async def commit(
        self,
        scope_id: str,
        job_id: str | None,
        fence: int | None,
        changes: Sequence[c.Change],
        /,
    ) -> Committed:
        try:
            return await super().commit(scope_id, job_id, fence, changes)
        except Conflict:
            return Committed(position=0, fence=1, attempt=1)


MUTANTS: tuple[Mutant, ...] = (
    in_a_file("forgets what it held when it closes", "ST-42", open_another),
    in_a_file("acknowledges before it is durable", "ST-43", AnswersBeforeItIsDurable),
    in_a_file("leaves half a commit on the disk", "ST-43", HalfOnTheDisk),
    in_a_file("answers from what it has read before", "ST-44", Remembers),
    in_a_file("each process counts its own positions", "ST-45", CountsItsOwn),
    in_a_file("each process is told that it won", "ST-46", EveryoneWins),
    in_a_file("begins anew where an earlier version wrote", "ST-47", open_anew),
)
