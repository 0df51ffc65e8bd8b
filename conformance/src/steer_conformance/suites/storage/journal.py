"""The journal: events without gaps, one ending, and the order of commits across jobs."""

from __future__ import annotations

import asyncio

from steer.errors import Conflict, NotFound
from steer.events import (
    Event,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobTimedOut,
)
from steer.ports.changes import EventsAppended, SessionAppended
from steer.ports.records import JournalEntry

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import (
    START,
    admit,
    created,
    ending,
    event,
    events,
    job,
    seqs,
    write,
)
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase

TERMINAL = (
    JobCompleted(elapsed_ms=1),
    JobFailed(elapsed_ms=1),
    JobCancelled(elapsed_ms=1),
    JobTimedOut(elapsed_ms=1),
)


@check("ST-14")
async def a_gap_or_a_repetition_is_refused_whole(case: StorageCase) -> None:
    await admit(case.storage)
    await write(case.storage, events(1, 2))
    for wrong in ((1,), (2,), (4,), (3, 3), (3, 5), (4, 3)):
        with about(wrong), raises(Conflict):
            await write(case.storage, events(*wrong))
        assert seqs(await case.storage.journal.events("acme", "job-1")) == [1, 2]
    await write(case.storage, events(3))
    assert (await case.storage.jobs.get("acme", "job-1")).last_seq == 3


@check("ST-14")
async def an_event_without_a_number_or_of_another_job_is_refused(case: StorageCase) -> None:
    await admit(case.storage)
    live = Event(job_id="job-1", data=event(1).data, time=START)
    for wrong in (live, event(1, job_id="job-2")):
        with about(wrong), raises(Conflict):
            await write(case.storage, EventsAppended(events=(wrong,)))
    assert seqs(await case.storage.journal.events("acme", "job-1")) == []


@check("ST-15")
async def a_job_has_one_terminal_event_and_nothing_after_it(case: StorageCase) -> None:
    storage = case.storage
    for first in TERMINAL:
        job_id = first.type
        await admit(storage, job_id)
        for second in (*TERMINAL, None):
            both = EventsAppended(events=(event(1, first, job_id), event(2, second, job_id)))
            with about(first, second), raises(Conflict):
                await write(storage, both, job_id=job_id)
        await write(storage, EventsAppended(events=(event(1, first, job_id),)), job_id=job_id)
        for second in (*TERMINAL, None):
            one = EventsAppended(events=(event(2, second, job_id),))
            with about(first, second), raises(Conflict):
                await write(storage, one, job_id=job_id)
        assert [one.data for one in await storage.journal.events("acme", job_id)] == [first]


@check("ST-15")
async def of_many_endings_at_once_one_is_kept(case: StorageCase) -> None:
    await admit(case.storage)
    endings = [write(case.storage, ending(1)) for _ in range(10)]
    errors = await asyncio.gather(*endings, return_exceptions=True)
    assert sorted(map(_kind, errors)) == ["Conflict"] * 9 + ["None"]
    assert len(await case.storage.journal.events("acme", "job-1")) == 1


def _kind(error: object) -> str:
    return "None" if error is None else type(error).__name__


@check("ST-16")
async def positions_follow_the_commits_of_all_jobs_without_gaps(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage, "job-1")
    await admit(storage, "job-2")
    await write(storage, events(1, 2))
    await write(storage, events(1, job_id="job-2"), job_id="job-2")
    with raises(Conflict):
        await write(storage, events(3), events(5))
    done = await storage.commit("acme", "job-1", 1, [events(3)])
    assert done.position == 4
    assert [_place(one) for one in await storage.journal.read("acme")] == [
        (1, "job-1", 1),
        (2, "job-1", 2),
        (3, "job-2", 1),
        (4, "job-1", 3),
    ]


def _place(entry: JournalEntry) -> tuple[int, str, int | None]:
    return entry.position, entry.event.job_id, entry.event.seq


@check("ST-16")
async def a_commit_without_events_tells_the_newest_position(case: StorageCase) -> None:
    await admit(case.storage)
    await write(case.storage, events(1, 2))
    session = SessionAppended(session_id="s", expected_version=0, items=())
    done = await case.storage.commit("acme", None, None, [session])
    assert (done.position, done.fence, done.attempt) == (2, 0, 0)


@check("ST-16")
async def positions_are_the_whole_stores_and_each_scope_reads_its_own(case: StorageCase) -> None:
    storage = case.storage
    for scope_id in ("acme", "other", "acme"):
        job_id = f"job-{(await storage.commit(scope_id, None, None, [])).position}"
        await storage.commit(
            scope_id, job_id, None, [created(job(job_id, scope_id)), events(1, job_id=job_id)]
        )
    assert [one.position for one in await storage.journal.read("acme")] == [1, 3]
    assert [one.position for one in await storage.journal.read("other")] == [2]


@check("ST-17")
async def what_is_not_committed_is_never_visible(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    commits = [
        asyncio.ensure_future(write(storage, events(1), events(3)))  # the second is refused
        for _ in range(20)
    ]
    reads = 0
    try:
        while reads < 10 or not all(commit.done() for commit in commits):
            reads += 1
            assert list(await storage.journal.read("acme")) == []
            assert seqs(await storage.journal.events("acme", "job-1")) == []
            assert (await storage.jobs.get("acme", "job-1")).last_seq == 0
            await asyncio.sleep(0)
    finally:
        refusals = await asyncio.gather(*commits, return_exceptions=True)
    assert {type(refused) for refused in refusals} == {Conflict}


@check("ST-18")
async def a_jobs_events_are_read_on_from_where_a_reader_was(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    assert seqs(await storage.journal.events("acme", "job-1")) == []
    await write(storage, events(1, 2), events(3))
    await write(storage, events(4))
    assert seqs(await storage.journal.events("acme", "job-1")) == [1, 2, 3, 4]
    assert seqs(await storage.journal.events("acme", "job-1", after=2)) == [3, 4]
    assert seqs(await storage.journal.events("acme", "job-1", after=1, limit=2)) == [2, 3]
    assert seqs(await storage.journal.events("acme", "job-1", after=4)) == []
    with raises(NotFound):
        await storage.journal.events("acme", "job-2")


@check("ST-18")
async def the_journal_is_read_on_from_where_a_reader_was(case: StorageCase) -> None:
    storage = case.storage
    for scope_id in ("acme", "other"):
        await admit(storage, "job-1", scope_id)
    for seq in range(1, 6):
        for scope_id in ("acme", "other"):
            await storage.commit(scope_id, "job-1", 1, [events(seq)])
    read: list[int] = []
    while found := await storage.journal.read("acme", after=read[-1] if read else 0, limit=2):
        assert len(found) <= 2
        assert found[0].position > (read[-1] if read else 0), "a position comes twice"
        read += [one.position for one in found]
    assert read == [1, 3, 5, 7, 9]
    assert list(await storage.journal.read("acme", after=9)) == []
