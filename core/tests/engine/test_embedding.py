"""What an application that embeds the kernel can rely on."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from kernels import PATIENCE, Moment, open_kernel, request, texts
from steer import BlockingKernel, RuntimeKernel, run_sync
from steer.ports.signals import Waiter
from steer.storage import LocalSignals
from steer.values import JobStatus
from stepwise import Stepwise, Turn, registry


@pytest.mark.anyio
async def test_a_kernel_can_be_opened_in_one_task_and_closed_in_another() -> None:
    kernel = RuntimeKernel(registry=registry())
    await asyncio.create_task(kernel.open())
    handle = await asyncio.create_task(kernel.execute(request()))
    assert (await handle.result()).content == "Hello."
    await asyncio.create_task(kernel.aclose())


@pytest.mark.anyio
async def test_nothing_of_the_kernel_is_left_after_it_is_closed() -> None:
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    place = Moment("asked:0")
    async with open_kernel() as kernel:
        await kernel.execute(request(Stepwise(turns=(Turn(text="x"),), reach=place)))
        await place.arrive()
    assert asyncio.all_tasks() == tasks
    workers = [t.name for t in set(threading.enumerate()) - threads]
    assert [name for name in workers if "worker thread" not in name] == []


@pytest.mark.anyio
async def test_signal_and_log_handlers_stay_as_they_were() -> None:
    def handlers() -> object:
        found = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return found, list(logging.getLogger().handlers), list(logging.getLogger("steer").handlers)

    before = handlers()
    async with open_kernel() as kernel:
        await (await kernel.execute(request())).result()
        assert handlers() == before
    assert handlers() == before


@pytest.mark.anyio
async def test_closing_waits_for_running_jobs_as_long_as_it_is_told() -> None:
    place = Moment("asked:0")
    kernel = RuntimeKernel(registry=registry())
    await kernel.open()
    handle = await kernel.execute(request(Stepwise(turns=(Turn(text="Slow."),), reach=place)))
    await place.arrive()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: kernel.aclose(drain=PATIENCE))
        place.go.set()
    assert (await handle.result()).content == "Slow."


@pytest.mark.anyio
async def test_a_live_agent_is_cancelled_when_its_kernel_closes() -> None:
    place = Moment("asked:0")
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text="x"),), reach=place)))
        await place.arrive()
    result = await handle.result()
    assert result.status is JobStatus.CANCELLED
    assert result.error is not None
    assert "closed" in result.error.message


@pytest.mark.anyio
async def test_sixty_runs_at_once_do_not_mix() -> None:
    results: dict[int, str] = {}

    async with open_kernel() as kernel:

        async def one(number: int) -> None:
            agent = Stepwise(turns=(Turn(text=f"I am {number}."),), name=f"agent-{number}")
            handle = await kernel.execute(request(agent))
            seen = [event async for event in handle.events()]
            result = await handle.result()
            assert {event.job_id for event in seen} == {handle.job_id}
            assert texts(seen) == result.content
            results[number] = result.content

        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(one, number)
    assert results == {number: f"I am {number}." for number in range(60)}


def test_a_program_without_an_event_loop_can_run_an_agent() -> None:
    result = run_sync(request(), make=lambda: RuntimeKernel(registry=registry()))
    assert result.content == "Hello."


def test_a_blocking_kernel_streams_and_lists_jobs() -> None:
    with BlockingKernel(lambda: RuntimeKernel(registry=registry())) as kernel:
        handle = kernel.execute(request())
        assert texts(list(handle.events())) == "Hello."
        assert handle.result().status is JobStatus.SUCCEEDED
        assert [job.job_id for job in kernel.jobs().items] == [handle.job_id]
        assert kernel.attach(handle.job_id).result() == handle.result()


class CountedSignals(LocalSignals):
    """A channel that knows how many subscriptions are open."""

    subscribed = 0

    @asynccontextmanager
    async def subscribe(self, scope_id: str, topic: str, /) -> AsyncIterator[Waiter]:
        async with super().subscribe(scope_id, topic) as waiter:
            self.subscribed += 1
            try:
                yield waiter
            finally:
                self.subscribed -= 1


@pytest.mark.parametrize("what", ["events", "partial_outputs"])
def test_a_blocking_reader_that_leaves_early_leaves_no_subscription(what: str) -> None:
    signals = CountedSignals()
    agent = Stepwise(turns=(Turn(text='{"a": 1}'),))
    with BlockingKernel(lambda: RuntimeKernel(registry=registry(), signals=signals)) as kernel:
        job_id = kernel.execute(request(agent)).job_id
        kernel.attach(job_id).result()
        before = signals.subscribed
        items = getattr(kernel.attach(job_id), what)()
        next(items)
        assert signals.subscribed == before + 1
        items.close()
        assert signals.subscribed == before


def test_a_blocking_reader_may_outlive_its_kernel() -> None:
    with BlockingKernel(lambda: RuntimeKernel(registry=registry())) as kernel:
        events = kernel.execute(request()).events()
        next(events)
    events.close()


def test_an_event_loop_that_goes_down_takes_its_kernel_along() -> None:
    """asyncio.run cancels everything; the job must not hang the process."""

    async def main() -> None:
        kernel = RuntimeKernel(registry=registry())
        await kernel.open()
        place = Moment("asked:0")
        await kernel.execute(request(Stepwise(turns=(Turn(text="x"),), reach=place)))
        await place.arrive()

    done = threading.Event()

    def run() -> None:
        asyncio.run(main())
        done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert done.wait(PATIENCE)
