"""Stores that earlier versions filled."""

from __future__ import annotations

from decimal import Decimal

from steer.ports import changes as c
from steer.ports.records import JobQuery
from steer.ports.storage import Storage
from steer.values import ActionStatus, JobStatus, RunResult, Usage

from steer_conformance.checks import check
from steer_conformance.suites.storage.case import StorageCase
from steer_conformance.suites.storage.samples import (
    START,
    action,
    created,
    effect,
    effect_key,
    entry,
    events,
    grant,
    job,
    model_record,
    outcome,
    owner,
    seqs,
    stored_agent,
    write,
)

__all__ = ["fill_with_samples"]


@check("ST-47", requires="upgrades")
async def a_store_that_an_earlier_version_filled_opens_and_goes_on(case: StorageCase) -> None:
    assert case.earlier, "upgrades is claimed, and the factory gives no store of an earlier version"
    await fill_with_samples(case.storage)
    for version, url in case.earlier.items():
        earlier = case.open(url)
        assert await _samples_of(earlier) == await _samples_of(case.storage), version
        await write(earlier, events(4))
        assert seqs(await earlier.journal.events("acme", "job-1")) == [1, 2, 3, 4]


async def fill_with_samples(storage: Storage) -> None:
    """Write all kinds of rows, as stores are kept for ``earlier`` of later versions."""
    record = job(
        owner=owner(),
        session_id="talk",
        idempotency_key="key",
        metadata={"ü": [1, {"x": None}]},
        tags=("red",),
        deadline=START,
    )
    await storage.commit(
        "acme",
        "job-1",
        None,
        [
            created(record),
            events(1, 2, 3),
            c.ModelRecorded(record=model_record(path=("call-0",), usage=Usage(requests=1))),
            c.EffectIntended(effect=effect()),
            c.EffectResolved(key=effect_key(), outcome=outcome()),
            c.GrantIssued(grant=grant()),
            c.GrantUsed(grant_id="grant-1"),
            c.BudgetSet(account="team", unit="usd", limit=2**40),
            c.Reserved(key="a", amounts=(("team", 5),)),
            c.Reserved(key="b", amounts=(("team", 6),)),
            c.Settled(key="a", actuals=(("team", 4),)),
            c.LedgerAppended(entries=(entry(cost=Decimal("0.0120"), usage=Usage(requests=1)),)),
            c.ActionRequested(action=action(payload={"q": "?"})),
            c.ActionMoved(action_id="action-1", status=ActionStatus.RESOLVED, resolution=[1]),
            c.SessionAppended(session_id="talk", expected_version=0, items=('"1"', '"ü"')),
            c.AgentStored(agent=stored_agent()),
            c.CancelRequested(reason="enough", by="ada"),
        ],
    )
    ended = RunResult(
        job_id="job-2", status=JobStatus.FAILED, output={"a": 1}, cost=Decimal("1.50")
    )
    changes: list[c.Change] = [
        created(job("job-2")),
        events(1, job_id="job-2"),
        c.JobMoved(status=JobStatus.FAILED, result=ended),
    ]
    await storage.commit("acme", "job-2", None, changes)


async def _samples_of(storage: Storage) -> list[object]:
    return [
        await storage.jobs.list("acme", JobQuery()),
        await storage.journal.read("acme", limit=4),
        await storage.records.load("acme", "job-1"),
        await storage.ledger.account("acme", "team"),
        await storage.ledger.reservations("acme", "job-1"),
        await storage.ledger.entries("acme"),
        await storage.actions.list("acme"),
        await storage.sessions.get("acme", "talk"),
        await storage.agents.list("acme"),
    ]
