"""What every store of files has to do, of the files that a storage keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from steer.clock import Clock
from steer.errors import Conflict
from steer.plugin import ArtifactPlugin
from steer.ports.changes import JobCreated
from steer.ports.records import ArtifactRecord
from steer.ports.storage import Storage
from steer.sqlite import open_sqlite
from steer.storage import StoredArtifacts
from steer_conformance import artifact_checks
from steer_conformance.storing.samples import job


class WithItsJobs(StoredArtifacts):
    """Makes the jobs that the checks name, which a storage wants to have."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        super().__init__(storage, clock)
        self._of_jobs = storage

    async def put(
        self, scope_id: str, job_id: str, content: Any, /, **fields: Any
    ) -> ArtifactRecord:
        created = JobCreated(job=job(job_id, scope_id))
        with suppress(Conflict):
            await self._of_jobs.commit(scope_id, job_id, None, [created])
        return await super().put(scope_id, job_id, content, **fields)

    async def aclose(self) -> None:
        await self._of_jobs.aclose()


@contextmanager
def new_file(folder: Path) -> Iterator[str]:
    yield f"stored://{folder / 'store.db'}"


PLUGIN = ArtifactPlugin(
    name="stored",
    summary="Files in a storage",
    contract=1,
    open=lambda url, clock: WithItsJobs(open_sqlite(url.removeprefix("stored://")), clock),
    schemes=("stored",),
)

test_sqlite = artifact_checks(PLUGIN, new_file)
