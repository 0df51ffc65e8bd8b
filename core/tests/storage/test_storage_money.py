"""Accounts, reservations, settlements and the ledger, in integers of micro-units."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from steer.errors import BudgetExceeded, ConfigError, Conflict, NotFound
from steer.ports.changes import BudgetSet, Change, LedgerAppended, Released, Reserved, Settled
from steer.ports.records import Account, Reservation
from steer.ports.storage import Storage
from steer.values import Usage
from storage_samples import START, admit, entry, events, seqs, write

pytestmark = pytest.mark.anyio


async def spend(storage: Storage, *changes: Change) -> None:
    await storage.commit("acme", None, None, changes)


async def balance(storage: Storage, account: str = "team") -> tuple[int, int]:
    found = await storage.ledger.account("acme", account)
    return found.spent, found.reserved


def limit(amount: int | None, account: str = "team", unit: str = "usd") -> BudgetSet:
    return BudgetSet(account=account, unit=unit, limit=amount)


def hold(key: str, **amounts: int) -> Reserved:
    return Reserved(key=key, amounts=tuple(amounts.items()))


def book(key: str, **actuals: int) -> Settled:
    return Settled(key=key, actuals=tuple(actuals.items()))


async def test_an_account_has_the_limit_last_set(storage: Storage) -> None:
    with pytest.raises(NotFound):
        await storage.ledger.account("acme", "team")
    await spend(storage, limit(None))
    await spend(storage, hold("a", team=7))
    await spend(storage, limit(2**60))
    assert await storage.ledger.account("acme", "team") == Account(
        account="team", unit="usd", limit=2**60, reserved=7
    )
    with pytest.raises(Conflict, match="tokens"):
        await spend(storage, limit(5, unit="tokens"))


async def test_reservations_are_admitted_up_to_the_limit_and_not_past_it(storage: Storage) -> None:
    await spend(storage, limit(10), hold("a", team=6))
    with pytest.raises(BudgetExceeded, match="team") as raised:
        await spend(storage, hold("b", team=5))
    assert raised.value.limit == "team"
    await spend(storage, hold("b", team=4))
    assert await balance(storage) == (0, 10)


async def test_a_reservation_holds_on_all_its_accounts_or_on_none(storage: Storage) -> None:
    await spend(storage, limit(100, "tenant"), limit(10))
    with pytest.raises(BudgetExceeded) as raised:
        await spend(storage, hold("a", tenant=11, team=11))
    assert raised.value.limit == "team"
    with pytest.raises(NotFound, match="nobody"):
        await spend(storage, hold("a", tenant=1, nobody=1))
    assert await balance(storage, "tenant") == (0, 0)
    await spend(storage, hold("a", tenant=5, team=5))
    assert await balance(storage, "tenant") == await balance(storage) == (0, 5)


async def test_a_key_reserves_once(storage: Storage) -> None:
    await spend(storage, limit(10), hold("a", team=6))
    await spend(storage, hold("a", team=6))
    await spend(storage, book("a", team=2))
    await spend(storage, hold("a", team=9))
    assert await balance(storage) == (2, 0)


async def test_a_settlement_gives_back_what_was_not_spent(storage: Storage) -> None:
    await spend(storage, limit(10), hold("a", team=8))
    await spend(storage, book("a", team=3), hold("b", team=7))
    assert await balance(storage) == (3, 7)


async def test_a_settlement_above_its_reservation_is_booked_and_blocks(storage: Storage) -> None:
    await spend(storage, limit(10), hold("a", team=8), book("a", team=25))
    assert await balance(storage) == (25, 0)
    for amount in (0, 1):
        with pytest.raises(BudgetExceeded):
            await spend(storage, hold("b", team=amount))


async def test_a_reservation_is_settled_or_released_once(storage: Storage) -> None:
    await spend(storage, limit(10), hold("a", team=8), hold("b", team=1))
    await spend(storage, book("a", team=1), Released(key="b"))
    for key in ("a", "b"):
        for change in (book(key, team=1), Released(key=key)):
            with pytest.raises(Conflict, match="settled"):
                await spend(storage, change)
    for change in (book("c", team=1), Released(key="c")):
        with pytest.raises(NotFound):
            await spend(storage, change)
    assert await balance(storage) == (1, 0)


async def test_a_settlement_names_exactly_the_accounts_reserved(storage: Storage) -> None:
    await spend(storage, limit(10), limit(10, "tenant"), hold("a", team=1, tenant=1))
    with pytest.raises(NotFound, match="other"):
        await spend(storage, book("a", team=1, tenant=1, other=1))
    with pytest.raises(Conflict, match="tenant"):
        await spend(storage, book("a", team=1))
    assert await balance(storage) == (0, 1)


async def test_the_parts_of_one_account_are_summed(storage: Storage) -> None:
    twice = Reserved(key="a", amounts=(("team", 3), ("team", 4)))
    await spend(storage, limit(10), twice)
    assert await balance(storage) == (0, 7)
    await spend(storage, Settled(key="a", actuals=(("team", 1), ("team", 1))))
    assert await balance(storage) == (2, 0)


async def test_amounts_that_make_no_sense_are_refused(storage: Storage) -> None:
    await spend(storage, limit(10), hold("a", team=5))
    for change in (hold("b", team=-1), hold("b"), book("a", team=-1), book("a")):
        with pytest.raises(ConfigError):
            await spend(storage, change)
    assert await balance(storage) == (0, 5)


async def test_a_refused_reservation_takes_the_rest_of_its_commit_along(storage: Storage) -> None:
    await admit(storage)
    await spend(storage, limit(1))
    with pytest.raises(BudgetExceeded):
        await write(storage, events(1), hold("a", team=1), hold("b", team=1), events(2))
    assert seqs(await storage.journal.events("acme", "job-1")) == []
    assert await balance(storage) == (0, 0)
    assert list(await storage.ledger.reservations("acme", "job-1")) == []


async def test_the_reservations_of_a_job_are_listed_settled_ones_too(storage: Storage) -> None:
    await admit(storage)
    await spend(storage, limit(None), limit(None, "tenant"), hold("other", team=1))
    await write(storage, hold("b", tenant=1, team=2), hold("a", team=3), Released(key="b"))

    def part(key: str, account: str, amount: int, actual: int | None) -> Reservation:
        return Reservation(key=key, account=account, amount=amount, actual=actual, job_id="job-1")

    assert list(await storage.ledger.reservations("acme", "job-1")) == [
        part("b", "tenant", 1, 0),
        part("b", "team", 2, 0),
        part("a", "team", 3, None),
    ]


async def test_ledger_lines_come_back_as_they_were_oldest_first(storage: Storage) -> None:
    lines = (
        entry(
            "b",
            provider="p",
            model="m",
            runtime="r",
            usage=Usage(requests=1, reasoning_tokens=2),
            cost=Decimal("0.00000123000"),
            details={"ü": [1, {"x": None}]},
        ),
        entry("a", job_id="job-2", at=START - timedelta(days=1)),
        entry("c", cost=Decimal(0)),
    )
    await spend(storage, LedgerAppended(entries=lines[:2]), LedgerAppended(entries=lines[2:]))
    page = await storage.ledger.entries("acme")
    assert page.items == lines
    assert [str(line.cost) for line in page.items] == ["0.00000123000", "None", "0"]
    assert (await storage.ledger.entries("acme", job_id="job-2")).items == lines[1:2]
    assert (await storage.ledger.entries("acme", since=START)).items == (lines[0], lines[2])


async def test_a_ledger_line_is_written_once(storage: Storage) -> None:
    await spend(storage, LedgerAppended(entries=(entry("a"), entry("a", kind="twice"))))
    await spend(storage, LedgerAppended(entries=(entry("a", kind="again"), entry("b"))))
    found = (await storage.ledger.entries("acme")).items
    assert [(line.key, line.kind) for line in found] == [("a", "model"), ("b", "model")]


async def test_ledger_pages_are_complete_while_lines_come(storage: Storage) -> None:
    await spend(storage, LedgerAppended(entries=tuple(entry(f"e{n}") for n in range(5))))
    first = await storage.ledger.entries("acme", limit=3)
    await spend(storage, LedgerAppended(entries=(entry("e5"),)))
    second = await storage.ledger.entries("acme", limit=3, cursor=first.cursor)
    assert [line.key for line in (*first.items, *second.items)] == [f"e{n}" for n in range(6)]
    assert second.cursor is None
