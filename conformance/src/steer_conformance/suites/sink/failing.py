"""What becomes of events while the destination fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from steer.events import Event
from steer.ports.sink import EventSink

from steer_conformance.checks import check
from steer_conformance.suites.sink.case import PATIENCE, SinkCase
from steer_conformance.suites.sink.samples import ids, tokens

__all__: list[str] = []

_BATCH = 500
_MOST = 50_000
_STILL = 2.0
"""Seconds without one more batch, after which a write is one that waits."""


async def _accepted(sink: EventSink, events: list[Event]) -> bool:
    try:
        await sink.write(events)
    except Exception:
        return False
    return True


@check("SK-3")
async def what_write_accepted_arrives_or_closing_raises(case: SinkCase) -> None:
    accepted: list[str] = []
    told = False
    try:
        async with case.open() as sink:
            for first, down in ((1, False), (11, True), (21, True), (31, False)):
                events = tokens("job-1", first, 10)
                if down:
                    with case.bench.down():
                        taken = await _accepted(sink, events)
                else:
                    taken = await _accepted(sink, events)
                accepted += ids(events) if taken else []
    except Exception:
        told = True
    missing = [each for each in accepted if each not in set(case.bench.arrived())]
    assert told or not missing, "write() returned, aclose() did, and these never arrived"


@check("SK-4")
async def a_failure_is_over_with_its_batch(case: SinkCase) -> None:
    before, lost, after = (tokens("job-1", first, 10) for first in (1, 11, 21))
    async with case.open() as sink:
        await sink.write(before)
        with case.bench.down():
            await _accepted(sink, lost)
        await sink.write(after)
    arrived = set(case.bench.arrived())
    assert set(ids(before)) <= arrived, "what came before the failure"
    assert set(ids(after)) <= arrived, "what came after the failure"


@check("SK-6")
async def a_write_that_waits_can_be_cancelled(case: SinkCase) -> None:
    async with case.open() as sink:
        with case.bench.stalled():
            writing = asyncio.ensure_future(_write_all(sink))
            await asyncio.wait([writing], timeout=0.2)
            writing.cancel()
            done, _ = await asyncio.wait([writing], timeout=PATIENCE)
            assert done, "cancelled, and it went on to wait for the destination"
            # Whether it is over or was cancelled, its error is nobody's concern any more.
            _ = writing.cancelled() or writing.exception()
            closing = asyncio.ensure_future(sink.aclose())
            await asyncio.wait([closing], timeout=0.2)
            closing.cancel()
            done, _ = await asyncio.wait([closing], timeout=PATIENCE)
            assert done, "a close that was cancelled went on to wait for the destination"
            _ = closing.cancelled() or closing.exception()


async def _write_all(sink: EventSink, taken: Callable[[int], object] = lambda _: None) -> None:
    for first in range(1, _MOST, _BATCH):
        await sink.write(tokens("job-1", first, _BATCH))
        taken(first)


@check("SK-8")
async def what_is_buffered_is_bounded(case: SinkCase) -> None:
    async with case.open() as sink:
        with case.bench.stalled():
            taken: list[int] = []
            writing = asyncio.ensure_future(_write_all(sink, taken.append))
            before = -1
            # A slow sink that goes on taking is not one that waits.
            while not writing.done() and before < len(taken):
                before = len(taken)
                await asyncio.wait([writing], timeout=_STILL)
            took_all = writing.done() and writing.exception() is None
            writing.cancel()
            await asyncio.wait([writing], timeout=PATIENCE)
    assert not took_all, f"a destination that takes nothing, and {_MOST} events were accepted"
