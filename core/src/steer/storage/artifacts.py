"""The port of artifacts, filled by the storage that keeps the jobs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator

from steer.clock import Clock
from steer.errors import BudgetExceeded, ConfigError, Conflict, StorageError
from steer.ids import new_id
from steer.ports.artifact import MAX_ARTIFACT_BYTES, PIECE_BYTES, Content
from steer.ports.changes import ArtifactDropped, ArtifactStored
from steer.ports.records import ArtifactRecord, Page
from steer.ports.storage import Storage
from steer.values import well_formed

__all__ = ["StoredArtifacts"]

_MAX_NAME = 500
# RFC 6838, with what may follow it: `text/plain; charset=utf-8`.
_TOKEN = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"  # noqa: S105 - a token of a grammar
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:; ?[ -~]{{1,200}})?")


class StoredArtifacts:
    """A ``steer.ports.artifact.ArtifactStore`` in a storage, which is not closed with it.

    ``max_bytes`` is the largest that a file may be.
    """

    def __init__(
        self, storage: Storage, clock: Clock, *, max_bytes: int = MAX_ARTIFACT_BYTES
    ) -> None:
        if max_bytes < 1:
            raise ConfigError(f"no file is {max_bytes} bytes large", fix="Allow 1 or more")
        self._storage = storage
        self._clock = clock
        self._max_bytes = max_bytes

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
        check_label(name, media_type)
        whole = await self._whole(content)
        artifact = ArtifactRecord(
            artifact_id=artifact_id or new_id(),
            job_id=job_id,
            name=well_formed(name),
            media_type=media_type,
            size=len(whole),
            digest=hashlib.sha256(whole).hexdigest(),
            created_at=self._clock.now(),
            created_by=created_by,
            action_id=action_id,
        )
        try:
            change = ArtifactStored(artifact=artifact, content=whole)
            await self._storage.commit(scope_id, None, None, [change])
        except Conflict:
            there = await self.get(scope_id, artifact.artifact_id)
            if _told(there) != _told(artifact):
                raise
            return there
        return artifact

    async def get(self, scope_id: str, artifact_id: str, /) -> ArtifactRecord:
        return await self._storage.artifacts.get(scope_id, artifact_id)

    async def list(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArtifactRecord]:
        return await self._storage.artifacts.list(
            scope_id, job_id=job_id, limit=limit, cursor=cursor
        )

    async def read(self, scope_id: str, artifact_id: str, /) -> AsyncGenerator[bytes, None]:
        artifact = await self.get(scope_id, artifact_id)
        digest, start = hashlib.sha256(), 0
        while True:
            piece = await self._storage.artifacts.read(
                scope_id, artifact_id, start=start, length=PIECE_BYTES
            )
            digest.update(piece)
            start += len(piece)
            if start < artifact.size and piece:
                yield piece
                continue
            if (start, digest.hexdigest()) != (artifact.size, artifact.digest):
                raise StorageError(
                    f"artifact {artifact_id} of scope {scope_id} is not what was kept: its content"
                    " has changed in the store",
                    fix="Restore the store from a copy, or delete the artifact",
                )
            if piece:
                yield piece
            return

    async def delete(self, scope_id: str, artifact_id: str, /) -> None:
        dropped = ArtifactDropped(artifact_id=artifact_id)
        await self._storage.commit(scope_id, None, None, [dropped])

    async def aclose(self) -> None:
        """The storage is closed by whoever opened it."""

    async def _whole(self, content: Content) -> bytes:
        if isinstance(content, bytes):
            self._check_size(len(content))
            return content
        pieces, size = [], 0
        async for piece in content:
            size += len(piece)
            self._check_size(size)
            pieces.append(bytes(piece))
        return b"".join(pieces)

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise BudgetExceeded(
                "max_artifact_bytes",
                f"a file of more than {self._max_bytes:,} bytes is not kept",
                fix="Keep a smaller one, or allow more with max_artifact_bytes",
            )


def check_label(name: str, media_type: str) -> None:
    """Raise ``ConfigError`` where a file cannot be called so, or is of no media type."""
    if not name.strip() or len(name) > _MAX_NAME:
        raise ConfigError(
            f"a file cannot be called {name[:60]!r}", fix=f"Give it 1 to {_MAX_NAME} characters"
        )
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise ConfigError(
            f"{media_type[:60]!r} is no media type", fix="Write one such as application/pdf"
        )


def _told(artifact: ArtifactRecord) -> tuple[str, str, str]:
    return artifact.job_id, artifact.name, artifact.digest
