"""Which job a user means: by its id, a part of it, or as the latest."""

from __future__ import annotations

from collections.abc import AsyncIterator

from steer.errors import ConfigError, NotFound
from steer.kernel import RuntimeKernel
from steer.ports.records import JobQuery, JobRecord
from steer.ports.storage import MAX_PAGE

__all__ = ["LATEST", "SHORTEST", "SHORT_ID", "WHOLE", "all_jobs", "find_job"]

LATEST = "latest"
"""The name of the newest job."""
SHORT_ID = 12
"""How many characters of an id's end are shown: its last group, which is random."""

SHORTEST = 6
"""How many characters of an id are needed to mean it."""
WHOLE = 36
"""How many characters an id has."""


async def find_job(kernel: RuntimeKernel, name: str, *, scope_id: str) -> JobRecord:
    """Return the job that ``name`` means: an id, its beginning or end, or ``latest``.

    Raises ``NotFound``, and ``ConfigError`` where the name is too short or fits several jobs.
    """
    if name == LATEST:
        page = await kernel.jobs(scope_id=scope_id, limit=1)
        if not page.items:
            raise NotFound("there is no job yet", fix="Start one: steer run AGENT PROMPT")
        return page.items[0]
    if len(name) >= WHOLE:
        return await kernel.storage.jobs.get(scope_id, name)
    if len(name) < SHORTEST:
        raise ConfigError(
            f"{name!r} is too short for a job",
            fix=f"Give at least {SHORTEST} characters of its id, or {LATEST}",
        )
    part = name.casefold()
    found: list[JobRecord] = []
    async for job in all_jobs(kernel, JobQuery(), scope_id=scope_id):
        if job.job_id.endswith(part) or job.job_id.startswith(part):
            found.append(job)
            # 48 random bits: a second job of that end would have to be sought on purpose.
            if len(part) >= SHORT_ID and job.job_id.endswith(part):
                break
    if not found:
        raise NotFound(f"there is no job {name!r} in scope {scope_id}", fix="See: steer jobs list")
    if len(found) > 1:
        ids = ", ".join(job.job_id for job in found[:3])
        raise ConfigError(f"{name!r} fits {len(found)} jobs: {ids}", fix="Give more of the id")
    return found[0]


async def all_jobs(
    kernel: RuntimeKernel, query: JobQuery, *, scope_id: str, cursor: str | None = None
) -> AsyncIterator[JobRecord]:
    """Yield every job that fits, newest first."""
    while True:
        page = await kernel.jobs(query, scope_id=scope_id, limit=MAX_PAGE, cursor=cursor)
        for job in page.items:
            yield job
        if (cursor := page.cursor) is None:
            return
