"""The part of the kernel that runs what waits in queues, and starts jobs over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence

import anyio
import anyio.to_thread

from steer._engine.again import request_again
from steer._engine.engine import Engine
from steer._engine.history import history_of
from steer._engine.rebuilding import rebuild_of
from steer._engine.worker import Worker
from steer._engine.workshop import Workshop
from steer.context import DEFAULT_SCOPE
from steer.handle import ExecutionHandle
from steer.request import ExecutionRequest
from steer.working import WorkNote

__all__ = ["KernelWork"]


class KernelWork(ABC):
    """Runs the jobs of queues, and starts failed ones over."""

    _workshop: Workshop

    @abstractmethod
    def _opened(self) -> Engine: ...

    @abstractmethod
    async def _admit(self, request: ExecutionRequest, *, here: bool) -> ExecutionHandle: ...

    async def work(
        self,
        *,
        queue: str | Sequence[str] = "default",
        concurrency: int = 4,
        scopes: Collection[str] | None = None,
        stop: anyio.Event | None = None,
        drain: float = 0.0,
        until_idle: bool = False,
        tell: Callable[[WorkNote], object] | None = None,
    ) -> None:
        """Run the jobs that wait in one queue or several, at most ``concurrency`` at a time.

        A job that is due is taken, and one whose process is gone; never one that somebody runs, nor
        one that began under policies which this kernel does not have. It is built again from its
        record, and fails with the reason where that cannot be. Looks into
        these ``scopes``, or into all of the store. Returns when ``stop`` is set or, with
        ``until_idle``, when nothing is left to do: then it waits up to ``drain`` seconds for what
        still runs, and gives the rest back. Cancelled, it gives all back at once. ``tell`` is
        called with each step of a job. Raises ``ConfigError`` for a number below 1.
        """
        queues = (queue,) if isinstance(queue, str) else tuple(queue)
        worker = Worker(
            self._opened(),
            queues=queues,
            concurrency=concurrency,
            scopes=scopes,
            rebuild=lambda job: rebuild_of(job, self._workshop),
            capacity=self._workshop.capacity,
            lacks=self._workshop.lacks,
            tell=tell or (lambda _: None),
        )
        await worker.run(stop=stop, drain=drain, until_idle=until_idle)

    async def retry(
        self,
        job_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        repeat_tools: bool = False,
        queued: bool = False,
    ) -> ExecutionHandle:
        """Start a job over that ended without success, as a new one; ``queued`` for a worker.

        The new job's ``metadata`` has the old one's id as ``retry_of``. Nothing is taken from the
        old one's records, so tools that it ran may run again: that takes ``repeat_tools``. Raises
        ``NotFound``, ``InvalidTransition`` where it has not failed, ``Conflict`` where it ran
        tools, ``Interrupted`` where its agent or its context was a live object, and what
        ``execute`` raises.
        """
        engine = self._opened()
        job = await engine.storage.jobs.get(scope_id, job_id)
        events = await history_of(engine.storage, job)
        request = await anyio.to_thread.run_sync(
            lambda: request_again(job, events, repeat_tools=repeat_tools)
        )
        return await self._admit(request, here=not queued)
