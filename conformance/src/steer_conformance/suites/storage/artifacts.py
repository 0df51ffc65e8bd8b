"""Files of jobs: kept whole, read in parts, listed and dropped."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from steer.errors import ConfigError, Conflict, NotFound
from steer.ports.changes import ArtifactDropped, RecordsDropped
from steer.ports.storage import Storage

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import admit, artifact, stored, write
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase
from steer_conformance.suites.storage.showing import show

LARGE = random.Random(7).randbytes(3_000_001)
NAMES = ("../../etc/passwd", "/etc/passwd", "C:\\x", ".", "", "a" * 5000, "x\0y", "\u202egpj.exe")


Read = Callable[[str, str], Awaitable[object]]


async def content(storage: Storage, artifact_id: str = "artifact-1") -> bytes:
    """Return all of a file."""
    found = await storage.artifacts.get("acme", artifact_id)
    return await storage.artifacts.read("acme", artifact_id, length=found.size + 1)


@check("ST-60")
async def a_file_comes_back_as_it_was_whatever_it_is_called(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    files = [b"", b"\0", bytes(range(256)), LARGE]
    for number, (name, data) in enumerate(zip(NAMES, files * 2, strict=True)):
        change = stored(
            data, artifact_id=f"a{number}", name=name, created_by="ada", action_id="action-1"
        )
        # As the job's owner and as anybody: a person uploads while a job runs.
        await write(storage, change, fence=1 if number % 2 else None)
        with about(name):
            assert await storage.artifacts.get("acme", f"a{number}") == change.artifact
            assert await content(storage, f"a{number}") == data


@check("ST-60")
async def a_file_needs_its_job_and_a_free_id(case: StorageCase) -> None:
    storage = case.storage
    with raises(NotFound):
        await storage.commit("acme", None, None, [stored()])
    await admit(storage)
    await storage.commit("acme", None, None, [stored()])
    with raises(Conflict):
        await write(storage, stored(b"other"))
    assert await content(storage) == b"content"
    for read in (storage.artifacts.get, content_of(storage)):
        with raises(NotFound):
            await read("acme", "artifact-2")


def content_of(storage: Storage) -> Read:
    """Return how the beginning of a file is read."""

    async def read(scope_id: str, artifact_id: str) -> bytes:
        return await storage.artifacts.read(scope_id, artifact_id, length=9)

    return read


@check("ST-61")
async def a_dropped_file_is_gone_and_nothing_else_is(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await write(storage, stored(b"one"), stored(b"two", artifact_id="artifact-2"))
    with raises(Conflict):
        await write(
            storage, ArtifactDropped(artifact_id="artifact-1"), stored(artifact_id="artifact-2")
        )
    before = await show(storage, "acme")
    assert before["artifacts"] == [
        (artifact(size=3), b"one"),
        (artifact("artifact-2", size=3), b"two"),
    ]
    await write(storage, ArtifactDropped(artifact_id="artifact-1"), RecordsDropped())
    after = await show(storage, "acme")
    assert after["artifacts"] == before["artifacts"][1:]
    for read in (storage.artifacts.get, content_of(storage)):
        with raises(NotFound):
            await read("acme", "artifact-1")
    with raises(NotFound):
        await write(storage, ArtifactDropped(artifact_id="artifact-1"))
    await write(storage, stored(b"new"))
    assert await content(storage) == b"new"


@check("ST-62")
async def any_part_of_a_file_can_be_read(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await write(storage, stored(LARGE))
    edges = [0, 1, 65_536, 262_143, 262_144, 1_048_576, 3_000_000, 3_000_001, 3_000_002, 2**40]
    for start in edges:
        for length in (1, 2, 262_144, 262_145, 4_000_000):
            found = await storage.artifacts.read("acme", "artifact-1", start=start, length=length)
            assert found == LARGE[start : start + length], (start, length)
    for start, length in ((-1, 1), (0, 0), (0, -1)):
        with about(start, length), raises(ConfigError):
            await storage.artifacts.read("acme", "artifact-1", start=start, length=length)


@check("ST-63")
async def files_are_listed_by_job_oldest_first(case: StorageCase) -> None:
    storage = case.storage
    for job_id in ("job-1", "job-2"):
        await admit(storage, job_id)
    for number in range(5):
        one = stored(artifact_id=f"artifact-{9 - number}", job_id=f"job-{1 + number % 2}")
        await storage.commit("acme", None, None, [one])

    async def listed(job_id: str | None = None) -> list[str]:
        page = await storage.artifacts.list("acme", job_id=job_id)
        return [one.artifact_id for one in page.items]

    assert await listed() == [f"artifact-{9 - number}" for number in range(5)]
    assert await listed("job-2") == ["artifact-8", "artifact-6"]
    assert await listed("job-3") == []
