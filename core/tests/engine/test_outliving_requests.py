"""Requests to a model that are under way when their run ends: nobody waits for them any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from flat_prices import FlatPrices
from kernels import all_events, open_kernel, request, types
from steer import RuntimeKernel
from steer.memory import open_memory
from steer.ports.changes import Change, JobCreated, Released, Reserved
from steer.ports.gate import ModelRequest
from steer.ports.money import BudgetPeriod, BudgetUnit
from steer.ports.records import LedgerKind
from steer.ports.runtime import Finished, Prepared, Run, Suspended
from steer.ports.storage import Committed
from steer.values import JobStatus, digest_of
from stepwise import StepwiseRuntime, registry

pytestmark = pytest.mark.anyio


class Outlived(StepwiseRuntime):
    """A runtime that has done with a run while a request of it is ``begun``, and goes on."""

    def __init__(self, begun: anyio.Event) -> None:
        self.begun = begun
        self.go = anyio.Event()
        self.refused: Exception | None = None
        self.sent = 0

    async def run(self, _prepared: Prepared, run: Run, /) -> Finished | Suspended:
        self.request = asyncio.ensure_future(self._ask(run))
        await self.begun.wait()
        return Finished(content="Done.")

    async def _ask(self, run: Run) -> None:
        asked = ModelRequest(
            digest=digest_of("late"),
            model="toy-1",
            provider="toy",
            input_bound=10,
            max_output_tokens=5,
        )
        try:
            async with run.gate.model_call(asked):
                self.sent += 1
                self.begun.set()
                await self.go.wait()
        except Exception as error:
            self.refused = error


class HeardLate:
    """A storage that keeps what was reserved, and says so once that was given back."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.reserved = anyio.Event()
        self._heard = anyio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change], /
    ) -> Committed:
        committed: Committed = await self._inner.commit(scope_id, job_id, fence, changes)
        kinds = [type(change) for change in changes]
        if Reserved in kinds and JobCreated not in kinds and not self.reserved.is_set():
            self.reserved.set()
            await self._heard.wait()
        elif Released in kinds and self.reserved.is_set():
            self._heard.set()
            await anyio.wait_all_tasks_blocked()
        return committed


async def cap(kernel: RuntimeKernel, limit: int, unit: BudgetUnit = BudgetUnit.TOKENS) -> None:
    await kernel.set_budget("cap", limit=limit, unit=unit, period=BudgetPeriod.TOTAL)


async def test_a_request_that_gets_its_room_as_the_run_ends_is_not_sent() -> None:
    storage = HeardLate(open_memory())
    runtime = Outlived(storage.reserved)
    async with open_kernel(storage=storage, registry=registry(runtime)) as kernel:
        # Too little for the allowance of a run, so that its request reserves by itself.
        await cap(kernel, 100)
        handle = await kernel.execute(request())
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        await runtime.request
        (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
    assert (runtime.sent, account.spent, account.reserved) == (0, 0, 0)
    assert "nothing more is set aside" in str(runtime.refused)


@pytest.mark.parametrize("budget", [False, True])
async def test_a_request_that_outlives_its_run_is_in_the_books(
    budget: bool, tmp_path: Path
) -> None:
    runtime = Outlived(anyio.Event())
    plugins, url = registry(runtime), f"sqlite:///{tmp_path}/jobs.db"
    async with open_kernel(registry=plugins, prices=FlatPrices(), storage=url) as kernel:
        if budget:
            await cap(kernel, 100)
        handle = await kernel.execute(request())
        result = await handle.result()
        runtime.go.set()
        await runtime.request
        (line,) = (await kernel.ledger(kinds=(LedgerKind.MODEL,))).items
        accounts = (await kernel.accounts(await kernel.budget("cap"))).items if budget else ()
        events = types(await all_events(handle))
    assert (line.usage, line.cost) == (result.usage, Decimal("0.15"))
    assert (result.usage.total_tokens, result.usage.estimated) == (15, True)
    assert [account.spent for account in accounts] == [15] * budget
    assert events.index("model.retracted") < events.index("final.result")
