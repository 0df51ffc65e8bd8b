from __future__ import annotations

import pytest
from kernels import Moment, TurnedClock, all_events, noting, open_kernel, request, types
from steer import BudgetSpec
from steer.errors import ConfigError
from steer.values import FinishReason, JobStatus, RunResult, Usage
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio


def busy_agent(notes: list[object], *, turns: int = 4, **fields: object) -> Stepwise:
    calls = [Turn(calls=(Call(tool="note", arguments=n),)) for n in range(turns - 1)]
    return Stepwise(
        turns=(*calls, Turn(text="Done.")),
        tools={"note": ToolSpec(run=noting(notes))},
        **fields,  # type: ignore[arg-type]  # passed on as they are
    )


async def run(agent: Stepwise, **budget: object) -> tuple[RunResult, list[str]]:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent, budgets=BudgetSpec(**budget)))  # type: ignore[arg-type]  # a test's own
        result = await handle.result()
        return result, types(await all_events(handle))


async def test_a_run_ends_when_its_turns_are_used_up() -> None:
    result, seen = await run(busy_agent([]), max_turns=2)
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert (result.error.code, result.error.details) == ("budget_exceeded", {"limit": "max_turns"})
    assert result.error.message == "the run has had its 2 turns"
    assert result.finish_reason is FinishReason.LIMIT
    assert result.turns == 2
    assert seen.count("model.started") == 2
    assert "budget.exceeded" in seen


async def test_a_run_ends_when_its_tool_calls_are_used_up() -> None:
    notes: list[object] = []
    result, _ = await run(busy_agent(notes), max_tool_calls=1)
    assert notes == [0]
    assert result.error is not None
    assert result.error.details == {"limit": "max_tool_calls"}


async def test_no_tool_call_at_all_can_be_asked_for() -> None:
    notes: list[object] = []
    result, _ = await run(busy_agent(notes), max_tool_calls=0)
    assert notes == []
    assert result.status is JobStatus.FAILED


async def test_no_request_is_admitted_that_could_pass_the_token_cap() -> None:
    # Each call reports 15 tokens and can take 10 of input: the third would have 10 left.
    result, seen = await run(busy_agent([], max_output_tokens=5), max_tokens=40)
    assert seen.count("model.started") == 2
    assert result.usage.total_tokens == 30
    assert result.error is not None
    assert result.error.details == {"limit": "max_tokens"}


async def test_a_request_that_cannot_be_bounded_is_refused_under_a_token_cap() -> None:
    result, seen = await run(busy_agent([], input_bound=None), max_tokens=1000)
    assert "model.started" not in seen
    assert result.error is not None
    assert "no upper bound" in result.error.message


async def test_a_run_without_budget_is_not_bounded() -> None:
    result, _ = await run(busy_agent([], turns=30))
    assert (result.status, result.turns) == (JobStatus.SUCCEEDED, 30)


async def test_usage_above_the_reservation_is_booked_truthfully_and_stops_what_follows() -> None:
    greedy = Turn(
        calls=(Call(tool="note"),), usage=Usage(requests=1, input_tokens=500, output_tokens=500)
    )
    agent = Stepwise(turns=(greedy, Turn(text="more")), tools={"note": ToolSpec(run=noting([]))})
    result, seen = await run(agent, max_tokens=100)
    assert result.usage.total_tokens == 1000
    assert seen.count("model.started") == 1
    assert result.status is JobStatus.FAILED


async def test_a_run_whose_time_is_up_ends_as_timed_out() -> None:
    clock = TurnedClock()
    moment = Moment("asked:0")
    agent = Stepwise(turns=(Turn(text="Never said."),), reach=moment)
    async with open_kernel(clock=clock) as kernel:
        budgets = BudgetSpec(max_runtime_seconds=9)
        handle = await kernel.execute(request(agent, budgets=budgets))
        await moment.arrive()
        clock.turn(8.0)
        assert (await handle.job()).status is JobStatus.RUNNING
        clock.turn(1.5)
        result = await handle.result()
        events = await all_events(handle)

    assert result.status is JobStatus.TIMED_OUT
    assert result.error is not None
    assert result.error.message == "the run's time was up after 9 s"
    assert result.elapsed_ms == 9500
    assert types(events)[-2:] == ["final.error", "job.timed_out"]


async def test_a_budget_below_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_turns is -1"):
        BudgetSpec(max_turns=-1)
