"""What no budget can be."""

from __future__ import annotations

import re

from steer.errors import ConfigError
from steer.ports.money import BudgetRecord, BudgetSubject, BudgetUnit, OnReached

__all__ = ["check_budget"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_budget(budget: BudgetRecord) -> None:
    """Raise ``ConfigError`` for a budget that contradicts itself, or could not be named."""
    name = budget.name
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of a budget",
            fix="Use up to 100 letters, digits, dots, dashes and underscores",
        )
    if budget.subject is BudgetSubject.SCOPE and budget.who != "*":
        raise ConfigError(
            f"budget {name} is of its whole scope, and names {budget.who} too",
            fix="Leave the name out",
        )
    if not budget.who:
        raise ConfigError(
            f"budget {name} names no {budget.subject}", fix="Name one, or * for each of them"
        )
    if budget.warn_at is not None and not 0 < budget.warn_at <= 1:
        raise ConfigError(
            f"budget {name} warns at {budget.warn_at}, and that is no part of its limit",
            fix="Give a number above 0 and up to 1, such as 0.8",
        )
    if (budget.on_reached is OnReached.DEGRADE) != (budget.degrade_to is not None):
        raise ConfigError(
            f"budget {name}: degrade and the model to degrade to come together",
            fix="Give both, or none",
        )
    if budget.on_reached is OnReached.DEGRADE and budget.unit is not BudgetUnit.USD:
        raise ConfigError(
            f"budget {name} counts {budget.unit}, which another model takes as many of",
            fix="Degrade on a budget in US dollars",
        )
    if budget.allow_unpriced and budget.unit is not BudgetUnit.USD:
        raise ConfigError(
            f"budget {name} counts {budget.unit}, and prices do not matter to it",
            fix="Leave allow_unpriced out",
        )
