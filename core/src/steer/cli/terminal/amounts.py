"""Tokens, durations and ages as people read them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation

from steer.errors import ConfigError
from steer.values import Usage

__all__ = ["age_text", "ahead_text", "cost_text", "dollars", "duration_text", "tokens_text"]

_LEAST_SHOWN = Decimal("0.0001")
"""What costs less is not shown as nothing."""
_SECOND_MS = 1000
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400


def tokens_text(usage: Usage) -> str:
    """Return ``1,234 tokens``, with ``~`` before it where any part of the count is a guess."""
    mark = "~" if usage.estimated else ""
    noun = "token" if usage.total_tokens == 1 else "tokens"
    return f"{mark}{usage.total_tokens:,} {noun}"


def cost_text(cost: Decimal | None) -> str | None:
    """Return a cost in US dollars; ``None`` where the price is not known, which is not free."""
    if cost is None:
        return None
    if 0 < cost < _LEAST_SHOWN:
        return f"<${_LEAST_SHOWN}"
    return f"${cost:.2f}" if cost >= 1 else f"${cost:.4f}"


def dollars(option: str, text: str | None) -> Decimal | None:
    """Return the amount that a user means, exactly: ``0.50``, ``$2``. Raises ``ConfigError``."""
    if text is None:
        return None
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ConfigError(
            f"{option}: {text!r} is no amount of US dollars", fix="Write a number such as 0.50"
        )
    return amount


def duration_text(milliseconds: int) -> str:
    """Return a duration: ``85 ms``, ``1.9 s``, ``2 min 05 s``, ``1 h 02 min``."""
    if milliseconds < _SECOND_MS:
        return f"{milliseconds} ms"
    seconds = milliseconds / _SECOND_MS
    # 59.96 would round to a minute that reads "60.0 s".
    if round(seconds, 1) < _MINUTE_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02} min"


def age_text(moment: datetime, *, now: datetime) -> str:
    """Return how long ago something was, in its largest unit: ``3 min ago``."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def ahead_text(moment: datetime, *, now: datetime) -> str:
    """Return in how long something is, in its largest unit, rounded: ``in 7 d``."""
    seconds = max(0.0, (moment - now).total_seconds())
    for size, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if round(seconds / size) >= 1 and seconds >= 0.9 * size:
            return f"in {round(seconds / size)} {unit}"
    return f"in {round(seconds)} s"
