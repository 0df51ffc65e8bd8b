"""What is written arrives: all of it, in order, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

from hypothesis import strategies as st
from steer.events import Event, without_content

from steer_conformance.checks import check
from steer_conformance.suites.sink.case import PATIENCE, SinkCase
from steer_conformance.suites.sink.samples import any_event, ids, of_a_later_steer, tokens

__all__: list[str] = []


@check("SK-1")
async def a_jobs_events_arrive_in_order_and_once(case: SinkCase) -> None:
    jobs = ("job-1", "job-2", "job-3")
    written: dict[str, list[str]] = {job: [] for job in jobs}
    async with case.open() as sink:
        for turn in range(12):
            batch = []
            for place, job in enumerate(jobs):
                first = len(written[job]) + 1
                # Batches hold one, several or no events of a job, and one job more often.
                events = tokens(job, first, (turn + place) % 4)
                written[job] += ids(events)
                batch += events
            await sink.write(batch)
    arrived = case.bench.arrived()
    assert [each for each, times in Counter(arrived).items() if times > 1] == []
    for job in jobs:
        assert [each for each in arrived if each.startswith(f"{job}/")] == written[job]


@check("SK-2")
async def closing_passes_on_what_is_buffered(case: SinkCase) -> None:
    events = tokens("job-1", 1, 700)
    async with case.open() as sink:
        await sink.write(events[:1])
        await sink.write(events[1:])
    assert list(case.bench.arrived()) == ids(events)


@check("SK-5")
def every_event_is_taken(case: SinkCase) -> None:
    jobs = iter(range(10**6))

    @case.profile.for_all(st.lists(any_event(), min_size=1, max_size=8), st.booleans(), share=2)
    def law(drawn: list[Event], contents: bool) -> None:
        # The destination stays the same one, so each example is a job of its own.
        job = f"job-{next(jobs)}"
        events = [replace(event, job_id=job, seq=seq) for seq, event in enumerate(drawn, 1)]
        given = events if contents else [without_content(event) for event in events]
        asyncio.run(_write(case, given, contents))
        assert [each for each in case.bench.arrived() if each.startswith(f"{job}/")] == ids(given)


@check("SK-5")
async def an_event_of_a_later_steer_is_taken(case: SinkCase) -> None:
    events = [*tokens("job-1", 1, 1), of_a_later_steer(2), *tokens("job-1", 3, 1)]
    await _write(case, events, contents=True)
    assert list(case.bench.arrived()) == ids(events)


async def _write(case: SinkCase, events: list[Event], contents: bool) -> None:
    async with case.open(contents=contents) as sink:
        await sink.write(events)


@check("SK-7")
async def an_empty_batch_and_a_second_close_do_nothing(case: SinkCase) -> None:
    events = tokens("job-1", 1, 2)
    async with case.open() as sink:
        await sink.write([])
        await sink.write(events)
        await sink.write([])
        await sink.aclose()
        async with asyncio.timeout(PATIENCE):
            await sink.aclose()
    assert list(case.bench.arrived()) == ids(events)
