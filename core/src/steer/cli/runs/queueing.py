"""A job that is queued for a worker, and left to it."""

from __future__ import annotations

import asyncio

from pydantic_core import to_json

from steer.cli.runs.run_form import RunForm
from steer.cli.terminal.streams import Streams
from steer.kernel import RuntimeKernel
from steer.ports.records import JobRecord
from steer.request import ExecutionRequest

__all__ = ["print_queued", "queue_and_end"]


def queue_and_end(kernel: RuntimeKernel, request: ExecutionRequest, *, form: RunForm) -> int:
    """Queue a job, print its id and how to follow it, and return the exit code."""

    async def submit() -> JobRecord:
        async with kernel:
            return await (await kernel.submit(request)).job()

    return print_queued(asyncio.run(submit()), form=form)


def print_queued(job: JobRecord, *, form: RunForm) -> int:
    """Print a job's id to standard output, and to standard error how to follow it."""
    streams = Streams.standard()
    if form is RunForm.JSON:
        facts = {
            "job_id": job.job_id,
            "scope_id": job.scope_id,
            "status": job.status,
            "queue": job.queue,
            "due_at": job.due_at,
        }
        streams.out.write_bytes(to_json(facts) + b"\n")
        return 0
    streams.out.write(f"{job.job_id}\n")
    if form is RunForm.STORY:
        streams.err.write(
            f"{job.status} in {job.queue} for steer worker; to follow it:"
            f" steer events {job.job_id} --follow --text\n"
        )
    return 0
