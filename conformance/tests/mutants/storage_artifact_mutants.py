"""Storages that lose, mix up or misread the files of jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mutant import Mutant
from steer.errors import Conflict, NotFound
from steer.ports import changes as c
from steer.ports.records import ArtifactRecord
from storage_reference import Altered, Rewriting, in_memory, losing, swallowing


class NamesAsPaths(Rewriting):
    def ArtifactStored(self, change: c.ArtifactStored) -> c.Change:  # noqa: N802 - as the change
        last = change.artifact.name.rpartition("/")[2]
        return replace(change, artifact=replace(change.artifact, name=last))


class AsText(Rewriting):
    def ArtifactStored(self, change: c.ArtifactStored) -> c.Change:  # noqa: N802
        return replace(change, content=change.content.decode(errors="replace").encode())


class FirstPieceOnly(Rewriting):
    def ArtifactStored(self, change: c.ArtifactStored) -> c.Change:  # noqa: N802
        return replace(change, content=change.content[:1_000_000])


class DropsAll(Altered):
    async def commit(self, scope_id: str, *rest: Any) -> Any:
        done = await super().commit(scope_id, *rest)
        if any(isinstance(change, c.ArtifactDropped) for change in rest[-1]):
            for one in (await self.inner.artifacts.list(scope_id)).items:
                drop = c.ArtifactDropped(artifact_id=one.artifact_id)
                await self.inner.commit(scope_id, None, None, [drop])
        return done


class KeepsContent(Altered):
    def __init__(self, *opening: Any) -> None:
        super().__init__(*opening)
        self.kept: dict[str, bytes] = {}

    def altered(self, changes: list[c.Change]) -> list[c.Change]:
        for change in changes:
            if isinstance(change, c.ArtifactStored):
                self.kept[change.artifact.artifact_id] = change.content
        return changes

    async def artifacts_read(
        self, scope_id: str, artifact_id: str, *, start: int = 0, length: int
    ) -> bytes:
        try:
            found: bytes = await self.inner.artifacts.read(
                scope_id, artifact_id, start=start, length=length
            )
        except NotFound:
            if artifact_id not in self.kept:
                raise
            return self.kept[artifact_id][start : start + length]
        return found


class ReadsWholePieces(Altered):
    async def artifacts_read(
        self, scope_id: str, artifact_id: str, *, start: int = 0, length: int
    ) -> Any:
        start -= start % 65_536
        return await self.inner.artifacts.read(scope_id, artifact_id, start=start, length=length)


class ReadsBackwards(Altered):
    async def artifacts_read(
        self, scope_id: str, artifact_id: str, *, start: int = 0, length: int
    ) -> Any:
        whole = await self.inner.artifacts.read(scope_id, artifact_id, length=2**30)
        return whole[start : start + length]


class FilesOfAnyJob(Altered):
    async def artifacts_list(self, scope_id: str, *, job_id: object = None, **page: Any) -> Any:
        return await self.inner.artifacts.list(scope_id, **page)


class NewestFirst(Altered):
    async def artifacts_list(self, scope_id: str, **page: Any) -> Any:
        found = await self.inner.artifacts.list(scope_id, **page)
        return replace(found, items=found.items[::-1])


class WithoutWho(Altered):
    async def artifacts_get(self, scope_id: str, artifact_id: str) -> ArtifactRecord:
        found: ArtifactRecord = await self.inner.artifacts.get(scope_id, artifact_id)
        return replace(found, created_by="", action_id=None)


MUTANTS: tuple[Mutant, ...] = (
    in_memory("takes the name of a file for a path", "ST-60", NamesAsPaths),
    in_memory("keeps a file as text", "ST-60", AsText),
    in_memory("keeps the beginning of a file", "ST-60", FirstPieceOnly),
    in_memory("forgets who brought a file", "ST-60", WithoutWho),
    in_memory("loses files", "ST-60", losing(c.ArtifactStored)),
    in_memory("takes a file twice", "ST-60", swallowing(c.ArtifactStored, Conflict)),
    in_memory("takes a file of no job", "ST-60", swallowing(c.ArtifactStored, NotFound)),
    in_memory("drops no file", "ST-61", losing(c.ArtifactDropped)),
    in_memory("drops all files at once", "ST-61", DropsAll),
    in_memory("reads what was dropped", "ST-61", KeepsContent),
    in_memory("drops what is not there", "ST-61", swallowing(c.ArtifactDropped, NotFound)),
    in_memory("reads a file by whole pieces", "ST-62", ReadsWholePieces),
    in_memory("reads a file from its end", "ST-62", ReadsBackwards),
    in_memory("lists files of any job", "ST-63", FilesOfAnyJob),
    in_memory("lists the newest file first", "ST-63", NewestFirst),
)
