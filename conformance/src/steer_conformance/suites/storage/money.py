"""Accounts, reservations, settlements and the ledger, in integers of micro-units."""

from __future__ import annotations

from steer.errors import BudgetExceeded, ConfigError, Conflict, NotFound
from steer.ports.changes import BudgetSet, Change, LedgerAppended, Released, Reserved, Settled
from steer.ports.records import Account, LedgerKind, Reservation
from steer.ports.storage import Storage

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import admit, entry, events, seqs, write
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase


async def spend(storage: Storage, *changes: Change) -> None:
    """Commit changes that are of no job."""
    await storage.commit("acme", None, None, changes)


async def balance(storage: Storage, account: str = "team") -> tuple[int, int]:
    """Return what is spent and what is reserved."""
    found = await storage.ledger.account("acme", account)
    return found.spent, found.reserved


def limit(amount: int | None, account: str = "team", unit: str = "usd") -> BudgetSet:
    """Return the change that sets a limit."""
    return BudgetSet(account=account, unit=unit, limit=amount)


def hold(key: str, **amounts: int) -> Reserved:
    """Return a reservation, by account."""
    return Reserved(key=key, amounts=tuple(amounts.items()))


def book(key: str, **actuals: int) -> Settled:
    """Return a settlement, by account."""
    return Settled(key=key, actuals=tuple(actuals.items()))


@check("ST-23")
async def an_account_has_the_limit_last_set(case: StorageCase) -> None:
    storage = case.storage
    with raises(NotFound):
        await storage.ledger.account("acme", "team")
    await spend(storage, limit(None))
    await spend(storage, hold("a", team=7))
    await spend(storage, limit(10))
    found = await storage.ledger.account("acme", "team")
    assert found == Account(account="team", unit="usd", limit=10, reserved=7)
    with raises(Conflict):
        await spend(storage, limit(5, unit="tokens"))
    assert await storage.ledger.account("acme", "team") == found


@check("ST-23")
async def reservations_are_admitted_up_to_the_limit_and_not_past_it(case: StorageCase) -> None:
    await spend(case.storage, limit(10), hold("a", team=6))
    with raises(BudgetExceeded) as raised:
        await spend(case.storage, hold("b", team=5))
    assert raised.value.limit == "team"
    await spend(case.storage, hold("b", team=4))
    assert await balance(case.storage) == (0, 10)


@check("ST-23")
async def what_was_spent_above_the_limit_blocks_what_follows(case: StorageCase) -> None:
    storage = case.storage
    await spend(storage, limit(10), hold("a", team=8), book("a", team=25))
    assert await balance(storage) == (25, 0)
    for amount in (0, 1):
        with about(amount), raises(BudgetExceeded):
            await spend(storage, hold("b", team=amount))
    await spend(storage, limit(26), hold("b", team=1))
    assert await balance(storage) == (25, 1)


@check("ST-24")
async def a_reservation_holds_on_all_its_accounts_or_on_none(case: StorageCase) -> None:
    storage = case.storage
    await spend(storage, limit(100, "tenant"), limit(10))
    with raises(BudgetExceeded) as raised:
        await spend(storage, hold("a", tenant=11, team=11))
    assert raised.value.limit == "team"
    with raises(NotFound):
        await spend(storage, hold("a", tenant=1, nobody=1))
    assert await balance(storage, "tenant") == (0, 0)
    await spend(storage, hold("a", tenant=5, team=5))
    assert await balance(storage, "tenant") == await balance(storage) == (0, 5)


@check("ST-24")
async def a_key_reserves_once(case: StorageCase) -> None:
    storage = case.storage
    await spend(storage, limit(10), hold("a", team=6))
    await spend(storage, hold("a", team=6))
    assert await balance(storage) == (0, 6)
    await spend(storage, book("a", team=2))
    await spend(storage, hold("a", team=9))
    assert await balance(storage) == (2, 0)


@check("ST-24")
async def the_parts_of_one_account_are_summed(case: StorageCase) -> None:
    twice = Reserved(key="a", amounts=(("team", 3), ("team", 4)))
    await spend(case.storage, limit(10), twice)
    assert await balance(case.storage) == (0, 7)
    await spend(case.storage, Settled(key="a", actuals=(("team", 1), ("team", 1))))
    assert await balance(case.storage) == (2, 0)


@check("ST-24")
async def a_refused_reservation_takes_the_rest_of_its_commit_along(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await spend(storage, limit(1))
    with raises(BudgetExceeded):
        await write(storage, events(1), hold("a", team=1), hold("b", team=1), events(2))
    assert seqs(await storage.journal.events("acme", "job-1")) == []
    assert await balance(storage) == (0, 0)
    assert list(await storage.ledger.reservations("acme", "job-1")) == []


@check("ST-24")
async def the_reservations_of_a_job_are_listed_settled_ones_too(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await spend(storage, limit(None), limit(None, "tenant"), hold("other", team=1))
    await write(storage, hold("b", tenant=1, team=2), hold("a", team=3), Released(key="b"))
    assert list(await storage.ledger.reservations("acme", "job-1")) == [
        _part("b", "tenant", 1, 0),
        _part("b", "team", 2, 0),
        _part("a", "team", 3, None),
    ]


def _part(key: str, account: str, amount: int, actual: int | None) -> Reservation:
    return Reservation(key=key, account=account, amount=amount, actual=actual, job_id="job-1")


@check("ST-25")
async def a_settlement_books_what_was_spent_and_gives_back_the_rest(case: StorageCase) -> None:
    await spend(case.storage, limit(10), hold("a", team=8))
    await spend(case.storage, book("a", team=3), hold("b", team=7))
    assert await balance(case.storage) == (3, 7)


@check("ST-25")
async def a_reservation_is_settled_or_released_once(case: StorageCase) -> None:
    storage = case.storage
    await spend(storage, limit(10), hold("a", team=8), hold("b", team=1))
    await spend(storage, book("a", team=1), Released(key="b"))
    for key in ("a", "b"):
        for change in (book(key, team=1), Released(key=key)):
            with about(key, change), raises(Conflict):
                await spend(storage, change)
    for change in (book("c", team=1), Released(key="c")):
        with about(change), raises(NotFound):
            await spend(storage, change)
    assert await balance(storage) == (1, 0)


@check("ST-25")
async def a_settlement_names_exactly_the_accounts_reserved(case: StorageCase) -> None:
    storage = case.storage
    await spend(storage, limit(10), limit(10, "tenant"), hold("a", team=1, tenant=1))
    with raises(NotFound):
        await spend(storage, book("a", team=1, tenant=1, other=1))
    with raises(Conflict):
        await spend(storage, book("a", team=1))
    assert await balance(storage) == (0, 1)


@check("ST-25")
async def amounts_that_make_no_sense_are_refused(case: StorageCase) -> None:
    await spend(case.storage, limit(10), hold("a", team=5))
    for change in (hold("b", team=-1), hold("b"), book("a", team=-1), book("a")):
        with about(change), raises(ConfigError):
            await spend(case.storage, change)
    assert await balance(case.storage) == (0, 5)


@check("ST-26")
async def a_line_of_the_ledger_is_written_once_per_key(case: StorageCase) -> None:
    storage = case.storage
    await spend(storage, LedgerAppended(entries=(entry("a"), entry("a", kind=LedgerKind.TOOL))))
    await spend(storage, LedgerAppended(entries=(entry("a", kind=LedgerKind.AUDIT), entry("b"))))
    found = (await storage.ledger.entries("acme")).items
    assert [(line.key, line.kind) for line in found] == [("a", "model"), ("b", "model")]
