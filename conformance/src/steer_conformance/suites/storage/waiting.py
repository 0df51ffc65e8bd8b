"""Jobs that nobody holds: parked for a person, due for a worker, children of others."""

from __future__ import annotations

from datetime import timedelta

from steer.errors import ActionExpired, BudgetExceeded, Conflict, InvalidTransition, NotFound
from steer.ports.changes import ActionMoved, ActionRequested, JobMoved
from steer.ports.records import JobRecord
from steer.ports.storage import Storage
from steer.values import ActionStatus, JobStatus

from steer_conformance.checks import check, raises
from steer_conformance.storing.filling import claim
from steer_conformance.storing.samples import (
    LEASE,
    START,
    action,
    admit,
    created,
    job,
    owner,
    write,
)
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase

PARKED = JobMoved(status=JobStatus.WAITING_ACTION, waits_for=("action-1",))


async def names(storage: Storage, **fields: object) -> list[str]:
    """Return the ids of the jobs that a worker of the default queue can take."""
    found = await storage.jobs.claimable("default", **fields)  # type: ignore[arg-type]  # its own keywords
    return [one.job_id for one in found]


async def queue(storage: Storage, *records: JobRecord) -> None:
    """Create jobs that nobody holds."""
    for record in records:
        await storage.commit(record.scope_id, record.job_id, None, [created(record)])


@check("ST-48")
async def a_parked_job_is_held_by_nobody_and_due_when_it_says(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    later = START + timedelta(hours=1)
    await write(
        storage,
        ActionRequested(action=action()),
        JobMoved(status=JobStatus.WAITING_ACTION, waits_for=("action-1",), due_at=later),
    )
    found = await storage.jobs.get("acme", "job-1")
    assert (found.status, found.owner, found.lease_expires_at, found.due_at) == (
        JobStatus.WAITING_ACTION,
        None,
        None,
        later,
    )
    await write(storage, claim(1), fence=None)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.status, found.owner, found.due_at) == (
        JobStatus.RUNNING,
        owner("kernel-2"),
        None,
    )


@check("ST-48")
async def a_job_is_not_parked_for_an_answer_that_is_there(case: StorageCase) -> None:
    storage = case.storage
    for number, status in enumerate((ActionStatus.RESOLVED, ActionStatus.CANCELLED)):
        name = f"job-{number}"
        await admit(storage, name)
        await write(storage, ActionRequested(action=action(name, job_id=name)), job_id=name)
        await storage.commit("acme", None, None, [ActionMoved(action_id=name, status=status)])
        parked = JobMoved(status=JobStatus.WAITING_ACTION, waits_for=(name,))
        with about(status), raises(Conflict):
            await write(storage, parked, job_id=name)
        assert (await storage.jobs.get("acme", name)).status is JobStatus.RUNNING


@check("ST-48")
async def a_job_waits_for_its_own_actions_only(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await admit(storage, "job-2")
    with raises(Conflict):
        await write(storage, PARKED)
    await write(storage, ActionRequested(action=action(job_id="job-2")), job_id="job-2")
    with raises(Conflict):
        await write(storage, PARKED)
    assert (await storage.jobs.get("acme", "job-1")).status is JobStatus.RUNNING


@check("ST-49")
async def what_is_due_is_claimable_and_the_longest_due_comes_first(case: StorageCase) -> None:
    storage, clock = case.storage, case.clock
    await queue(storage, job("soon", due_at=START + timedelta(seconds=5)), job("now"))
    clock.turn(1)
    await queue(storage, job("later"), job("elsewhere", queue="other"))
    assert await names(storage) == ["now", "later"]
    assert await names(storage, limit=1) == ["now"]
    assert [one.job_id for one in await storage.jobs.claimable("other")] == ["elsewhere"]
    clock.turn(4)
    assert await names(storage) == ["now", "later", "soon"]
    (first, *_) = await storage.jobs.claimable("default")
    assert first == await storage.jobs.get("acme", "now")


@check("ST-49")
async def a_held_job_is_claimable_once_its_lease_is_over_or_its_owner_is_dead(
    case: StorageCase,
) -> None:
    storage = case.storage
    await admit(storage)
    assert await names(storage) == []
    assert await names(storage, dead=[owner("kernel-9")]) == []
    assert await names(storage, dead=[owner()]) == ["job-1"]
    case.clock.turn(LEASE)
    assert await names(storage) == ["job-1"]


@check("ST-49")
async def what_waits_or_has_ended_is_claimable_when_it_is_due_or_never(case: StorageCase) -> None:
    storage, clock = case.storage, case.clock
    for name, status in (("waits", JobStatus.WAITING_ACTION), ("over", JobStatus.FAILED)):
        await admit(storage, name)
        await write(storage, JobMoved(status=status), job_id=name)
    await admit(storage, "gives-up")
    due = START + timedelta(seconds=2 * LEASE)
    await write(storage, JobMoved(status=JobStatus.WAITING_ACTION, due_at=due), job_id="gives-up")
    clock.turn(2 * LEASE - 1)
    assert await names(storage) == []
    clock.turn(1)
    assert await names(storage) == ["gives-up"]


@check("ST-49")
async def a_worker_sees_the_scopes_it_names_or_all(case: StorageCase) -> None:
    storage = case.storage
    await queue(storage, job("a", "acme"), job("b", "other"), job("c", "third"))
    assert await names(storage, scopes=["other"]) == ["b"]
    assert await names(storage, scopes=[]) == []
    assert sorted(await names(storage)) == ["a", "b", "c"]


@check("ST-49")
async def a_retry_is_counted_and_waits_for_its_time(case: StorageCase) -> None:
    storage, clock = case.storage, case.clock
    await admit(storage)
    due = START + timedelta(seconds=3)
    await write(storage, JobMoved(status=JobStatus.QUEUED, due_at=due, retry=True))
    assert await names(storage) == []
    clock.turn(3)
    assert await names(storage) == ["job-1"]
    await write(storage, claim(1), fence=None)
    await write(storage, JobMoved(status=JobStatus.QUEUED), fence=2)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.retries, found.attempt, found.due_at) == (1, 2, clock.now())


@check("ST-50")
async def owners_are_those_who_hold_jobs(case: StorageCase) -> None:
    storage = case.storage
    await queue(storage, job("free"))
    for scope_id, name, kernel in (
        ("acme", "a", "kernel-1"),
        ("acme", "b", "kernel-1"),
        ("other", "c", "kernel-2"),
        ("other", "d", "kernel-3"),
    ):
        record = job(name, scope_id, owner=owner(kernel))
        await storage.commit(scope_id, name, None, [created(record)])
    await storage.commit("other", "d", 1, [JobMoved(status=JobStatus.FAILED)])
    found = await storage.jobs.owners()
    assert sorted(one.token for one in found) == ["kernel-1", "kernel-2"]
    assert list(await storage.jobs.owners(scopes=["acme"])) == [owner()]
    assert list(await storage.jobs.owners(scopes=[])) == []


@check("ST-51")
async def an_answer_after_the_time_is_refused_and_before_it_is_not(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    for name, seconds in (("early", 5), ("late", 5), ("gone", 5)):
        asked = action(name, expires_at=START + timedelta(seconds=seconds))
        await write(storage, ActionRequested(action=asked))
    case.clock.turn(4.999)
    answer = ActionMoved(action_id="early", status=ActionStatus.RESOLVED)
    await storage.commit("acme", None, None, [answer])
    case.clock.turn(0.001)
    with raises(ActionExpired):
        await storage.commit(
            "acme", None, None, [ActionMoved(action_id="late", status=ActionStatus.RESOLVED)]
        )
    over = ActionMoved(action_id="gone", status=ActionStatus.EXPIRED)
    await storage.commit("acme", None, None, [over])
    assert (await storage.actions.get("acme", "gone")).status is ActionStatus.EXPIRED
    assert (await storage.actions.get("acme", "late")).status is ActionStatus.PENDING


@check("ST-53")
async def an_answer_for_an_owner_is_refused_once_nobody_holds_the_job_so(
    case: StorageCase,
) -> None:
    storage = case.storage
    answers = [
        ActionMoved(action_id=f"action-{n}", status=ActionStatus.RESOLVED, held_by=1)
        for n in (1, 2)
    ]
    await admit(storage)
    await admit(storage, "job-2")
    await write(storage, *(ActionRequested(action=action(f"action-{n}")) for n in (1, 2)))
    with raises(Conflict):
        await write(storage, answers[0], job_id="job-2", fence=None)
    await write(storage, answers[0], fence=None)
    await write(storage, JobMoved(status=JobStatus.WAITING_ACTION, waits_for=("action-2",)))
    with raises(Conflict):
        await write(storage, answers[1], fence=None)
    await write(storage, claim(1), fence=None)
    with raises(Conflict):
        await write(storage, answers[1], fence=None)
    assert (await storage.actions.get("acme", "action-1")).status is ActionStatus.RESOLVED
    assert (await storage.actions.get("acme", "action-2")).status is ActionStatus.PENDING


@check("ST-52")
async def a_job_has_so_many_children_and_no_more(case: StorageCase) -> None:
    storage = case.storage

    async def bear(name: str, parent: str = "job-1", most: int = 2) -> None:
        record = created(job(name, parent_job_id=parent, depth=1))
        limited = type(record)(job=record.job, max_children=most)
        await storage.commit("acme", name, None, [limited])

    await admit(storage)
    await bear("a")
    await bear("b")
    with raises(BudgetExceeded):
        await bear("c")
    with raises(NotFound):
        await bear("d", parent="nobody")
    await write(storage, JobMoved(status=JobStatus.FAILED))
    with raises(InvalidTransition):
        await bear("e", most=9)
    for name in ("c", "d", "e"):
        with about(name), raises(NotFound):
            await storage.jobs.get("acme", name)
    assert (await storage.jobs.get("acme", "b")).depth == 1
