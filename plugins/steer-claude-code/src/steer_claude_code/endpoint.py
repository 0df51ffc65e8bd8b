"""The loopback endpoint that a CLI process asks models through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Answer", "Arrived", "Reply"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A request of the CLI. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the CLI is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


Answer: TypeAlias = Callable[[Arrived], Awaitable[Reply]]
