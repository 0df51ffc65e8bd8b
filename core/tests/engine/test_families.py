"""A job and the jobs under it: what they may use together."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from flat_prices import FlatPrices
from held import HeldStorage
from kernels import open_kernel, request
from queueing import agent_file, plugins
from steer import BudgetSpec, ExecutionHandle, RuntimeKernel
from steer.errors import BudgetExceeded
from steer.memory import open_memory
from steer.ports.changes import Reserved, Settled
from steer.ports.gate import EffectRun
from steer.values import JobStatus, RunResult
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


def talk(turns: int) -> Stepwise:
    """An agent each of whose turns takes 15 tokens, or 15 cents, and one tool call."""

    async def note(_run: EffectRun) -> str:
        return "noted"

    calls = tuple(Turn(calls=(Call(tool="note"),)) for _ in range(turns))
    return Stepwise(turns=calls, tools={"note": ToolSpec(run=note)}, max_output_tokens=5)


async def family(
    kernel: RuntimeKernel, budgets: BudgetSpec, *, deep: bool = False
) -> tuple[RunResult, list[RunResult]]:
    """A job that starts two others side by side, each of which would go on for ten turns."""
    children: list[RunResult] = []

    async def delegate(run: EffectRun) -> str:
        job_id = run.key.split("/")[0]

        async def one() -> None:
            agent = parent_of(grandchild) if deep else talk(10)
            try:
                child = await kernel.execute(request(agent, parent_job_id=job_id))
            except BudgetExceeded:
                return
            children.append(await child.result())

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)
        return "done"

    async def grandchild(run: EffectRun) -> str:
        child = await kernel.execute(request(talk(10), parent_job_id=run.key.split("/")[0]))
        children.append(await child.result())
        return "done"

    handle = await kernel.execute(request(parent_of(delegate), budgets=budgets))
    return await handle.result(), children


def parent_of(work: Any) -> Stepwise:
    turns = (Turn(calls=(Call(tool="work"),)), Turn(text="Done."))
    return Stepwise(turns=turns, tools={"work": ToolSpec(run=work)}, max_output_tokens=5)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "budgets",
    [
        BudgetSpec(max_tokens=100),
        BudgetSpec(max_cost=Decimal("1.00")),
        BudgetSpec(max_tool_calls=5),
    ],
)
async def test_a_family_never_passes_the_bounds_of_its_first_job(
    budgets: BudgetSpec, deep: bool, url: str
) -> None:
    async with open_kernel(storage=url, registry=plugins(), prices=FlatPrices()) as kernel:
        result, children = await family(kernel, budgets, deep=deep)
    everybody = [result, *children]
    tokens = sum(each.usage.total_tokens for each in everybody)
    if budgets.max_tool_calls is None:
        # 15 tokens fit into 100 six times, and no request is refused that fits.
        assert tokens == 90
    else:
        assert sum(each.tools_invoked for each in everybody) == 5
    assert any(each.status is JobStatus.FAILED for each in children)


async def test_a_child_says_whose_bound_it_reached(url: str) -> None:
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        result, children = await family(kernel, BudgetSpec(max_tokens=100))
    errors = [each.error for each in children if each.error is not None]
    assert errors
    assert {error.details["limit"] for error in errors} == {"max_tokens"}
    assert any(f"job {result.job_id} and the jobs under it" in e.message for e in errors)


async def test_the_first_children_of_a_queued_job_may_come_at_the_same_time(
    url: str, tmp_path: Path
) -> None:
    async with open_kernel(storage=url, registry=plugins()) as kernel:
        agent = agent_file(tmp_path)
        asked = {"runtime": "stepwise", "budgets": BudgetSpec(max_tokens=100)}
        parent = await kernel.submit(request(agent, **asked))
        children: list[ExecutionHandle] = []

        async def submit() -> None:
            child = request(agent, runtime="stepwise", parent_job_id=parent.job_id)
            children.append(await kernel.submit(child))

        async with anyio.create_task_group() as group:
            group.start_soon(submit)
            group.start_soon(submit)
        found = [await child.job() for child in children]
        account = await kernel.storage.ledger.account(
            parent.scope_id, f"job/{parent.job_id}/tokens"
        )
    assert [job.status for job in found] == [JobStatus.QUEUED] * 2
    assert (account.limit, account.spent, account.reserved) == (100, 0, 0)


@pytest.mark.parametrize("after", [False, True], ids=["before its commit", "after its commit"])
async def test_a_job_draws_on_the_account_although_its_start_of_a_child_was_cut_off(
    after: bool,
) -> None:
    storage = HeldStorage(
        open_memory(), lambda changes: isinstance(changes[-1], Settled | Reserved), after=after
    )

    async def delegate(run: EffectRun) -> str:
        child = request(talk(1), parent_job_id=run.key.split("/")[0])
        async with anyio.create_task_group() as group:
            group.start_soon(kernel.execute, child)
            await storage.arrive()
            group.cancel_scope.cancel()
            storage.go.set()
        return "not done"

    asked = request(parent_of(delegate), budgets=BudgetSpec(max_tokens=1_000))
    async with open_kernel(storage=storage, registry=plugins()) as kernel:
        handle = await kernel.execute(asked)
        result = await handle.result()
        account = await kernel.storage.ledger.account("default", f"job/{handle.job_id}/tokens")
    assert (result.status, result.usage.total_tokens) == (JobStatus.SUCCEEDED, 30)
    assert (account.limit, account.spent) == (1_000, 30)
