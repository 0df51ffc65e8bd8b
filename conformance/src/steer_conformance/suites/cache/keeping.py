"""What a cache keeps, for whom and for how long."""

from __future__ import annotations

import asyncio

from steer.ports.cache import Cache

from steer_conformance.addressed_case import AddressedCase
from steer_conformance.checks import check

__all__: list[str] = []

_LONG = 3600.0
_PATIENCE = 5.0
_KEYS = ("plain", "", "with space", "a:b/c*?", "\u00e9\U0001f511", "k" * 300)


@check("CA-1")
async def what_is_got_is_the_newest_that_was_put_or_nothing(case: AddressedCase[Cache]) -> None:
    values = (b"first", b"", b"\x00\xff\n", b"second" * 10_000, b"third")
    async with case.open() as cache:
        for key in _KEYS:
            for value in values:
                await cache.put("acme", key, value, seconds=_LONG)
                found = await cache.get("acme", key)
                assert found is None or found == value, f"under {key[:20]!r}"


@check("CA-2")
async def what_was_never_put_is_none(case: AddressedCase[Cache]) -> None:
    async with case.open() as cache:
        await cache.put("acme", "there", b"value", seconds=_LONG)
        for key in ("not there", "", "ther", "there2", "*"):
            assert await cache.get("acme", key) is None, f"under {key!r}"


async def _values_until_gone(cache: Cache, key: str) -> set[bytes]:
    """What is found under the key until nothing is. No cache tells of that, so it is looked."""
    values: set[bytes] = set()
    async with asyncio.timeout(_PATIENCE):
        while True:
            found = await cache.get("acme", key)
            if found is None:
                return values
            values.add(found)
            await asyncio.sleep(0.05)


@check("CA-3")
async def a_value_is_gone_once_its_time_has_passed(case: AddressedCase[Cache]) -> None:
    async with case.open() as cache:
        await cache.put("acme", "none", b"value", seconds=0)
        await cache.put("acme", "brief", b"value", seconds=0.2)
        await _values_until_gone(cache, "none")
        await _values_until_gone(cache, "brief")


@check("CA-3")
async def a_value_that_is_put_again_has_its_new_time(case: AddressedCase[Cache]) -> None:
    async with case.open() as cache:
        await cache.put("acme", "key", b"long", seconds=_LONG)
        await cache.put("acme", "key", b"brief", seconds=0.2)
        assert await _values_until_gone(cache, "key") <= {b"brief"}


@check("CA-4")
async def no_scope_is_given_anothers_values(case: AddressedCase[Cache]) -> None:
    async with case.open() as cache:
        await cache.put("acme", "key", b"of acme", seconds=_LONG)
        for other in ("other", "acme2", "", "ACME", "*"):
            assert await cache.get(other, "key") is None, f"scope {other!r}"
        for joint in (":", "/", "-", "\x00", "|", "."):
            await cache.put(f"a{joint}b", "c", b"one", seconds=_LONG)
            found = await cache.get("a", f"b{joint}c")
            assert found is None, f"scope and key are joined by {joint!r}"


@check("CA-5")
async def not_all_of_what_was_just_put_is_missing(case: AddressedCase[Cache]) -> None:
    async with case.open() as cache:
        found = []
        for number in range(10):
            await cache.put("acme", f"key-{number}", b"value", seconds=_LONG)
            found.append(await cache.get("acme", f"key-{number}"))
        assert any(found), "nothing that was put was ever found"


@check("CA-6")
async def puts_and_gets_at_the_same_time_do_not_mix(case: AddressedCase[Cache]) -> None:
    async with case.open() as cache:

        async def use(number: int) -> None:
            mine = f"value of {number}".encode()
            for _ in range(20):
                await cache.put("acme", f"key-{number}", mine, seconds=_LONG)
                found = await cache.get("acme", f"key-{number}")
                assert found is None or found == mine

        await asyncio.gather(*map(use, range(20)))
