"""Conversations that jobs go on with: one job at a time."""

from __future__ import annotations

from steer.errors import Conflict, NotFound, SessionBusy
from steer.ports.changes import JobMoved, SessionAppended, SessionDropped, SessionTaken
from steer.ports.storage import Storage
from steer.values import JobStatus

from steer_conformance.checks import check, raises
from steer_conformance.storing.filling import claim
from steer_conformance.storing.samples import admit, write
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase

TAKEN = SessionTaken(session_id="talk")


def said(version: int = 0, *items: str) -> SessionAppended:
    """Return the change that appends to the session ``talk`` at a version."""
    return SessionAppended(session_id="talk", expected_version=version, items=items)


async def holder(storage: Storage) -> str | None:
    """Return who holds the session, read both ways."""
    (listed,) = (await storage.sessions.list("acme")).items
    found = await storage.sessions.get("acme", "talk")
    assert listed.held_by == found.held_by
    return found.held_by


@check("ST-75")
async def a_session_is_held_by_one_job_until_that_has_ended(case: StorageCase) -> None:
    storage = case.storage
    for job_id in ("job-1", "job-2"):
        await admit(storage, job_id)
    await write(storage, TAKEN)
    # Nothing was appended yet: it is held, and not there.
    with raises(NotFound):
        await storage.sessions.get("acme", "talk")
    assert (await storage.sessions.list("acme")).items == ()
    with raises(SessionBusy) as raised:
        await write(storage, TAKEN, job_id="job-2")
    assert raised.value.job_id == "job-1"
    await write(storage, TAKEN, said(0, "1"))
    assert await holder(storage) == "job-1"
    # A job that waits, or is claimed by another process, goes on with it all the same.
    await write(storage, JobMoved(status=JobStatus.QUEUED))
    assert await holder(storage) == "job-1"
    with raises(SessionBusy):
        await write(storage, TAKEN, job_id="job-2")
    await write(storage, claim(1), fence=None)
    await write(storage, said(1, "2"), JobMoved(status=JobStatus.FAILED), fence=2)
    assert await holder(storage) is None
    await write(storage, TAKEN, job_id="job-2")
    assert await holder(storage) == "job-2"
    assert (await storage.sessions.get("acme", "talk")).items == ("1", "2")


@check("ST-75")
async def a_session_is_taken_by_the_owner_of_a_job_at_the_version_it_expects(
    case: StorageCase,
) -> None:
    storage = case.storage
    await admit(storage)
    await storage.commit("acme", None, None, [said(0, "1"), said(1, "2")])
    for version in (0, 1, 3):
        with about(version), raises(Conflict):
            await write(storage, SessionTaken(session_id="talk", expected_version=version))
    with raises(Conflict):
        await write(storage, TAKEN, fence=None)
    assert await holder(storage) is None
    await write(storage, SessionTaken(session_id="talk", expected_version=2))
    await write(storage, SessionTaken(session_id="new", expected_version=0))
    assert await holder(storage) == "job-1"


@check("ST-76")
async def nobody_appends_to_a_session_that_another_job_holds(case: StorageCase) -> None:
    storage = case.storage
    for job_id in ("job-1", "job-2"):
        await admit(storage, job_id)
    await write(storage, TAKEN, said(0, "1"))
    with raises(SessionBusy) as raised:
        await write(storage, said(1, "theirs"), job_id="job-2")
    assert raised.value.job_id == "job-1"
    with raises(SessionBusy):
        await storage.commit("acme", None, None, [said(1, "nobody's")])
    await write(storage, said(1, "2"))
    assert (await storage.sessions.get("acme", "talk")).items == ("1", "2")
    await write(storage, JobMoved(status=JobStatus.CANCELLED))
    await write(storage, said(2, "3"), job_id="job-2")
    assert (await storage.sessions.get("acme", "talk")).items == ("1", "2", "3")


@check("ST-77")
async def a_dropped_session_is_gone_with_its_items(case: StorageCase) -> None:
    storage = case.storage
    dropped = SessionDropped(session_id="talk")
    for job_id in ("job-1", "job-2"):
        await admit(storage, job_id)
    with raises(NotFound):
        await write(storage, dropped)
    await write(storage, TAKEN, said(0, "1"))
    with raises(SessionBusy):
        await write(storage, dropped, job_id="job-2")
    with raises(SessionBusy):
        await storage.commit("acme", None, None, [dropped])
    await write(storage, JobMoved(status=JobStatus.SUCCEEDED))
    await storage.commit("acme", None, None, [dropped])
    with raises(NotFound):
        await storage.sessions.get("acme", "talk")
    assert (await storage.sessions.list("acme")).items == ()
    await write(storage, said(0, "new"), job_id="job-2")
    found = await storage.sessions.get("acme", "talk")
    assert (found.items, found.version, found.held_by) == (("new",), 1, None)
