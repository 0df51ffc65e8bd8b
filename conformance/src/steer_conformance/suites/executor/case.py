"""The case of a check of executors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from steer.plugin import Declaration
from steer.plugins import PluginRegistry
from steer.ports.executor import Executor

from steer_conformance.checks import Subject

__all__ = ["ExecutorCase", "open_case"]

_CLOSING = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutorCase:
    """An executor's plugin, and the configuration that its factory gives for this check."""

    plugin: Declaration
    config: Mapping[str, Any]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Executor]:
        """Open it as the kernel does, and close it in the end."""
        registry = PluginRegistry()
        registry.register(self.plugin)
        executor = registry.open_executor(self.plugin.name, self.config)
        try:
            yield executor
        finally:
            async with asyncio.timeout(_CLOSING):
                await executor.aclose()


@contextmanager
def open_case(subject: Subject) -> Iterator[ExecutorCase]:
    """Give a check its case."""
    with (
        TemporaryDirectory(prefix="steer-check-") as folder,
        subject.factory(Path(folder)) as config,
    ):
        yield ExecutorCase(plugin=subject.plugin, config=config)
