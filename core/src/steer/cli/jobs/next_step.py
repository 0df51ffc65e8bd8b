"""What somebody has to do before a job goes on that nobody runs."""

from __future__ import annotations

from steer.cli.people.action_text import how_to_answer
from steer.kernel import RuntimeKernel
from steer.ports.records import JobRecord
from steer.values import ActionStatus, JobStatus

__all__ = ["next_step"]


async def next_step(kernel: RuntimeKernel, job: JobRecord) -> str | None:
    """Return the sentence that says it, ``None`` where a process has the job or it has ended."""
    if not kernel.orphaned(job):
        return None
    match job.status:
        case JobStatus.QUEUED:
            return f"this job waits in {job.queue} for a worker: steer worker --queue {job.queue}"
        case JobStatus.WAITING_ACTION:
            return f"this job waits for a person; {await _answering(kernel, job)}"
        case _:
            return f"nobody runs this job; steer jobs resume {job.job_id} goes on with it"


async def _answering(kernel: RuntimeKernel, job: JobRecord) -> str:
    page = await kernel.actions(
        scope_id=job.scope_id, job_id=job.job_id, status=ActionStatus.PENDING, limit=2
    )
    if len(page.items) == 1:
        return how_to_answer(page.items[0])
    return f"to see what is asked: steer actions list --job {job.job_id}"
