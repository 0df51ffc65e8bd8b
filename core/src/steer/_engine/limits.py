"""The bounds of one run, and how far the run is."""

from __future__ import annotations

from dataclasses import dataclass

from steer.context import BudgetSpec
from steer.errors import BudgetExceeded
from steer.ports.policy import Counters
from steer.values import Usage

__all__ = ["Limits"]


@dataclass(slots=True)
class Limits:
    """Counts against a ``BudgetSpec``. Guarded by the job's lock.

    Tokens are reserved before a request leaves and settled by what it reported, so that calls
    in flight at the same time cannot pass the cap together.
    """

    spec: BudgetSpec
    usage: Usage
    turns: int = 0
    tool_calls: int = 0
    turn_tool_calls: int = 0
    reserved_tokens: int = 0

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

    def reserve_tokens(
        self, input_bound: int | None, asked_output: int | None
    ) -> tuple[int, int | None]:
        """Return (tokens reserved, output tokens granted), or raise ``BudgetExceeded``.

        Nothing is reserved without a cap. What has no upper bound is refused under one.
        """
        cap = self.spec.max_tokens
        if cap is None:
            return 0, asked_output
        if input_bound is None:
            raise BudgetExceeded(
                "max_tokens",
                "the request has no upper bound in tokens (an image, a file or history kept by "
                "the provider), so it cannot be admitted under max_tokens",
            )
        left = cap - self.usage.total_tokens - self.reserved_tokens
        room = left - input_bound
        if room < 1:
            raise BudgetExceeded(
                "max_tokens",
                f"the next request may take up to {input_bound} tokens of input, and {max(left, 0)}"
                f" of {cap} are left",
            )
        granted = room if asked_output is None else min(asked_output, room)
        reserved = input_bound + granted
        self.reserved_tokens += reserved
        return reserved, granted

    def settle_tokens(self, reserved: int, usage: Usage) -> None:
        """Give the reservation back and book what was used."""
        self.reserved_tokens -= reserved
        self.usage += usage
