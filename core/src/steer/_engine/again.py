"""A failed job, asked for anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from steer.agents import ImportRef, ref_from_json
from steer.agents.source import locate
from steer.errors import Conflict, Interrupted, InvalidTransition
from steer.events import Event, ToolStarted
from steer.ports.records import JobRecord
from steer.request import ExecutionRequest, StoredRequest
from steer.values import JobStatus

__all__ = ["request_again"]


def request_again(
    job: JobRecord, events: Iterable[Event], *, repeat_tools: bool
) -> ExecutionRequest:
    """Return the request that starts a job over, as a new one.

    The agent is loaded as it is now: whoever mended it wants that. Raises ``InvalidTransition``
    where the job has not ended without success, ``Interrupted`` where its agent or its context was
    an object of its process, ``AgentError`` where that is no longer there, and ``Conflict`` where
    it ran tools and ``repeat_tools`` is unset.
    """
    if job.status is JobStatus.SUCCEEDED or not job.status.terminal:
        raise InvalidTransition(
            f"job {job.job_id} is {job.status}, and only a job that ended without success is"
            " started over"
        )
    if job.agent_ref is None:
        raise Interrupted(
            f"job {job.job_id} cannot be started over: its agent was an object of its process",
            fix="Run it again from the program that has the agent",
        )
    tools = dict.fromkeys(e.data.tool for e in events if isinstance(e.data, ToolStarted))
    if tools and not repeat_tools:
        raise Conflict(
            f"job {job.job_id} ran {', '.join(tools)}, and started over it may do so again",
            fix="Look at what they did, then say that they may",
        )
    stored = StoredRequest.decode(job.request)
    if stored.has_user_context:
        raise Interrupted(
            f"job {job.job_id} cannot be started over: its user_context was an object of its"
            " process",
            fix="Run it again from the program that has the object",
        )
    ref = ref_from_json(job.agent_ref)
    if isinstance(ref, ImportRef):
        ref = replace(ref, digest=locate(str(ref), cwd=ref.folder).digest)
    return ExecutionRequest(
        agent=ref,
        messages=stored.input,
        runtime=job.runtime,
        options=stored.options,
        scope_id=job.scope_id,
        principal_id=job.principal_id,
        team_id=job.team_id,
        session_id=job.session_id,
        budgets=stored.budgets,
        retries=stored.retries,
        approvals=stored.approvals,
        job_retries=stored.job_retries,
        policies=stored.policies,
        queue=job.queue,
        metadata={**job.metadata, "retry_of": job.job_id},
        tags=job.tags,
        keep_records=stored.keep_records,
    )
