"""Reserve, settle, release: what they make of accounts, in integers of micro-units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steer.errors import BudgetExceeded, ConfigError, Conflict, NotFound
from steer.ports.changes import BudgetSet, Released, Reserved, Settled
from steer.ports.records import Account, Reservation
from steer.storage.tables import Tables

__all__ = ["release", "reserve", "set_budget", "settle"]


def set_budget(tables: Tables, change: BudgetSet) -> None:
    """Create the account or change its limit. Raises ``Conflict`` for another unit."""
    old = tables.account(change.account)
    if old is None:
        tables.save_account(Account(account=change.account, unit=change.unit, limit=change.limit))
        return
    if old.unit != change.unit:
        raise Conflict(f"account {change.account} counts {old.unit}, not {change.unit}")
    tables.save_account(replace(old, limit=change.limit))


def reserve(tables: Tables, job_id: str | None, change: Reserved) -> None:
    """Set the amounts aside; nothing happens where the key exists.

    The caller undoes what was written before an account that refuses.
    """
    if tables.reservations(change.key):
        return
    amounts = _summed(change.key, change.amounts)
    for name, amount in amounts.items():
        account = _account(tables, name)
        taken = account.spent + account.reserved
        if account.limit is not None and taken + amount > account.limit:
            raise BudgetExceeded(
                name,
                f"{amount} {account.unit} more would pass the limit of account {name}:"
                f" {account.limit}, of which {taken} are spent or reserved",
            )
        tables.save_account(_with(account, account.spent, account.reserved + amount))
    tables.add_reservations(
        [
            Reservation(key=change.key, account=name, amount=amount, job_id=job_id)
            for name, amount in amounts.items()
        ]
    )


def settle(tables: Tables, change: Settled) -> None:
    """Book what the reservation came to, above it too."""
    held = _held(tables, change.key)
    actuals = _summed(change.key, change.actuals)
    names = {reservation.account for reservation in held}
    if unknown := actuals.keys() - names:
        raise NotFound(f"reservation {change.key} has nothing on account {min(unknown)}")
    if missing := names - actuals.keys():
        raise Conflict(f"what {change.key} came to on account {min(missing)} is not said")
    _book(tables, held, actuals)


def release(tables: Tables, change: Released) -> None:
    """Give the reservation back."""
    held = _held(tables, change.key)
    _book(tables, held, {reservation.account: 0 for reservation in held})


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
    )
