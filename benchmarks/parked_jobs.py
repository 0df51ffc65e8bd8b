"""What ten thousand jobs that wait for a person cost: memory per job, CPU while idle, and waking.

An agent whose tool needs approval is started as often as asked, each job is parked in the store
in memory, and the runs are gone from the process. Then the process idles; then one answer is given,
and the time until its job has ended is measured.

Promises: at most 20 KiB a job, the store's own rows included, and no more than 1 % of a processor
while nothing happens.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from pathlib import Path

from steer import ApprovalSpec, ExecutionHandle, ExecutionRequest, RuntimeKernel
from steer.values import ActionStatus, JobStatus

sys.path.insert(0, str(Path(__file__).parents[1] / "core" / "tests" / "support"))

from parking import FoundAgain, parked_request
from stepwise import Call, Stepwise, ToolSpec, Turn, registry

MAX_BYTES = 20 * 1024
MAX_IDLE = 0.01
IDLE_SECONDS = 10.0
AT_ONCE = 50


def resident() -> int:
    """Return the bytes of memory that this process holds (proc(5), /proc/pid/statm)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


async def pay(_run: object) -> str:
    return "paid"


AGENT = Stepwise(
    turns=(Turn(calls=(Call(tool="pay", arguments={"amount": 3}, call_id="c1"),)), Turn(text="Ok")),
    tools={"pay": ToolSpec(run=pay, needs_approval=True)},
)


async def park(kernel: RuntimeKernel, request: ExecutionRequest, number: int) -> None:
    """Start ``number`` jobs, some at a time, and return when all are parked."""
    left = iter(range(number))

    async def some() -> None:
        for _ in left:
            handle = await kernel.execute(request)
            await parked(handle)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())


async def parked(handle: ExecutionHandle) -> None:
    """Wait until a job waits in the store."""
    async for event in handle.events(live=False):
        if event.type == "job.status_changed":
            return


async def measure(jobs: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        request = parked_request(
            Path(folder), approvals=ApprovalSpec(inline_seconds=0, expires_in_seconds=None)
        )
        async with RuntimeKernel(registry=registry(FoundAgain(AGENT))) as kernel:
            await park(kernel, request, 200)
            gc.collect()
            before, begun = resident(), time.perf_counter()
            await park(kernel, request, jobs)
            took = time.perf_counter() - begun
            gc.collect()
            each = (resident() - before) / jobs
            cpu = time.process_time()
            await asyncio.sleep(IDLE_SECONDS)
            idle = (time.process_time() - cpu) / IDLE_SECONDS
            (action,) = (await kernel.actions(status=ActionStatus.PENDING, limit=1)).items
            handle = await kernel.attach(action.job_id)
            begun = time.perf_counter()
            await kernel.resolve_action(action.action_id, {"decision": "approve"})
            result = await handle.result()
            woken = time.perf_counter() - begun
            assert result.status is JobStatus.SUCCEEDED
    print(f"{jobs} jobs parked in {took:.1f} s")
    print(f"memory  {each / 1024:6.1f} KiB a job   (at most {MAX_BYTES / 1024:.0f})")
    print(f"idle    {idle:6.2%} of a processor (at most {MAX_IDLE:.0%})")
    print(f"waking  {woken * 1000:6.1f} ms from the answer to the end of the job")
    return each <= MAX_BYTES and idle <= MAX_IDLE


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    sys.exit(not asyncio.run(measure(parser.parse_args().jobs)))
