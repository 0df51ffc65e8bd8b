"""What holds for every commit: whole or not at all, in order, and only by who may."""

from __future__ import annotations

from steer.errors import Conflict, NotFound, StaleFence
from steer.ports import changes as c
from steer.values import JobStatus

from steer_conformance.checks import check, raises
from steer_conformance.storing.filling import (
    FITTING,
    REFUSED,
    claim,
    fill,
    filling,
    fitting,
)
from steer_conformance.storing.samples import (
    admit,
    created,
    ending,
    events,
    model_record,
    seqs,
    write,
)
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase
from steer_conformance.suites.storage.oracle import PlainStore
from steer_conformance.suites.storage.showing import show, show_plain


@check("ST-2")
async def a_refused_change_takes_every_other_of_its_commit_along(case: StorageCase) -> None:
    for kind in FITTING:
        scope_id = kind.__name__
        await fill(case.storage, scope_id)
        before = await show(case.storage, scope_id)
        case.clock.turn(1)
        job_id, fence, change = fitting(kind, scope_id)
        with about(kind), raises(Conflict):
            await case.storage.commit(scope_id, job_id, fence, [change, REFUSED])
        assert await show(case.storage, scope_id) == before, f"half a commit with {kind.__name__}"


@check("ST-2")
async def changes_of_one_commit_build_on_each_other(case: StorageCase) -> None:
    storage = case.storage
    await write(
        storage,
        created(),
        claim(0),
        events(1),
        events(2, 3),
        c.BudgetSet(account="team", unit="usd", limit=5),
        c.Reserved(key="a", amounts=(("team", 5),)),
        c.Settled(key="a", actuals=(("team", 1),)),
        c.Reserved(key="b", amounts=(("team", 4),)),
        c.SessionAppended(session_id="talk", expected_version=0, items=("1",)),
        c.SessionAppended(session_id="talk", expected_version=1, items=("2",)),
        ending(4),
        c.JobMoved(status=JobStatus.SUCCEEDED),
        fence=None,
    )
    assert seqs(await storage.journal.events("acme", "job-1")) == [1, 2, 3, 4]
    assert (await storage.jobs.get("acme", "job-1")).status is JobStatus.SUCCEEDED
    account = await storage.ledger.account("acme", "team")
    assert (account.spent, account.reserved) == (1, 4)
    assert (await storage.sessions.get("acme", "talk")).items == ("1", "2")


@check("ST-3")
async def no_change_is_taken_under_a_fence_that_is_not_the_newest(case: StorageCase) -> None:
    for kind, change in FITTING.items():
        if kind is c.JobCreated:
            continue
        scope_id = kind.__name__
        await fill(case.storage, scope_id)
        takeover = claim(1, "kernel-1", dead_owner=claim(0, "kernel-1").owner)
        await case.storage.commit(scope_id, "job-1", None, [takeover])
        before = await show(case.storage, scope_id)
        case.clock.turn(1)
        for fence in (0, 1, 3):
            with about(kind, fence), raises(StaleFence):
                await case.storage.commit(scope_id, "job-1", fence, [change])
        assert await show(case.storage, scope_id) == before, f"{kind.__name__} of a stale owner"


@check("ST-4")
async def only_its_owner_changes_a_job_that_is_held(case: StorageCase) -> None:
    await fill(case.storage)
    before = await show(case.storage, "acme")
    case.clock.turn(1)
    for kind in OWNERS_ALONE:
        with about(kind), raises(Conflict):
            await write(case.storage, FITTING[kind], fence=None)
    assert await show(case.storage, "acme") == before


OWNERS_ALONE = (
    c.JobMoved,
    c.EventsAppended,
    c.ModelRecorded,
    c.EffectIntended,
    c.EffectResolved,
    c.GrantIssued,
    c.GrantUsed,
    c.SessionTaken,
    c.RecordsDropped,
)
"""What needs the fence of a job that somebody holds."""


@check("ST-4")
async def what_is_no_part_of_a_running_job_needs_no_fence(case: StorageCase) -> None:
    for kind, change in FITTING.items():
        if kind in OWNERS_ALONE or kind is c.JobCreated:
            continue
        scope_id = kind.__name__
        await fill(case.storage, scope_id)
        plain = PlainStore()
        plain.commit(scope_id, "job-1", None, filling(scope_id), case.clock.now())
        plain.commit(scope_id, "job-1", None, [change], case.clock.now())
        await case.storage.commit(scope_id, "job-1", None, [change])
        assert (await show(case.storage, scope_id))["jobs"] == show_plain(plain, scope_id)["jobs"]


@check("ST-4")
async def a_job_that_nobody_holds_moves_and_ends_without_a_fence(case: StorageCase) -> None:
    storage = case.storage
    await write(storage, created(), fence=None)
    with raises(Conflict):
        await write(storage, c.ModelRecorded(record=model_record()), fence=None)
    await write(storage, ending(1), c.JobMoved(status=JobStatus.CANCELLED), fence=None)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.status, found.last_seq) == (JobStatus.CANCELLED, 1)


@check("ST-5")
async def a_commit_for_a_job_that_is_not_there_is_refused(case: StorageCase) -> None:
    budget = c.BudgetSet(account="team", unit="usd", limit=1)
    for fence in (None, 0, 1):
        with about(fence), raises(NotFound):
            await write(case.storage, budget, fence=fence)
    with raises(NotFound):
        await case.storage.ledger.account("acme", "team")


@check("ST-5")
async def a_change_of_a_job_needs_a_commit_that_names_it(case: StorageCase) -> None:
    await admit(case.storage)
    for kind in (*OWNERS_ALONE, c.JobClaimed, c.CancelRequested):
        with about(kind), raises(Conflict):
            await case.storage.commit("acme", None, None, [FITTING[kind]])


@check("ST-6")
async def a_change_of_every_kind_is_kept_as_its_rule_says(case: StorageCase) -> None:
    for kind in FITTING:
        scope_id = kind.__name__
        plain = PlainStore()
        await fill(case.storage, scope_id)
        plain.commit(scope_id, "job-1", None, filling(scope_id), case.clock.now())
        case.clock.turn(1)
        job_id, fence, change = fitting(kind, scope_id)
        done = await case.storage.commit(scope_id, job_id, fence, [change])
        plain.commit(scope_id, job_id, fence, [change], case.clock.now())
        shown, meant = await show(case.storage, scope_id), show_plain(plain, scope_id)
        # Positions are the whole store's, and other scopes were filled before this one.
        for each in (shown, meant):
            each["journal"] = [event for _, event in each["journal"]]
        assert shown == meant, kind.__name__
        kept = plain.scope(scope_id).jobs[job_id]
        assert (done.fence, done.attempt) == (kept.fence, kept.attempt)
