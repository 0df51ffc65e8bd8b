"""Stores that earlier versions filled."""

from __future__ import annotations

from steer.ports import changes as c
from steer.ports.money import UsageGroup
from steer.ports.records import JobQuery, LedgerKind
from steer.ports.storage import Storage

from steer_conformance.checks import check
from steer_conformance.storing.golden import fill_with_samples
from steer_conformance.storing.samples import START, budget, entry, events, seqs, write
from steer_conformance.suites.storage.case import StorageCase


@check("ST-47", requires="upgrades")
async def a_store_that_an_earlier_version_filled_opens_and_goes_on(case: StorageCase) -> None:
    assert case.earlier, "upgrades is claimed, and the factory gives no store of an earlier version"
    await fill_with_samples(case.storage)
    for version, url in case.earlier.items():
        earlier = case.open(url)
        assert await _samples_of(earlier) == await _samples_of(case.storage), version
        await write(earlier, events(4))
        assert seqs(await earlier.journal.events("acme", "job-1")) == [1, 2, 3, 4]
        await write(earlier, *NEW)
    await write(case.storage, events(4), *NEW)
    for version, url in case.earlier.items():
        assert await _samples_of(case.open(url)) == await _samples_of(case.storage), version


# What earlier versions knew nothing of, about what they wrote.
NEW = (
    c.BudgetDefined(budget=budget(limit=7)),
    c.AccountOpened(account="today", budget_id="id-of-cap", resets_at=START),
    c.Reserved(key="c", amounts=(("team", 1), ("today", 7))),
    c.Settled(key="b", actuals=(("team", 2),)),
    c.LedgerAppended(entries=(entry("tool", kind=LedgerKind.TOOL, team_id="red", agent="clerk"),)),
    c.SessionTaken(session_id="talk", expected_version=1),
    c.AgentRemoved(name="clerk"),
)


async def _samples_of(storage: Storage) -> list[object]:
    return [
        await storage.jobs.list("acme", JobQuery()),
        await storage.journal.read("acme", limit=4),
        await storage.records.load("acme", "job-1"),
        await storage.ledger.account("acme", "team"),
        await storage.ledger.reservations("acme", "job-1"),
        await storage.ledger.reserved("acme", "team"),
        await storage.ledger.budgets("acme"),
        await storage.ledger.accounts("acme"),
        await storage.ledger.entries("acme"),
        await storage.ledger.totals([UsageGroup.TEAM], scopes=["acme"]),
        await storage.actions.list("acme"),
        await storage.artifacts.list("acme"),
        await storage.sessions.get("acme", "talk"),
        await storage.agents.list("acme"),
        await storage.agents.versions("acme", "clerk"),
    ]
