"""How budgets stand: what is spent, reserved and left of each, and whether that is told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from steer.ports.money import BudgetPeriod, BudgetRecord, BudgetSubject
from steer.ports.records import Account, Reservation

__all__ = ["Current", "Standing", "State"]


class State(StrEnum):
    """What there is to say of an account: from where on runs are told, and the limit itself."""

    WARNED = "warned"
    REACHED = "reached"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """An account of a budget, and what is reserved on it for running jobs."""

    budget: BudgetRecord
    account: Account
    reserved: Sequence[Reservation] = ()

    @property
    def limit(self) -> int:
        """What the account may come to: its own limit where it has one."""
        own = self.account.limit
        return self.budget.limit if own is None else own

    @property
    def left(self) -> int:
        """What may still be spent, below nothing where more was spent than may be."""
        return self.limit - self.account.spent - self.account.reserved

    @property
    def used(self) -> float:
        """Which part of the limit is spent or reserved; of no limit at all everything is."""
        return 1 - self.left / self.limit if self.limit else 1.0

    @property
    def state(self) -> State | None:
        """Whether nothing is left, else whether as much is spent as runs are told of."""
        if self.left <= 0:
            return State.REACHED
        part = self.budget.warn_at
        warned = part is not None and self.account.spent >= part * self.budget.limit
        return State.WARNED if warned else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Current:
    """A budget in the period that it is in: how many draw on it, and the one with the least left.

    ``fullest`` is ``None`` where nobody has drawn on it yet. ``resets_at`` is when the next period
    begins, ``None`` where none does.
    """

    budget: BudgetRecord
    accounts: int
    fullest: Standing | None
    resets_at: datetime | None

    @property
    def several(self) -> bool:
        """Whether more than one can draw on it, each for itself."""
        return self.budget.period is BudgetPeriod.RUN or (
            self.budget.subject is not BudgetSubject.SCOPE and self.budget.who == "*"
        )

    @property
    def standing(self) -> Standing:
        """The fullest account, or one that nothing is spent of."""
        unused = Account(account="", unit=self.budget.unit, resets_at=self.resets_at)
        return self.fullest or Standing(budget=self.budget, account=unused)
