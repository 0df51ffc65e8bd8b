"""Budgets of a scope: what is set aside before a request leaves, and what it comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from flat_prices import CENT, FlatPrices, FlatRates
from held import HeldStorage
from kernels import Moment, TurnedClock, all_events, noting, open_kernel, request, types
from queueing import agent_file, notes_into, plugins, working
from steer import BudgetSpec, RuntimeKernel
from steer.errors import BudgetExceeded, ErrorCategory, ProviderError
from steer.events import BudgetExceededEvent, BudgetWarning
from steer.memory import open_memory
from steer.ports.changes import JobCreated, Reserved, Settled
from steer.ports.money import BudgetPeriod, BudgetSubject, BudgetUnit, OnReached
from steer.ports.records import Account
from steer.values import FinishReason, JobStatus, RunResult, Usage
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio

TOTAL = BudgetPeriod.TOTAL
TOKENS, USD = BudgetUnit.TOKENS, BudgetUnit.USD


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@asynccontextmanager
async def budgeted(
    limit: Decimal | int, unit: BudgetUnit = TOKENS, *, how: Any = None, **fields: Any
) -> AsyncIterator[RuntimeKernel]:
    """A kernel whose default scope has the budget ``cap``."""
    usual = {"period": TOTAL, "unit": unit, "limit": limit}
    async with open_kernel(**({"prices": FlatPrices()} | fields)) as kernel:
        await kernel.set_budget("cap", **(usual | (how or {})))
        yield kernel


def talk(turns: int = 1, *, asks: int | None = 5, **fields: Any) -> Stepwise:
    """An agent that takes 10 tokens of input in each turn, and may answer with ``asks``."""
    calls = tuple(Turn(calls=(Call(tool="note"),)) for _ in range(turns - 1))
    return Stepwise(
        turns=(*calls, Turn(text="Done.")),
        tools={"note": ToolSpec(run=noting([]))},
        max_output_tokens=asks,
        **fields,
    )


async def account_of(kernel: RuntimeKernel, budget: str = "cap") -> Account:
    (account,) = (await kernel.accounts(await kernel.budget(budget))).items
    return account


async def ran(kernel: RuntimeKernel, agent: Stepwise, **fields: Any) -> RunResult:
    return await (await kernel.execute(request(agent, **fields))).result()


async def test_a_run_spends_what_its_requests_reported(url: str) -> None:
    async with budgeted(100_000, storage=url) as kernel:
        assert (await ran(kernel, talk(2))).status is JobStatus.SUCCEEDED
        account = await account_of(kernel)
    assert (account.spent, account.reserved) == (30, 0)


async def test_a_request_that_a_budget_has_no_room_for_ends_the_run(url: str) -> None:
    # Two requests of 15 tokens fit into 40 tokens, and a third one that may take 15 does not.
    async with budgeted(40, storage=url) as kernel:
        handle = await kernel.execute(request(talk(4)))
        result, events = await handle.result(), await all_events(handle)
        account = await account_of(kernel)
    assert (result.status, result.finish_reason) == (JobStatus.FAILED, FinishReason.LIMIT)
    assert result.error is not None
    assert (result.error.code, result.error.details) == (
        "budget_exceeded",
        {"limit": "cap", "budget": "cap"},
    )
    assert "30 tokens spent and 0 tokens reserved" in result.error.message
    assert types(events).count("model.started") == 2
    (told,) = [e.data for e in events if isinstance(e.data, BudgetExceededEvent)]
    assert (told.budget, told.used, told.cap) == ("cap", "30", "40")
    assert (account.spent, account.reserved) == (30, 0)


async def test_a_budget_without_any_room_refuses_the_run_itself(url: str) -> None:
    clock = TurnedClock()
    how = {"period": BudgetPeriod.DAY}
    async with budgeted(15, how=how, storage=url, clock=clock) as kernel:
        await ran(kernel, talk())
        with pytest.raises(BudgetExceeded) as refused:
            await kernel.execute(request(talk()))
        assert refused.value.budget == "cap"
        assert refused.value.resets_at is not None
        assert "15 tokens spent" in refused.value.message
        assert f"{refused.value.resets_at:%Y-%m-%d} 00:00 UTC" in refused.value.message
        assert len((await kernel.jobs()).items) == 1
        clock.turn(24 * 3600)
        assert (await ran(kernel, talk())).status is JobStatus.SUCCEEDED


async def test_a_run_is_not_refused_where_its_first_request_would_fit() -> None:
    async with budgeted(15) as kernel:
        assert (await ran(kernel, talk())).status is JobStatus.SUCCEEDED


async def test_a_first_request_waits_for_no_commit_of_its_own() -> None:
    async def commits(budget: bool) -> int:
        async with open_kernel() as kernel:
            if budget:
                await kernel.set_budget("cap", period=TOTAL, unit=TOKENS, limit=100_000)
            before = kernel.storage.commits  # type: ignore[attr-defined]  # of the memory storage
            await ran(kernel, talk())
            return int(kernel.storage.commits - before)  # type: ignore[attr-defined]  # the same

    assert await commits(budget=True) == await commits(budget=False)


async def test_an_answer_is_shortened_to_what_is_left() -> None:
    # The author asked for no bound, so that the request may take all that is left.
    async with budgeted(5_000) as kernel:
        handle = await kernel.execute(request(talk(asks=None)))
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        rows = await kernel.storage.ledger.reservations("default", handle.job_id)
    assert [row.amount for row in rows if row.key.endswith("/1.1")] == [5_000]


async def test_an_answer_is_not_shortened_below_what_is_of_use() -> None:
    async with budgeted(1_000) as kernel:
        result = await ran(kernel, talk(asks=None))
    assert result.status is JobStatus.FAILED
    assert result.usage.requests == 0


async def test_money_is_counted_by_the_price_list(url: str) -> None:
    # A request costs 15 cents at most: six fit into a dollar, the seventh does not.
    async with budgeted(Decimal(1), USD, storage=url) as kernel:
        result = await ran(kernel, talk(8))
        account = await account_of(kernel)
    assert result.usage.requests == 6
    assert account.spent == 900_000
    assert result.error is not None
    assert "of $1.00, $0.90 spent" in result.error.message


async def test_a_model_without_a_price_is_refused_under_a_budget_of_money() -> None:
    async with budgeted(Decimal(1), USD, prices=None) as kernel:
        result = await ran(kernel, talk())
        assert result.error is not None
        assert "price of toy-1 is not known" in result.error.message
        await kernel.set_budget(
            "cap", period=TOTAL, unit=USD, limit=Decimal(1), allow_unpriced=True
        )
        assert (await ran(kernel, talk())).status is JobStatus.SUCCEEDED


async def test_what_has_no_bound_takes_the_context_window(url: str) -> None:
    prices = FlatPrices({"toy-1": FlatRates(CENT, context_window=1_000)})
    agent = talk(input_bound=None)
    async with budgeted(2_000, prices=prices, storage=url) as kernel:
        assert (await ran(kernel, agent)).status is JobStatus.SUCCEEDED
    async with budgeted(900, prices=prices) as kernel:
        assert (await ran(kernel, agent)).status is JobStatus.FAILED
    async with budgeted(2_000) as kernel:
        result = await ran(kernel, agent)
        assert result.error is not None
        assert "no upper bound" in result.error.message


async def test_usage_above_what_was_set_aside_is_booked_and_blocks_what_follows() -> None:
    greedy = Turn(text="x", usage=Usage(requests=1, input_tokens=500, output_tokens=500))
    async with budgeted(100) as kernel:
        await ran(kernel, Stepwise(turns=(greedy,), max_output_tokens=5))
        assert (await account_of(kernel)).spent == 1_000
        with pytest.raises(BudgetExceeded):
            await kernel.execute(request(talk()))


async def test_requests_are_counted_with_every_try() -> None:
    failure = ProviderError(
        "busy", category=ErrorCategory.RATE_LIMIT, status_code=429, retryable=True, retry_after=0
    )
    agent = Stepwise(turns=(Turn(text="x", failures=(failure, failure)),), max_output_tokens=5)
    async with budgeted(10, BudgetUnit.REQUESTS) as kernel:
        assert (await ran(kernel, agent)).status is JobStatus.SUCCEEDED
        assert (await account_of(kernel)).spent == 3


async def test_tool_calls_are_counted_before_they_are_made(url: str) -> None:
    notes: list[Any] = []
    calls = tuple(Turn(calls=(Call(tool="note", arguments=n),)) for n in range(4))
    agent = Stepwise(turns=calls, tools={"note": ToolSpec(run=noting(notes))})
    async with budgeted(2, BudgetUnit.TOOL_CALLS, storage=url) as kernel:
        result = await ran(kernel, agent)
        account = await account_of(kernel)
    assert notes == [0, 1]
    assert (account.spent, account.reserved) == (2, 0)
    assert result.error is not None
    assert result.error.details == {"limit": "cap", "budget": "cap"}


async def test_a_tool_call_is_counted_although_its_first_count_never_arrived(
    tmp_path: Path,
) -> None:
    notes: list[Any] = []
    agent, counts = notes_into(notes), (Reserved, Settled)
    storage = HeldStorage(
        open_memory(), lambda changes: bool(notes) and isinstance(changes[-1], counts)
    )
    how: dict[str, Any] = {"storage": storage, "registry": plugins(agent)}
    async with budgeted(5, BudgetUnit.TOOL_CALLS, **how) as kernel:
        await ran(kernel, agent)
        handle = await kernel.execute(request(agent_file(tmp_path), runtime="stepwise"))
        await storage.arrive()
    async with open_kernel(**how) as kernel:
        result = await (await kernel.resume(handle.job_id)).result()
        account = await account_of(kernel)
    assert (result.status, len(notes)) == (JobStatus.SUCCEEDED, 2)
    assert (account.spent, account.reserved) == (2, 0)


async def test_nested_budgets_admit_all_or_nothing(url: str) -> None:
    async with budgeted(1_000, storage=url) as kernel:
        await kernel.set_budget(
            "mine", subject=BudgetSubject.PRINCIPAL, period=BudgetPeriod.RUN, unit=TOKENS, limit=20
        )
        result = await ran(kernel, talk(3))
        assert result.error is not None
        assert result.error.details["budget"] == "mine"
        account = await account_of(kernel)
        assert (account.spent, account.reserved) == (15, 0)


async def test_runs_side_by_side_never_pass_the_cap(url: str) -> None:
    async with budgeted(Decimal(1), USD, storage=url) as kernel:
        results: list[RunResult | BudgetExceeded] = []

        async def one() -> None:
            try:
                results.append(await ran(kernel, talk(3)))
            except BudgetExceeded as error:
                results.append(error)

        async with anyio.create_task_group() as group:
            for _ in range(12):
                group.start_soon(one)
        account = await account_of(kernel)
    done = [r for r in results if isinstance(r, RunResult)]
    assert account.reserved == 0
    assert account.spent == sum(r.usage.requests for r in done) * 150_000 <= 1_000_000
    assert len(results) == 12


async def test_a_warning_is_told_once_in_a_run() -> None:
    how = {"on_reached": OnReached.WARN, "warn_at": 0.5}
    async with budgeted(25, how=how) as kernel:
        handle = await kernel.execute(request(talk(4)))
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        told = [e.data for e in await all_events(handle) if isinstance(e.data, BudgetWarning)]
    assert [(t.budget, t.cap) for t in told] == [("cap", "25"), ("cap", "25")]
    assert any(int(t.used) > 25 for t in told)
    assert any(int(t.used) <= 25 for t in told)


async def test_a_limit_that_is_raised_holds_at_once() -> None:
    place = Moment("said:0")
    agent = talk(3, reach=place)
    async with budgeted(20) as kernel:
        handle = await kernel.execute(request(agent))
        await place.arrive()
        await kernel.raise_budget("cap", to=1_000)
        place.go.set()
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def test_a_budget_that_is_removed_bounds_nobody_any_more() -> None:
    place = Moment("said:0")
    async with budgeted(20) as kernel:
        handle = await kernel.execute(request(talk(3, reach=place)))
        await place.arrive()
        await kernel.remove_budget("cap")
        place.go.set()
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def test_a_run_is_admitted_although_its_budget_is_removed_at_that_moment() -> None:
    storage = HeldStorage(open_memory(), lambda changes: isinstance(changes[0], JobCreated))
    results: list[RunResult] = []
    async with budgeted(20, storage=storage) as kernel:

        async def run() -> None:
            results.append(await ran(kernel, talk(3)))

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await storage.arrive()
            await kernel.remove_budget("cap")
            storage.go.set()
    assert [result.status for result in results] == [JobStatus.SUCCEEDED]


async def test_a_cancelled_run_holds_nothing(url: str) -> None:
    place = Moment("asked:0")
    async with budgeted(1_000, storage=url) as kernel:
        handle = await kernel.execute(request(talk(reach=place)))
        await place.arrive()
        assert (await account_of(kernel)).reserved > 0
        await handle.cancel()
        await handle.result()
        account = await account_of(kernel)
    # Nobody knows what the request came to that was cut short: all that it could.
    assert (account.spent, account.reserved) == (15, 0)


async def test_a_queued_job_holds_nothing_until_it_runs(tmp_path: Path) -> None:
    async with budgeted(1_000, registry=plugins(talk())) as kernel:
        handle = await kernel.submit(request(agent_file(tmp_path), runtime="stepwise"))
        assert not (await kernel.accounts(await kernel.budget("cap"))).items
        async with working(kernel):
            await handle.result()
        account = await account_of(kernel)
        assert (account.spent, account.reserved) == (15, 0)


async def test_a_budget_of_the_run_bounds_each_run_by_itself() -> None:
    async with budgeted(20, how={"period": BudgetPeriod.RUN}) as kernel:
        for _ in range(3):
            assert (await ran(kernel, talk())).status is JobStatus.SUCCEEDED
        assert len((await kernel.accounts(await kernel.budget("cap"))).items) == 3


async def test_the_bounds_of_a_run_and_its_budgets_hold_together() -> None:
    async with budgeted(1_000) as kernel:
        result = await ran(kernel, talk(5), budgets=BudgetSpec(max_tokens=40))
        assert result.error is not None
        assert result.error.details == {"limit": "max_tokens"}
        assert (await account_of(kernel)).reserved == 0
