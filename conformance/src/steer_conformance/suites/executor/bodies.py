"""What becomes of the bodies of jobs.

An executor may run them on whatever event loop or thread it has, so what they tell goes through
futures that any thread may set.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import Future

from steer_conformance.checks import check
from steer_conformance.suites.executor.case import ExecutorCase

__all__: list[str] = []

_PATIENCE = 5.0


async def _in_time(future: Future[None]) -> None:
    async with asyncio.timeout(_PATIENCE):
        await asyncio.wrap_future(future)


@check("EX-1")
async def each_body_runs_once(case: ExecutorCase) -> None:
    ran: Counter[int] = Counter()
    ended = [Future[None]() for _ in range(20)]

    async with case.open() as executor:
        for number, future in enumerate(ended):

            async def body(number: int = number, future: Future[None] = future) -> None:
                ran[number] += 1
                await asyncio.sleep(0)
                if not future.done():
                    future.set_result(None)

            await executor.submit(f"job-{number}", body)
        for future in ended:
            await _in_time(future)
    assert ran == Counter(range(20)), "some ran more than once"


@check("EX-2")
async def submitting_waits_for_no_end_and_bodies_run_side_by_side(case: ExecutorCase) -> None:
    here, there = Future[None](), Future[None]()
    met: list[Future[None]] = [Future(), Future()]

    async def first() -> None:
        here.set_result(None)
        await asyncio.wrap_future(there)
        met[0].set_result(None)

    async def second() -> None:
        there.set_result(None)
        await asyncio.wrap_future(here)
        met[1].set_result(None)

    async with case.open() as executor:
        async with asyncio.timeout(_PATIENCE):
            await executor.submit("job-1", first)
            await executor.submit("job-2", second)
        for future in met:
            await _in_time(future)


@check("EX-3")
async def a_body_that_fails_harms_nobody_else(case: ExecutorCase) -> None:
    failed, ended = Future[None](), Future[None]()

    async def failing() -> None:
        failed.set_result(None)
        raise OSError("this body fails")

    async def working() -> None:
        await asyncio.wrap_future(failed)
        await asyncio.sleep(0)
        ended.set_result(None)

    async with case.open() as executor:
        await executor.submit("job-1", working)
        await executor.submit("job-2", failing)
        await _in_time(ended)
        again = Future[None]()

        async def later() -> None:
            again.set_result(None)

        await executor.submit("job-3", later)
        await _in_time(again)


@check("EX-4")
async def a_body_outlives_the_task_that_submitted_it(case: ExecutorCase) -> None:
    begun, go_on, ended = Future[None](), Future[None](), Future[None]()

    async def body() -> None:
        begun.set_result(None)
        await asyncio.wrap_future(go_on)
        ended.set_result(None)

    async with case.open() as executor:

        async def submit_and_stay() -> None:
            await executor.submit("job-1", body)
            await asyncio.Event().wait()

        submitting = asyncio.ensure_future(submit_and_stay())
        await _in_time(begun)
        submitting.cancel()
        await asyncio.wait([submitting])
        assert not go_on.cancelled(), "the body was cancelled with the task that submitted it"
        go_on.set_result(None)
        await _in_time(ended)


@check("EX-5")
async def closing_cancels_what_runs_and_waits_for_its_clean_up(case: ExecutorCase) -> None:
    begun = Future[None]()
    told: list[str] = []

    async def body() -> None:
        begun.set_result(None)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0.05)
            told.append("cleaned up")

    async with case.open() as executor:
        await executor.submit("job-1", body)
        await _in_time(begun)
        async with asyncio.timeout(_PATIENCE):
            await executor.aclose()
        assert told == ["cancelled", "cleaned up"], f"when aclose() returned: {told}"
