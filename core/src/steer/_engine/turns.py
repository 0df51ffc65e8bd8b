"""Whose turn it is in a session: a request that starts here takes it, or waits for it."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from steer._engine.conversing import check_whole
from steer._engine.engine import Engine
from steer._engine.topics import job_topic
from steer._engine.work import Work
from steer.errors import Conflict, NotFound, SessionBusy
from steer.ports.records import JobRecord
from steer.request import SESSION_WAIT_SECONDS, ExecutionRequest

__all__ = ["admit_in_turn", "check_session_of_child", "until_ended"]

POLL_SECONDS = 5.0
"""How late it is noticed that a job has ended, where its signal got lost."""


async def admit_in_turn(
    engine: Engine,
    request: ExecutionRequest,
    work: Work,
    job_now: Callable[[], JobRecord],
    *,
    max_children: int | None,
) -> None:
    """Admit a job that starts here, with its session if it has one.

    ``job_now`` makes its record, for each try anew: a wait is none of the job's time. Raises
    ``SessionBusy`` where another job goes on with the session, after the wait that the request
    asks for, and what ``Engine.admit`` raises.
    """
    seconds = request.session_wait_seconds
    patience = anyio.current_time() + (SESSION_WAIT_SECONDS if seconds is None else seconds)
    while True:
        job = job_now()
        conversation = await engine.conversing.join(job)
        if conversation is not None:
            check_whole(conversation.past, work.request.input, work.prepared)
        try:
            await engine.admit(job, work, max_children=max_children, conversation=conversation)
        except SessionBusy as busy:
            if request.session_busy != "wait":
                raise
            with anyio.CancelScope(deadline=patience) as waited:
                await until_ended(engine, job.scope_id, busy.job_id)
            if waited.cancelled_caught:
                raise
        except Conflict:
            # Somebody may have added to the session since it was read.
            if conversation is None or not await engine.conversing.moved(job, conversation):
                raise
        else:
            return


async def until_ended(engine: Engine, scope_id: str, job_id: str) -> None:
    """Return once a job has ended, wherever it runs or waits."""
    async with engine.signals.subscribe(scope_id, job_topic(job_id)) as waiter:
        while True:
            try:
                if (await engine.storage.jobs.get(scope_id, job_id)).status.terminal:
                    return
            except NotFound:
                return
            await waiter.wait(POLL_SECONDS)


async def check_session_of_child(engine: Engine, job: JobRecord | None, session_id: str) -> None:
    """Refuse a child the session of those it works for: they have it until they have ended.

    Raises ``SessionBusy``.
    """
    while job is not None:
        if job.session_id == session_id:
            raise SessionBusy(
                f"job {job.job_id}, which this one would work for, goes on with session"
                f" {session_id}",
                job_id=job.job_id,
                fix="Give the child a session of its own, or none",
            )
        above = job.parent_job_id
        job = None if above is None else await engine.storage.jobs.get(job.scope_id, above)
