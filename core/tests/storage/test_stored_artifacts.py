"""Files of jobs in the storages of the core: bounded, checked when they are read, never paths."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from steer.clock import SystemClock
from steer.errors import BudgetExceeded, ConfigError, Conflict, NotFound, StorageError
from steer.memory import open_memory
from steer.ports.artifact import PIECE_BYTES
from steer.ports.storage import Storage
from steer.sqlite import open_sqlite
from steer.storage import StoredArtifacts
from steer_conformance.storing.samples import admit

pytestmark = pytest.mark.anyio

LARGE = bytes(range(256)) * 4096 + b"end"


@pytest.fixture
async def store(storage: Storage) -> StoredArtifacts:
    await admit(storage)
    return StoredArtifacts(storage, SystemClock(), max_bytes=2_000_000)


async def kept(store: StoredArtifacts, artifact_id: str) -> list[bytes]:
    return [piece async for piece in store.read("acme", artifact_id)]


async def in_pieces(content: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def test_a_file_is_kept_with_its_digest_and_read_in_pieces(store: StoredArtifacts) -> None:
    for content in (LARGE, in_pieces(LARGE)):
        found = await store.put(
            "acme", "job-1", content, name="a.bin", media_type="application/octet-stream"
        )
        assert (found.size, found.digest) == (len(LARGE), hashlib.sha256(LARGE).hexdigest())
        assert await store.get("acme", found.artifact_id) == found
        pieces = await kept(store, found.artifact_id)
        assert b"".join(pieces) == LARGE
        assert max(map(len, pieces)) == PIECE_BYTES
    assert [one.name for one in (await store.list("acme", job_id="job-1")).items] == ["a.bin"] * 2


@pytest.mark.parametrize("content", [b"", b"x" * PIECE_BYTES, b"x" * (2 * PIECE_BYTES)])
async def test_files_at_the_edges_of_pieces_come_back_whole(
    store: StoredArtifacts, content: bytes
) -> None:
    found = await store.put("acme", "job-1", content, name="a", media_type="text/plain")
    pieces = await kept(store, found.artifact_id)
    assert b"".join(pieces) == content
    assert all(pieces)


async def test_a_file_that_is_too_large_is_refused_before_any_of_it_is_kept(
    store: StoredArtifacts,
) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 100_000

    for content in (b"x" * 2_000_001, endless()):
        with pytest.raises(BudgetExceeded, match="more than 2,000,000 bytes") as refused:
            await store.put("acme", "job-1", content, name="a", media_type="text/plain")
        assert refused.value.limit == "max_artifact_bytes"
    assert read == 21
    assert (await store.list("acme")).items == ()
    found = await store.put("acme", "job-1", b"x" * 2_000_000, name="a", media_type="text/plain")
    assert found.size == 2_000_000


async def test_an_upload_that_breaks_off_leaves_nothing(store: StoredArtifacts) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await store.put("acme", "job-1", broken(), name="a", media_type="text/plain")
    assert (await store.list("acme")).items == ()


@pytest.mark.parametrize("name", ["", "  ", "x" * 501])
async def test_a_file_needs_a_name_that_can_be_shown(store: StoredArtifacts, name: str) -> None:
    with pytest.raises(ConfigError, match="a file cannot be called"):
        await store.put("acme", "job-1", b"", name=name, media_type="text/plain")


@pytest.mark.parametrize("kind", ["", "text", "text/", "/plain", "a/b/c", "text/plain\r\nX: y"])
async def test_a_file_needs_a_media_type(store: StoredArtifacts, kind: str) -> None:
    with pytest.raises(ConfigError, match="no media type"):
        await store.put("acme", "job-1", b"", name="a", media_type=kind)


async def test_a_file_belongs_to_a_job_of_its_scope_and_no_other_scope_sees_it(
    store: StoredArtifacts,
) -> None:
    for scope_id, job_id in (("acme", "job-2"), ("other", "job-1")):
        with pytest.raises(NotFound):
            await store.put(scope_id, job_id, b"", name="a", media_type="text/plain")
    found = await store.put("acme", "job-1", b"x", name="a", media_type="text/plain")
    for read in (store.get, store.delete):
        with pytest.raises(NotFound):
            await read("other", found.artifact_id)
    with pytest.raises(NotFound):
        await anext(store.read("other", found.artifact_id))
    await store.delete("acme", found.artifact_id)
    with pytest.raises(NotFound):
        await store.get("acme", found.artifact_id)


async def test_keeping_the_same_again_under_its_id_keeps_it_once(store: StoredArtifacts) -> None:
    async def put(content: bytes, name: str = "a") -> object:
        return await store.put(
            "acme", "job-1", content, name=name, media_type="text/plain", artifact_id="one"
        )

    first = await put(b"x")
    assert await put(b"x") == first
    for content, name in ((b"y", "a"), (b"x", "b")):
        with pytest.raises(Conflict):
            await put(content, name)
    assert (await store.list("acme")).items == (first,)


async def test_a_content_that_was_changed_in_the_file_is_not_given_out_as_whole(
    tmp_path: Path,
) -> None:
    storage = open_sqlite(tmp_path / "store.db")
    await admit(storage)
    store = StoredArtifacts(storage, SystemClock())
    found = await store.put("acme", "job-1", LARGE, name="a", media_type="text/plain")
    for change in (
        "UPDATE artifact_pieces SET content = x'00' WHERE start = 1048576",
        "DELETE FROM artifact_pieces WHERE start = 0",
        "DELETE FROM artifact_pieces",
    ):
        with sqlite3.connect(tmp_path / "store.db") as connection:
            connection.execute(change)
        connection.close()
        given_out: list[bytes] = []
        with pytest.raises(StorageError, match="is not what was kept"):
            given_out += [piece async for piece in store.read("acme", found.artifact_id)]
        assert b"".join(given_out) != LARGE
    await storage.aclose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=500).filter(str.strip), content=st.binary())
async def test_whatever_a_file_is_called_and_holds_it_comes_back(
    name: str, content: bytes, tmp_path: Path
) -> None:
    storage = open_memory()
    await admit(storage)
    store = StoredArtifacts(storage, SystemClock())
    before = list(tmp_path.parent.iterdir())
    found = await store.put("acme", "job-1", content, name=name, media_type="x/y")
    assert found.name == name
    assert b"".join(await kept(store, found.artifact_id)) == content
    assert list(tmp_path.parent.iterdir()) == before
    await storage.aclose()


def test_a_store_that_would_take_no_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="no file is 0 bytes large"):
        StoredArtifacts(open_memory(), SystemClock(), max_bytes=0)
