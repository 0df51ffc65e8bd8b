"""Something of everything in one scope, and a change of each kind that fits after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steer.ports import changes as c
from steer.ports.records import Owner
from steer.ports.storage import Storage
from steer.values import ActionStatus, JobStatus

from steer_conformance.storing.samples import (
    LEASE,
    action,
    budget,
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
    stored,
    stored_agent,
)

__all__ = ["FITTING", "REFUSED", "claim", "fill", "filling", "fitting"]

REFUSED = c.AgentStored(agent=stored_agent(version=9))
"""A change that raises ``Conflict`` wherever it stands."""


def claim(
    expected_fence: int = 0, kernel: str = "kernel-2", dead_owner: Owner | None = None
) -> c.JobClaimed:
    """Return the claim of another kernel."""
    return c.JobClaimed(
        owner=owner(kernel),
        run_id=f"run-of-{kernel}",
        expected_fence=expected_fence,
        lease_seconds=LEASE,
        dead_owner=dead_owner,
    )


def filling(scope_id: str = "acme") -> list[c.Change]:
    """Return the changes of the commit for ``job-1`` that puts something of everything there."""
    record = job("job-1", scope_id, owner=owner(), idempotency_key="key", session_id="talk")
    return [
        created(record),
        events(1),
        c.ModelRecorded(record=model_record()),
        c.EffectIntended(effect=effect()),
        c.GrantIssued(grant=grant()),
        c.BudgetDefined(budget=budget()),
        c.AccountOpened(account="tenant", budget_id="id-of-cap"),
        c.BudgetSet(account="team", unit="usd", limit=10),
        c.Reserved(key="hold", amounts=(("team", 5),)),
        c.LedgerAppended(entries=(entry(),)),
        c.ActionRequested(action=action()),
        stored(),
        c.SessionAppended(session_id="talk", expected_version=0, items=("1",)),
        c.AgentStored(agent=stored_agent()),
    ]


async def fill(storage: Storage, scope_id: str = "acme") -> None:
    """Fill the scope; ``job-1`` is then held under fence 1."""
    await storage.commit(scope_id, "job-1", None, filling(scope_id))


FITTING: Mapping[type[Any], c.Change] = {
    type(change): change
    for change in (
        c.JobCreated(job=job("job-2")),
        claim(1, dead_owner=owner()),
        c.JobMoved(status=JobStatus.FAILED),
        c.CancelRequested(reason="enough", by="ada"),
        events(2),
        c.ModelRecorded(record=model_record(1)),
        c.EffectIntended(effect=effect("call-2")),
        c.EffectResolved(key=effect_key(), outcome=outcome()),
        c.GrantIssued(grant=grant("grant-2")),
        c.GrantUsed(grant_id="grant-1"),
        c.BudgetDefined(budget=budget(limit=20, revision=2)),
        c.BudgetDropped(name="cap"),
        c.AccountOpened(account="month", budget_id="id-of-cap"),
        c.BudgetSet(account="team", unit="usd", limit=20),
        c.Reserved(key="more", amounts=(("team", 1),)),
        c.Settled(key="hold", actuals=(("team", 3),)),
        c.Released(key="hold"),
        c.LedgerAppended(entries=(entry("entry-2"),)),
        c.ActionRequested(action=action("action-2")),
        c.ActionMoved(action_id="action-1", status=ActionStatus.CANCELLED, by="ada"),
        stored(artifact_id="artifact-2"),
        c.ArtifactDropped(artifact_id="artifact-1"),
        c.SessionTaken(session_id="talk", expected_version=1),
        c.SessionAppended(session_id="talk", expected_version=1, items=("2",)),
        c.SessionDropped(session_id="talk"),
        c.AgentStored(agent=stored_agent(version=2)),
        c.AgentRemoved(name="clerk"),
        c.RecordsDropped(),
    )
}
"""A change of each kind of the union that a filled scope takes."""


def fitting(kind: type[Any], scope_id: str) -> tuple[str, int | None, c.Change]:
    """Return the job and the fence to commit the fitting change of this kind with, and it."""
    if kind is c.JobCreated:
        return "job-2", None, c.JobCreated(job=job("job-2", scope_id))
    return "job-1", None if kind is c.JobClaimed else 1, FITTING[kind]
