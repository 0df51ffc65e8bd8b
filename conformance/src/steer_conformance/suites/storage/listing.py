"""Listings: their order, what they leave out, and pages that neither skip nor repeat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from steer.errors import ConfigError
from steer.ports import changes as c
from steer.ports.records import JobQuery, LedgerKind, Page
from steer.ports.storage import MAX_PAGE, Storage
from steer.values import ActionStatus, JobStatus

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import (
    START,
    action,
    admit,
    budget,
    created,
    entry,
    events,
    job,
    owner,
    stored,
    stored_agent,
    write,
)
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One method that lists: what adds a row of a name, and what it is called with."""

    add: Callable[[str], c.Change]
    list: Callable[..., Awaitable[Page[Any]]]
    name: Callable[[Any], str]
    newest_first: bool = False
    by_name: bool = False


LISTINGS: Mapping[str, Listing] = {
    "jobs": Listing(
        add=lambda name: created(job(name)),
        list=lambda s, **page: s.jobs.list("acme", JobQuery(), **page),
        name=lambda item: item.job_id,
        newest_first=True,
    ),
    "actions": Listing(
        add=lambda name: c.ActionRequested(action=action(name, job_id="the job")),
        list=lambda s, **page: s.actions.list("acme", **page),
        name=lambda item: item.action_id,
    ),
    "artifacts": Listing(
        add=lambda name: stored(artifact_id=name, job_id="the job"),
        list=lambda s, **page: s.artifacts.list("acme", **page),
        name=lambda item: item.artifact_id,
    ),
    "ledger": Listing(
        add=lambda name: c.LedgerAppended(entries=(entry(name),)),
        list=lambda s, **page: s.ledger.entries("acme", **page),
        name=lambda item: item.key,
    ),
    "budgets": Listing(
        add=lambda name: c.BudgetDefined(budget=budget(name)),
        list=lambda s, **page: s.ledger.budgets("acme", **page),
        name=lambda item: item.name,
        by_name=True,
    ),
    "accounts": Listing(
        add=lambda name: c.BudgetSet(account=name, unit="usd", limit=1),
        list=lambda s, **page: s.ledger.accounts("acme", **page),
        name=lambda item: item.account,
        by_name=True,
    ),
    "sessions": Listing(
        add=lambda name: c.SessionAppended(session_id=name, expected_version=0, items=("1",)),
        list=lambda s, **page: s.sessions.list("acme", **page),
        name=lambda item: item.session_id,
        by_name=True,
    ),
    "agents": Listing(
        add=lambda name: c.AgentStored(agent=stored_agent(name)),
        list=lambda s, **page: s.agents.list("acme", **page),
        name=lambda item: item.name,
        by_name=True,
    ),
}
"""Every listing of the port that has pages."""


async def add(storage: Storage, listing: Listing, name: str) -> None:
    """Add a row."""
    change = listing.add(name)
    await storage.commit("acme", name if isinstance(change, c.JobCreated) else None, None, [change])


@check("ST-30")
async def jobs_are_listed_newest_first_by_each_field(case: StorageCase) -> None:
    storage, later = case.storage, START + timedelta(hours=1)
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
        assert await listed(**{name: value}) == ["job-3"], name
    assert await listed(created_before=later) == ["job-2", "job-1"]
    assert await listed(tag="bl") == []
    assert await listed(tag="red", agent="clerk") == []


@check("ST-30")
async def actions_are_listed_oldest_first_by_job_and_status(case: StorageCase) -> None:
    storage = case.storage
    for job_id in ("job-1", "job-2"):
        await admit(storage, job_id)
    for number in range(5):
        one = action(f"action-{9 - number}", job_id=f"job-{1 + number % 2}")
        await write(storage, c.ActionRequested(action=one))
    await write(storage, c.ActionMoved(action_id="action-8", status=ActionStatus.CANCELLED))

    async def listed(**fields: Any) -> list[str]:
        return [one.action_id for one in (await storage.actions.list("acme", **fields)).items]

    assert await listed() == [f"action-{9 - number}" for number in range(5)]
    assert await listed(job_id="job-2") == ["action-8", "action-6"]
    assert await listed(job_id="job-2", status=ActionStatus.PENDING) == ["action-6"]
    assert await listed(status=ActionStatus.CANCELLED) == ["action-8"]


@check("ST-30")
async def the_ledger_is_listed_oldest_first_by_job_kind_and_time(case: StorageCase) -> None:
    lines = (
        entry("b"),
        entry("a", job_id="job-2", at=START - timedelta(days=1)),
        entry("c", job_id="job-2", kind=LedgerKind.TOOL),
    )
    await case.storage.commit("acme", None, None, [c.LedgerAppended(entries=lines)])
    ledger = case.storage.ledger
    assert (await ledger.entries("acme")).items == lines
    assert (await ledger.entries("acme", job_id="job-2")).items == lines[1:]
    assert (await ledger.entries("acme", since=START)).items == (lines[0], lines[2])
    assert (await ledger.entries("acme", until=START)).items == lines[1:2]
    just = START + timedelta(microseconds=1)
    assert (await ledger.entries("acme", since=START, until=just)).items == (lines[0], lines[2])
    tools = (LedgerKind.TOOL, LedgerKind.AUDIT)
    assert (await ledger.entries("acme", kinds=tools)).items == lines[2:]
    models = (LedgerKind.MODEL,)
    assert (await ledger.entries("acme", kinds=models, job_id="job-2")).items == lines[1:2]


@check("ST-30")
async def sessions_and_agents_are_listed_by_name(case: StorageCase) -> None:
    storage = case.storage
    for name in ("b", "ü", "a", "C"):
        for listing in ("sessions", "agents"):
            await add(storage, LISTINGS[listing], name)
    newer = stored_agent("b", 2)
    await storage.commit("acme", None, None, [c.AgentStored(agent=newer)])
    sessions = (await storage.sessions.list("acme")).items
    agents = (await storage.agents.list("acme")).items
    assert [one.session_id for one in sessions] == [one.name for one in agents]
    assert [one.session_id for one in sessions] == ["C", "a", "b", "ü"]
    assert {one.items for one in sessions} == {()}
    assert {one.version for one in sessions} == {1}
    assert agents[2] == newer


@check("ST-31")
async def pages_neither_skip_nor_repeat_while_rows_come(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage, "the job", "acme")
    for of, listing in LISTINGS.items():
        there = [f"row-{number}" for number in range(10)]
        for name in there:
            await add(storage, listing, name)
        seen: list[str] = []
        cursor = None
        while True:
            page = await listing.list(storage, limit=3, cursor=cursor)
            assert len(page.items) <= 3, f"a page of {of} is longer than its limit"
            assert page.items, f"a page of {of} is empty"
            assert len(seen) < 20, f"pages of {of} do not end"
            seen += [listing.name(item) for item in page.items]
            # Before and behind of where the reader is, in every order that a listing has.
            if cursor is None:
                for name in ("a-new", "row-5-new", "z-new"):
                    await add(storage, listing, name)
            cursor = page.cursor
            if cursor is None:
                break
        kept = [name for name in seen if name in there]
        assert kept == (there[::-1] if listing.newest_first else there), f"pages of {of}"
        assert len(set(seen)) == len(seen), f"pages of {of} repeat a row"
        assert not listing.by_name or seen == sorted(seen), f"pages of {of} are out of order"


@check("ST-31")
async def the_last_page_has_no_cursor(case: StorageCase) -> None:
    storage = case.storage
    for of, listing in LISTINGS.items():
        page = await listing.list(storage, limit=2)
        assert (page.items, page.cursor) == ((), None), of
    await admit(storage, "the job", "acme")
    for of, listing in LISTINGS.items():
        for name in ("one", "two", "three") if of != "jobs" else ("one", "two"):
            await add(storage, listing, name)
        assert (await listing.list(storage, limit=2)).cursor is not None, of
        page = await listing.list(storage, limit=3)
        assert (len(page.items), page.cursor) == (3, None), of


@check("ST-32")
async def a_listing_refuses_what_is_no_cursor_of_it(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage, "the job", "acme")
    cursors: dict[str, str] = {}
    for of, listing in LISTINGS.items():
        for name in ("one", "two"):
            await add(storage, listing, name)
        cursor = (await listing.list(storage, limit=1)).cursor
        assert cursor is not None, of
        cursors[of] = cursor
    for of, listing in LISTINGS.items():
        strangers = [cursor for other, cursor in cursors.items() if other != of]
        for wrong in ("", "nonsense", "Ä", cursors[of][:-2], *strangers):
            with about(of, wrong), raises(ConfigError):
                await listing.list(storage, cursor=wrong)


@check("ST-32")
async def a_listing_refuses_a_limit_below_one(case: StorageCase) -> None:
    await admit(case.storage)
    journal = case.storage.journal
    for limit in (0, -1):
        for of, listing in LISTINGS.items():
            with about(of, limit), raises(ConfigError):
                await listing.list(case.storage, limit=limit)
        with about(limit), raises(ConfigError):
            await journal.read("acme", limit=limit)
        with about(limit), raises(ConfigError):
            await journal.events("acme", "job-1", limit=limit)


@check("ST-32")
async def a_listing_is_never_longer_than_the_longest_page(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    lines = tuple(entry(f"line-{number}") for number in range(MAX_PAGE + 1))
    await write(storage, events(*range(1, MAX_PAGE + 2)), c.LedgerAppended(entries=lines))
    assert len(await storage.journal.read("acme", limit=10**9)) == MAX_PAGE
    assert len(await storage.journal.events("acme", "job-1", limit=10**9)) == MAX_PAGE
    page = await storage.ledger.entries("acme", limit=10**9)
    rest = await storage.ledger.entries("acme", cursor=page.cursor)
    assert page.items + rest.items == lines
    assert len(page.items) == MAX_PAGE
