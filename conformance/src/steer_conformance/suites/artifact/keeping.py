"""What a store of files keeps, and gives back."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
from steer.errors import ConfigError, Conflict, NotFound
from steer.ports.artifact import PIECE_BYTES, ArtifactStore

from steer_conformance.addressed_case import AddressedCase
from steer_conformance.checks import check, raises

__all__ = ["content", "put"]

_LARGE = random.Random(7).randbytes(3 * PIECE_BYTES + 1)
_NAMES = (
    "bill.pdf", "../../etc/passwd", "/etc/passwd", "C:\\x", ".", "..", "a" * 500, "x\0y",
    "\u202egpj.exe", "\u00e9\U0001f511",
)  # fmt: skip
_KIND = "application/octet-stream"


async def put(
    store: ArtifactStore, data: bytes = b"data", scope_id: str = "acme", job_id: str = "job-1"
) -> str:
    """Keep a file, and return its id."""
    found = await store.put(scope_id, job_id, data, name="a", media_type=_KIND)
    return found.artifact_id


async def content(store: ArtifactStore, artifact_id: str, scope_id: str = "acme") -> bytes:
    """Return all of a file."""
    return b"".join([piece async for piece in store.read(scope_id, artifact_id)])


async def in_pieces(data: bytes, *, then: Exception | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 50_000):
        yield data[start : start + 50_000]
    if then is not None:
        raise then


@check("AR-1")
async def a_file_comes_back_as_it_was_whatever_it_is_called(
    case: AddressedCase[ArtifactStore],
) -> None:
    contents = (b"", b"\x00\xff\r\n", bytes(range(256)), _LARGE)
    async with case.open() as store:
        for number, name in enumerate(_NAMES):
            data = contents[number % len(contents)]
            kept = await store.put(
                "acme", "job-1", in_pieces(data) if number % 2 else data,
                name=name, media_type="text/plain; charset=utf-8", created_by="ada", action_id="q",
            )  # fmt: skip
            assert await store.get("acme", kept.artifact_id) == kept, f"{name!r}"
            assert await content(store, kept.artifact_id) == data, f"{name!r}"
            told = (kept.name, kept.media_type, kept.job_id, kept.created_by, kept.action_id)
            assert told == (name, "text/plain; charset=utf-8", "job-1", "ada", "q")
            digest = hashlib.sha256(data).hexdigest()
            assert (kept.size, kept.digest) == (len(data), digest), f"{name!r}"
            assert kept.created_at.utcoffset() == timedelta(0)


@check("AR-1")
async def a_file_whose_coming_breaks_off_is_not_kept(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:
        with raises(ConnectionError):
            broken = in_pieces(_LARGE, then=ConnectionError("gone"))
            await store.put("acme", "job-1", broken, name="a", media_type=_KIND, artifact_id="one")
        assert (await store.list("acme")).items == ()
        with raises(NotFound):
            await store.get("acme", "one")


@check("AR-2")
async def a_content_is_given_in_pieces(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:
        for size in (0, 1, PIECE_BYTES, PIECE_BYTES + 1, len(_LARGE)):
            kept = await put(store, _LARGE[:size])
            pieces = [len(piece) async for piece in store.read("acme", kept)]
            assert sum(pieces) == size
            assert all(0 < each <= PIECE_BYTES for each in pieces), f"pieces of {pieces} bytes"


@check("AR-4")
async def the_same_file_again_is_kept_once(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:

        async def keep(data: bytes, name: str = "a") -> object:
            return await store.put(
                "acme", "job-1", data, name=name, media_type=_KIND, artifact_id="one"
            )

        first = await keep(b"x")
        assert await keep(b"x") == first
        for data, name in ((b"y", "a"), (b"x", "b")):
            with raises(Conflict):
                await keep(data, name)
        assert (await store.list("acme")).items == (first,)
        assert await content(store, "one") == b"x"


@check("AR-7")
async def what_is_no_name_or_no_media_type_is_refused(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:
        for name, kind in (
            ("", _KIND), ("  ", _KIND), ("x" * 501, _KIND),
            ("a", ""), ("a", "text"), ("a", "text/"), ("a", "text/plain\r\nX: y"),
        ):  # fmt: skip
            with raises(ConfigError):
                await store.put("acme", "job-1", b"", name=name, media_type=kind)
        assert (await store.list("acme")).items == ()


@check("AR-8")
async def files_that_come_and_go_at_the_same_time_do_not_mix(
    case: AddressedCase[ArtifactStore],
) -> None:
    async with case.open() as store:

        async def use(number: int) -> None:
            mine = f"{number} ".encode() * 20_000
            for _ in range(3):
                kept = await put(store, mine, job_id=f"job-{number}")
                assert await content(store, kept) == mine
                await store.delete("acme", kept)
            await put(store, mine, job_id=f"job-{number}")

        async def several(first: int) -> None:
            await asyncio.gather(*(use(first + more) for more in range(4)))

        await asyncio.gather(
            several(0),
            anyio.to_thread.run_sync(lambda: asyncio.run(several(10))),
            anyio.to_thread.run_sync(lambda: asyncio.run(several(20))),
        )
        assert len((await store.list("acme", limit=100)).items) == 12


@check("AR-9")
async def what_was_kept_is_there_after_opening_again(case: AddressedCase[ArtifactStore]) -> None:
    async with case.open() as store:
        kept = await put(store, _LARGE)
        before = await store.list("acme")
    async with case.open() as store:
        assert await store.list("acme") == before
        assert await content(store, kept) == _LARGE
