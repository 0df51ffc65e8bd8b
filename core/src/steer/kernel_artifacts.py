"""The part of the kernel that is about files of jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from steer._engine.engine import Engine
from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.ports.artifact import Content
from steer.ports.records import ArtifactRecord, Page

__all__ = ["KernelArtifacts"]


class KernelArtifacts(ABC):
    """Keeps, finds, reads and forgets the files of jobs."""

    @abstractmethod
    def _opened(self) -> Engine: ...

    async def put_artifact(
        self,
        job_id: str,
        content: Content,
        *,
        name: str,
        media_type: str = "application/octet-stream",
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str = DEFAULT_PRINCIPAL,
        action_id: str | None = None,
    ) -> ArtifactRecord:
        """Keep a file of a job; it is durable when this returns.

        ``content`` comes whole or in pieces. ``name`` is a label for people, ``principal_id`` who
        brings the file, and ``action_id`` the question that it is uploaded for, if it is for one.
        Raises ``BudgetExceeded`` where it is larger than a file may be, ``ConfigError`` for a name
        or a media type that is none, ``NotFound`` without the job or the action, ``InvalidAnswer``
        where the action is of another job.
        """
        return await self._opened().artifacts.put(
            scope_id,
            job_id,
            content,
            name=name,
            media_type=media_type,
            created_by=principal_id,
            action_id=action_id,
        )

    async def artifact(self, artifact_id: str, *, scope_id: str = DEFAULT_SCOPE) -> ArtifactRecord:
        """Return what is known of a file. Raises ``NotFound``."""
        return await self._opened().artifacts.store.get(scope_id, artifact_id)

    async def artifacts(
        self,
        job_id: str | None = None,
        *,
        scope_id: str = DEFAULT_SCOPE,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArtifactRecord]:
        """Return files, oldest first, of one job or of all; ``Page.cursor`` asks for more."""
        return await self._opened().artifacts.store.list(
            scope_id, job_id=job_id, limit=limit, cursor=cursor
        )

    async def read_artifact(self, artifact_id: str, *, scope_id: str = DEFAULT_SCOPE) -> bytes:
        """Return a file's content. Raises ``NotFound``, and ``StorageError`` if it has changed."""
        pieces = [piece async for piece in self.stream_artifact(artifact_id, scope_id=scope_id)]
        return b"".join(pieces)

    def stream_artifact(
        self, artifact_id: str, *, scope_id: str = DEFAULT_SCOPE
    ) -> AsyncIterator[bytes]:
        """Yield a file's content in pieces, without holding it all.

        Raises ``NotFound``, and ``StorageError`` before the last piece where it is not what was
        kept.
        """
        return self._opened().artifacts.store.read(scope_id, artifact_id)

    async def delete_artifact(self, artifact_id: str, *, scope_id: str = DEFAULT_SCOPE) -> None:
        """Forget a file with its content. Raises ``NotFound``."""
        await self._opened().artifacts.store.delete(scope_id, artifact_id)
