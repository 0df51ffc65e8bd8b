"""What a run may cost: nothing is asked of a model that could pass it."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from flat_prices import FlatPrices, FlatRates
from hypothesis import given
from hypothesis import strategies as st
from kernels import Moment, all_events, noting, open_kernel, request, types
from steer import BudgetSpec
from steer._engine.limits import Hold, Limits
from steer.errors import BudgetExceeded, ConfigError
from steer.ports.gate import ModelRequest
from steer.pricing import PriceList
from steer.pricing.overrides import OverrideRates
from steer.values import FinishReason, JobStatus, RunResult, Usage
from stepwise import Call, Stepwise, ToolSpec, Turn
from toy_prices import ToyPrices, toy_rates

pytestmark = pytest.mark.anyio

# A request of these agents has 10 tokens of input, and 5 of output at a dollar and at three.
PRICES = ToyPrices(**{"toy-1": toy_rates()})
WITH_WINDOW = ToyPrices(**{"toy-1": toy_rates(context_window=20)})


def busy(turns: int = 4, **fields: Any) -> Stepwise:
    calls = [Turn(calls=(Call(tool="note", arguments=n),)) for n in range(turns - 1)]
    return Stepwise(
        turns=(*calls, Turn(text="Done.")), tools={"note": ToolSpec(run=noting([]))}, **fields
    )


async def run(
    agent: Stepwise, max_cost: int | str, prices: ToyPrices = PRICES
) -> tuple[RunResult, list[str]]:
    async with open_kernel(prices=prices) as kernel:
        budgets = BudgetSpec(max_cost=Decimal(max_cost))
        handle = await kernel.execute(request(agent, budgets=budgets))
        return await handle.result(), types(await all_events(handle))


async def test_no_request_is_admitted_that_could_pass_the_cost() -> None:
    # Each costs 25 and can cost 25; after two there are 9 left, and the input alone is 10.
    result, seen = await run(busy(max_output_tokens=5), 59)
    assert seen.count("model.started") == 2
    assert result.cost == 50
    assert result.error is not None
    assert result.error.details == {"limit": "max_cost"}
    assert result.error.message == (
        "the next request may cost $13 and more, and $9 of $59 are left"
    )
    assert result.finish_reason is FinishReason.LIMIT
    assert "budget.exceeded" in seen


async def test_a_run_that_fits_succeeds() -> None:
    result, _ = await run(busy(max_output_tokens=5), 100)
    assert (result.status, result.cost) == (JobStatus.SUCCEEDED, Decimal(100))


async def test_the_model_may_answer_no_longer_than_there_is_money_for() -> None:
    async with open_kernel(prices=PRICES) as kernel:
        budgets = BudgetSpec(max_cost=Decimal("40.5"))
        handle = await kernel.execute(request(busy(1), budgets=budgets))
        events = await all_events(handle)
    (started,) = [event.data for event in events if event.type == "model.started"]
    # 10 for the input, and 30 for ten tokens of output.
    assert (started.input_bound, started.max_output_tokens) == (10, 10)


async def test_what_has_no_bound_is_taken_for_the_whole_context_window() -> None:
    result, seen = await run(busy(1, input_bound=None, max_output_tokens=5), 34, WITH_WINDOW)
    assert (result.status, seen.count("model.started")) == (JobStatus.SUCCEEDED, 1)
    result, seen = await run(busy(1, input_bound=None, max_output_tokens=5), 20, WITH_WINDOW)
    assert (result.status, seen.count("model.started")) == (JobStatus.FAILED, 0)


async def test_what_nothing_bounds_is_refused_with_the_reason() -> None:
    result, seen = await run(busy(1, input_bound=None), 1_000_000)
    assert "model.started" not in seen
    assert result.error is not None
    assert "no upper bound in tokens" in result.error.message
    assert result.error.fix == "Give the model's context_window in a price file"


async def test_a_model_whose_price_is_not_known_is_refused_under_a_cost() -> None:
    result, seen = await run(busy(), 1_000_000, ToyPrices())
    assert "model.started" not in seen
    assert result.error is not None
    assert result.error.message == (
        "the price of the model toy-1 is not known, so a request to it cannot be admitted"
        " under max_cost"
    )
    assert result.error.fix is not None


async def test_what_costs_nothing_is_not_cut_short() -> None:
    free = OverrideRates(
        input=Decimal(0), output=Decimal(0), cached=Decimal(0), cache_write=Decimal(0)
    )
    async with open_kernel(prices=ToyPrices(**{"toy-1": free})) as kernel:
        budgets = BudgetSpec(max_cost=Decimal(0))
        handle = await kernel.execute(request(busy(1), budgets=budgets))
        events = await all_events(handle)
        result = await handle.result()
    (started,) = [event.data for event in events if event.type == "model.started"]
    assert started.max_output_tokens is None
    assert (result.status, result.cost) == (JobStatus.SUCCEEDED, Decimal(0))


async def test_a_cost_that_nobody_could_know_is_refused_at_once() -> None:
    async with open_kernel() as kernel:
        with pytest.raises(ConfigError, match=r"max_cost cannot be enforced: .* no price list"):
            await kernel.execute(request(budgets=BudgetSpec(max_cost=Decimal(1))))


async def test_a_child_may_cost_what_its_parent_has_left() -> None:
    place = Moment("asked:1")
    parent = busy(2, max_output_tokens=5, reach=place)
    async with open_kernel(prices=PRICES) as kernel:
        budgets = BudgetSpec(max_cost=Decimal(70))
        handle = await kernel.execute(request(parent, budgets=budgets))
        await place.arrive()
        # 25 are spent, and another 25 are set aside for the request that is under way.
        child = await kernel.execute(request(busy(1), parent_job_id=handle.job_id))
        events = await all_events(child)
        place.go.set()
        await handle.result()
    (started,) = [event.data for event in events if event.type == "model.started"]
    assert started.max_output_tokens == 3


amounts = st.integers(min_value=0, max_value=200)


@given(
    cap=st.decimals(min_value=0, max_value=2000, places=2),
    asked=st.lists(st.tuples(amounts, st.none() | amounts, st.booleans()), max_size=30),
)
def test_whatever_is_admitted_together_never_passes_the_cost(
    cap: Decimal, asked: list[tuple[int, int | None, bool]]
) -> None:
    rates = toy_rates()
    limits = Limits(spec=BudgetSpec(max_cost=cap), usage=Usage())
    open_calls: list[tuple[Hold, Usage]] = []
    for bound, most, ends_first in asked:
        model = ModelRequest(digest="", model="m", input_bound=bound, max_output_tokens=most)
        if ends_first and open_calls:
            hold, used = open_calls.pop()
            limits.settle(hold, used, rates.cost(used))
        try:
            hold = limits.reserve(model, lambda _model, _provider: rates)
        except BudgetExceeded:
            continue
        granted = hold.max_output_tokens
        assert granted is not None
        # The dearest that the provider can make of it.
        open_calls.append((hold, Usage(requests=1, input_tokens=bound, output_tokens=granted)))
        assert limits.spoken_for is not None
        assert limits.spoken_for <= cap
    for hold, used in open_calls:
        limits.settle(hold, used, rates.cost(used))
    assert limits.cost is not None
    assert limits.cost <= cap
    assert limits.reserved_cost == 0


class SlowPrices(FlatPrices):
    """Prices that take their time before the first question."""

    loaded_in: ClassVar[list[int]] = []

    def load(self) -> None:
        self.loaded_in.append(threading.get_ident())

    def rates(self, model: str, /, **about: Any) -> FlatRates | None:
        assert self.loaded_in, "asked before it was loaded"
        return super().rates(model, **about)


async def test_the_price_list_is_loaded_once_and_beside_the_event_loop() -> None:
    SlowPrices.loaded_in.clear()
    async with open_kernel(prices=PriceList(library=SlowPrices())) as kernel:
        assert not SlowPrices.loaded_in
        for _ in range(2):
            result = await (await kernel.execute(request())).result()
            assert result.cost == Decimal("0.15")
    (thread,) = SlowPrices.loaded_in
    assert thread != threading.get_ident()
