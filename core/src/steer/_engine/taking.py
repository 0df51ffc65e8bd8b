"""Making and claiming jobs: what the storage was asked is seen through, whoever is cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import anyio

from steer._engine.leases import LEASE_SECONDS
from steer._engine.running import RunningJob
from steer._engine.state import Stop
from steer.errors import Released, StorageError
from steer.values import JobStatus

__all__ = ["UNWANTED", "Takings", "bounded", "kernel_closed"]

T = TypeVar("T", bound=RunningJob | None)

LEAVE_SECONDS = 10.0
"""The longest that whoever is cancelled waits until what was taken for them is given back."""

UNWANTED = Stop(status=JobStatus.QUEUED, reason="whoever asked for it to run was cancelled")
"""Stops a run without ending its job: it was taken for somebody who has left meanwhile."""

_log = logging.getLogger("steer.engine")


def kernel_closed() -> Released:
    """Return what is told to those for whom this kernel takes no job any more."""
    return Released("this kernel closed", fix="Go on with another kernel or a worker")


@contextmanager
def bounded(job_id: str) -> Iterator[None]:
    """Bound a commit that takes a job: one that takes longer than the lease holds nothing.

    Raises ``StorageError``.
    """
    try:
        with anyio.fail_after(LEASE_SECONDS):
            yield
    except TimeoutError as error:
        raise StorageError(
            f"the storage did not answer within {LEASE_SECONDS:g} s whether job {job_id} is taken"
        ) from error


@dataclass(slots=True, eq=False)
class _Taking:
    """A job that is being taken. ``to_end`` says that it will not be run in any case."""

    to_end: bool
    wanted: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def give_up(self) -> None:
        if self.to_end:
            # To end it takes no longer than to give it back.
            self.wanted.deadline = anyio.current_time() + LEAVE_SECONDS
        else:
            self.wanted.cancel()


class Takings:
    """Takes jobs in tasks of the kernel's own, which it waits for as it closes.

    Between asking the storage for a job and hearing its answer nobody can say who holds the job,
    and a commit that is cancelled there may have been made (ST-40). So no such commit is cancelled:
    whoever waits for it can leave, and the job is given back once the answer is there.
    ``on_ended`` is called each time that one is taken, or is not.
    """

    def __init__(
        self,
        spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
        *,
        on_ended: Callable[[], None],
    ) -> None:
        self._spawn = spawn
        self._on_ended = on_ended
        self._under_way: set[_Taking] = set()
        self._winding_down = False
        self._closed = False

    def __len__(self) -> int:
        """How many jobs are being taken."""
        return len(self._under_way)

    async def see_through(
        self, take: Callable[[anyio.CancelScope], Awaitable[T]], *, to_end: bool = False
    ) -> T:
        """Return what ``take`` returns, which makes or claims a job.

        It is given a scope, cancelled once the job is not to be run here any more: because whoever
        asked was cancelled, or because the kernel closes. Then it gives the job back. With
        ``to_end`` there is nothing to be run, and it is left some time instead. Raises
        ``Released`` where the kernel has closed, and what ``take`` raises.
        """
        if self._closed or (self._winding_down and not to_end):
            raise kernel_closed()
        taking = _Taking(to_end=to_end)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        # Awaited itself, which takes a turn of the loop less than any shield of the answer: the run
        # has begun by then, and who waits is to hear of it from its first word on.
        heard: asyncio.Future[None] = loop.create_future()
        self._under_way.add(taking)
        self._spawn(partial(self._take, take, taking, answer, heard))
        try:
            await heard
        except BaseException:
            taking.give_up()
            with anyio.move_on_after(LEAVE_SECONDS, shield=True):
                await _until_left(answer)
            raise
        return answer.result()

    def wind_down(self) -> None:
        """Take no more jobs to run them, and give back those that are being taken."""
        self._winding_down = True
        for taking in self._under_way:
            taking.give_up()

    def close(self) -> None:
        """Take no jobs any more."""
        self._closed = True

    async def _take(
        self,
        take: Callable[[anyio.CancelScope], Awaitable[T]],
        taking: _Taking,
        answer: asyncio.Future[T],
        heard: asyncio.Future[None],
    ) -> None:
        try:
            answer.set_result(await take(taking.wanted))
        except BaseException as error:
            answer.set_exception(error if isinstance(error, Exception) else kernel_closed())
            # Whoever waited may have left.
            answer.exception()
            if not isinstance(error, Exception):
                raise
        finally:
            if not heard.done():
                heard.set_result(None)
            self._under_way.discard(taking)
            self._on_ended()


async def _until_left(answer: asyncio.Future[T]) -> None:
    """Return once this process has nothing to do with a job that nobody waits for any more."""
    await asyncio.wait((answer,))
    error = answer.exception()
    if error is None:
        running = answer.result()
        if running is not None:
            # It was taken at the very moment.
            running.state.stop(UNWANTED)
            await running.left()
    elif not isinstance(error, Released):
        _log.warning("a job that nobody waits for any more was not taken: %s", error)
