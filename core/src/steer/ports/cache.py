"""The port of caches: small, optional, allowed to forget."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Cache"]


class Cache(Protocol):
    """Keeps bytes for a while. A miss is always possible; nothing may depend on a hit."""

    async def get(self, scope_id: str, key: str, /) -> bytes | None:
        """Return what was last put under the key in this scope, or ``None`` (CA-1)."""
        ...

    async def put(self, scope_id: str, key: str, value: bytes, /, *, seconds: float) -> None:
        """Keep ``value`` for at most ``seconds`` (CA-3)."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
