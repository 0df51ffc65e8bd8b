"""The port of artifacts: files of jobs, in a store that may be another than the jobs' own."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol, TypeAlias

from steer.ports.records import ArtifactRecord, Page

__all__ = ["MAX_ARTIFACT_BYTES", "PIECE_BYTES", "ArtifactStore", "Content"]

MAX_ARTIFACT_BYTES = 32 * 1024 * 1024
"""The largest that an artifact may be where nobody says otherwise."""

PIECE_BYTES = 256 * 1024
"""The largest piece in which ``ArtifactStore.read`` gives a content."""

Content: TypeAlias = bytes | AsyncIterable[bytes]
"""A content that is kept: whole, or in pieces as they come."""


class ArtifactStore(Protocol):
    """Keeps the files of jobs. Whatever a method returns or changes belongs to the scope it names.

    A name is a label: no path is ever made of it. Methods may be called from any event loop of the
    process.
    """

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
        """Keep a file; it is durable when this returns.

        With an ``artifact_id`` that is there with the same content and name, the one that is there
        is returned; otherwise a taken id raises ``Conflict``. Raises ``BudgetExceeded`` for a
        content that is too large, of which nothing is kept, ``ConfigError`` for a name or media
        type that is none, and ``NotFound`` without the job, where the store knows of jobs.
        """
        ...

    async def get(self, scope_id: str, artifact_id: str, /) -> ArtifactRecord:
        """Return what is known of a file. Raises ``NotFound``."""
        ...

    async def list(
        self,
        scope_id: str,
        /,
        *,
        job_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArtifactRecord]:
        """Return files, oldest first."""
        ...

    def read(self, scope_id: str, artifact_id: str, /) -> AsyncIterator[bytes]:
        """Yield the content in pieces of at most ``PIECE_BYTES``; none where it is empty.

        Raises ``NotFound``, and ``StorageError`` where it is not what was kept: then before the
        last piece is given, so that nobody takes it for whole.
        """
        ...

    async def delete(self, scope_id: str, artifact_id: str, /) -> None:
        """Forget a file. Raises ``NotFound``."""
        ...

    async def aclose(self) -> None:
        """Let go of what the store holds open."""
        ...
