"""The contents of stores that are kept for later versions to open."""

from __future__ import annotations

from decimal import Decimal

from steer.ports import changes as c
from steer.ports.storage import Storage
from steer.values import ActionStatus, JobStatus, RunResult, Usage

from steer_conformance.storing.samples import (
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
    stored_agent,
)

__all__ = ["fill_with_samples"]


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
