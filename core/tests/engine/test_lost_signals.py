"""Signals that fail: whatever they would have told is found by looking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from kernels import Moment, TurnedClock, open_kernel, request
from queueing import agent_file, plugins
from steer import RuntimeKernel
from steer._engine.upkeep import CANCEL_POLL_SECONDS
from steer.memory import open_memory
from steer.values import JobStatus
from stepwise import Stepwise, Turn

pytestmark = pytest.mark.anyio


class Deaf:
    """Signals that a process cannot listen to for its owner, so many times."""

    def __init__(self, inner: Any, times: int) -> None:
        self._inner = inner
        self.left = times
        self.heard = anyio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def subscribe(self, scope_id: str, topic: str, /) -> Any:
        if topic.startswith("owner:"):
            if self.left:
                self.left -= 1
                raise OSError("away")
            self.heard.set()
        return self._inner.subscribe(scope_id, topic)


async def test_a_cancellation_is_found_by_a_kernel_that_cannot_listen(tmp_path: Path) -> None:
    clock, place, storage = TurnedClock(), Moment("asked:0"), open_memory()
    signals = Deaf(storage.signals, times=1000)
    plugged = plugins(Stepwise(turns=(Turn(text="x"),), reach=place))
    async with (
        open_kernel(storage=storage, signals=signals, clock=clock, registry=plugged) as kernel,
        open_kernel(storage=storage, clock=clock, registry=plugins()) as other,
    ):
        handle = await kernel.execute(request(agent_file(tmp_path), runtime="stepwise"))
        await place.arrive()
        await other.cancel(handle.job_id, reason="enough")
        await turned_until_ended(kernel, handle.job_id, clock)
        assert (await handle.result()).status is JobStatus.CANCELLED


async def test_a_kernel_that_could_not_listen_tries_again(tmp_path: Path) -> None:
    clock, place, storage = TurnedClock(), Moment("asked:0"), open_memory()
    signals = Deaf(storage.signals, times=3)
    plugged = plugins(Stepwise(turns=(Turn(text="x"),), reach=place))
    async with open_kernel(
        storage=storage, signals=signals, clock=clock, registry=plugged
    ) as kernel:
        handle = await kernel.execute(request(agent_file(tmp_path), runtime="stepwise"))
        await place.arrive()
        while not signals.heard.is_set():
            await anyio.wait_all_tasks_blocked()
            clock.turn(CANCEL_POLL_SECONDS)
        place.go.set()
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def turned_until_ended(kernel: RuntimeKernel, job_id: str, clock: TurnedClock) -> None:
    """Turn the clock by a look at a time, until the job has ended."""
    for _ in range(10):
        await anyio.wait_all_tasks_blocked()
        if (await (await kernel.attach(job_id)).job()).status.terminal:
            return
        clock.turn(CANCEL_POLL_SECONDS)
