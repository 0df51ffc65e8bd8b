"""No method returns or changes what belongs to another scope, method by method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from steer.errors import NotFound
from steer.ports import changes as c
from steer.ports.records import JobQuery
from steer.ports.storage import HeldJob, Storage
from steer.values import ActionStatus, JobStatus

from steer_conformance.checks import check, raises
from steer_conformance.storing.filling import FITTING, claim, fill, filling
from steer_conformance.storing.samples import (
    START,
    admit,
    budget,
    effect_key,
    events,
    outcome,
    stored_agent,
    write,
)
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase
from steer_conformance.suites.storage.showing import show

Read = Callable[[Storage], Awaitable[Any]]

STRANGERS = (HeldJob(scope_id="other", job_id="job-1", fence=1),)

NOT_FOUND: Mapping[str, tuple[Read, ...]] = {
    "jobs.get": (lambda s: s.jobs.get("other", "job-1"),),
    "journal.events": (lambda s: s.journal.events("other", "job-1"),),
    "records.load": (lambda s: s.records.load("other", "job-1"),),
    "actions.get": (lambda s: s.actions.get("other", "action-1"),),
    "artifacts.get": (lambda s: s.artifacts.get("other", "artifact-1"),),
    "artifacts.read": (lambda s: s.artifacts.read("other", "artifact-1", length=9),),
    "ledger.account": (lambda s: s.ledger.account("other", "team"),),
    "ledger.budget": (lambda s: s.ledger.budget("other", "cap"),),
    "sessions.get": (lambda s: s.sessions.get("other", "talk"),),
    "agents.get": (
        lambda s: s.agents.get("other", "clerk"),
        lambda s: s.agents.get("other", "clerk", version=1),
    ),
}
"""What raises ``NotFound`` for what another scope has."""

EMPTY: Mapping[str, tuple[Read, ...]] = {
    "jobs.list": (
        lambda s: s.jobs.list("other", JobQuery()),
        lambda s: s.jobs.list("other", JobQuery(session_id="talk")),
        lambda s: s.jobs.list("other", JobQuery(statuses=frozenset(JobStatus))),
    ),
    "actions.list": (
        lambda s: s.actions.list("other"),
        lambda s: s.actions.list("other", job_id="job-1"),
        lambda s: s.actions.list("other", status=ActionStatus.PENDING),
    ),
    "artifacts.list": (
        lambda s: s.artifacts.list("other"),
        lambda s: s.artifacts.list("other", job_id="job-1"),
    ),
    "ledger.entries": (
        lambda s: s.ledger.entries("other"),
        lambda s: s.ledger.entries("other", job_id="job-1"),
        lambda s: s.ledger.entries("other", since=START),
    ),
    "ledger.budgets": (lambda s: s.ledger.budgets("other"),),
    "ledger.accounts": (
        lambda s: s.ledger.accounts("other"),
        lambda s: s.ledger.accounts("other", budget_id="id-of-cap"),
    ),
    "sessions.list": (lambda s: s.sessions.list("other"),),
    "agents.list": (lambda s: s.agents.list("other"),),
    "agents.versions": (lambda s: s.agents.versions("other", "clerk"),),
}
"""What lists nothing of another scope."""

NOTHING: Mapping[str, tuple[Read, object]] = {
    "jobs.find": (lambda s: s.jobs.find("other", "key"), None),
    "jobs.claimable": (lambda s: s.jobs.claimable("default", scopes=["other"]), []),
    "jobs.owners": (lambda s: s.jobs.owners(scopes=["other"]), []),
    "jobs.cancellations": (lambda s: s.jobs.cancellations(STRANGERS), {}),
    "jobs.renew": (lambda s: s.jobs.renew(STRANGERS, lease_seconds=99), list(STRANGERS)),
    "journal.read": (lambda s: s.journal.read("other"), []),
    "ledger.reservations": (lambda s: s.ledger.reservations("other", "job-1"), []),
    "ledger.reserved": (lambda s: s.ledger.reserved("other", "team"), []),
    "ledger.totals": (lambda s: s.ledger.totals([], scopes=["other"]), []),
}
"""What answers in another form, and what it answers."""


@check("ST-1")
async def what_another_scope_has_is_neither_found_nor_listed(case: StorageCase) -> None:
    await fill(case.storage)
    await write(case.storage, FITTING[c.CancelRequested])
    for method, reads in NOT_FOUND.items():
        for read in reads:
            with about(method), raises(NotFound):
                raise AssertionError(f"{method} gives {await read(case.storage)} of another scope")
    for method, reads in EMPTY.items():
        for read in reads:
            page = await read(case.storage)
            assert (page.items, page.cursor) == ((), None), method
    for method, (read, nothing) in NOTHING.items():
        found = await read(case.storage)
        assert (list(found) if isinstance(found, Sequence) else found) == nothing, method


@check("ST-1")
async def no_change_reaches_another_scope(case: StorageCase) -> None:
    storage = case.storage
    await fill(storage)
    before = await show(storage, "acme")
    case.clock.turn(1)
    for kind, change in FITTING.items():
        if kind is c.JobCreated:
            continue
        for fence in (None, 1):
            with about(kind, fence), raises(NotFound):
                await storage.commit("other", "job-1", fence, [change])
        assert await show(storage, "acme") == before, kind.__name__


@check("ST-1")
async def no_change_reaches_another_scope_through_a_job_of_the_same_id(case: StorageCase) -> None:
    storage = case.storage
    await fill(storage)
    before = await show(storage, "acme")
    case.clock.turn(1)
    await admit(storage, "job-1", "other")
    theirs: tuple[c.Change, ...] = (
        c.EffectResolved(key=effect_key(), outcome=outcome()),
        c.GrantUsed(grant_id="grant-1"),
        c.ActionMoved(action_id="action-1", status=ActionStatus.CANCELLED),
        c.ArtifactDropped(artifact_id="artifact-1"),
        c.BudgetDropped(name="cap"),
        c.AccountOpened(account="month", budget_id="id-of-cap"),
        c.Reserved(key="more", amounts=(("team", 1),)),
        c.Settled(key="hold", actuals=(("team", 1),)),
        c.Released(key="hold"),
        c.SessionDropped(session_id="talk"),
        c.AgentRemoved(name="clerk"),
    )
    for change in theirs:
        with about(change), raises(NotFound):
            await storage.commit("other", "job-1", 1, [change])
    mine: list[c.Change] = [events(1), c.RecordsDropped(), c.JobMoved(status=JobStatus.FAILED)]
    await storage.commit("other", "job-1", 1, mine)
    assert await show(storage, "acme") == before


@check("ST-1")
async def another_scope_may_use_the_same_names(case: StorageCase) -> None:
    storage = case.storage
    await fill(storage)
    before = await show(storage, "acme")
    case.clock.turn(1)
    await storage.commit("other", "job-1", None, filling("other"))
    for change in (
        c.BudgetDefined(budget=budget(limit=0, revision=2)),
        c.BudgetDropped(name="cap"),
        c.BudgetSet(account="team", unit="usd", limit=0),
        c.SessionAppended(session_id="talk", expected_version=1, items=("2",)),
        c.SessionTaken(session_id="talk"),
        c.SessionDropped(session_id="talk"),
        c.AgentStored(agent=stored_agent(version=2)),
        c.AgentRemoved(name="clerk"),
        c.Settled(key="hold", actuals=(("team", 1),)),
        c.ActionMoved(action_id="action-1", status=ActionStatus.CANCELLED),
        c.ArtifactDropped(artifact_id="artifact-1"),
        c.GrantUsed(grant_id="grant-1"),
        c.EffectResolved(key=effect_key(), outcome=outcome()),
        c.CancelRequested(reason="theirs", by="eve"),
        events(2),
        c.JobMoved(status=JobStatus.FAILED),
        c.RecordsDropped(),
    ):
        await storage.commit("other", "job-1", 1, [change])
    assert await show(storage, "acme") == before
    held = [replace(STRANGERS[0], scope_id="acme")]
    assert await storage.jobs.cancellations(held) == {}


@check("ST-1")
async def claiming_and_renewing_reach_no_other_scope(case: StorageCase) -> None:
    storage = case.storage
    for scope_id in ("acme", "other"):
        await admit(storage, "job-1", scope_id)
    case.clock.turn(60)
    before = await show(storage, "acme")
    await storage.commit("other", "job-1", None, [claim(1)])
    held = [replace(STRANGERS[0], fence=2)]
    assert list(await storage.jobs.renew(held, lease_seconds=99)) == []
    assert await show(storage, "acme") == before
