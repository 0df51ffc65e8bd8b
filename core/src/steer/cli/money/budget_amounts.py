"""Amounts and subjects of budgets as they are typed."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from steer.errors import ConfigError
from steer.naming import closest
from steer.ports.money import BudgetSubject, BudgetUnit, OnReached

__all__ = ["amount_in", "part_of", "read_amount", "read_reached", "read_subject"]

_AMOUNT = re.compile(r"(\$?)\s*(-?[0-9][0-9_,]*(?:\.[0-9]+)?)\s*([a-z_ -]*)", re.IGNORECASE)
_UNITS = {
    "usd": BudgetUnit.USD,
    "dollar": BudgetUnit.USD,
    "token": BudgetUnit.TOKENS,
    "request": BudgetUnit.REQUESTS,
    "tool_call": BudgetUnit.TOOL_CALLS,
}
_SUCH_AS = "Write it such as 5usd, 100000tokens, 60requests or 20tool_calls"


def read_amount(option: str, text: str) -> tuple[Decimal, BudgetUnit | None]:
    """Return an amount and its unit, ``None`` where it has none. Raises ``ConfigError``."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{option} {text!r} is no amount", fix=_SUCH_AS)
    dollar, number, name = found.groups()
    try:
        amount = Decimal(re.sub("[_,]", "", number))
    except InvalidOperation as error:
        raise ConfigError(f"{option} {text!r} is no amount", fix=_SUCH_AS) from error
    unit = re.sub("[ -]+", "_", name.strip().casefold())
    if dollar and unit in ("", "usd"):
        return amount, BudgetUnit.USD
    if not unit:
        return amount, None
    known = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    if known is None or dollar:
        raise ConfigError(
            f"{option} {text!r}: nothing is counted in {name.strip()}",
            fix=f"Count in {', '.join(BudgetUnit)}",
        )
    return amount, known


def amount_in(option: str, text: str, unit: BudgetUnit) -> Decimal:
    """Return an amount of a budget that counts ``unit``. Raises ``ConfigError`` for another."""
    amount, given = read_amount(option, text)
    if given not in (None, unit):
        raise ConfigError(
            f"{option} {text!r} is in {given}, and the budget counts {unit}",
            fix=f"Give it in {unit}",
        )
    return amount


def read_subject(text: str) -> tuple[BudgetSubject, str]:
    """Return whose budget ``principal:ada`` is, and the name. Raises ``ConfigError``."""
    kind, colon, who = text.partition(":")
    if kind == BudgetSubject.SCOPE and not colon:
        return BudgetSubject.SCOPE, "*"
    subjects = [each.value for each in BudgetSubject if each is not BudgetSubject.SCOPE]
    if kind not in subjects:
        guess = closest(kind, subjects)
        raise ConfigError(
            f"--of {text!r} is nobody whose spending can be bounded",
            fix=f"Did you mean {guess}:{who or 'NAME'}?"
            if guess
            else "Write principal:NAME, team:NAME or agent:NAME, or * for each of them",
        )
    if not who.strip():
        raise ConfigError(
            f"--of {text!r} names nobody", fix=f"Write {kind}:NAME, or {kind}:* for each of them"
        )
    return BudgetSubject(kind), who


def part_of(text: str) -> float:
    """Return ``80%`` or ``0.8`` as a part of one. Raises ``ConfigError``."""
    number = text.strip()
    try:
        part = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        part = -1.0
    if not 0 < part <= 1:
        raise ConfigError(
            f"--warn-at {text!r} is no part of a limit", fix="Write it such as 80% or 0.8"
        )
    return part


def read_reached(text: str) -> tuple[OnReached, str | None]:
    """Return what happens at the limit, and the model to degrade to. Raises ``ConfigError``."""
    kind, _, model = text.partition(":")
    if kind not in list(OnReached):
        raise ConfigError(
            f"--on-reached {text!r} is nothing that can happen",
            fix="Choose deny, warn, ask or degrade:MODEL",
        )
    reached = OnReached(kind)
    if (reached is OnReached.DEGRADE) != bool(model):
        fix = "Write degrade:MODEL" if reached is OnReached.DEGRADE else f"Write {kind} alone"
        raise ConfigError(f"--on-reached {text!r}: only degrade goes with a model", fix=fix)
    return reached, model or None
