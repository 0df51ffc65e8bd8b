"""Budgets and their accounts, as people and as programs read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from pydantic_core import to_json

from steer.budgets import account_parts, amount_of
from steer.cli.job_names import SHORT_ID
from steer.cli.money.standing import Current, Standing, State
from steer.cli.terminal.amounts import ahead_text
from steer.ports.money import BudgetPeriod, BudgetRecord, BudgetSubject, BudgetUnit, OnReached
from steer.ports.records import Reservation
from steer.values import JsonValue

__all__ = [
    "ACCOUNT_HEAD",
    "ROW_HEAD",
    "account_json",
    "account_row",
    "amount_text",
    "budget_facts",
    "budget_json",
    "budget_row",
    "current_json",
    "limit_text",
    "reservation_row",
    "state_style",
    "subject_text",
]

ROW_HEAD = ("BUDGET", "LIMIT", "OF", "SPENT", "RESERVED", "USED", "STATE", "BEGINS ANEW", "FULLEST")
ACCOUNT_HEAD = ("WHO", "PERIOD", "SPENT", "RESERVED", "LEFT", "USED", "STATE", "BEGINS ANEW")

_CENTS = Decimal("0.01")
_NOUNS = {
    BudgetUnit.TOKENS: "token",
    BudgetUnit.REQUESTS: "request",
    BudgetUnit.TOOL_CALLS: "tool call",
}
_REACHED = {
    OnReached.DENY: "denied",
    OnReached.WARN: "a warning",
    OnReached.ASK: "a person is asked",
    OnReached.DEGRADE: "degraded to",
}
_BAR_CELLS = 10


def amount_text(unit: BudgetUnit, units: int) -> str:
    """Return an amount to the last digit: ``$5.00``, ``$0.000125``, ``1,000 tokens``."""
    if unit is not BudgetUnit.USD:
        noun = _NOUNS[unit]
        return f"{units:,} {noun if units == 1 else f'{noun}s'}"
    amount = abs(amount_of(unit, units))
    cents = amount.quantize(_CENTS)
    shown = cents if cents == amount else amount.normalize()
    return f"{'-' if units < 0 else ''}${shown:,f}"


def limit_text(budget: BudgetRecord) -> str:
    """Return ``$5.00 per day``, or ``$5.00 in total``."""
    total = budget.period is BudgetPeriod.TOTAL
    period = "in total" if total else f"per {budget.period}"
    return f"{amount_text(budget.unit, budget.limit)} {period}"


def subject_text(budget: BudgetRecord) -> str:
    """Return whose budget it is: ``the scope``, ``team research``, ``each principal``."""
    if budget.subject is BudgetSubject.SCOPE:
        return "the scope"
    if budget.who == "*":
        return f"each {budget.subject}"
    return f"{budget.subject} {budget.who}"


def reached_text(budget: BudgetRecord) -> str:
    """Return what happens to what would pass the limit."""
    return " ".join(filter(None, (_REACHED[budget.on_reached], budget.degrade_to)))


def budget_row(current: Current, *, now: datetime) -> tuple[str, ...]:
    """Return the cells of a budget in a list; ``ROW_HEAD`` names them.

    Where several draw on it, each for itself, the sums are those of the one with the least left.
    """
    budget, standing = current.budget, current.standing
    account = standing.account
    return (
        budget.name,
        limit_text(budget),
        subject_text(budget),
        amount_text(budget.unit, account.spent),
        amount_text(budget.unit, account.reserved),
        _used(standing, bars=False),
        _state_text(standing),
        _begins(current, now),
        _fullest(current),
    )


def state_style(text: str) -> str | None:
    """Return how a cell is painted that says the state of a budget or an account."""
    styles: dict[str, str] = {State.REACHED: "failed", State.WARNED: "refused"}
    return styles.get(text.partition(":")[0])


def _state_text(standing: Standing) -> str:
    if standing.state is State.REACHED:
        return f"{State.REACHED}: {reached_text(standing.budget)}"
    return standing.state or ""


def _begins(current: Current, now: datetime) -> str:
    if current.budget.period is BudgetPeriod.RUN:
        return "with each run"
    return "never" if current.resets_at is None else ahead_text(current.resets_at, now=now)


def _fullest(current: Current) -> str:
    if current.fullest is None or not current.several:
        return ""
    who, period = account_parts(current.budget, current.fullest.account.account)
    if current.budget.period is BudgetPeriod.RUN:
        who = f"job {period[-SHORT_ID:]}"
    return who if current.accounts == 1 else f"{who}, of {current.accounts:,}"


def budget_facts(budget: BudgetRecord) -> list[tuple[str, str]]:
    """Return what there is to say of a budget, by name."""
    changed = f"{budget.updated_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    unpriced = "let through" if budget.allow_unpriced else "refused"
    facts = [
        ("budget", budget.name),
        ("limit", limit_text(budget)),
        ("of", subject_text(budget)),
        ("at the limit", reached_text(budget)),
        ("warns", "" if budget.warn_at is None else f"at {100 * budget.warn_at:.4g}% of it"),
        ("without price", unpriced if budget.unit is BudgetUnit.USD else ""),
        ("changed", f"{changed} by {budget.updated_by or 'nobody known'}"),
        ("revision", str(budget.revision)),
    ]
    return [fact for fact in facts if fact[1]]


def account_row(standing: Standing, *, now: datetime, bars: bool) -> tuple[str, ...]:
    """Return the cells of an account; ``bars`` are for terminals."""
    account, unit = standing.account, standing.budget.unit
    who, period = account_parts(standing.budget, account.account)
    return (
        who,
        period,
        amount_text(unit, account.spent),
        amount_text(unit, account.reserved),
        amount_text(unit, standing.left),
        _used(standing, bars=bars),
        _state_text(standing),
        _anew(account.resets_at, now),
    )


def _used(standing: Standing, *, bars: bool) -> str:
    part = standing.used
    return f"{_bar(part)} {part:4.0%}" if bars else f"{part:.0%}"


def _bar(part: float) -> str:
    full = min(_BAR_CELLS, max(0, round(part * _BAR_CELLS)))
    return "\u2588" * full + "\u2591" * (_BAR_CELLS - full)


def _anew(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    at = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{ahead_text(moment, now=now)}, {at}" if moment > now else f"it has, {at}"


def reservation_row(standing: Standing, reservation: Reservation) -> tuple[str, ...]:
    """Return the cells of what is reserved for one job."""
    who, period = account_parts(standing.budget, standing.account.account)
    amount = amount_text(standing.budget.unit, reservation.amount)
    job = reservation.job_id
    return amount, "no job" if job is None else f"job {job[-SHORT_ID:]}", f"{who}@{period}"


def budget_json(budget: BudgetRecord) -> dict[str, JsonValue]:
    """Return a budget for programs: its limit as it was written."""
    return {
        "name": budget.name,
        "limit": _written(budget.unit, budget.limit),
        "unit": budget.unit,
        "period": budget.period,
        "subject": budget.subject,
        "who": budget.who,
        "warn_at": budget.warn_at,
        "on_reached": budget.on_reached,
        "degrade_to": budget.degrade_to,
        "allow_unpriced": budget.allow_unpriced,
        "budget_id": budget.budget_id,
        "revision": budget.revision,
        "updated_at": _moment(budget.updated_at),
        "updated_by": budget.updated_by,
    }


def current_json(current: Current) -> dict[str, JsonValue]:
    """Return a budget for programs, with how it stands: the sums are those of the fullest account.

    ``fullest`` says whose that is, and is null where nobody has drawn on the budget yet.
    """
    standing = current.standing
    resets_at = current.resets_at
    return budget_json(current.budget) | {
        "open_accounts": current.accounts,
        "fullest": None if current.fullest is None else _whose(standing),
        **_sums(standing),
        "resets_at": None if resets_at is None else _moment(resets_at),
    }


def account_json(standing: Standing) -> Mapping[str, JsonValue]:
    """Return an account with its reservations for programs."""
    account, unit = standing.account, standing.budget.unit
    return {
        **_whose(standing),
        "limit": _written(unit, standing.limit),
        **_sums(standing),
        "resets_at": None if account.resets_at is None else _moment(account.resets_at),
        "reservations": [
            {"key": each.key, "amount": _written(unit, each.amount), "job_id": each.job_id}
            for each in standing.reserved
        ],
    }


def _whose(standing: Standing) -> dict[str, JsonValue]:
    who, period = account_parts(standing.budget, standing.account.account)
    return {"account": standing.account.account, "who": who, "period": period}


def _sums(standing: Standing) -> dict[str, JsonValue]:
    account, unit = standing.account, standing.budget.unit
    return {
        "spent": _written(unit, account.spent),
        "reserved": _written(unit, account.reserved),
        "left": _written(unit, standing.left),
        "state": standing.state,
    }


def _written(unit: BudgetUnit, units: int) -> JsonValue:
    """Return dollars as decimal text, as costs are everywhere, and counts as numbers."""
    return f"{amount_of(unit, units):f}" if unit is BudgetUnit.USD else units


def _moment(moment: datetime) -> str:
    return to_json(moment.astimezone(UTC)).decode().strip('"')
