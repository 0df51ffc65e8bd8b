from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from kernels import Moment, noting, open_kernel, request
from steer import RuntimeKernel
from steer.errors import IdempotencyConflict
from steer.values import JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
async def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RuntimeKernel]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/runs.db"
    async with open_kernel(storage=url) as opened:
        yield opened


async def test_the_same_key_runs_once_however_many_ask_at_once(kernel: RuntimeKernel) -> None:
    notes: list[object] = []
    agent = Stepwise(
        turns=(Turn(calls=(Call(tool="note"),)), Turn(text="Done.")),
        tools={"note": ToolSpec(run=noting(notes))},
    )
    ids: set[str] = set()

    async def ask() -> None:
        handle = await kernel.execute(request(agent, idempotency_key="k"))
        ids.add((await handle.result()).job_id)

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)
    assert len(ids) == 1
    assert len(notes) == 1


async def test_another_request_under_the_key_is_a_conflict_that_names_the_job(
    kernel: RuntimeKernel,
) -> None:
    first = await kernel.execute(request(idempotency_key="k"))
    with pytest.raises(IdempotencyConflict, match="was used for another request") as caught:
        await kernel.execute(request(prompt="Something else", idempotency_key="k"))
    assert caught.value.job_id == first.job_id


async def test_a_failed_job_is_returned_and_not_run_again(kernel: RuntimeKernel) -> None:
    runs: list[str] = []

    async def fail(moment: str) -> None:
        runs.append(moment)
        raise ValueError("broken")

    agent = Stepwise(turns=(Turn(text="x"),), reach=fail)
    first = await (await kernel.execute(request(agent, idempotency_key="k"))).result()
    second = await (await kernel.execute(request(agent, idempotency_key="k"))).result()
    assert first == second
    assert first.status is JobStatus.FAILED
    assert len(runs) == 1


async def test_the_key_of_one_scope_is_free_in_another(kernel: RuntimeKernel) -> None:
    one = await kernel.execute(request(idempotency_key="k", scope_id="acme"))
    two = await kernel.execute(request(idempotency_key="k", scope_id="globex"))
    assert one.job_id != two.job_id


async def test_asking_again_while_it_runs_follows_the_same_run(kernel: RuntimeKernel) -> None:
    place = Moment("asked:0")
    agent = Stepwise(turns=(Turn(text="x"),), reach=place)
    first = await kernel.execute(request(agent, idempotency_key="k"))
    await place.arrive()
    second = await kernel.execute(request(agent, idempotency_key="k"))
    place.go.set()
    assert await first.result() == await second.result()
