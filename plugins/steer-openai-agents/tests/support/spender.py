"""One of several processes that spend from one budget.

``python spender.py URL AGENT BASE_URL RUNS`` runs an agent so many times side by side, prints
``begun`` once all are admitted or refused, and at last how many ended in which way, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import SecretStr
from steer import BudgetSpec, ExecutionRequest, PrepareOptions, RetrySpec, RuntimeKernel
from steer.errors import BudgetExceeded
from steer.values import Usage

PER_TOKEN = Decimal("0.00001")
"""What each token costs, in dollars."""


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


def spending(agent: str, base_url: str) -> ExecutionRequest:
    """A request for a run that takes many turns."""
    return ExecutionRequest(
        agent=agent,
        prompt="Look around",
        options=PrepareOptions(
            base_url=base_url, api_key=SecretStr("sk-scripted"), max_output_tokens=64
        ),
        budgets=BudgetSpec(max_turns=6),
        retries=RetrySpec(max_retries=3, first_wait_seconds=0.01, max_wait_seconds=0.05),
    )


async def main(url: str, agent: str, base_url: str, runs: str) -> None:
    ends: Counter[str] = Counter()
    async with RuntimeKernel(storage=url, prices=Flat()) as kernel:
        handles = []
        for _ in range(int(runs)):
            try:
                handles.append(await kernel.execute(spending(agent, base_url)))
            except BudgetExceeded:
                ends["refused"] += 1
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        for handle in handles:
            ends[(await handle.result()).status] += 1
    sys.stdout.write(json.dumps(ends) + "\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
