"""What a job may start another one with: how deep, and with what it has left itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from steer._engine.state import JobState
from steer.context import BudgetSpec, ChildSpec
from steer.errors import BudgetExceeded, DeadlineExceeded, InvalidTransition
from steer.ports.records import JobRecord
from steer.pricing import exactly
from steer.request import StoredRequest

__all__ = ["Spent", "budgets_under", "check_parent", "deadline_under"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What a job used of its budgets so far, what is reserved included."""

    tokens: int = 0
    cost: Decimal | None = Decimal(0)
    tool_calls: int = 0
    turns: int = 0

    @classmethod
    def by(cls, state: JobState) -> Spent:
        """Return what a job that runs here has used."""
        limits = state.limits
        return cls(
            tokens=limits.usage.total_tokens + limits.reserved_tokens,
            cost=limits.spoken_for,
            tool_calls=limits.tool_calls,
            turns=limits.turns,
        )


def check_parent(parent: JobRecord, spec: ChildSpec, *, now: datetime) -> None:
    """Raise what keeps a job from starting another one.

    ``InvalidTransition`` where it has ended, ``BudgetExceeded`` where it is too deep,
    ``DeadlineExceeded`` where its time is up. How many children it has the store counts.
    """
    if parent.status.terminal:
        raise InvalidTransition(f"a job that is {parent.status} cannot start another one")
    if parent.depth + 1 > spec.max_depth:
        raise BudgetExceeded(
            "max_depth",
            f"job {parent.job_id} is {parent.depth} below the first one, and a job may be no more"
            f" than {spec.max_depth} below it",
        )
    if parent.deadline is not None and parent.deadline <= now:
        raise DeadlineExceeded(f"the time of job {parent.job_id} is up: it starts no other one")


def budgets_under(parent: JobRecord, spent: Spent, asked: BudgetSpec) -> BudgetSpec:
    """Return the bounds of a child: each at most what its parent has left.

    Raises ``BudgetExceeded`` where the parent has nothing left.
    """
    given = StoredRequest.decode(parent.request).budgets
    return replace(
        asked,
        max_tokens=_least(parent, "max_tokens", asked.max_tokens, given.max_tokens, spent.tokens),
        max_cost=_least_cost(parent, asked.max_cost, given.max_cost, spent.cost),
        max_tool_calls=_least(
            parent, "max_tool_calls", asked.max_tool_calls, given.max_tool_calls, spent.tool_calls
        ),
        max_turns=_least(parent, "max_turns", asked.max_turns, given.max_turns, spent.turns),
    )


def deadline_under(parent: JobRecord, asked: datetime | None) -> datetime | None:
    """Return the deadline of a child: its own or its parent's, whichever is first."""
    return min((each for each in (parent.deadline, asked) if each is not None), default=None)


def _least(
    parent: JobRecord, name: str, asked: int | None, cap: int | None, used: int
) -> int | None:
    if cap is None:
        return asked
    with exactly():
        left = cap - used
    # Without tool calls a child may well do something; without tokens or turns it cannot.
    if left <= 0 and name != "max_tool_calls":
        raise BudgetExceeded(
            name, f"job {parent.job_id} has used its {name} of {cap}: no other job gets any of it"
        )
    return max(left, 0) if asked is None else min(asked, max(left, 0))


def _least_cost(
    parent: JobRecord, asked: Decimal | None, cap: Decimal | None, used: Decimal | None
) -> Decimal | None:
    if cap is None:
        return asked
    if used is None:
        raise BudgetExceeded(
            "max_cost",
            f"what job {parent.job_id} has cost is not known: no other job gets any of it",
        )
    if used >= cap:
        raise BudgetExceeded(
            "max_cost",
            f"job {parent.job_id} has used its max_cost of {cap}: no other job gets any of it",
        )
    with exactly():
        left = cap - used
    return left if asked is None else min(asked, left)
