from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.budgets import period_of
from steer.ports.money import BudgetPeriod

CALENDAR = (BudgetPeriod.MINUTE, BudgetPeriod.DAY, BudgetPeriod.MONTH)
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati")

periods = st.sampled_from(CALENDAR)
moments = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - the zone is drawn beside it
    max_value=datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([ZoneInfo(name) for name in ZONES]),
)


@given(period=periods, now=moments)
def test_a_moment_is_before_the_end_of_its_period_and_what_follows_is_in_the_next(
    period: BudgetPeriod, now: datetime
) -> None:
    found = period_of(period, now, job_id="job")
    assert found.resets_at is not None
    assert found.resets_at > now
    assert found.resets_at.utcoffset() == timedelta(0)
    last = period_of(period, found.resets_at - timedelta(microseconds=1), job_id="other")
    first = period_of(period, found.resets_at, job_id="job")
    assert last == found
    assert first.name != found.name
    assert first.resets_at is not None
    assert first.resets_at > found.resets_at


@given(period=periods, now=moments)
def test_the_zone_in_which_a_time_is_told_does_not_matter(
    period: BudgetPeriod, now: datetime
) -> None:
    found = period_of(period, now, job_id="job")
    for hours in (-11, 0, 14):
        told = now.astimezone(timezone(timedelta(hours=hours)))
        assert period_of(period, told, job_id="job") == found


@given(now=moments)
def test_a_month_is_as_long_as_the_calendar_says(now: datetime) -> None:
    found = period_of(BudgetPeriod.MONTH, now, job_id="job")
    in_utc = now.astimezone(UTC)
    _, days = calendar.monthrange(in_utc.year, in_utc.month)
    assert found.name == f"{in_utc:%Y-%m}"
    assert found.resets_at == datetime(in_utc.year, in_utc.month, 1, tzinfo=UTC) + timedelta(days)


@pytest.mark.parametrize(
    ("period", "now", "name", "resets_at"),
    [
        (BudgetPeriod.MINUTE, "2026-12-31T23:59:59.999999", "2026-12-31T23:59", "2027-01-01T00:00"),
        (BudgetPeriod.DAY, "2028-02-28T00:00", "2028-02-28", "2028-02-29T00:00"),
        (BudgetPeriod.DAY, "2028-02-29T12:00", "2028-02-29", "2028-03-01T00:00"),
        (BudgetPeriod.MONTH, "2026-01-31T23:59", "2026-01", "2026-02-01T00:00"),
        (BudgetPeriod.MONTH, "2026-12-01T00:00", "2026-12", "2027-01-01T00:00"),
        # In Berlin it is the first of April already.
        (BudgetPeriod.MONTH, "2026-04-01T00:30+02:00", "2026-03", "2026-04-01T00:00"),
    ],
)
def test_the_ends_of_periods(period: BudgetPeriod, now: str, name: str, resets_at: str) -> None:
    moment = datetime.fromisoformat(now)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    found = period_of(period, moment, job_id="job")
    assert found.name == name
    assert found.resets_at == datetime.fromisoformat(resets_at).replace(tzinfo=UTC)


@given(now=moments)
def test_a_run_has_a_period_of_its_own_and_a_total_has_one_for_good(now: datetime) -> None:
    first, second = (period_of(BudgetPeriod.RUN, now, job_id=job) for job in ("one", "two"))
    assert first.name != second.name
    assert first.resets_at is second.resets_at is None
    total = period_of(BudgetPeriod.TOTAL, now, job_id="one")
    later = period_of(BudgetPeriod.TOTAL, now + timedelta(days=1), job_id="two")
    assert total == later
    assert total.resets_at is None
