"""Whether to ask a server again, and when, read from the headers of its answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["retry_after_in", "should_retry_in"]

# The first is a vendors' habit, and more exact where both are there.
_UNITS = (("retry-after-ms", 0.001), ("retry-after", 1.0))


def retry_after_in(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the seconds to wait that an HTTP answer asks for, ``None`` if it asks for none.

    ``Retry-After`` is a number of seconds or a date (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after);
    ``Retry-After-Ms`` is in milliseconds. The names may be in any case. What is over already is
    zero seconds, and what is neither a finite number nor a date is not said at all. ``now`` is the
    aware time that a date is compared to, by default the present.
    """
    said = _lowered(headers)
    for name, unit in _UNITS:
        if name in said:
            seconds = _number(said[name], unit)
            if seconds is None:
                seconds = _until(said[name], now or datetime.now(UTC))
            if seconds is not None:
                return max(0.0, seconds)
    return None


def should_retry_in(headers: Mapping[str, str]) -> bool | None:
    """Return what ``X-Should-Retry`` says, which several providers send, ``None`` without a word.

    A server knows better than its status: some refusals pass, and some overloads do not.
    """
    return {"true": True, "false": False}.get(_lowered(headers).get("x-should-retry", ""))


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _number(value: str, unit: float) -> float | None:
    try:
        seconds = float(value) * unit
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _until(value: str, now: datetime) -> float | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # Without a zone it is in UTC, as all dates of HTTP are.
    return ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
