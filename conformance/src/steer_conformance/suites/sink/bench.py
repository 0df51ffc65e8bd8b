"""What the author of a sink gives for a check: where its events go, in the author's hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

__all__ = ["SinkBench"]


class SinkBench(Protocol):
    """A destination of a sink's events that can be looked into, and be made to fail."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The sink's configuration, with which it reaches the destination."""
        ...

    def arrived(self) -> Sequence[str]:
        """Return the ids of the events that the destination has, in the order they came in."""
        ...

    def down(self) -> AbstractContextManager[None]:
        """Let the destination refuse everything for as long as this is entered."""
        ...

    def stalled(self) -> AbstractContextManager[None]:
        """Let the destination neither take nor refuse anything for as long as this is entered."""
        ...
