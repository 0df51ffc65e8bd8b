"""Workers that stop or are cancelled: what they run is given back, or waited for."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from kernels import PATIENCE, Moment, all_events, open_kernel, request
from queueing import agent_file, plugins, working
from steer.ports.gate import EffectRun
from steer.ports.records import JobQuery
from steer.values import Effect, JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def agent(tmp_path: Path) -> str:
    return agent_file(tmp_path)


async def test_a_worker_that_stops_gives_back_what_it_runs(url: str, agent: str) -> None:
    place = Moment("asked:0")
    held = Stepwise(turns=(Turn(text="x"),), reach=place)
    async with open_kernel(storage=url, registry=plugins(held)) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))
        async with working(kernel) as notes:
            await place.arrive()
        job = await handle.job()
        assert (job.status, job.owner) == (JobStatus.QUEUED, None)
        assert [note.step for note in notes] == ["started", "given_back"]
        place.go.set()
        async with working(kernel):
            assert (await handle.result()).status is JobStatus.SUCCEEDED
        assert (await handle.job()).attempt == 2


async def test_a_tool_that_may_run_twice_is_run_again_where_its_worker_stopped(agent: str) -> None:
    ran: list[str] = []
    began = anyio.Event()

    async def look_up(run: EffectRun) -> str:
        ran.append(run.key)
        if len(ran) == 1:
            began.set()
            await anyio.sleep_forever()
        return "found"

    looking = Stepwise(
        turns=(Turn(calls=(Call(tool="look_up", call_id="c"),)), Turn(text="Done.")),
        tools={"look_up": ToolSpec(run=look_up, effect=Effect.IDEMPOTENT)},
    )
    async with open_kernel(registry=plugins(looking)) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))
        async with working(kernel):
            await began.wait()
        async with working(kernel):
            result = await handle.result()
        events = await all_events(handle)

    assert (result.status, len(ran), len(set(ran))) == (JobStatus.SUCCEEDED, 2, 1)
    (ended,) = [event.data for event in events if event.type.startswith("tool.e")]
    assert (ended.type, ended.result) == ("tool.end", "found")


async def test_a_worker_that_stops_waits_for_what_it_runs(agent: str) -> None:
    place = Moment("asked:0")
    held = Stepwise(turns=(Turn(text="x"),), reach=place)
    async with open_kernel(registry=plugins(held)) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))
        waiting = await kernel.submit(request(agent, runtime="stepwise"))
        stop = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: kernel.work(stop=stop, drain=PATIENCE, concurrency=1))
            await place.arrive()
            stop.set()
            place.go.set()
        assert (await handle.job()).status is JobStatus.SUCCEEDED
        assert (await waiting.job()).status is JobStatus.QUEUED


async def test_a_worker_that_is_cancelled_gives_back_what_it_runs(agent: str) -> None:
    place = Moment("asked:0")
    held = Stepwise(turns=(Turn(text="x"),), reach=place)
    async with open_kernel(registry=plugins(held)) as kernel:
        handle = await kernel.submit(request(agent, runtime="stepwise"))
        async with anyio.create_task_group() as group:
            group.start_soon(kernel.work)
            await place.arrive()
            group.cancel_scope.cancel()
        assert (await handle.job()).status is JobStatus.QUEUED


async def test_a_job_of_a_closed_kernel_goes_on_in_a_worker(tmp_path: Path, agent: str) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    place = Moment("asked:0")
    held = Stepwise(turns=(Turn(text="x"),), reach=place)
    async with open_kernel(storage=url, registry=plugins(held)) as kernel:
        handle = await kernel.execute(request(agent, runtime="stepwise", queue="later"))
        await place.arrive()
    async with open_kernel(storage=url, registry=plugins()) as worker:
        await worker.work(queue="later", until_idle=True, drain=PATIENCE)
        assert (await worker.jobs(JobQuery(queue="later"))).items[0].job_id == handle.job_id
        assert (await (await worker.attach(handle.job_id)).result()).status is JobStatus.SUCCEEDED
