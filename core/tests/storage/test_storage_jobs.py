"""Jobs: admission, claims, leases, moves, requests to stop, idempotency keys, listing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from steer.errors import (
    ConfigError,
    Conflict,
    IdempotencyConflict,
    InvalidTransition,
    NotFound,
    StaleFence,
)
from steer.ports.changes import (
    BudgetSet,
    CancelRequested,
    JobClaimed,
    JobMoved,
    ModelRecorded,
)
from steer.ports.records import JobQuery
from steer.ports.storage import MAX_PAGE, HeldJob, Storage
from steer.values import JobStatus, RunResult
from storage_samples import (
    LEASE,
    START,
    TurnedClock,
    admit,
    created,
    ending,
    events,
    job,
    model_record,
    owner,
    write,
)

pytestmark = pytest.mark.anyio

STOP = CancelRequested(reason="enough", by="ada")
HELD = HeldJob(scope_id="acme", job_id="job-1", fence=1)


def claim(expected_fence: int = 0, kernel: str = "kernel-2", **fields: Any) -> JobClaimed:
    return JobClaimed(
        owner=owner(kernel),
        run_id=f"run-of-{kernel}",
        expected_fence=expected_fence,
        lease_seconds=LEASE,
        **fields,
    )


async def test_a_queued_job_has_neither_fence_nor_owner(storage: Storage) -> None:
    done = await storage.commit("acme", "job-1", None, [created()])
    assert (done.position, done.fence, done.attempt) == (0, 0, 0)
    assert await storage.jobs.get("acme", "job-1") == job()


async def test_a_job_with_an_owner_is_admitted_already_claimed(
    storage: Storage, clock: TurnedClock
) -> None:
    clock.turn(5)
    record = job(owner=owner(), attempt=9, fence=9, status=JobStatus.QUEUED)
    done = await storage.commit("acme", "job-1", None, [created(record), events(1)])
    assert (done.position, done.fence, done.attempt) == (1, 1, 1)
    assert await storage.jobs.get("acme", "job-1") == replace(
        record,
        status=JobStatus.RUNNING,
        attempt=1,
        fence=1,
        last_seq=1,
        started_at=clock.now(),
        updated_at=clock.now(),
        lease_expires_at=clock.now() + timedelta(seconds=LEASE),
    )


async def test_a_commit_for_a_job_that_is_not_there_is_refused(storage: Storage) -> None:
    for fence in (None, 0, 1):
        with pytest.raises(NotFound, match="job-1"):
            await write(storage, BudgetSet(account="a", unit="usd", limit=1), fence=fence)
    with pytest.raises(NotFound):
        await storage.ledger.account("acme", "a")


async def test_a_job_is_created_only_by_a_commit_that_names_it(storage: Storage) -> None:
    for scope_id, job_id in (("acme", "job-2"), ("other", "job-1"), ("acme", None)):
        with pytest.raises(Conflict):
            await storage.commit(scope_id, job_id, None, [created()])


async def test_a_job_id_is_taken_once(storage: Storage) -> None:
    await write(storage, created(), fence=None)
    with pytest.raises(Conflict, match="taken"):
        await write(storage, created(job(agent="thief")), fence=None)
    assert (await storage.jobs.get("acme", "job-1")).agent == "clerk"


async def test_an_idempotency_key_names_its_holder(storage: Storage) -> None:
    await write(storage, created(job(idempotency_key="k")), fence=None)
    with pytest.raises(IdempotencyConflict, match="'k'") as raised:
        await storage.commit(
            "acme", "job-2", None, [created(job("job-2", idempotency_key="k")), events(1)]
        )
    assert raised.value.job_id == "job-1"
    with pytest.raises(NotFound):
        await storage.jobs.get("acme", "job-2")
    assert await storage.jobs.find("acme", "k") == await storage.jobs.get("acme", "job-1")
    assert await storage.jobs.find("acme", "another") is None


async def test_an_idempotency_key_is_free_in_another_scope(storage: Storage) -> None:
    for scope_id in ("acme", "other"):
        record = job(scope_id=scope_id, idempotency_key="k")
        await storage.commit(scope_id, "job-1", None, [created(record)])


async def test_a_queued_job_is_claimed_once(storage: Storage, clock: TurnedClock) -> None:
    await write(storage, created(), fence=None)
    clock.turn(1)
    done = await storage.commit("acme", "job-1", None, [claim(), events(1)])
    assert (done.fence, done.attempt) == (1, 1)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.status, found.run_id, found.owner) == (
        JobStatus.RUNNING,
        "run-of-kernel-2",
        owner("kernel-2"),
    )
    assert found.started_at == clock.now()
    assert found.lease_expires_at == clock.now() + timedelta(seconds=LEASE)
    for expected_fence in (0, 1, 2):
        with pytest.raises(Conflict):
            await write(storage, claim(expected_fence, "kernel-3"), fence=None)


async def test_a_lease_that_ran_out_is_claimed_and_the_old_owner_is_fenced_off(
    storage: Storage, clock: TurnedClock
) -> None:
    await admit(storage)
    clock.turn(LEASE - 0.000001)
    with pytest.raises(Conflict, match="held"):
        await write(storage, claim(1), fence=None)
    clock.turn(0.000001)
    await write(storage, claim(1), fence=None)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.fence, found.attempt, found.started_at) == (2, 2, START)
    for change in (events(1), JobMoved(status=JobStatus.SUCCEEDED), STOP):
        with pytest.raises(StaleFence):
            await write(storage, change, fence=1)
    assert await storage.jobs.get("acme", "job-1") == found


async def test_the_job_of_a_dead_owner_is_claimed_at_once(storage: Storage) -> None:
    await admit(storage)
    for other in (
        owner("kernel-9"),
        owner(host="x"),
        owner(boot_id="x"),
        owner(pid=8),
        owner(started=100),
    ):
        with pytest.raises(Conflict):
            await write(storage, claim(1, dead_owner=other), fence=None)
    await write(storage, claim(1, dead_owner=owner()), fence=None)


async def test_a_waiting_job_is_claimed_whoever_holds_it(storage: Storage) -> None:
    await admit(storage)
    await write(storage, JobMoved(status=JobStatus.WAITING_ACTION))
    assert (await storage.jobs.get("acme", "job-1")).owner == owner()
    await write(storage, claim(1), fence=None)
    assert (await storage.jobs.get("acme", "job-1")).status is JobStatus.RUNNING


@pytest.mark.parametrize("status", sorted(JobStatus))
async def test_a_job_moves_only_where_it_may(storage: Storage, status: JobStatus) -> None:
    await admit(storage)
    if status is JobStatus.RUNNING:
        with pytest.raises(InvalidTransition, match="running cannot become running"):
            await write(storage, JobMoved(status=status))
        return
    await write(storage, JobMoved(status=status))
    found = await storage.jobs.get("acme", "job-1")
    assert found.status is status
    held = status is JobStatus.WAITING_ACTION
    assert (found.owner is not None, found.lease_expires_at is not None) == (held, held)
    assert (found.ended_at is not None) == status.terminal
    if status.terminal:
        for change in (
            JobMoved(status=JobStatus.RUNNING),
            JobMoved(status=JobStatus.FAILED),
            claim(1),
            STOP,
        ):
            for fence in (1, None):
                with pytest.raises(InvalidTransition, match=status):
                    await write(storage, change, fence=fence)


async def test_the_result_comes_back_as_it_was(storage: Storage) -> None:
    result = RunResult(
        job_id="job-1",
        status=JobStatus.SUCCEEDED,
        content="Grüße 🚚\u0000",
        output={"rows": [1, 2.5, None, {"ü": True}]},
        cost=Decimal("0.000001230"),
        still_running=("thread",),
    )
    await admit(storage)
    await write(storage, ending(1), JobMoved(status=JobStatus.SUCCEEDED, result=result))
    found = (await storage.jobs.get("acme", "job-1")).result
    assert found == result
    # Equal is not the same: a Decimal's zeros at the end say how exact it is.
    assert repr(found) == repr(result)


async def test_only_the_owner_changes_a_running_job(storage: Storage) -> None:
    await admit(storage)
    for change in (
        events(1),
        JobMoved(status=JobStatus.FAILED),
        ModelRecorded(record=model_record()),
    ):
        with pytest.raises(Conflict, match="fence"):
            await write(storage, change, fence=None)


async def test_a_job_that_nobody_owns_moves_and_ends_without_a_fence(storage: Storage) -> None:
    await write(storage, created(), fence=None)
    await write(storage, ending(1), JobMoved(status=JobStatus.CANCELLED), fence=None)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.status, found.last_seq) == (JobStatus.CANCELLED, 1)


async def test_what_replays_need_is_never_written_without_a_fence(storage: Storage) -> None:
    await write(storage, created(), fence=None)
    with pytest.raises(Conflict, match="fence"):
        await write(storage, ModelRecorded(record=model_record()), fence=None)


async def test_changes_of_a_job_need_a_commit_that_names_it(storage: Storage) -> None:
    await admit(storage)
    for change in (events(1), STOP, claim(1), JobMoved(status=JobStatus.FAILED)):
        with pytest.raises(Conflict, match="names none"):
            await storage.commit("acme", None, None, [change])


async def test_anyone_may_ask_to_stop_and_the_first_request_stays(storage: Storage) -> None:
    await admit(storage)
    await write(storage, STOP, fence=None)
    await write(storage, CancelRequested(reason="later", by="bob"), fence=None)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.cancel_reason, found.cancel_by) == ("enough", "ada")
    await admit(storage, "job-2")
    held = [HELD, replace(HELD, job_id="job-2"), replace(HELD, scope_id="other")]
    assert await storage.jobs.cancellations(held) == {"job-1": ("enough", "ada")}
    assert await storage.jobs.cancellations([]) == {}


async def test_renewing_extends_the_leases_held_and_names_the_lost(
    storage: Storage, clock: TurnedClock
) -> None:
    for job_id in ("job-1", "job-2", "job-3"):
        await admit(storage, job_id)
    await write(storage, JobMoved(status=JobStatus.FAILED), job_id="job-2")
    clock.turn(LEASE)
    await write(storage, claim(1), fence=None, job_id="job-3")
    lost = [
        replace(HELD, job_id="job-2"),
        replace(HELD, job_id="job-3"),
        replace(HELD, job_id="job-4"),
        replace(HELD, scope_id="other"),
    ]
    assert list(await storage.jobs.renew([HELD, *lost], lease_seconds=60)) == lost
    found = await storage.jobs.get("acme", "job-1")
    assert found.lease_expires_at == clock.now() + timedelta(seconds=60)
    assert list(await storage.jobs.renew([], lease_seconds=60)) == []


async def test_jobs_are_listed_newest_first_by_each_field(storage: Storage) -> None:
    later = START + timedelta(hours=1)
    special = job(
        "job-3",
        session_id="talk",
        runtime="other",
        agent="chef",
        queue="slow",
        parent_job_id="job-1",
        tags=("red", "blue"),
        created_at=later,
    )
    for record in (job("job-1"), job("job-2", owner=owner()), special):
        await storage.commit("acme", record.job_id, None, [created(record)])

    async def listed(**fields: Any) -> list[str]:
        page = await storage.jobs.list("acme", JobQuery(**fields))
        assert page.cursor is None
        return [found.job_id for found in page.items]

    assert await listed() == ["job-3", "job-2", "job-1"]
    assert await listed(statuses=frozenset({JobStatus.RUNNING})) == ["job-2"]
    both = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})
    assert await listed(statuses=both) == ["job-3", "job-2", "job-1"]
    for name, value in (
        ("session_id", "talk"),
        ("runtime", "other"),
        ("agent", "chef"),
        ("queue", "slow"),
        ("parent_job_id", "job-1"),
        ("tag", "blue"),
        ("created_after", START),
    ):
        assert await listed(**{name: value}) == ["job-3"]
    assert await listed(created_before=later) == ["job-2", "job-1"]
    assert await listed(tag="bl") == []
    found = (await storage.jobs.list("acme", JobQuery(tag="red"))).items[0]
    assert found == special


async def test_pages_are_complete_and_without_doubles_while_jobs_come(storage: Storage) -> None:
    for number in range(10):
        await write(storage, created(job(f"job-{number}")), fence=None, job_id=f"job-{number}")
    seen: list[str] = []
    cursor = None
    while True:
        page = await storage.jobs.list("acme", JobQuery(), limit=3, cursor=cursor)
        seen += [found.job_id for found in page.items]
        await write(
            storage, created(job(f"new-{len(seen)}")), fence=None, job_id=f"new-{len(seen)}"
        )
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [f"job-{number}" for number in reversed(range(10))]


async def test_a_listing_refuses_a_wrong_cursor_or_limit(storage: Storage) -> None:
    for number in range(2):
        await write(storage, created(job(f"job-{number}")), fence=None, job_id=f"job-{number}")
    cursor = (await storage.jobs.list("acme", JobQuery(), limit=1)).cursor
    assert cursor is not None
    for wrong in ("", "nonsense", "Ä", cursor[:-2], "WyJqb2JzIl0"):
        with pytest.raises(ConfigError, match="cursor"):
            await storage.jobs.list("acme", JobQuery(), cursor=wrong)
    with pytest.raises(ConfigError, match="cursor"):
        await storage.actions.list("acme", cursor=cursor)
    with pytest.raises(ConfigError, match="0 items"):
        await storage.jobs.list("acme", JobQuery(), limit=0)


async def test_a_listing_is_never_longer_than_the_longest_page(storage: Storage) -> None:
    await admit(storage)
    await write(storage, events(*range(1, MAX_PAGE + 3)))
    assert len(await storage.journal.read("acme", limit=10**9)) == MAX_PAGE
    assert len(await storage.journal.events("acme", "job-1", limit=10**9)) == MAX_PAGE
