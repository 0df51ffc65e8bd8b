"""Runs that were given an object of their author's: no other process runs them without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kernels import Moment, TurnedClock, open_kernel, request
from queueing import agent_file, plugins, working
from stalled import without_heartbeat
from steer import ExecutionHandle
from steer._engine.leases import LEASE_SECONDS
from steer.errors import Interrupted
from steer.values import JobStatus, RunResult
from stepwise import Stepwise, Turn

pytestmark = pytest.mark.anyio


def asked(folder: Path, **fields: Any) -> Any:
    return request(agent_file(folder), runtime="stepwise", user_context={"till": 7}, **fields)


def is_interrupted(result: RunResult) -> bool:
    error = result.error
    assert error is not None
    return (result.status, error.code) == (
        JobStatus.FAILED,
        "interrupted",
    ) and "its user_context was an object of it" in error.message


@pytest.mark.parametrize("by", ["worker", "resume"])
async def test_a_run_with_a_context_whose_process_is_gone_is_interrupted(
    tmp_path: Path, by: str
) -> None:
    clock, place = TurnedClock(), Moment("asked:0")
    url = f"sqlite:///{tmp_path}/runs.db"
    plugged = plugins(Stepwise(turns=(Turn(text="x"),), reach=place))
    async with (
        without_heartbeat(storage=url, clock=clock, registry=plugged) as gone,
        open_kernel(storage=url, clock=clock, registry=plugins()) as other,
    ):
        handle = await gone.execute(asked(tmp_path))
        await place.arrive()
        clock.turn(LEASE_SECONDS + 1)
        if by == "resume":
            result = await (await other.resume(handle.job_id)).result()
        else:
            async with working(other):
                result = await (await other.attach(handle.job_id)).result()
        assert is_interrupted(result)
        with pytest.raises(Interrupted, match="its user_context was an object"):
            await other.retry(handle.job_id)
        place.go.set()


async def test_a_run_with_a_context_ends_with_its_kernel(tmp_path: Path) -> None:
    place = Moment("asked:0")
    url = f"sqlite:///{tmp_path}/runs.db"
    plugged = plugins(Stepwise(turns=(Turn(text="x"),), reach=place))
    async with open_kernel(storage=url, registry=plugged) as kernel:
        handle = await kernel.execute(asked(tmp_path))
        await place.arrive()
    async with open_kernel(storage=url, registry=plugins()) as other:
        await other.work(until_idle=True)
        job = await (await other.attach(handle.job_id)).job()
        assert (job.status, job.attempt) == (JobStatus.CANCELLED, 1)


async def test_whoever_asks_the_same_with_the_context_goes_on_with_it(tmp_path: Path) -> None:
    clock, place = TurnedClock(), Moment("asked:0")
    url = f"sqlite:///{tmp_path}/runs.db"
    plugged = plugins(Stepwise(turns=(Turn(text="x"),), reach=place))
    async with (
        without_heartbeat(storage=url, clock=clock, registry=plugged) as gone,
        open_kernel(storage=url, clock=clock, registry=plugins()) as other,
    ):
        first = await gone.execute(asked(tmp_path, idempotency_key="bill-7"))
        await place.arrive()
        clock.turn(LEASE_SECONDS + 1)
        again: ExecutionHandle = await other.execute(asked(tmp_path, idempotency_key="bill-7"))
        assert again.job_id == first.job_id
        assert (await again.result()).status is JobStatus.SUCCEEDED
        place.go.set()
