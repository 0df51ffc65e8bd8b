"""What budgets and reports about money are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from steer.values import Usage

__all__ = [
    "BudgetPeriod",
    "BudgetRecord",
    "BudgetSubject",
    "BudgetUnit",
    "OnReached",
    "UsageGroup",
    "UsageTotal",
]


class BudgetSubject(StrEnum):
    """Whose spending a budget bounds."""

    SCOPE = "scope"
    TEAM = "team"
    PRINCIPAL = "principal"
    AGENT = "agent"


class BudgetUnit(StrEnum):
    """What a budget counts.

    Tokens are those of input and output together, requests are those that go to a model, tool calls
    those that were allowed. All three count in ones; US dollars count in micro-dollars.
    """

    TOKENS = "tokens"
    USD = "usd"
    REQUESTS = "requests"
    TOOL_CALLS = "tool_calls"


class BudgetPeriod(StrEnum):
    """When a budget begins anew: with each run, by the calendar in UTC, or never."""

    RUN = "run"
    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class OnReached(StrEnum):
    """What happens to what would pass a budget's limit.

    ``deny`` refuses it and ends the run. ``warn`` says so and lets it go. ``ask`` asks a person to
    raise the limit. ``degrade`` asks another model, whose price the limit has room for.
    """

    DENY = "deny"
    WARN = "warn"
    ASK = "ask"
    DEGRADE = "degrade"


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetRecord:
    """A budget: how much of one unit one subject may spend in each period.

    ``who`` names the subject, and ``*`` stands for each of its kind by itself; a scope needs no
    name. ``limit`` counts in ``unit``. From ``warn_at``, a part of the limit, runs are told that it
    is near. ``degrade_to`` is the model that ``degrade`` asks. Without ``allow_unpriced`` a budget
    in US dollars refuses models whose price is not known.

    ``budget_id`` is new for each budget, so that one which is dropped and defined anew starts anew.
    ``revision`` counts its definitions from 1.
    """

    budget_id: str
    name: str
    subject: BudgetSubject
    who: str = "*"
    period: BudgetPeriod
    unit: BudgetUnit
    limit: int
    warn_at: float | None = None
    on_reached: OnReached = OnReached.DENY
    degrade_to: str | None = None
    allow_unpriced: bool = False
    revision: int = 1
    updated_at: datetime
    updated_by: str = ""


class UsageGroup(StrEnum):
    """By what lines of the ledger can be summed up. A day is one of the calendar in UTC."""

    SCOPE = "scope"
    TEAM = "team"
    PRINCIPAL = "principal"
    AGENT = "agent"
    RUNTIME = "runtime"
    PROVIDER = "provider"
    MODEL = "model"
    DAY = "day"


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageTotal:
    """The sum of the lines of the ledger that share ``group``, one value for each thing asked by.

    A day is written as ``2026-11-26``; ``None`` is for lines that say nothing of it. ``cost`` is
    the sum, in US dollars, of the lines that have a cost, and ``unpriced`` counts model requests
    that have none although something was used. ``jobs`` counts the jobs that the lines belong to.
    """

    group: tuple[str | None, ...] = ()
    jobs: int = 0
    usage: Usage = field(default_factory=Usage)
    tool_calls: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
