"""The case of a check of sinks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from steer.plugin import Declaration
from steer.plugins import PluginRegistry
from steer.ports.sink import EventSink

from steer_conformance.checks import Subject
from steer_conformance.profiles import Profile
from steer_conformance.suites.sink.bench import SinkBench

__all__ = ["PATIENCE", "SinkCase", "open_case"]

PATIENCE = 5.0
"""Seconds within which a sink does what does not depend on its destination."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SinkCase:
    """A sink's plugin, and the bench that its factory gives for this check."""

    plugin: Declaration
    profile: Profile
    bench: SinkBench

    @asynccontextmanager
    async def open(self, *, contents: bool = True) -> AsyncIterator[EventSink]:
        """Open the sink as the kernel does, and close it in the end."""
        registry = PluginRegistry()
        registry.register(self.plugin)
        config = {**self.bench.config, "contents": contents}
        sink, _ = registry.open_sink(self.plugin.name, config)
        try:
            yield sink
        finally:
            async with asyncio.timeout(PATIENCE):
                await sink.aclose()


@contextmanager
def open_case(subject: Subject) -> Iterator[SinkCase]:
    """Give a check its case."""
    with (
        TemporaryDirectory(prefix="steer-check-") as folder,
        subject.factory(Path(folder)) as bench,
    ):
        yield SinkCase(plugin=subject.plugin, profile=subject.profile, bench=bench)
