"""Budgets: their revisions, the accounts of their periods, and the limits that follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from steer.errors import BudgetExceeded, Conflict, NotFound
from steer.ports.changes import (
    AccountOpened,
    BudgetDefined,
    BudgetDropped,
    BudgetSet,
    Change,
    Released,
)
from steer.ports.money import BudgetPeriod, BudgetRecord, BudgetSubject, BudgetUnit, OnReached
from steer.ports.records import Account

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import START, budget
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase
from steer_conformance.suites.storage.money import balance, book, hold, limit, spend

TODAY = AccountOpened(account="today", budget_id="id-of-cap", resets_at=START + timedelta(days=1))


def defined(revision: int = 1, **fields: Any) -> BudgetDefined:
    """Return a revision of the budget ``cap``."""
    return BudgetDefined(budget=budget(revision=revision, **fields))


@check("ST-70")
async def a_budget_comes_back_as_it_was_last_defined(case: StorageCase) -> None:
    storage = case.storage
    with raises(NotFound):
        await storage.ledger.budget("acme", "cap")
    whole = BudgetRecord(
        budget_id="id-of-cap",
        name="cap",
        subject=BudgetSubject.PRINCIPAL,
        who="ada",
        period=BudgetPeriod.MONTH,
        unit=BudgetUnit.USD,
        limit=5_000_000,
        warn_at=0.8,
        on_reached=OnReached.DEGRADE,
        degrade_to="small",
        allow_unpriced=True,
        updated_at=START,
        updated_by="eve",
    )
    later = replace(
        whole,
        limit=1,
        warn_at=None,
        on_reached=OnReached.ASK,
        degrade_to=None,
        allow_unpriced=False,
        revision=2,
        updated_at=START + timedelta(hours=1),
        updated_by="ada",
    )
    other = budget("another", unit=BudgetUnit.TOOL_CALLS, limit=0)
    for changed, listed in ((whole, [whole]), (other, [other, whole]), (later, [other, later])):
        await spend(storage, BudgetDefined(budget=changed))
        assert await storage.ledger.budget("acme", changed.name) == changed
        assert list((await storage.ledger.budgets("acme")).items) == listed


@check("ST-70")
async def only_the_next_revision_of_the_same_budget_is_taken(case: StorageCase) -> None:
    storage = case.storage
    for first in (0, 2):
        with about(first), raises(Conflict):
            await spend(storage, defined(first))
    await spend(storage, defined(), defined(2, limit=20))
    for wrong in (
        defined(2),
        defined(4),
        defined(3, budget_id="another"),
        defined(3, subject=BudgetSubject.TEAM),
        defined(3, who="ada"),
        defined(3, period=BudgetPeriod.DAY),
        defined(3, unit=BudgetUnit.TOKENS),
        BudgetDefined(budget=budget("other", budget_id="id-of-cap")),
    ):
        with about(wrong), raises(Conflict):
            await spend(storage, wrong)
    assert (await storage.ledger.budgets("acme")).items == (budget(revision=2, limit=20),)


@check("ST-71")
async def a_dropped_budget_is_gone_and_bounds_nothing(case: StorageCase) -> None:
    storage = case.storage
    with raises(NotFound):
        await spend(storage, BudgetDropped(name="cap"))
    await spend(storage, defined(), TODAY, hold("a", today=10))
    await spend(storage, BudgetDropped(name="cap"))
    with raises(NotFound):
        await storage.ledger.budget("acme", "cap")
    assert (await storage.ledger.budgets("acme")).items == ()
    await spend(storage, hold("b", today=90), book("a", today=10))
    assert await balance(storage, "today") == (10, 90)
    # Whatever is defined under its name is another budget, with accounts of its own.
    await spend(storage, defined(budget_id="new", limit=1))
    await spend(storage, hold("c", today=1))
    assert (await storage.ledger.accounts("acme", budget_id="new")).items == ()


@check("ST-72")
async def an_account_is_opened_once_for_a_budget_that_is_there(case: StorageCase) -> None:
    storage = case.storage
    with raises(NotFound):
        await spend(storage, TODAY)
    await spend(storage, defined(unit=BudgetUnit.TOKENS), TODAY, hold("a", today=3))
    again = replace(TODAY, resets_at=None)
    await spend(storage, again)
    kept = Account(
        account="today",
        unit="tokens",
        reserved=3,
        budget_id="id-of-cap",
        resets_at=TODAY.resets_at,
    )
    assert await storage.ledger.account("acme", "today") == kept
    forever = AccountOpened(account="forever", budget_id="id-of-cap")
    await spend(storage, limit(1), forever)
    of_budget = (await storage.ledger.accounts("acme", budget_id="id-of-cap")).items
    assert [account.account for account in of_budget] == ["forever", "today"]
    assert len((await storage.ledger.accounts("acme")).items) == 3
    # An account that is there needs no budget to be opened again.
    await spend(storage, BudgetDropped(name="cap"), TODAY)
    assert await storage.ledger.account("acme", "today") == kept
    with raises(NotFound):
        await spend(storage, replace(TODAY, account="tomorrow"))


@check("ST-73")
async def a_commit_says_what_it_left_of_the_accounts(case: StorageCase) -> None:
    storage = case.storage
    await spend(storage, defined(), TODAY, limit(10), limit(10, "tenant"), limit(10, "idle"))

    async def told(*changes: Change) -> dict[str, tuple[int, int]]:
        done = await storage.commit("acme", None, None, changes)
        for account in done.accounts:
            assert account == await storage.ledger.account("acme", account.account)
        found = {account.account: (account.spent, account.reserved) for account in done.accounts}
        assert len(found) == len(done.accounts), "an account is told of twice"
        return found

    assert await told(limit(20), TODAY) == {}
    reserved = await told(hold("a", team=3, today=4), hold("b", team=1, tenant=2))
    assert reserved == {"team": (0, 4), "today": (0, 4), "tenant": (0, 2)}
    assert await told(hold("a", team=3, today=4)) == {}
    assert await told(book("a", team=5, today=0)) == {"team": (5, 1), "today": (0, 0)}
    assert await told(Released(key="b")) == {"team": (5, 0), "tenant": (0, 0)}


@check("ST-79")
async def the_limit_of_a_budget_holds_as_it_is_when_something_is_reserved(
    case: StorageCase,
) -> None:
    storage = case.storage
    tomorrow = replace(TODAY, account="tomorrow")
    await spend(storage, defined(limit=10), TODAY, tomorrow, hold("a", today=8))
    with raises(BudgetExceeded) as raised:
        await spend(storage, hold("b", today=3))
    assert raised.value.limit == "today"
    await spend(storage, hold("other", tomorrow=10))
    await spend(storage, defined(2, limit=11), hold("b", today=3))
    await spend(storage, defined(3, limit=5))
    for amount in (0, 1):
        with about(amount), raises(BudgetExceeded):
            await spend(storage, hold("c", today=amount))
    await spend(storage, book("a", today=2), book("b", today=2), hold("c", today=1))
    assert await balance(storage, "today") == (4, 1)
    assert await balance(storage, "tomorrow") == (0, 10)


@check("ST-79")
async def a_budget_that_warns_refuses_nothing_and_an_own_limit_comes_first(
    case: StorageCase,
) -> None:
    storage = case.storage
    for revision, reached in enumerate(OnReached, 1):
        await spend(storage, defined(revision, limit=1, on_reached=reached), TODAY)
        if reached is OnReached.WARN:
            await spend(storage, hold(reached, today=1000), Released(key=reached))
            continue
        with about(reached), raises(BudgetExceeded):
            await spend(storage, hold(reached, today=2))
    own = BudgetSet(account="today", unit="usd", limit=5)
    await spend(storage, own, hold("a", today=5))
    with raises(BudgetExceeded):
        await spend(storage, hold("b", today=1))
    await spend(storage, Released(key="a"), replace(own, limit=None), hold("b", today=1))
    with raises(BudgetExceeded):
        await spend(storage, hold("c", today=1))
