"""Jobs: admission, idempotency keys, claims, leases, moves, and requests to stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from steer.errors import Conflict, IdempotencyConflict, InvalidTransition, NotFound
from steer.ports.changes import CancelRequested, JobMoved
from steer.ports.storage import HeldJob
from steer.values import JobStatus

from steer_conformance.checks import check, raises
from steer_conformance.storing.filling import claim
from steer_conformance.storing.samples import (
    LEASE,
    START,
    admit,
    created,
    ending,
    events,
    job,
    owner,
    write,
)
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase

STOP = CancelRequested(reason="enough", by="ada")
HELD = HeldJob(scope_id="acme", job_id="job-1", fence=1)


@check("ST-7")
async def a_queued_job_has_neither_fence_nor_owner(case: StorageCase) -> None:
    done = await case.storage.commit("acme", "job-1", None, [created()])
    assert (done.position, done.fence, done.attempt) == (0, 0, 0)
    found = await case.storage.jobs.get("acme", "job-1")
    assert found == replace(job(), due_at=case.clock.now())


@check("ST-7")
async def a_job_with_an_owner_is_admitted_already_claimed(case: StorageCase) -> None:
    case.clock.turn(5)
    record = job(owner=owner(), attempt=9, fence=9, status=JobStatus.QUEUED)
    done = await case.storage.commit("acme", "job-1", None, [created(record), events(1)])
    assert (done.position, done.fence, done.attempt) == (1, 1, 1)
    assert await case.storage.jobs.get("acme", "job-1") == replace(
        record,
        status=JobStatus.RUNNING,
        attempt=1,
        fence=1,
        last_seq=1,
        started_at=case.clock.now(),
        updated_at=case.clock.now(),
        lease_expires_at=case.clock.now() + timedelta(seconds=LEASE),
    )


@check("ST-7")
async def a_job_is_created_only_by_a_commit_that_names_it(case: StorageCase) -> None:
    for scope_id, job_id in (("acme", "job-2"), ("other", "job-1"), ("acme", None)):
        with about(scope_id), raises(Conflict):
            await case.storage.commit(scope_id, job_id, None, [created()])


@check("ST-7")
async def the_id_of_a_job_is_taken_once(case: StorageCase) -> None:
    await write(case.storage, created(), fence=None)
    with raises(Conflict):
        await write(case.storage, created(job(agent="thief")), fence=None)
    assert (await case.storage.jobs.get("acme", "job-1")).agent == "clerk"


@check("ST-8")
async def an_idempotency_key_names_its_holder_and_admits_nobody_else(case: StorageCase) -> None:
    storage = case.storage
    await write(storage, created(job(idempotency_key="k")), fence=None)
    second = created(job("job-2", idempotency_key="k"))
    with raises(IdempotencyConflict) as raised:
        await storage.commit("acme", "job-2", None, [second, events(1, job_id="job-2")])
    assert raised.value.job_id == "job-1"
    with raises(NotFound):
        await storage.jobs.get("acme", "job-2")
    assert await storage.jobs.find("acme", "k") == await storage.jobs.get("acme", "job-1")
    assert await storage.jobs.find("acme", "another") is None


@check("ST-8")
async def a_key_is_kept_for_its_job_after_the_end(case: StorageCase) -> None:
    storage = case.storage
    await write(storage, created(job(idempotency_key="k")), fence=None)
    await write(storage, ending(1), JobMoved(status=JobStatus.FAILED), fence=None)
    with raises(IdempotencyConflict):
        await storage.commit("acme", "job-2", None, [created(job("job-2", idempotency_key="k"))])
    found = await storage.jobs.find("acme", "k")
    assert found is not None
    assert found.status is JobStatus.FAILED


@check("ST-8")
async def a_key_is_free_in_another_scope_and_jobs_without_one_share_none(
    case: StorageCase,
) -> None:
    for scope_id in ("acme", "other"):
        record = job(scope_id=scope_id, idempotency_key="k")
        await case.storage.commit(scope_id, "job-1", None, [created(record)])
    for job_id in ("job-2", "job-3"):
        await case.storage.commit("acme", job_id, None, [created(job(job_id))])


@check("ST-9")
async def a_queued_job_is_claimed_once(case: StorageCase) -> None:
    storage, clock = case.storage, case.clock
    await write(storage, created(), fence=None)
    clock.turn(1)
    done = await storage.commit("acme", "job-1", None, [claim(), events(1)])
    assert (done.fence, done.attempt) == (1, 1)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.status, found.run_id) == (JobStatus.RUNNING, "run-of-kernel-2")
    assert found.owner == owner("kernel-2")
    assert found.started_at == clock.now()
    assert found.lease_expires_at == clock.now() + timedelta(seconds=LEASE)
    for expected_fence in (0, 1, 2):
        with about(expected_fence), raises(Conflict):
            await write(storage, claim(expected_fence, "kernel-3"), fence=None)
    assert await storage.jobs.get("acme", "job-1") == found


@check("ST-9")
async def a_claim_that_expects_another_fence_is_refused(case: StorageCase) -> None:
    await admit(case.storage)
    await write(case.storage, JobMoved(status=JobStatus.QUEUED))
    for expected_fence in (0, 2):
        with about(expected_fence), raises(Conflict):
            await write(case.storage, claim(expected_fence), fence=None)
    await write(case.storage, claim(1), fence=None)
    found = await case.storage.jobs.get("acme", "job-1")
    assert (found.fence, found.attempt, found.owner) == (2, 2, owner("kernel-2"))


@check("ST-9")
async def a_waiting_job_is_claimed_at_once(case: StorageCase) -> None:
    await admit(case.storage)
    await write(case.storage, JobMoved(status=JobStatus.WAITING_ACTION))
    assert (await case.storage.jobs.get("acme", "job-1")).owner is None
    await write(case.storage, claim(1), fence=None)
    assert (await case.storage.jobs.get("acme", "job-1")).status is JobStatus.RUNNING


@check("ST-10")
async def a_held_job_is_claimed_once_its_lease_has_run_out_and_not_before(
    case: StorageCase,
) -> None:
    await admit(case.storage)
    case.clock.turn(LEASE - 0.000001)
    with raises(Conflict):
        await write(case.storage, claim(1), fence=None)
    case.clock.turn(0.000001)
    await write(case.storage, claim(1), fence=None)
    found = await case.storage.jobs.get("acme", "job-1")
    assert (found.fence, found.attempt, found.started_at) == (2, 2, START)
    assert found.lease_expires_at == case.clock.now() + timedelta(seconds=LEASE)


@check("ST-10")
async def the_job_of_a_dead_owner_is_claimed_at_once(case: StorageCase) -> None:
    await admit(case.storage)
    for other in (
        owner("kernel-9"),
        owner(host="x"),
        owner(boot_id="x"),
        owner(pid=8),
        owner(started=100),
    ):
        with about(other), raises(Conflict):
            await write(case.storage, claim(1, dead_owner=other), fence=None)
    await write(case.storage, claim(1, dead_owner=owner()), fence=None)


@check("ST-11")
async def renewing_extends_the_leases_held_and_names_the_lost(case: StorageCase) -> None:
    storage, clock = case.storage, case.clock
    for job_id in ("job-1", "job-2", "job-3"):
        await admit(storage, job_id)
    await write(storage, JobMoved(status=JobStatus.FAILED), job_id="job-2")
    clock.turn(LEASE)
    await write(storage, claim(1), fence=None, job_id="job-3")
    taken_over = await storage.jobs.get("acme", "job-3")
    lost = [
        replace(HELD, job_id="job-2"),
        replace(HELD, job_id="job-3"),
        replace(HELD, job_id="job-4"),
        replace(HELD, scope_id="other"),
    ]
    assert list(await storage.jobs.renew([HELD, *lost], lease_seconds=60)) == lost
    found = await storage.jobs.get("acme", "job-1")
    assert found.lease_expires_at == clock.now() + timedelta(seconds=60)
    assert await storage.jobs.get("acme", "job-3") == taken_over
    assert list(await storage.jobs.renew([], lease_seconds=60)) == []


@check("ST-11")
async def what_was_renewed_stays_held_until_its_new_lease_has_run_out(case: StorageCase) -> None:
    await admit(case.storage)
    case.clock.turn(LEASE - 1)
    assert list(await case.storage.jobs.renew([HELD], lease_seconds=LEASE)) == []
    case.clock.turn(LEASE - 1)
    with raises(Conflict):
        await write(case.storage, claim(1), fence=None)
    case.clock.turn(1)
    await write(case.storage, claim(1), fence=None)


@check("ST-12")
async def a_job_moves_only_where_it_may(case: StorageCase) -> None:
    storage = case.storage
    for status in JobStatus:
        await admit(storage, status)
        if status is JobStatus.RUNNING:
            with about(status), raises(InvalidTransition):
                await write(storage, JobMoved(status=status), job_id=status)
            continue
        await write(storage, JobMoved(status=status), job_id=status)
        found = await storage.jobs.get("acme", status)
        assert found.status is status
        assert (found.owner, found.lease_expires_at) == (None, None)
        assert (found.ended_at is not None) == status.terminal
        if not status.terminal:
            continue
        for change in (JobMoved(status=JobStatus.RUNNING), JobMoved(status=JobStatus.FAILED)):
            with about(status, change), raises(InvalidTransition):
                await write(storage, change, job_id=status)
        for fence in (1, None):
            with about(status, fence), raises(InvalidTransition):
                await write(storage, claim(1), job_id=status, fence=fence)
        assert await storage.jobs.get("acme", status) == found


@check("ST-13")
async def anyone_may_ask_to_stop_and_the_first_request_stays(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await write(storage, STOP, fence=None)
    await write(storage, CancelRequested(reason="later", by="bob"), fence=None)
    found = await storage.jobs.get("acme", "job-1")
    assert (found.cancel_reason, found.cancel_by) == ("enough", "ada")
    await admit(storage, "job-2")
    held = [HELD, replace(HELD, job_id="job-2"), replace(HELD, scope_id="other")]
    assert await storage.jobs.cancellations(held) == {"job-1": ("enough", "ada")}
    assert await storage.jobs.cancellations([]) == {}


@check("ST-13")
async def a_job_that_has_ended_is_not_asked_to_stop(case: StorageCase) -> None:
    await admit(case.storage)
    await write(case.storage, ending(1), JobMoved(status=JobStatus.SUCCEEDED))
    with raises(InvalidTransition):
        await write(case.storage, STOP, fence=None)
    assert (await case.storage.jobs.get("acme", "job-1")).cancel_by is None
