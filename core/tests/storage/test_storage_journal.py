"""The journal: events without gaps, one ending, and the order of commits across jobs."""

from __future__ import annotations

import pytest
from steer.errors import Conflict, NotFound
from steer.events import (
    Event,
    FinalResult,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobTimedOut,
    ToolStarted,
    Unknown,
    UnrecognisedData,
    decode,
)
from steer.ports.changes import EventsAppended, SessionAppended
from steer.ports.storage import Storage
from storage_samples import (
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

pytestmark = pytest.mark.anyio

TERMINAL = (
    JobCompleted(elapsed_ms=1),
    JobFailed(elapsed_ms=1),
    JobCancelled(elapsed_ms=1),
    JobTimedOut(elapsed_ms=1),
)


async def test_events_come_back_in_order_from_where_a_reader_was(storage: Storage) -> None:
    await admit(storage)
    await write(storage, events(1, 2), events(3))
    await write(storage, events(4))
    assert seqs(await storage.journal.events("acme", "job-1")) == [1, 2, 3, 4]
    assert seqs(await storage.journal.events("acme", "job-1", after=2)) == [3, 4]
    assert seqs(await storage.journal.events("acme", "job-1", after=1, limit=2)) == [2, 3]
    assert seqs(await storage.journal.events("acme", "job-1", after=4)) == []
    assert (await storage.jobs.get("acme", "job-1")).last_seq == 4


async def test_events_of_no_job_are_not_found(storage: Storage) -> None:
    await admit(storage)
    assert seqs(await storage.journal.events("acme", "job-1")) == []
    with pytest.raises(NotFound):
        await storage.journal.events("acme", "job-2")


@pytest.mark.parametrize("wrong", [(1,), (2,), (4,), (3, 3), (3, 5), (4, 3)])
async def test_a_gap_or_a_repetition_is_refused_whole(
    storage: Storage, wrong: tuple[int, ...]
) -> None:
    await admit(storage)
    await write(storage, events(1, 2))
    with pytest.raises(Conflict):
        await write(storage, events(*wrong))
    assert seqs(await storage.journal.events("acme", "job-1")) == [1, 2]
    await write(storage, events(3))


async def test_an_event_without_a_number_or_of_another_job_is_refused(storage: Storage) -> None:
    await admit(storage)
    live = Event(job_id="job-1", data=event(1).data, time=START)
    for wrong in (live, event(1, job_id="job-2")):
        with pytest.raises(Conflict):
            await write(storage, EventsAppended(events=(wrong,)))


@pytest.mark.parametrize("first", TERMINAL)
@pytest.mark.parametrize("second", [*TERMINAL, None])
async def test_nothing_follows_a_terminal_event(
    storage: Storage, first: JobCompleted, second: JobCompleted | None
) -> None:
    await admit(storage)
    both = EventsAppended(events=(event(1, first), event(2, second)))
    with pytest.raises(Conflict, match="terminal"):
        await write(storage, both)
    await write(storage, EventsAppended(events=(event(1, first),)))
    with pytest.raises(Conflict, match="terminal"):
        await write(storage, EventsAppended(events=(event(2, second),)))
    assert [one.data for one in await storage.journal.events("acme", "job-1")] == [first]


async def test_an_event_that_nobody_knows_comes_back_byte_for_byte(storage: Storage) -> None:
    encoded = (
        b'{"v":9,  "type":"model.dream", "job":"job-1","seq":1, "time":"2026-11-21T12:00:00Z"}'
    )
    unknown = decode(encoded)
    assert isinstance(unknown.data, UnrecognisedData)
    await admit(storage)
    await write(storage, EventsAppended(events=(unknown,)))
    assert list(await storage.journal.events("acme", "job-1")) == [unknown]


async def test_events_come_back_as_they_were(storage: Storage) -> None:
    await admit(storage)
    kept = (
        event(1, ToolStarted(call_id="c", tool="t", proposed={"a": [1, None, "ü🚚"]})),
        event(2, Unknown(source="vendor", name="x", raw={"deep": [[[{"": "\u0000\u2028"}]]]})),
        event(3, FinalResult(content="z" * 1_000_000), path=("a", "b"), turn=3, agent="clerk"),
    )
    await write(storage, EventsAppended(events=kept))
    assert tuple(await storage.journal.events("acme", "job-1")) == kept


async def test_positions_follow_the_commits_of_all_jobs_without_gaps(storage: Storage) -> None:
    await admit(storage, "job-1")
    await admit(storage, "job-2")
    await write(storage, events(1, 2))
    await write(storage, events(1, job_id="job-2"), job_id="job-2")
    with pytest.raises(Conflict):
        await write(storage, events(3), events(5))
    done = await storage.commit("acme", "job-1", 1, [events(3)])
    assert done.position == 4
    read = await storage.journal.read("acme")
    assert [(one.position, one.event.job_id, one.event.seq) for one in read] == [
        (1, "job-1", 1),
        (2, "job-1", 2),
        (3, "job-2", 1),
        (4, "job-1", 3),
    ]
    assert [one.position for one in await storage.journal.read("acme", after=1, limit=2)] == [2, 3]
    assert list(await storage.journal.read("acme", after=4)) == []


async def test_a_commit_without_events_tells_the_newest_position(storage: Storage) -> None:
    await admit(storage)
    await write(storage, events(1, 2))
    done = await storage.commit(
        "acme", None, None, [SessionAppended(session_id="s", expected_version=0, items=())]
    )
    assert (done.position, done.fence, done.attempt) == (2, 0, 0)


async def test_positions_are_the_whole_stores_and_each_scope_sees_its_own(
    storage: Storage,
) -> None:
    for scope_id in ("acme", "other", "acme"):
        job_id = f"job-{(await storage.commit(scope_id, None, None, [])).position}"
        await storage.commit(
            scope_id, job_id, None, [created(job(job_id, scope_id)), events(1, job_id=job_id)]
        )
    assert [one.position for one in await storage.journal.read("acme")] == [1, 3]
    assert [one.position for one in await storage.journal.read("other")] == [2]


async def test_the_ending_and_the_status_may_come_in_one_commit(storage: Storage) -> None:
    await write(storage, created(), events(1), ending(2), fence=None)
    assert seqs(await storage.journal.events("acme", "job-1")) == [1, 2]
