"""Who is not meant is left alone, and harms nobody."""

from __future__ import annotations

import asyncio

from steer.ports.signals import SignalChannel

from steer_conformance.addressed_case import AddressedCase
from steer_conformance.checks import check
from steer_conformance.suites.signals.waking import PATIENCE

__all__: list[str] = []

_QUIET = 0.05
_TRIES = 4


@check("SG-5")
async def a_stranger_that_leaves_cuts_off_nobody(case: AddressedCase[SignalChannel]) -> None:
    async with case.open() as channel, channel.subscribe("acme", "job-1") as staying:
        async with channel.subscribe("acme", "job-1"):
            pass
        await channel.publish("acme", "job-1")
        assert await staying.wait(PATIENCE)


@check("SG-5")
async def a_wait_that_is_cancelled_can_be_repeated(case: AddressedCase[SignalChannel]) -> None:
    async with (
        case.open() as channel,
        channel.subscribe("acme", "job-1") as waiter,
        channel.subscribe("acme", "job-1") as other,
    ):
        waiting = asyncio.ensure_future(waiter.wait(PATIENCE))
        await asyncio.sleep(0)
        waiting.cancel()
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([waiting])
        assert waiting.cancelled(), "the cancellation was swallowed"
        await channel.publish("acme", "job-1")
        assert await waiter.wait(PATIENCE)
        assert await other.wait(PATIENCE)


async def _woken_by(
    channel: SignalChannel, published: tuple[str, str], waited: tuple[str, str]
) -> bool:
    """Whether a waiter for one topic is woken each time that another one is signalled."""
    async with channel.subscribe(*published) as witness, channel.subscribe(*waited) as waiter:
        for _ in range(_TRIES):
            await channel.publish(*published)
            # However slow the channel: once the signal has come to one, it has to the other.
            assert await witness.wait(PATIENCE), f"a signal to {published!r} wakes nobody"
            if not await waiter.wait(_QUIET):
                return False
    return True


@check("SG-6")
async def a_signal_in_one_scope_is_none_in_another(case: AddressedCase[SignalChannel]) -> None:
    async with case.open() as channel:
        for other in ("other", "acme2", "acm", "", "ACME"):
            woken = await _woken_by(channel, ("acme", "job-1"), (other, "job-1"))
            assert not woken, f"scope {other!r} is woken by scope 'acme'"
        crossed = await _woken_by(channel, ("acme", "x:job"), ("acme:x", "job"))
        assert not crossed, "scope and topic are told apart only by how they read when joined"


@check("SG-7")
async def a_topic_is_itself_alone(case: AddressedCase[SignalChannel]) -> None:
    async with case.open() as channel:
        for other in ("job-12", "job", "1", "job-*", "job-?", "*", "job-1/x", "JOB-1"):
            for published, waited in (("job-1", other), (other, "job-1")):
                woken = await _woken_by(channel, ("acme", published), ("acme", waited))
                assert not woken, f"{waited!r} is woken by {published!r}"


@check("SG-8")
async def a_signal_to_nobody_is_not_kept(case: AddressedCase[SignalChannel]) -> None:
    async with case.open() as channel:
        woken = 0
        for _ in range(_TRIES):
            await channel.publish("acme", "job-1")
            async with channel.subscribe("acme", "job-1") as late:
                woken += await late.wait(_QUIET)
        assert woken < _TRIES, "whoever subscribes later is woken by what was before"
