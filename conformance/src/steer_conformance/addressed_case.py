"""The case of a check of what is opened by URL: signal channels, caches and files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Generic, Protocol, TypeVar

from steer.plugin import Declaration
from steer.plugins import PluginRegistry

from steer_conformance.checks import Subject
from steer_conformance.profiles import Profile
from steer_conformance.real_clock import RealClock

__all__ = ["AddressedCase", "addressed_case"]


class _Closing(Protocol):
    async def aclose(self) -> None: ...


O = TypeVar("O", bound=_Closing)  # noqa: E741 - what is opened
Opening = Callable[[PluginRegistry, str, RealClock], O]


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressedCase(Generic[O]):
    """A plugin, and the URL that its factory gives for this check."""

    plugin: Declaration
    profile: Profile
    url: str
    opening: Opening[O]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[O]:
        """Open what the URL names as the kernel does, and close it in the end."""
        registry = PluginRegistry()
        registry.register(self.plugin)
        opened = self.opening(registry, self.url, RealClock())
        try:
            yield opened
        finally:
            await opened.aclose()


@contextmanager
def addressed_case(subject: Subject, opening: Opening[O]) -> Iterator[AddressedCase[O]]:
    """Give a check its case."""
    with (
        TemporaryDirectory(prefix="steer-check-") as folder,
        subject.factory(Path(folder)) as url,
    ):
        yield AddressedCase(
            plugin=subject.plugin, profile=subject.profile, url=url, opening=opening
        )
