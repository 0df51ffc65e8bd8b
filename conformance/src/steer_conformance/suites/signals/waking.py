"""Who has to be woken is."""

from __future__ import annotations

import asyncio

from steer.ports.signals import SignalChannel, Waiter

from steer_conformance.addressed_case import AddressedCase
from steer_conformance.checks import check

__all__ = ["PATIENCE"]

PATIENCE = 5.0
"""Seconds within which a signal arrives if it arrives at all."""

_LONG = 30.0


@check("SG-1")
async def a_signal_wakes_everybody_who_waits_for_it(case: AddressedCase[SignalChannel]) -> None:
    async with (
        case.open() as channel,
        channel.subscribe("acme", "job-1") as one,
        channel.subscribe("acme", "job-1") as two,
    ):
        waits = [asyncio.ensure_future(waiter.wait(PATIENCE)) for waiter in (one, two)]
        await asyncio.sleep(0)
        await channel.publish("acme", "job-1")
        assert await asyncio.gather(*waits) == [True, True]


@check("SG-2")
async def a_signal_between_two_waits_is_kept(case: AddressedCase[SignalChannel]) -> None:
    async with case.open() as channel, channel.subscribe("acme", "job-1") as waiter:
        await channel.publish("acme", "job-1")
        assert await waiter.wait(PATIENCE), "published before the first wait"
        await channel.publish("acme", "job-1")
        assert await waiter.wait(PATIENCE), "published between two waits"


@check("SG-2")
async def several_signals_between_two_waits_count_as_one(
    case: AddressedCase[SignalChannel],
) -> None:
    published = 50
    async with case.open() as channel, channel.subscribe("acme", "job-1") as waiter:
        for _ in range(published):
            await channel.publish("acme", "job-1")
        woken = 0
        while woken < published and await waiter.wait(PATIENCE if not woken else 0.2):
            woken += 1
        # Some may still be on their way when the first wait ends, but they do not queue up.
        assert 0 < woken < published


@check("SG-3")
async def a_waiter_that_reads_again_sees_every_change(case: AddressedCase[SignalChannel]) -> None:
    rounds, readers = 40, 3
    written = 0
    seen = [0] * readers
    all_saw = asyncio.Event()

    async def follow(reader: int, waiter: Waiter) -> None:
        while seen[reader] < rounds:
            found = written
            # Reading takes a while, and more can be written meanwhile.
            for _ in range(reader + 1):
                await asyncio.sleep(0)
            if seen[reader] < found:
                seen[reader] = found
                if min(seen) == written:
                    all_saw.set()
            elif not await waiter.wait(PATIENCE):
                assert seen[reader] == written, f"change {written} was not signalled"

    async with (
        case.open() as channel,
        channel.subscribe("acme", "job-1") as one,
        channel.subscribe("acme", "job-1") as two,
        channel.subscribe("acme", "job-1") as three,
        asyncio.TaskGroup() as group,
    ):
        for reader, waiter in enumerate((one, two, three)):
            group.create_task(follow(reader, waiter))
        for number in range(1, rounds + 1):
            all_saw.clear()
            written = number
            await channel.publish("acme", "job-1")
            # Every other change comes while those who read are at it.
            if number % 2 == 0:
                await all_saw.wait()
            else:
                await asyncio.sleep(0)


@check("SG-4")
async def without_a_signal_a_wait_ends_with_its_time(case: AddressedCase[SignalChannel]) -> None:
    loop = asyncio.get_running_loop()
    async with case.open() as channel, channel.subscribe("acme", "job-1") as waiter:
        waited = []
        # To be woken for nothing is allowed, to be so every time is not.
        for _ in range(5):
            began = loop.time()
            async with asyncio.timeout(PATIENCE):
                if not await waiter.wait(0.05):
                    waited.append(loop.time() - began)
        assert waited, "it was woken each time, for nothing"
        assert min(waited) >= 0.04, f"it gave up after {min(waited):.3f} of 0.05 seconds"
        async with asyncio.timeout(PATIENCE):
            await waiter.wait(0)


@check("SG-9")
async def closing_wakes_everybody_a_last_time(case: AddressedCase[SignalChannel]) -> None:
    async with case.open() as channel, channel.subscribe("acme", "job-1") as waiter:
        waiting = asyncio.ensure_future(waiter.wait(_LONG))
        await asyncio.sleep(0)
        await channel.aclose()
        async with asyncio.timeout(PATIENCE):
            await waiting
