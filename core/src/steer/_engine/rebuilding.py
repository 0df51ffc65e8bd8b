"""What a worker runs a job by: built from the job's record, or why it can only be ended."""

from __future__ import annotations

from pydantic import ValidationError

from steer._engine.interruptions import agent_is_gone, context_is_gone
from steer._engine.state import Stop
from steer._engine.work import Rebuild, Work
from steer._engine.workshop import Workshop
from steer.context import ExecutionContext
from steer.errors import ConfigError, Interrupted
from steer.ports.records import JobRecord
from steer.request import StoredRequest
from steer.values import JobStatus

__all__ = ["context_of", "interrupted", "rebuild_of"]


def rebuild_of(job: JobRecord, workshop: Workshop) -> Rebuild | Stop:
    """Return how the job is built again, once it is claimed."""
    if job.agent_ref is None:
        return interrupted(job)
    try:
        request = StoredRequest.decode(job.request)
    except ValidationError as error:
        unreadable = ConfigError(
            f"the request of job {job.job_id} cannot be read: {error.errors()[0]['msg']}",
            fix="Run it with the version of steer that queued it, or a newer one",
        )
        return Stop(status=JobStatus.FAILED, error=unreadable)
    if request.has_user_context:
        return _ended_by(context_is_gone(job.job_id))

    async def build() -> Work:
        return (await workshop.order_again(job, context_of(job))).work

    return Rebuild(request=request, build=build)


def interrupted(job: JobRecord) -> Stop:
    """Return how a job ends whose process is gone, and its agent with it."""
    return _ended_by(agent_is_gone(job.job_id))


def _ended_by(error: Interrupted) -> Stop:
    return Stop(status=JobStatus.FAILED, error=error)


def context_of(job: JobRecord) -> ExecutionContext:
    """Return who runs the job for whom, as far as its record tells."""
    return ExecutionContext(
        scope_id=job.scope_id,
        principal_id=job.principal_id,
        team_id=job.team_id,
        session_id=job.session_id,
        job_id=job.job_id,
        parent_job_id=job.parent_job_id,
    )
