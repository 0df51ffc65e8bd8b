"""No method returns or changes what belongs to another scope (ST-1), method by method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from steer.errors import NotFound
from steer.ports.changes import (
    ActionMoved,
    ActionRequested,
    AgentStored,
    BudgetSet,
    CancelRequested,
    Change,
    EffectIntended,
    EffectResolved,
    GrantIssued,
    GrantUsed,
    JobClaimed,
    JobMoved,
    LedgerAppended,
    ModelRecorded,
    RecordsDropped,
    Released,
    Reserved,
    SessionAppended,
    Settled,
)
from steer.ports.records import JobQuery
from steer.ports.storage import HeldJob, Storage
from steer.values import ActionStatus, JobStatus
from storage_samples import (
    LEASE,
    TurnedClock,
    action,
    admit,
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
    write,
)

pytestmark = pytest.mark.anyio

FILLING: tuple[Change, ...] = (
    created(job(owner=owner(), idempotency_key="key", session_id="talk")),
    events(1),
    ModelRecorded(record=model_record()),
    EffectIntended(effect=effect()),
    GrantIssued(grant=grant()),
    BudgetSet(account="team", unit="usd", limit=10),
    Reserved(key="hold", amounts=(("team", 5),)),
    LedgerAppended(entries=(entry(),)),
    ActionRequested(action=action()),
    SessionAppended(session_id="talk", expected_version=0, items=("1",)),
    AgentStored(agent=stored_agent()),
    CancelRequested(reason="r", by="b"),
)


@pytest.fixture
async def filled(storage: Storage) -> Storage:
    """Scope ``acme`` has something of everything."""
    await storage.commit("acme", "job-1", None, FILLING)
    return storage


NOT_FOUND: dict[str, Callable[[Storage], Awaitable[object]]] = {
    "jobs.get": lambda s: s.jobs.get("other", "job-1"),
    "journal.events": lambda s: s.journal.events("other", "job-1"),
    "records.load": lambda s: s.records.load("other", "job-1"),
    "actions.get": lambda s: s.actions.get("other", "action-1"),
    "ledger.account": lambda s: s.ledger.account("other", "team"),
    "sessions.get": lambda s: s.sessions.get("other", "talk"),
    "agents.get": lambda s: s.agents.get("other", "clerk"),
    "agents.get version": lambda s: s.agents.get("other", "clerk", version=1),
}
EMPTY: dict[str, Callable[[Storage], Awaitable[Any]]] = {
    "jobs.list": lambda s: s.jobs.list("other", JobQuery()),
    "jobs.list session": lambda s: s.jobs.list("other", JobQuery(session_id="talk")),
    "actions.list": lambda s: s.actions.list("other"),
    "actions.list job": lambda s: s.actions.list("other", job_id="job-1"),
    "ledger.entries": lambda s: s.ledger.entries("other"),
    "ledger.entries job": lambda s: s.ledger.entries("other", job_id="job-1"),
    "sessions.list": lambda s: s.sessions.list("other"),
    "agents.list": lambda s: s.agents.list("other"),
}


@pytest.mark.parametrize("method", NOT_FOUND)
async def test_what_another_scope_has_is_not_found(filled: Storage, method: str) -> None:
    with pytest.raises(NotFound):
        await NOT_FOUND[method](filled)


@pytest.mark.parametrize("method", EMPTY)
async def test_what_another_scope_has_is_not_listed(filled: Storage, method: str) -> None:
    page = await EMPTY[method](filled)
    assert (page.items, page.cursor) == ((), None)


async def test_what_another_scope_has_is_not_returned_in_any_other_form(filled: Storage) -> None:
    held = [HeldJob(scope_id="other", job_id="job-1", fence=1)]
    assert await filled.jobs.find("other", "key") is None
    assert list(await filled.journal.read("other")) == []
    assert list(await filled.ledger.reservations("other", "job-1")) == []
    assert await filled.jobs.cancellations(held) == {}


@pytest.mark.parametrize(
    "change",
    [
        events(2),
        JobMoved(status=JobStatus.FAILED),
        JobClaimed(owner=owner("x"), run_id="r", expected_fence=1, lease_seconds=LEASE),
        CancelRequested(reason="r", by="b"),
        ModelRecorded(record=model_record(1)),
        EffectResolved(key=effect_key(), outcome=outcome()),
        GrantUsed(grant_id="grant-1"),
        RecordsDropped(),
        ActionRequested(action=action("action-2")),
        ActionMoved(action_id="action-1", status=ActionStatus.CANCELLED),
        Reserved(key="more", amounts=(("team", 1),)),
        Settled(key="hold", actuals=(("team", 1),)),
        Released(key="hold"),
    ],
    ids=lambda change: type(change).__name__,
)
async def test_no_change_reaches_another_scope(filled: Storage, change: Change) -> None:
    before = await everything(filled)
    for fence in (None, 1):
        with pytest.raises(NotFound):
            await filled.commit("other", "job-1", fence, [change])
    assert await everything(filled) == before


async def test_no_change_reaches_another_scope_through_a_job_of_the_same_id(
    filled: Storage,
) -> None:
    before = await everything(filled)
    await admit(filled, "job-1", "other")
    for change in (
        EffectResolved(key=effect_key(), outcome=outcome()),
        GrantUsed(grant_id="grant-1"),
        ActionMoved(action_id="action-1", status=ActionStatus.CANCELLED),
        Reserved(key="more", amounts=(("team", 1),)),
        Settled(key="hold", actuals=(("team", 1),)),
        Released(key="hold"),
    ):
        with pytest.raises(NotFound):
            await filled.commit("other", "job-1", 1, [change])
    await filled.commit(
        "other", "job-1", 1, [events(1), RecordsDropped(), JobMoved(status=JobStatus.FAILED)]
    )
    assert await everything(filled) == before


async def test_another_scope_may_use_the_same_names(filled: Storage) -> None:
    before = await everything(filled)
    record = job(scope_id="other", owner=owner(), idempotency_key="key")
    await filled.commit("other", "job-1", None, [created(record), *FILLING[1:]])
    assert await everything(filled) == before
    for change in (
        BudgetSet(account="team", unit="usd", limit=0),
        SessionAppended(session_id="talk", expected_version=1, items=("2",)),
        AgentStored(agent=stored_agent(version=2)),
        Settled(key="hold", actuals=(("team", 1),)),
        ActionMoved(action_id="action-1", status=ActionStatus.CANCELLED),
        GrantUsed(grant_id="grant-1"),
        EffectResolved(key=effect_key(), outcome=outcome()),
        events(2),
        JobMoved(status=JobStatus.FAILED),
        RecordsDropped(),
    ):
        await filled.commit("other", "job-1", 1, [change])
    assert await everything(filled) == before


async def test_renewing_reaches_no_other_scope(filled: Storage, clock: TurnedClock) -> None:
    before = await everything(filled)
    clock.turn(1)
    held = [HeldJob(scope_id="other", job_id="job-1", fence=1)]
    assert list(await filled.jobs.renew(held, lease_seconds=99)) == held
    assert await everything(filled) == before
    await write(filled, events(2))
    assert await everything(filled) != before


async def everything(storage: Storage) -> list[object]:
    """All that scope ``acme`` shows."""
    return [
        await storage.jobs.list("acme", JobQuery()),
        await storage.journal.read("acme"),
        await storage.records.load("acme", "job-1"),
        await storage.actions.list("acme"),
        await storage.ledger.entries("acme"),
        await storage.ledger.account("acme", "team"),
        await storage.ledger.reservations("acme", "job-1"),
        await storage.sessions.get("acme", "talk"),
        await storage.agents.list("acme"),
    ]
