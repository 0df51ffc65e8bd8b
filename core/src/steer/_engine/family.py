"""Children: they do not outlive their parent, wherever they run or wait."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable

from steer._engine.state import Stop
from steer.errors import Conflict, InvalidTransition, Released
from steer.ports.records import JobQuery, JobRecord
from steer.ports.storage import MAX_PAGE, Storage
from steer.values import JobStatus

__all__ = ["Family", "orphaned_by"]

_LIVE = frozenset({JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.WAITING_ACTION})

_log = logging.getLogger("steer.engine")


def orphaned_by(parent_id: str) -> Stop:
    """Return why a child ends with its parent."""
    return Stop(
        status=JobStatus.CANCELLED, reason=f"its parent, job {parent_id}, has ended", by="steer"
    )


class Family:
    """Knows which jobs of this process may have children, so that the others cost nothing.

    ``cancel`` ends a job, in whichever process it runs. What is missed here, because this process
    dies or because a child was started through another kernel, is found by the kernel that started
    or parked the child, and by whoever runs it or claims it: each looks at the parent too.
    """

    def __init__(
        self, storage: Storage, cancel: Callable[[JobRecord, Stop], Awaitable[None]]
    ) -> None:
        self._storage = storage
        self._cancel = cancel
        self._parents: set[tuple[str, str]] = set()

    def add(self, scope_id: str, parent_id: str) -> None:
        """Note that a job that runs here starts another one."""
        self._parents.add((scope_id, parent_id))

    async def look_up(self, job: JobRecord) -> None:
        """Note whether a job that was claimed has children that earlier attempts started."""
        query = JobQuery(parent_job_id=job.job_id, statuses=_LIVE)
        if (await self._storage.jobs.list(job.scope_id, query, limit=1)).items:
            self._parents.add((job.scope_id, job.job_id))

    def left(self, job: JobRecord) -> bool:
        """Forget a job that this process runs no more; return whether it may have children."""
        key = (job.scope_id, job.job_id)
        may = key in self._parents
        if may:
            self._parents.discard(key)
        return may

    async def reason_to_stop(self, job: JobRecord) -> Stop | None:
        """Return why a job is not to run: its parent has ended."""
        if job.parent_job_id is None:
            return None
        parent = await self._storage.jobs.get(job.scope_id, job.parent_job_id)
        return orphaned_by(job.parent_job_id) if parent.status.terminal else None

    async def end_children(self, parent: JobRecord) -> None:
        """Cancel the jobs that a job had started; each of them cancels its own."""
        query, cursor = JobQuery(parent_job_id=parent.job_id, statuses=_LIVE), None
        try:
            while True:
                page = await self._storage.jobs.list(
                    parent.scope_id, query, limit=MAX_PAGE, cursor=cursor
                )
                for child in page.items:
                    # It may have ended just now.
                    with contextlib.suppress(Conflict, InvalidTransition, Released):
                        await self._cancel(child, orphaned_by(parent.job_id))
                if (cursor := page.cursor) is None:
                    return
        except Exception:
            _log.exception("could not cancel the children of job %s", parent.job_id)
