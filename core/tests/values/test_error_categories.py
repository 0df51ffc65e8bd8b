"""What HTTP says of a failure: the kind of a status, and how long a server asks to wait."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from steer.context import JobRetrySpec
from steer.errors import ErrorCategory, ProviderError, retry_after_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = st.floats(0, 1e9, allow_nan=False)
HOURS = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
# Dates have whole seconds, and a year of two digits means one of those.
DATES = st.datetimes(datetime(1970, 1, 1), datetime(2068, 1, 1)).map(  # noqa: DTZ001 - zones follow
    lambda date: date.replace(microsecond=0)
)
# Numbers, dates that there are not, and whatever else comes.
ANYTHING = st.one_of(
    st.text(),
    st.floats().map(str),
    st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} (Jan|Feb) \d{1,12} \d\d:\d\d:\d\d [+-]\d{4,30}"),
)


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (400, ErrorCategory.VALIDATION),
        (401, ErrorCategory.AUTHENTICATION),
        (402, ErrorCategory.QUOTA),
        (403, ErrorCategory.PERMISSION_DENIED),
        (404, ErrorCategory.NOT_FOUND),
        (408, ErrorCategory.TIMEOUT),
        (409, ErrorCategory.CONFLICT),
        (413, ErrorCategory.VALIDATION),
        (418, ErrorCategory.UNKNOWN),
        (422, ErrorCategory.VALIDATION),
        (429, ErrorCategory.RATE_LIMIT),
        (301, ErrorCategory.UNKNOWN),
        (500, ErrorCategory.SERVER_ERROR),
        (504, ErrorCategory.TIMEOUT),
        (529, ErrorCategory.SERVER_ERROR),
    ],
)
def test_a_status_stands_for_a_category(status: int, category: ErrorCategory) -> None:
    assert ErrorCategory.of_status(status) is category


@given(st.integers(500))
def test_whatever_a_server_did_wrong_may_pass(status: int) -> None:
    assert ErrorCategory.of_status(status).retryable


def test_what_the_caller_has_to_change_does_not_pass_by_itself() -> None:
    passing = {
        ErrorCategory.RATE_LIMIT,
        ErrorCategory.CONFLICT,
        ErrorCategory.TIMEOUT,
        ErrorCategory.NETWORK,
        ErrorCategory.SERVER_ERROR,
    }
    assert {each for each in ErrorCategory if each.retryable} == passing
    assert set(JobRetrySpec().categories) == passing


@given(SECONDS)
def test_a_number_is_so_many_seconds(seconds: float) -> None:
    assert retry_after_in({"retry-after": str(seconds)}) == seconds
    assert retry_after_in({"retry-after": str(int(seconds))}) == int(seconds)


@given(SECONDS, st.text())
def test_milliseconds_are_believed_before_seconds(seconds: float, other: str) -> None:
    said = {"retry-after": other, "retry-after-ms": str(seconds * 1000)}
    assert retry_after_in(said) == pytest.approx(seconds)


@given(DATES, HOURS)
def test_a_date_is_read_from_its_zone_on(date: datetime, zone: timezone) -> None:
    moment = date.replace(tzinfo=zone)
    wait = retry_after_in({"retry-after": format_datetime(moment)}, now=NOW)
    assert wait == max(0.0, (moment - NOW).total_seconds())


@given(DATES)
def test_every_form_of_a_date_that_http_knows_says_the_same(date: datetime) -> None:
    forms = (
        f"{date:%a, %d %b %Y %H:%M:%S GMT}",
        f"{date:%A, %d-%b-%y %H:%M:%S GMT}",
        f"{date:%a %b} {date.day:2} {date:%H:%M:%S %Y}",
        f"{date:%a, %d %b %Y %H:%M:%S -0000}",
    )
    expected = max(0.0, (date.replace(tzinfo=UTC) - NOW).total_seconds())
    assert {retry_after_in({"retry-after": form}, now=NOW) for form in forms} == {expected}


def test_a_date_is_compared_to_the_present() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    wait = retry_after_in({"retry-after": soon})
    assert wait is not None
    assert 3000 < wait <= 3600


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "soon", "", "12 s"])
def test_what_is_no_time_is_not_said(value: str) -> None:
    assert retry_after_in({"retry-after": value}) is None
    assert retry_after_in({"retry-after-ms": value}) is None
    assert retry_after_in({"retry-after-ms": value, "retry-after": "3"}) == 3


def test_an_answer_that_asks_for_no_wait_has_none() -> None:
    assert retry_after_in({}) is None
    assert retry_after_in({"age": "3"}) is None


@given(SECONDS, st.sampled_from(["Retry-After", "RETRY-AFTER", "retry-after"]))
def test_a_header_has_its_name_in_any_case(seconds: float, name: str) -> None:
    assert retry_after_in({name: str(seconds)}) == seconds
    assert retry_after_in(httpx2.Headers({name: str(seconds)})) == seconds


@given(ANYTHING, ANYTHING)
@example("Mon, 01 Jan 99999999999 00:00:00 GMT", "-3")
@example("Mon, 01 Jan 0001 00:00:00 +2359", "-0")
@example("Mon, 99 Jan 2026 00:00:00 GMT", "1 Jan 26 0:0 +99999999999999999999")
def test_whatever_a_server_says_is_a_time_or_nothing(milliseconds: str, seconds: str) -> None:
    wait = retry_after_in({"retry-after-ms": milliseconds, "retry-after": seconds})
    assert wait is None or 0 <= wait < math.inf


def test_an_answer_that_refuses_a_request_is_an_error_with_all_that_it_says() -> None:
    headers = httpx2.Headers({"Retry-After": "7"})
    error = ProviderError.answered("acme", 429, "Slow down", headers=headers, fix="Wait")
    assert str(error) == "acme answered 429: Slow down. Wait"
    assert (error.provider, error.status_code) == ("acme", 429)
    assert (error.category, error.retryable, error.retry_after) == (
        ErrorCategory.RATE_LIMIT,
        True,
        7,
    )


def test_an_answer_without_a_reason_is_named_by_its_status() -> None:
    error = ProviderError.answered("acme", 418)
    assert error.message == "acme answered 418"
    assert (error.category, error.retryable, error.retry_after) == (
        ErrorCategory.UNKNOWN,
        False,
        None,
    )


def test_the_kind_that_the_providers_own_code_stands_for_counts_more_than_the_status() -> None:
    error = ProviderError.answered("acme", 429, category=ErrorCategory.QUOTA)
    assert (error.category, error.retryable) == (ErrorCategory.QUOTA, False)


@pytest.mark.parametrize(
    ("said", "retryable"),
    [
        ({}, (True, False)),
        ({"x-should-retry": "false"}, (False, False)),
        ({"X-Should-Retry": "true"}, (True, True)),
        ({"x-should-retry": "perhaps"}, (True, False)),
    ],
)
def test_a_server_may_say_itself_whether_to_ask_again(
    said: dict[str, str], retryable: tuple[bool, bool]
) -> None:
    errors = (ProviderError.answered("acme", status, headers=said) for status in (503, 400))
    assert tuple(error.retryable for error in errors) == retryable
