"""A store of files that keeps the contract, and what is left when one thing is broken."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mutant import Mutant, Reference
from steer.errors import ConfigError, Conflict, NotFound
from steer.ids import new_id
from steer.plugin import ArtifactPlugin
from steer.ports.artifact import PIECE_BYTES, Content
from steer.ports.records import ArtifactRecord, Page

__all__ = ["MUTANTS", "REFERENCE"]

# By key: the record, the content, and a number that grows.
Shelf = dict[Any, tuple[ArtifactRecord, bytes, int]]
_KIND = re.compile(r"[a-z]+/[a-z-]+(; charset=utf-8)?")


class Files:
    """Keeps files on a shelf of this process, one shelf for each URL."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def key(self, scope_id: str, artifact_id: str) -> Any:
        return (scope_id, artifact_id)

    async def put(
        self,
        scope_id: str,
        job_id: str,
        content: Content,
        /,
        *,
        name: str,
        media_type: str,
        artifact_id: str | None = None,
        created_by: str = "",
        action_id: str | None = None,
    ) -> ArtifactRecord:
        self.check(name, media_type)
        artifact_id = artifact_id or new_id()
        data = await self.whole(scope_id, artifact_id, content)
        record = ArtifactRecord(
            artifact_id=artifact_id,
            job_id=job_id,
            name=name,
            media_type=media_type,
            size=len(data),
            digest=hashlib.sha256(data).hexdigest(),
            created_at=datetime.now(UTC),
            created_by=created_by,
            action_id=action_id,
        )
        there = self.shelf.get(self.key(scope_id, artifact_id))
        if there is not None:
            return self.again(there[0], record)
        self.keep(scope_id, record, data)
        return record

    def check(self, name: str, media_type: str) -> None:
        if not name.strip() or len(name) > 500 or not _KIND.fullmatch(media_type):
            raise ConfigError("no such file")

    async def whole(self, _scope_id: str, _artifact_id: str, content: Content) -> bytes:
        if isinstance(content, bytes):
            return content
        return b"".join([piece async for piece in content])

    def again(self, there: ArtifactRecord, record: ArtifactRecord) -> ArtifactRecord:
        if (there.name, there.digest) != (record.name, record.digest):
            raise Conflict("taken")
        return there

    def keep(self, scope_id: str, record: ArtifactRecord, data: bytes) -> None:
        self.shelf[self.key(scope_id, record.artifact_id)] = (record, data, time.monotonic_ns())

    def found(self, scope_id: str, artifact_id: str) -> tuple[ArtifactRecord, bytes, int]:
        try:
            return self.shelf[self.key(scope_id, artifact_id)]
        except KeyError:
            raise NotFound("no such file") from None

    async def get(self, scope_id: str, artifact_id: str, /) -> ArtifactRecord:
        return self.found(scope_id, artifact_id)[0]

    async def list(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArtifactRecord]:
        if limit < 1:
            raise ConfigError("no such limit")
        start = 0 if cursor is None else self.read_cursor(cursor)
        after = [row for row in self.rows(scope_id, job_id) if row[1] > start]
        page, more = after[:limit], len(after) > limit
        items = tuple(record for record, _ in page)
        return Page(items=items, cursor=str(page[-1][1]) if more else None)

    def read_cursor(self, cursor: str) -> int:
        if not re.fullmatch(r"[0-9]+", cursor):
            raise ConfigError("no such cursor")
        return int(cursor)

    def rows(self, scope_id: str, job_id: str | None) -> Sequence[tuple[ArtifactRecord, int]]:
        return [
            (record, number)
            for (scope, _), (record, _, number) in self.shelf.items()
            if scope == scope_id and (job_id is None or record.job_id == job_id)
        ]

    async def read(self, scope_id: str, artifact_id: str, /) -> AsyncIterator[bytes]:
        data = self.found(scope_id, artifact_id)[1]
        for start in range(0, len(data), PIECE_BYTES):
            yield data[start : start + PIECE_BYTES]

    async def delete(self, scope_id: str, artifact_id: str, /) -> None:
        self.found(scope_id, artifact_id)
        del self.shelf[self.key(scope_id, artifact_id)]

    async def aclose(self) -> None:
        pass


@contextmanager
def address(folder: Path) -> Iterator[str]:
    yield f"files://{folder}"


def declared(make: Callable[[Shelf], Files]) -> ArtifactPlugin:
    shelves: dict[str, Shelf] = {}
    return ArtifactPlugin(
        name="files",
        summary="Files in this process",
        contract=1,
        open=lambda url, clock: make(shelves.setdefault(url, {})),
        schemes=("files",),
    )


REFERENCE = Reference(plugin=declared(Files), factory=address)


class NamesAsPaths(Files):
    def keep(self, scope_id: str, record: ArtifactRecord, data: bytes) -> None:
        super().keep(scope_id, replace(record, name=Path(record.name).name or "file"), data)


class AsText(Files):
    def keep(self, scope_id: str, record: ArtifactRecord, data: bytes) -> None:
        super().keep(scope_id, record, data.decode(errors="replace").encode())


class KeepsHalves(Files):
    async def whole(self, scope_id: str, artifact_id: str, content: Content) -> bytes:
        if isinstance(content, bytes):
            return content
        data = b""
        try:
            async for piece in content:
                data += piece
        except ConnectionError:
            record = ArtifactRecord(
                artifact_id=artifact_id, job_id="job-1", name="a", media_type="a/b",
                size=len(data), digest="", created_at=datetime.now(UTC),
            )  # fmt: skip
            self.keep(scope_id, record, data)
            raise
        return data


class WholeAtOnce(Files):
    async def read(self, scope_id: str, artifact_id: str, /) -> AsyncIterator[bytes]:
        yield self.found(scope_id, artifact_id)[1]


class NoScopes(Files):
    def key(self, scope_id: str, artifact_id: str) -> Any:
        return ("", artifact_id)


class ListsAllScopes(Files):
    def rows(self, scope_id: str, job_id: str | None) -> Sequence[tuple[ArtifactRecord, int]]:
        return [(record, number) for record, _, number in self.shelf.values()]


class OneIdForAll(Files):
    def keep(self, scope_id: str, record: ArtifactRecord, data: bytes) -> None:
        if any(one.artifact_id == record.artifact_id for one, *_ in self.shelf.values()):
            raise Conflict("taken in another scope")
        super().keep(scope_id, record, data)


class TakesTheNewest(Files):
    def again(self, there: ArtifactRecord, record: ArtifactRecord) -> ArtifactRecord:
        return record


class RefusesTheSame(Files):
    def again(self, there: ArtifactRecord, record: ArtifactRecord) -> ArtifactRecord:
        raise Conflict("taken")


class OfAnyJob(Files):
    def rows(self, scope_id: str, job_id: str | None) -> Sequence[tuple[ArtifactRecord, int]]:
        return super().rows(scope_id, None)


class NewestFirst(Files):
    def rows(self, scope_id: str, job_id: str | None) -> Sequence[tuple[ArtifactRecord, int]]:
        return super().rows(scope_id, job_id)[::-1]


class AnyCursor(Files):
    def read_cursor(self, cursor: str) -> int:
        return 0


class DeletesNothing(Files):
    async def delete(self, scope_id: str, artifact_id: str, /) -> None:
        self.found(scope_id, artifact_id)


class DeletesWhatIsNotThere(Files):
    async def delete(self, scope_id: str, artifact_id: str, /) -> None:
        self.shelf.pop(self.key(scope_id, artifact_id), None)


class DeletesAll(Files):
    async def delete(self, scope_id: str, artifact_id: str, /) -> None:
        self.found(scope_id, artifact_id)
        self.shelf.clear()


class AnyLabel(Files):
    def check(self, name: str, media_type: str) -> None:
        pass


class OneContentAtATime(Files):
    """Keeps the content of the call in the store while it waits."""

    async def whole(self, scope_id: str, artifact_id: str, content: Content) -> bytes:
        self.current = await super().whole(scope_id, artifact_id, content)
        await asyncio.sleep(0)
        return self.current


class ForgetsAtClosing(Files):
    async def aclose(self) -> None:
        self.shelf.clear()


def _mutant(name: str, kind: Callable[[Shelf], Files], *clauses: str) -> Mutant:
    return Mutant(name=name, clauses=clauses, plugin=declared(kind), factory=address)


MUTANTS = (
    _mutant("takes names for paths", NamesAsPaths, "AR-1"),
    _mutant("keeps files as text", AsText, "AR-1"),
    _mutant("keeps what came until it broke off", KeepsHalves, "AR-1"),
    _mutant("gives a content at once", WholeAtOnce, "AR-2"),
    _mutant("knows no scopes", NoScopes, "AR-3"),
    _mutant("lists all scopes", ListsAllScopes, "AR-3"),
    _mutant("takes an id in all scopes", OneIdForAll, "AR-3"),
    _mutant("says that it took the newest", TakesTheNewest, "AR-4"),
    _mutant("refuses the same again", RefusesTheSame, "AR-4"),
    _mutant("lists files of any job", OfAnyJob, "AR-5"),
    _mutant("lists the newest first", NewestFirst, "AR-5"),
    _mutant("takes anything for a cursor", AnyCursor, "AR-5"),
    _mutant("deletes nothing", DeletesNothing, "AR-6"),
    _mutant("deletes what is not there", DeletesWhatIsNotThere, "AR-6"),
    _mutant("deletes all at once", DeletesAll, "AR-6"),
    _mutant("takes any name", AnyLabel, "AR-7"),
    _mutant("mixes calls at one time", OneContentAtATime, "AR-8"),
    _mutant("forgets when it closes", ForgetsAtClosing, "AR-9"),
)
