"""The periods of a budget: when one began, when the next begins, and how its account is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from steer.ports.money import BudgetPeriod

__all__ = ["Period", "period_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """One period; ``name`` tells it apart from all others of its kind.

    ``resets_at`` is when the next one begins, in UTC, ``None`` where there is none.
    """

    name: str
    resets_at: datetime | None = None


def period_of(period: BudgetPeriod, now: datetime, *, job_id: str) -> Period:
    """Return the period that ``now`` falls into; for one that is a run, that of the job."""
    now = now.astimezone(UTC)
    if period is BudgetPeriod.TOTAL:
        return Period(name="total")
    if period is BudgetPeriod.RUN:
        return Period(name=f"run:{job_id}")
    if period is BudgetPeriod.MINUTE:
        start = now.replace(second=0, microsecond=0)
        return Period(name=f"{start:%Y-%m-%dT%H:%M}", resets_at=start + timedelta(minutes=1))
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if period is BudgetPeriod.DAY:
        return Period(name=f"{start:%Y-%m-%d}", resets_at=start + timedelta(days=1))
    first = start.replace(day=1)
    # A month has 28 to 31 days, so that 32 days on it is always the next one.
    return Period(name=f"{first:%Y-%m}", resets_at=(first + timedelta(days=32)).replace(day=1))
