"""The bounds of one run, and how far the run is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from steer.context import BudgetSpec
from steer.errors import BudgetExceeded
from steer.ports.gate import ModelRequest
from steer.ports.policy import Counters
from steer.pricing import Rates, exactly
from steer.values import Usage

__all__ = ["NOTHING_HELD", "Hold", "Limits"]

RatesOf: TypeAlias = Callable[[str, str | None], Rates | None]
"""Returns the prices of a model of a provider, ``None`` where they are not known."""

_ANY_ANSWER = 2**31
"""More tokens than any model answers with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """What is set aside for one request, and how much the model may answer for it."""

    tokens: int = 0
    cost: Decimal = Decimal(0)
    max_output_tokens: int | None = None


NOTHING_HELD = Hold()


@dataclass(slots=True)
class Limits:
    """Counts against a ``BudgetSpec``. Guarded by the job's lock.

    Tokens and money are reserved before a request leaves and settled by what it reported, so that
    calls in flight at the same time cannot pass the cap together. ``cost`` is ``None`` once that of
    one request is not known.
    """

    spec: BudgetSpec
    usage: Usage
    cost: Decimal | None = Decimal(0)
    turns: int = 0
    tool_calls: int = 0
    turn_tool_calls: int = 0
    reserved_tokens: int = 0
    reserved_cost: Decimal = Decimal(0)

    def counters(self) -> Counters:
        """How far the run is, for policy."""
        return Counters(
            turns=self.turns,
            tool_calls=self.tool_calls,
            turn_tool_calls=self.turn_tool_calls,
            usage=self.usage,
        )

    def admit_turn(self, index: int) -> None:
        """Let the outermost path's model call ``index`` (from 0) go, or raise ``BudgetExceeded``.

        A retry of the same call is the same turn.
        """
        cap = self.spec.max_turns
        if cap is not None and index >= cap:
            raise BudgetExceeded("max_turns", f"the run has had its {cap} turn{'s' * (cap != 1)}")
        if index >= self.turns:
            self.turns, self.turn_tool_calls = index + 1, 0

    def admit_tool_call(self) -> None:
        """Count an allowed tool call, or raise ``BudgetExceeded``."""
        cap = self.spec.max_tool_calls
        if cap is not None and self.tool_calls >= cap:
            raise BudgetExceeded(
                "max_tool_calls", f"the run has had its {cap} tool call{'s' * (cap != 1)}"
            )
        self.tool_calls += 1
        self.turn_tool_calls += 1

    @property
    def spoken_for(self) -> Decimal | None:
        """What is spent or set aside, in dollars; ``None`` where that is not known."""
        with exactly():
            return None if self.cost is None else self.cost + self.reserved_cost

    def used_of(self, limit: str) -> str:
        """How much of a bound is used, as events say it."""
        match limit:
            case "max_turns":
                return str(self.turns)
            case "max_tool_calls":
                return str(self.tool_calls)
            case "max_cost":
                return "unknown" if self.cost is None else f"{self.cost:f}"
            case _:
                return str(self.usage.total_tokens)

    def reserve(self, request: ModelRequest, rates_of: RatesOf) -> Hold:
        """Set aside the most that a request can take, or raise ``BudgetExceeded``.

        Nothing is set aside without a cap. What has no upper bound is refused under one.
        """
        tokens, granted = self._room_in_tokens(request)
        cost, granted = self._room_in_money(request, granted, rates_of)
        self.reserved_tokens += tokens
        with exactly():
            self.reserved_cost += cost
        return Hold(tokens=tokens, cost=cost, max_output_tokens=granted)

    def settle(self, hold: Hold, usage: Usage, cost: Decimal | None) -> None:
        """Give back what was set aside, and book what was used."""
        self.reserved_tokens -= hold.tokens
        self.usage += usage
        with exactly():
            self.reserved_cost -= hold.cost
            self.cost = None if self.cost is None or cost is None else self.cost + cost

    def _room_in_tokens(self, request: ModelRequest) -> tuple[int, int | None]:
        """Return (tokens to reserve, output tokens granted)."""
        cap, asked, given = self.spec.max_tokens, request.max_output_tokens, request.input_bound
        if cap is None:
            return 0, asked
        if given is None:
            raise BudgetExceeded("max_tokens", f"{_NO_BOUND} max_tokens")
        left = cap - self.usage.total_tokens - self.reserved_tokens
        room = left - given
        if room < 1:
            raise BudgetExceeded(
                "max_tokens",
                f"the next request may take up to {given} tokens of input, and {max(left, 0)}"
                f" of {cap} are left",
            )
        granted = room if asked is None else min(asked, room)
        return given + granted, granted

    def _room_in_money(
        self, request: ModelRequest, asked: int | None, rates_of: RatesOf
    ) -> tuple[Decimal, int | None]:
        """Return (dollars to reserve, output tokens granted)."""
        cap = self.spec.max_cost
        if cap is None:
            return Decimal(0), asked
        rates = rates_of(request.model, request.provider)
        if rates is None or self.cost is None:
            what = (
                f"the price of the model {request.model} is not known, so a request to it"
                if rates is None
                else "what the run has cost so far is not known, so no further request"
            )
            raise BudgetExceeded(
                "max_cost",
                f"{what} cannot be admitted under max_cost",
                fix="Give the model's price in a price file, or bound the run with max_tokens",
            )
        given = rates.context_window if request.input_bound is None else request.input_bound
        if given is None:
            raise BudgetExceeded(
                "max_cost",
                f"{_NO_BOUND} max_cost",
                fix="Give the model's context_window in a price file",
            )
        with exactly():
            left = cap - self.cost - self.reserved_cost
        most = (rates.context_window or _ANY_ANSWER) if asked is None else asked
        dearest = rates.bound(given, most)
        if dearest <= left:
            return dearest, asked
        granted = _most_output(rates, given, most, left)
        if granted < 1:
            raise BudgetExceeded(
                "max_cost",
                f"the next request may cost ${rates.bound(given, 1):f} and more, and"
                f" ${max(left, Decimal(0)):f} of ${cap:f} are left",
            )
        return rates.bound(given, granted), granted


_NO_BOUND = (
    "the request has no upper bound in tokens (an image, a file or history kept by the provider),"
    " so it cannot be admitted under"
)


def _most_output(rates: Rates, given: int, most: int, left: Decimal) -> int:
    """Return how many tokens, up to ``most``, the model may answer with for what is left."""
    fits, exceeds = 0, most
    while exceeds - fits > 1:
        middle = (fits + exceeds) // 2
        if rates.bound(given, middle) <= left:
            fits = middle
        else:
            exceeds = middle
    return fits
