"""A runtime that hides what it asks of its models: nothing that bounds that can be kept."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flat_prices import FlatPrices
from kernels import open_kernel, request
from queueing import HELLO, EitherRuntime, agent_file, working
from steer import BudgetSpec, PrepareOptions
from steer.capabilities import ModelGate
from steer.errors import ConfigError
from steer.ports.money import BudgetPeriod, BudgetUnit
from steer.values import JobStatus
from stepwise import PreparedStepwise, registry

pytestmark = pytest.mark.anyio


class Hiding(EitherRuntime):
    """A runtime whose vendor makes the requests by itself."""

    def prepare(self, agent: object, options: PrepareOptions, /) -> PreparedStepwise:
        made = super().prepare(agent, options)
        return replace(made, capabilities=replace(made.capabilities, model_gate=ModelGate.NONE))


def plugins() -> Any:
    return registry(Hiding(HELLO))


@pytest.mark.parametrize(
    "bounds", [{"max_tokens": 100}, {"max_cost": Decimal(1)}, {"max_turns": 2}], ids=str
)
async def test_the_bounds_of_a_run_are_refused(bounds: dict[str, Any], tmp_path: Path) -> None:
    asked = request(agent_file(tmp_path), runtime="stepwise", budgets=BudgetSpec(**bounds))
    async with open_kernel(registry=plugins(), prices=FlatPrices()) as kernel:
        for door in (kernel.execute, kernel.submit):
            with pytest.raises(ConfigError, match=next(iter(bounds))) as refused:
                await door(asked)
            assert "the runtime stepwise hides what agent 'stepwise' asks" in str(refused.value)
        assert not (await kernel.jobs()).items


async def test_a_budget_refuses_the_run(tmp_path: Path) -> None:
    asked = request(agent_file(tmp_path), runtime="stepwise")
    async with open_kernel(registry=plugins()) as kernel:
        queued = await kernel.submit(asked)
        await kernel.set_budget("cap", limit=100, unit=BudgetUnit.REQUESTS, period=BudgetPeriod.DAY)
        with pytest.raises(ConfigError, match="budget cap cannot be kept"):
            await kernel.execute(asked)
        async with working(kernel):
            result = await queued.result()
        assert (result.status, result.usage.requests) == (JobStatus.FAILED, 0)
        assert result.error is not None
        assert "budget cap cannot be kept" in result.error.message
        accounts = (await kernel.accounts(await kernel.budget("cap"))).items
    assert [(account.spent, account.reserved) for account in accounts] == []


async def test_a_budget_of_tool_calls_is_kept(tmp_path: Path) -> None:
    asked = request(agent_file(tmp_path), runtime="stepwise", budgets=BudgetSpec(max_tool_calls=1))
    async with open_kernel(registry=plugins()) as kernel:
        await kernel.set_budget(
            "cap", limit=100, unit=BudgetUnit.TOOL_CALLS, period=BudgetPeriod.DAY
        )
        assert (await (await kernel.execute(asked)).result()).status is JobStatus.SUCCEEDED
