"""What one request takes of the accounts that it draws on, at most: pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from steer.budgets.amounts import micro_dollars
from steer.ports.money import BudgetRecord, BudgetUnit, OnReached
from steer.pricing import Rates

__all__ = ["LEAST_OUTPUT", "UNASKED_OUTPUT", "Draw", "Need"]

LEAST_OUTPUT = 1024
"""The shortest answer, in tokens, that a request is cut down to: a shorter one is of no use."""

UNASKED_OUTPUT = 16_384
"""How much a model may answer under a budget where the author did not say, in tokens.

Without a bound the first of many runs would set all that is left of a budget aside for itself.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """An account that a run draws on.

    ``budget`` is whose account it is, ``None`` for what the family of ``job_id`` may use together.
    """

    account: str
    unit: BudgetUnit
    budget: BudgetRecord | None = None
    job_id: str | None = None
    resets_at: datetime | None = None

    @property
    def on_reached(self) -> OnReached:
        """What becomes of a request that does not fit."""
        return OnReached.DENY if self.budget is None else self.budget.on_reached

    def counts(self, rates: Rates | None) -> bool:
        """Whether a request at these prices is counted at all.

        It is not where nobody knows what it costs, and the budget allows for that.
        """
        budget = self.budget
        priced = self.unit is not BudgetUnit.USD or rates is not None
        return priced or budget is None or not budget.allow_unpriced


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """The most that one request to a model can take; ``rates`` are the model's.

    ``output_tokens`` is what the model is going to be told that it may answer.
    """

    input_tokens: int
    output_tokens: int
    rates: Rates | None = None

    def of(self, unit: BudgetUnit) -> int:
        """Return how much of a unit that is. What a model without prices costs is not asked."""
        match unit:
            case BudgetUnit.TOKENS:
                return self.input_tokens + self.output_tokens
            case BudgetUnit.REQUESTS:
                return 1
            case BudgetUnit.TOOL_CALLS:
                return 0
            case BudgetUnit.USD if self.rates is not None:
                return micro_dollars(self.rates.bound(self.input_tokens, self.output_tokens))
            case _:
                raise ValueError("a request whose price is not known was to be counted in dollars")

    def counted_on(self, draws: Iterable[Draw]) -> tuple[Draw, ...]:
        """Return the accounts that the request takes something of."""
        return tuple(
            draw
            for draw in draws
            if draw.unit is not BudgetUnit.TOOL_CALLS and draw.counts(self.rates)
        )

    def amounts(self, draws: Iterable[Draw]) -> Mapping[str, int]:
        """Return how much the request takes of each account it is counted on."""
        return {draw.account: self.of(draw.unit) for draw in draws}

    def within(self, rooms: Iterable[tuple[Draw, int]]) -> Need | None:
        """Return the same request with the longest answer that fits into what is left.

        ``None`` where that is shorter than the least that is of use.
        """
        rooms = tuple(rooms)
        least = min(self.output_tokens, LEAST_OUTPUT)
        low, high = least, self.output_tokens
        if not self._fits(low, rooms):
            return None
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(middle, rooms):
                low = middle
            else:
                high = middle - 1
        return replace(self, output_tokens=low)

    def _fits(self, output_tokens: int, rooms: Iterable[tuple[Draw, int]]) -> bool:
        need = replace(self, output_tokens=output_tokens)
        return all(need.of(draw.unit) <= room for draw, room in rooms)
