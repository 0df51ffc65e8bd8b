"""Jobs that start jobs: bounded, and ended with the one that started them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import asking, paying
from kernels import Moment, TurnedClock, open_kernel, request
from parking import parked_request, until
from queueing import agent_file, plugins, working
from steer import BudgetSpec, ChildSpec, ExecutionHandle, RuntimeKernel
from steer._engine.upkeep import PARENT_POLL_SECONDS
from steer.errors import (
    BudgetExceeded,
    DeadlineExceeded,
    IdempotencyConflict,
    InvalidTransition,
    NotFound,
)
from steer.ports.gate import EffectRun
from steer.ports.records import JobQuery
from steer.request import StoredRequest
from steer.values import ActionStatus, JobStatus, RunResult
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def agent(tmp_path: Path) -> str:
    return agent_file(tmp_path)


def held() -> tuple[Moment, Any]:
    """Where an agent is held in its first turn, and the plugins that run it."""
    place = Moment("asked:0")
    return place, plugins(Stepwise(turns=(Turn(text="x"),), reach=place))


def child_of(parent: ExecutionHandle, agent: str, **fields: Any) -> Any:
    return request(agent, runtime="stepwise", parent_job_id=parent.job_id, **fields)


async def bounds_of(handle: ExecutionHandle) -> BudgetSpec:
    return StoredRequest.decode((await handle.job()).request).budgets


def is_orphan(result: RunResult) -> bool:
    error = result.error
    return result.status is JobStatus.CANCELLED and error is not None and "ended" in error.message


async def test_a_tool_starts_a_child_of_its_run(url: str) -> None:
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        started: list[ExecutionHandle] = []

        async def delegate(run: EffectRun) -> str:
            child = await kernel.execute(request(parent_job_id=run.key.split("/")[0]))
            started.append(child)
            return (await child.result()).content

        turns = (Turn(calls=(Call(tool="delegate"),)), Turn(text="Done."))
        tools = {"delegate": ToolSpec(run=delegate)}
        parent = await kernel.execute(request(Stepwise(turns=turns, tools=tools)))
        assert (await parent.result()).status is JobStatus.SUCCEEDED
        child = await started[0].job()
        assert (child.parent_job_id, child.depth) == (parent.job_id, 1)
        found = await kernel.jobs(JobQuery(parent_job_id=parent.job_id))
        assert [job.job_id for job in found.items] == [child.job_id]


@pytest.mark.parametrize("ends", ["cancelled", "succeeded"])
async def test_the_end_of_a_parent_ends_its_children(url: str, agent: str, ends: str) -> None:
    place = Moment("asked:0")
    other = Stepwise(turns=(Turn(text="x"),), reach=Moment("asked:0"))
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        parent = await kernel.execute(request(Stepwise(turns=(Turn(text="x"),), reach=place)))
        await place.arrive()
        child = await kernel.execute(request(other, parent_job_id=parent.job_id))
        grandchild = await kernel.submit(child_of(child, agent, delay=3600))
        queued = await kernel.submit(child_of(parent, agent))
        if ends == "cancelled":
            await parent.cancel(reason="enough")
        place.go.set()
        assert (await parent.result()).status == ends
        for handle in (child, grandchild, queued):
            assert is_orphan(await handle.result()), await handle.job()
        assert (await grandchild.job()).depth == 2


async def test_a_child_that_another_process_runs_ends_with_its_parent(
    tmp_path: Path, agent: str
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    place, plugged = held()
    there, plugged_there = held()
    async with (
        open_kernel(storage=url, registry=plugged) as kernel,
        open_kernel(storage=url, registry=plugged_there) as worker,
    ):
        parent = await kernel.execute(request(agent, runtime="stepwise"))
        await place.arrive()
        child = await kernel.submit(child_of(parent, agent))
        async with working(worker):
            await there.arrive()
            place.go.set()
            assert (await parent.result()).status is JobStatus.SUCCEEDED
            assert is_orphan(await child.result())


async def test_a_child_started_by_another_process_ends_with_its_parent(
    tmp_path: Path, agent: str
) -> None:
    url, clock = f"sqlite:///{tmp_path}/jobs.db", TurnedClock()
    place, plugged = held()
    there, plugged_there = held()
    async with (
        open_kernel(storage=url, registry=plugged, clock=clock) as kernel,
        open_kernel(storage=url, registry=plugged_there, clock=clock) as other,
    ):
        parent = await kernel.execute(request(agent, runtime="stepwise"))
        await place.arrive()
        child = await other.execute(child_of(parent, agent))
        # Nobody takes this one: it is the kernel that queued it which looks after it.
        queued = await other.submit(child_of(parent, agent))
        await there.arrive()
        place.go.set()
        assert (await parent.result()).status is JobStatus.SUCCEEDED
        await clock.somebody_sleeps()
        clock.turn(PARENT_POLL_SECONDS)
        assert is_orphan(await child.result())
        assert is_orphan(await queued.result())


async def test_a_parked_child_of_a_parent_elsewhere_ends_with_it(
    tmp_path: Path, agent: str
) -> None:
    url, clock = f"sqlite:///{tmp_path}/jobs.db", TurnedClock()
    place, plugged = held()
    async with (
        open_kernel(storage=url, registry=plugged, clock=clock) as kernel,
        open_kernel(
            storage=url, registry=plugins(paying([])), policies=[asking()], clock=clock
        ) as other,
    ):
        parent = await kernel.execute(request(agent, runtime="stepwise"))
        await place.arrive()
        child = await other.execute(parked_request(tmp_path, parent_job_id=parent.job_id))
        await until(child, JobStatus.WAITING_ACTION)
        place.go.set()
        await parent.result()
        await clock.somebody_sleeps()
        clock.turn(PARENT_POLL_SECONDS)
        assert is_orphan(await child.result())
        assert not (await other.actions(status=ActionStatus.PENDING)).items


async def test_children_of_a_parent_that_goes_on_elsewhere_end_with_it(
    tmp_path: Path, agent: str
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    place, plugged = held()
    async with open_kernel(storage=url, registry=plugged) as kernel:
        parent = await kernel.execute(request(agent, runtime="stepwise"))
        await place.arrive()
        child = await kernel.submit(child_of(parent, agent, delay=3600))
    # The kernel gave its parent back, which is no end: the child waits.
    async with open_kernel(storage=url, registry=plugins()) as worker:
        assert (await (await worker.attach(child.job_id)).job()).status is JobStatus.QUEUED
        async with working(worker):
            assert is_orphan(await (await worker.attach(child.job_id)).result())
        result = await (await worker.attach(parent.job_id)).result()
        assert result.status is JobStatus.SUCCEEDED


async def test_depth_and_number_are_bounded(url: str, agent: str) -> None:
    _, plugged = held()
    async with open_kernel(
        storage=url, registry=plugged, children=ChildSpec(max_depth=1, max_children=2)
    ) as kernel:
        parent = await kernel.execute(request(agent, runtime="stepwise"))
        first = await kernel.submit(child_of(parent, agent))
        await kernel.submit(child_of(parent, agent))
        with pytest.raises(BudgetExceeded, match="has had its 2 child jobs"):
            await kernel.submit(child_of(parent, agent))
        with pytest.raises(BudgetExceeded, match="no more than 1 below"):
            await kernel.submit(child_of(first, agent))
        assert len((await kernel.jobs()).items) == 3


async def test_a_child_of_what_is_not_there_or_has_ended_is_refused(url: str, agent: str) -> None:
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        parent = await kernel.execute(request(agent, runtime="stepwise"))
        await parent.result()
        with pytest.raises(InvalidTransition, match="succeeded cannot start another one"):
            await kernel.execute(child_of(parent, agent))
        for fields in ({"parent_job_id": "nobody"}, {"scope_id": "other"}):
            with pytest.raises(NotFound):
                await kernel.execute(replace(child_of(parent, agent), **fields))


async def test_a_child_gets_at_most_what_its_parent_has_left(url: str, agent: str) -> None:
    """Two turns of 15 tokens and one call are used when it is started."""
    place = Moment("asked:2")

    async def look(_run: EffectRun) -> str:
        return "x"

    turns = (Turn(calls=(Call(tool="look"),)), Turn(text="1"), Turn(text="2"))
    parent_agent = Stepwise(
        turns=(turns[0], Turn(calls=(Call(tool="look", call_id="b"),)), turns[2]),
        tools={"look": ToolSpec(run=look)},
        reach=place,
        input_bound=10,
        max_output_tokens=5,
    )
    budgets = BudgetSpec(max_tokens=100, max_tool_calls=3, max_turns=5, max_runtime_seconds=600)
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        parent = await kernel.execute(request(parent_agent, budgets=budgets))
        await place.arrive()
        # Of the third turn 15 tokens are reserved.
        unbounded = await kernel.submit(child_of(parent, agent))
        assert await bounds_of(unbounded) == BudgetSpec(
            max_tokens=100 - 45, max_tool_calls=1, max_turns=2
        )
        asked = BudgetSpec(max_tokens=7, max_tool_calls=9, max_turns=1, max_runtime_seconds=5)
        bounded = await kernel.submit(child_of(parent, agent, budgets=asked))
        assert await bounds_of(bounded) == replace(asked, max_tool_calls=1)
        deadline = (await parent.job()).deadline
        assert (await unbounded.job()).deadline == deadline
        own = (await bounded.job()).deadline
        assert own is not None
        assert deadline is not None
        assert own < deadline
        place.go.set()


async def test_what_a_parent_elsewhere_used_is_read_from_the_journal(
    tmp_path: Path, agent: str
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    place = Moment("answered:1")
    turns = (Turn(text="1"), Turn(text="2"))
    plugged = plugins(Stepwise(turns=turns, reach=place, max_output_tokens=5))
    budgets = BudgetSpec(max_tokens=100, max_turns=5)
    async with (
        open_kernel(storage=url, registry=plugged) as kernel,
        open_kernel(storage=url, registry=plugins()) as other,
    ):
        parent = await kernel.execute(request(agent, runtime="stepwise", budgets=budgets))
        await place.arrive()
        with anyio.fail_after(20):
            while (await parent.job()).last_seq < 9:
                await anyio.lowlevel.checkpoint()
        child = await other.submit(child_of(parent, agent))
        assert await bounds_of(child) == BudgetSpec(max_tokens=70, max_turns=3)
        place.go.set()


async def test_a_parent_with_nothing_left_has_no_child(agent: str) -> None:
    clock = TurnedClock()
    place, plugged = held()
    async with open_kernel(registry=plugged, clock=clock) as kernel:

        async def parent(**bounds: Any) -> ExecutionHandle:
            return await kernel.execute(
                request(agent, runtime="stepwise", budgets=BudgetSpec(**bounds))
            )

        last_turn = await parent(max_turns=1)
        timed = await parent(max_runtime_seconds=60)
        await place.arrive()
        with pytest.raises(BudgetExceeded, match="max_turns of 1"):
            await kernel.submit(child_of(last_turn, agent))
        job = await timed.job()
        assert job.deadline is not None
        await _times_up(kernel, timed, agent, clock)
        place.go.set()


async def _times_up(
    kernel: RuntimeKernel, parent: ExecutionHandle, agent: str, clock: TurnedClock
) -> None:
    clock.turn(60)
    with pytest.raises((DeadlineExceeded, InvalidTransition)):
        await kernel.submit(child_of(parent, agent))


async def test_a_child_that_is_asked_for_again_is_the_same(agent: str) -> None:
    """Its bounds follow from what the parent had left then, its key from what was asked."""
    place = Moment("asked:1")
    turns = (Turn(text="1"), Turn(text="2"))
    busy = Stepwise(turns=turns, reach=place, max_output_tokens=5)
    async with open_kernel(registry=plugins()) as kernel:
        parent = await kernel.execute(request(busy, budgets=BudgetSpec(max_tokens=100)))
        asked = child_of(parent, agent, idempotency_key="k")
        first = await kernel.submit(asked)
        await place.arrive()
        assert (await kernel.submit(asked)).job_id == first.job_id
        with pytest.raises(IdempotencyConflict):
            await kernel.submit(replace(asked, prompt="else"))
        place.go.set()
