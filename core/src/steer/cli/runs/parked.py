"""A run in the foreground whose job is parked, to wait for people without its process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from steer.cli.people.action_text import how_to_answer
from steer.errors import Conflict
from steer.events import Event, JobStatusChanged
from steer.fold import Position
from steer.handle import ExecutionHandle
from steer.kernel import RuntimeKernel
from steer.values import JobStatus

__all__ = ["durable", "is_parked", "until_parked", "waiting_text"]

_LEFT = (JobStatus.WAITING_ACTION, JobStatus.QUEUED)


async def until_parked(kernel: RuntimeKernel, handle: ExecutionHandle) -> AsyncIterator[Event]:
    """Yield the events of a job up to its end, or until it is parked.

    One that was answered just as it was parked is gone on with here.
    """
    async with aclosing(handle.events()) as events:
        async for event in events:
            yield event
            if isinstance(event.data, JobStatusChanged) and event.data.new in _LEFT:
                await durable(handle, event)
                job = await handle.job()
                if job.status is JobStatus.WAITING_ACTION:
                    return
                if job.status is JobStatus.QUEUED and event.data.old in (*_LEFT, JobStatus.RUNNING):
                    # A worker may have been faster; then its doings are shown.
                    with suppress(Conflict):
                        await kernel.resume(job.job_id, scope_id=job.scope_id)


async def durable(handle: ExecutionHandle, event: Event) -> None:
    """Wait until what an event tells of is in the store: live, it comes before that."""
    before = Position(seq=(event.seq or 1) - 1)
    async with aclosing(handle.events(after=before, live=False)) as events:
        await anext(events, None)


async def is_parked(handle: ExecutionHandle) -> bool:
    """Whether the job waits for people."""
    return (await handle.job()).status is JobStatus.WAITING_ACTION


async def waiting_text(handle: ExecutionHandle) -> str:
    """Return the sentence that says how to answer and to go on."""
    pending = [each.action for each in await handle.pending_actions()]
    answers = "; ".join(map(how_to_answer, pending))
    return (
        f"the job waits for a person. {answers}; then: steer jobs resume {handle.job_id},"
        " or steer worker"
    )
