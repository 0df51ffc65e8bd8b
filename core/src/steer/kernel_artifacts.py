"""The part of the kernel that is about files of jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Literal

from steer._engine.engine import Engine
from steer._engine.workshop import Workshop
from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.ports.artifact import Content
from steer.ports.records import ArtifactRecord, Page

__all__ = ["KernelArtifacts"]


class KernelArtifacts(ABC):
    """Keeps, finds, reads and forgets the files of jobs.

    Where a file is read or forgotten with a ``principal_id``, the kernel's policies are asked
    whether that one may, and ``PolicyDenied`` is raised where not.
    """

    _workshop: Workshop

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

    async def read_artifact(
        self,
        artifact_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> bytes:
        """Return a file's content. Raises ``NotFound``, and ``StorageError`` if it has changed."""
        content = self.stream_artifact(artifact_id, scope_id=scope_id, principal_id=principal_id)
        return b"".join([piece async for piece in content])

    async def stream_artifact(
        self,
        artifact_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield a file's content in pieces, without holding it all.

        Raises ``NotFound``, and ``StorageError`` before the last piece where it is not what was
        kept.
        """
        await self._check(scope_id, principal_id, artifact_id, "read")
        async for piece in self._opened().artifacts.store.read(scope_id, artifact_id):
            yield piece

    async def delete_artifact(
        self,
        artifact_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> None:
        """Forget a file with its content. Raises ``NotFound``."""
        await self._check(scope_id, principal_id, artifact_id, "write")
        await self._opened().artifacts.store.delete(scope_id, artifact_id)

    async def _check(
        self,
        scope_id: str,
        principal_id: str | None,
        artifact_id: str,
        action: Literal["read", "write"],
    ) -> None:
        """Ask policy about a file by its name, as rules about data do."""
        if principal_id is not None:
            artifact = await self.artifact(artifact_id, scope_id=scope_id)
            await self._workshop.check_data(
                scope_id, principal_id, "artifact", artifact.name, action
            )
