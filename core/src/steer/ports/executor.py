"""The port of executors: where a job's body runs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

__all__ = ["Executor"]


class Executor(Protocol):
    """Runs the body of jobs; the built-in one runs them in this process's event loop."""

    async def submit(self, job_id: str, body: Callable[[], Coroutine[Any, Any, None]], /) -> None:
        """Start ``body`` and return (EX-2). It is called once per submission (EX-1)."""
        ...

    async def aclose(self) -> None:
        """Cancel the bodies that still run, and return when they have ended (EX-5)."""
        ...
