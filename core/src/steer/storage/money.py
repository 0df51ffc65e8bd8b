"""Budgets and accounts: define, open, reserve, settle, release. All amounts are integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steer.errors import BudgetExceeded, ConfigError, Conflict, NotFound
from steer.ports.changes import (
    AccountOpened,
    BudgetDefined,
    BudgetDropped,
    BudgetSet,
    Released,
    Reserved,
    Settled,
)
from steer.ports.money import OnReached
from steer.ports.records import Account, Reservation
from steer.storage.tables import Tables

__all__ = [
    "define_budget",
    "drop_budget",
    "open_account",
    "release",
    "reserve",
    "set_budget",
    "settle",
]


def define_budget(tables: Tables, change: BudgetDefined) -> None:
    """Keep a budget's next revision. Raises ``Conflict`` where it is not the next."""
    new = change.budget
    old = tables.budget(new.name)
    newest = 0 if old is None else old.revision
    if new.revision != newest + 1:
        raise Conflict(
            f"revision {new.revision} of budget {new.name} follows revision {newest}",
            fix="Read it again, and change what is there now",
        )
    if old is None and tables.budget_of(new.budget_id) is not None:
        raise Conflict(f"the id of budget {new.name} is taken")
    if old is not None:
        for what in ("budget_id", "subject", "who", "period", "unit"):
            if getattr(new, what) != getattr(old, what):
                raise Conflict(
                    f"budget {new.name} has {what} {getattr(old, what)}, which never changes",
                    fix="Remove the budget and set it anew",
                )
    tables.save_budget(new)


def drop_budget(tables: Tables, change: BudgetDropped) -> None:
    """Forget a budget. Raises ``NotFound``."""
    if not tables.drop_budget(change.name):
        raise NotFound(f"there is no budget {change.name}")


def open_account(tables: Tables, change: AccountOpened) -> None:
    """Create the account of one period of a budget, unless it is there."""
    if tables.account(change.account) is not None:
        return
    budget = tables.budget_of(change.budget_id)
    if budget is None:
        raise NotFound(f"there is no budget with the id {change.budget_id}")
    tables.save_account(
        Account(
            account=change.account,
            unit=budget.unit,
            budget_id=change.budget_id,
            resets_at=change.resets_at,
        )
    )


def set_budget(tables: Tables, change: BudgetSet) -> None:
    """Create the account or change its limit. Raises ``Conflict`` for another unit."""
    old = tables.account(change.account)
    if old is None:
        tables.save_account(Account(account=change.account, unit=change.unit, limit=change.limit))
        return
    if old.unit != change.unit:
        raise Conflict(f"account {change.account} counts {old.unit}, not {change.unit}")
    tables.save_account(replace(old, limit=change.limit))


def reserve(tables: Tables, job_id: str | None, change: Reserved) -> Sequence[str]:
    """Set the amounts aside, and return on which accounts: none where the key exists.

    The caller undoes what was written before an account that refuses.
    """
    if tables.reservations(change.key):
        return ()
    amounts = _summed(change.key, change.amounts)
    for name, amount in amounts.items():
        account = _account(tables, name)
        limit = _limit(tables, account)
        taken = account.spent + account.reserved
        if limit is not None and taken + amount > limit:
            raise BudgetExceeded(
                name,
                f"{amount} {account.unit} more would pass the limit of account {name}:"
                f" {limit}, of which {taken} are spent or reserved",
            )
        tables.save_account(_with(account, account.spent, account.reserved + amount))
    tables.add_reservations(
        [
            Reservation(key=change.key, account=name, amount=amount, job_id=job_id)
            for name, amount in amounts.items()
        ]
    )
    return tuple(amounts)


def settle(tables: Tables, change: Settled) -> Sequence[str]:
    """Book what the reservation came to, above it too; return on which accounts."""
    held = _held(tables, change.key)
    actuals = _summed(change.key, change.actuals)
    names = {reservation.account for reservation in held}
    if unknown := actuals.keys() - names:
        raise NotFound(f"reservation {change.key} has nothing on account {min(unknown)}")
    if missing := names - actuals.keys():
        raise Conflict(f"what {change.key} came to on account {min(missing)} is not said")
    _book(tables, held, actuals)
    return tuple(actuals)


def release(tables: Tables, change: Released) -> Sequence[str]:
    """Give the reservation back; return on which accounts it was."""
    held = _held(tables, change.key)
    _book(tables, held, {reservation.account: 0 for reservation in held})
    return tuple(reservation.account for reservation in held)


def _limit(tables: Tables, account: Account) -> int | None:
    """Return what the account may come to: its own limit first, then its budget's."""
    if account.limit is not None or account.budget_id is None:
        return account.limit
    budget = tables.budget_of(account.budget_id)
    return None if budget is None or budget.on_reached is OnReached.WARN else budget.limit


def _held(tables: Tables, key: str) -> Sequence[Reservation]:
    held = tables.reservations(key)
    if not held:
        raise NotFound(f"there is no reservation {key}")
    if held[0].actual is not None:
        raise Conflict(f"reservation {key} is settled")
    return held


def _book(tables: Tables, held: Sequence[Reservation], actuals: dict[str, int]) -> None:
    settled = []
    for part in held:
        account = _account(tables, part.account)
        actual = actuals[part.account]
        tables.save_account(_with(account, account.spent + actual, account.reserved - part.amount))
        settled.append(
            Reservation(
                key=part.key,
                account=part.account,
                amount=part.amount,
                actual=actual,
                job_id=part.job_id,
            )
        )
    tables.settle_reservations(settled)


def _summed(key: str, amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    summed: dict[str, int] = {}
    for name, amount in amounts:
        if amount < 0:
            raise ConfigError(f"{key}: {amount} on account {name}, it must be 0 or more")
        summed[name] = summed.get(name, 0) + amount
    if not summed:
        raise ConfigError(f"{key} names no account")
    return summed


def _account(tables: Tables, name: str) -> Account:
    account = tables.account(name)
    if account is None:
        raise NotFound(f"there is no account {name}")
    return account


def _with(account: Account, spent: int, reserved: int) -> Account:
    # The hot path of every model call: `replace` takes twice as long.
    return Account(
        account=account.account,
        unit=account.unit,
        limit=account.limit,
        spent=spent,
        reserved=reserved,
        budget_id=account.budget_id,
        resets_at=account.resets_at,
    )
