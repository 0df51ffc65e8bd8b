"""What of a job is not in its row: how far it is, its open questions, its children."""

from __future__ import annotations

from dataclasses import dataclass

from steer.events import Progress
from steer.kernel import RuntimeKernel
from steer.ports.records import JobQuery, JobRecord
from steer.ports.storage import MAX_PAGE
from steer.values import ActionStatus, JobStatus

__all__ = ["NOTHING_MORE", "JobState", "read_state"]

_EVENTS_BACK = 200
"""So far back the newest progress is looked for: who reports any does so often."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobState:
    """How a job stands, beside its row.

    ``orphaned``: nobody runs it although it has not ended. ``questions`` counts those that wait for
    an answer. ``children`` are ids, ``None`` where nobody asked for them.
    """

    orphaned: bool = False
    progress: Progress | None = None
    questions: int = 0
    children: tuple[str, ...] | None = None

    @property
    def progress_text(self) -> str:
        """The progress as one piece of text, empty where there is none."""
        told = self.progress
        if told is None:
            return ""
        share = "" if told.fraction is None else f"{told.fraction:.0%}"
        return " ".join(filter(None, [share, told.message]))


NOTHING_MORE = JobState()


async def read_state(
    kernel: RuntimeKernel, job: JobRecord, *, with_children: bool = False
) -> JobState:
    """Return how a job stands."""
    children: tuple[str, ...] | None = None
    if with_children:
        query = JobQuery(parent_job_id=job.job_id)
        page = await kernel.jobs(query, scope_id=job.scope_id, limit=MAX_PAGE)
        children = tuple(child.job_id for child in page.items)
    if job.status.terminal:
        return JobState(children=children)
    return JobState(
        orphaned=kernel.orphaned(job),
        progress=await _progress(kernel, job),
        questions=await _questions(kernel, job),
        children=children,
    )


async def _progress(kernel: RuntimeKernel, job: JobRecord) -> Progress | None:
    if job.attempt == 0:
        return None
    after = max(0, job.last_seq - _EVENTS_BACK)
    events = await kernel.storage.journal.events(job.scope_id, job.job_id, after=after)
    told = [event.data for event in events if isinstance(event.data, Progress)]
    return told[-1] if told else None


async def _questions(kernel: RuntimeKernel, job: JobRecord) -> int:
    if job.status is JobStatus.QUEUED:
        return 0
    page = await kernel.storage.actions.list(
        job.scope_id, job_id=job.job_id, status=ActionStatus.PENDING, limit=MAX_PAGE
    )
    return len(page.items)
