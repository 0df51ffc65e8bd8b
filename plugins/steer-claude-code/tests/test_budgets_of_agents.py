"""One budget for an agent and its subagents on the real CLI: the bill never passes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from governed import check_history, events_of, open_kernel, sqlite
from steer import BudgetSpec, ExecutionRequest, PrepareOptions
from steer.agents import Agent, tool
from steer.ports.money import BudgetPeriod, BudgetUnit
from steer.values import JobStatus, Usage
from steer_conformance.provider import Provider, Request, Rule, Script, ToolCall, Turn
from steer_conformance.provider import Usage as Billed
from steer_conformance.suites.runtime.surroundings import Surroundings

pytestmark = pytest.mark.anyio

PER_TOKEN = Decimal("0.00001")
TURN = Billed(input_tokens=4000, output_tokens=50)


@dataclass(frozen=True)
class Flat:
    """Prices and rates in one: each token of each model costs the same."""

    context_window: int | None = None

    def rates(self, _model: str, /, *, provider: str | None, scope_id: str, at: datetime) -> Flat:
        return self

    def cost(self, usage: Usage, /, **_how: Any) -> Decimal:
        return PER_TOKEN * usage.total_tokens

    def bound(self, input_tokens: int, output_tokens: int, /) -> Decimal:
        return PER_TOKEN * (input_tokens + output_tokens)


def spending() -> Agent:
    """An agent that gives tasks to subagents, all of whom have a tool."""

    @tool
    def look(where: str) -> str:
        """Look somewhere."""
        return f"nothing in {where}"

    helper = {"description": "Helps.", "instructions": "You are the helper.", "tools": ["look"]}
    return Agent(
        name="Looker",
        model="claude-sonnet-5",
        tools=[look],
        runtime="claude-code",
        runtime_config={"subagents": {"helper": helper}},
    )


def script() -> Script:
    """Everybody looks on and on; the outermost agent has two helpers at a time."""

    def answer(request: Request) -> Turn:
        number = request.index
        looks = ToolCall("look", {"where": f"place {number}"}, id=f"look_{number}")
        inside = any("You are the helper." in message.text for message in request.messages)
        if inside and len(request.past_calls) > 1:
            return Turn("Helped.", usage=TURN)
        task = {"description": "help", "prompt": "Help.", "subagent_type": "helper"}
        calls = [ToolCall("Agent", task, id=f"help_{number}_{each}") for each in range(2)]
        return Turn("I look.", looks, *([] if inside else calls), usage=TURN)

    return Script(rules=[Rule(lambda _: True, answer)])


@pytest.mark.parametrize("whose", ["the run's", pytest.param("all runs'", marks=pytest.mark.long)])
async def test_the_bill_of_an_agent_and_its_subagents_is_never_above_the_budget(
    whose: str, tmp_path: Path
) -> None:
    cap = Decimal("0.60")
    before = Surroundings.now()
    with Provider(script()) as provider:
        async with open_kernel(
            provider.anthropic_base_url, storage=sqlite(tmp_path), prices=Flat()
        ) as kernel:
            own = whose == "the run's"
            if not own:
                await kernel.set_budget(
                    "cap", limit=cap, unit=BudgetUnit.USD, period=BudgetPeriod.TOTAL
                )
            handle = await kernel.execute(
                ExecutionRequest(
                    agent=spending(),
                    prompt="Look around.",
                    options=PrepareOptions(max_output_tokens=64),
                    budgets=BudgetSpec(max_cost=cap) if own else BudgetSpec(max_turns=50),
                )
            )
            result, events = await handle.result(), await events_of(handle)
            assert Surroundings.now().children == before.children
            lines = [line for line in (await kernel.ledger()).items if line.usage is not None]
        requests = provider.requests
    check_history(result, events)
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "budget_exceeded"
    billed = PER_TOKEN * sum(
        request.billed.input_tokens + request.billed.output_tokens for request in requests
    )
    booked = sum(line.cost for line in lines if line.cost is not None)
    assert cap / 4 < billed <= booked <= cap, (billed, booked)
    assert result.cost == booked
    assert {event.path for event in events if event.type == "model.done"} >= {()}
    assert len({event.path for event in events if event.type == "model.done"}) >= 3
