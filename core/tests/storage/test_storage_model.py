"""Random commits, refused ones among them, on a storage and on the plain store side by side."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from plain_store import PlainScope, PlainStore, Refused
from steer.errors import NotFound, SteerError
from steer.events import JobCompleted
from steer.ports import changes as c
from steer.ports.records import Account, JobQuery, Page, Records, SessionRecord
from steer.ports.storage import HeldJob, Storage
from steer.values import ActionStatus, EffectStatus, JobStatus, RunResult
from storage_samples import (
    LEASE,
    TurnedClock,
    action,
    effect,
    effect_key,
    entry,
    event,
    grant,
    job,
    model_record,
    open_kind,
    outcome,
    owner,
    stored_agent,
)

SCOPES = ("acme", "other")
JOBS = ("job-1", "job-2", "job-3")
NAMES = ("a", "b")
ACCOUNTS = ("team", "tenant")

# All strategies are made once: to make one costs more than to draw from it.
scopes = st.sampled_from(SCOPES)
job_ids = st.sampled_from(JOBS)
names = st.sampled_from(NAMES)
owners = st.sampled_from([owner("kernel-1"), owner("kernel-2")])
optional_owners = st.none() | owners
small = st.integers(0, 4)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
metadata = st.dictionaries(texts, json_values, max_size=2)
paths = st.sampled_from([(), ("call-1",), ("call-1", "ü/🚚")])
amounts = st.lists(
    st.tuples(st.sampled_from([*ACCOUNTS, *ACCOUNTS, "nobody"]), st.integers(-1, 60)),
    max_size=2,
    unique_by=lambda pair: pair[0],
).map(tuple)
effect_keys = st.builds(effect_key, names, paths, st.integers(0, 1))
statuses = st.sampled_from(JobStatus)
items = st.lists(texts, max_size=2).map(tuple)
one_in_five = st.sampled_from([True, False, False, False, False])

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Situation:
    """Where a commit would find its job, so that what is drawn has a chance to fit."""

    scope: PlainScope
    scope_id: str
    job_id: str

    @property
    def fence(self) -> int:
        known = self.scope.jobs.get(self.job_id)
        return known.fence if known else 0

    @property
    def last_seq(self) -> int:
        return len(self.scope.events_of(self.job_id))


def draw_created(draw: Draw, now: Situation) -> c.JobCreated:
    held, key = draw(optional_owners), draw(st.none() | names)
    record = job(
        now.job_id,
        now.scope_id,
        owner=held,
        idempotency_key=key,
        metadata=draw(metadata),
        tags=("red",) if key else (),
    )
    return c.JobCreated(job=record, lease_seconds=None if held is None else LEASE)


def draw_claimed(draw: Draw, now: Situation) -> c.JobClaimed:
    return c.JobClaimed(
        owner=draw(owners),
        run_id="run",
        expected_fence=now.fence + draw(one_in_five),
        lease_seconds=LEASE,
        dead_owner=draw(optional_owners),
    )


def draw_appended(draw: Draw, now: Situation) -> c.EventsAppended:
    first, count = now.last_seq + 1 + draw(one_in_five), draw(small)
    last = JobCompleted(elapsed_ms=1) if draw(one_in_five) else None
    found = [event(first + n, None if n < count else last, now.job_id) for n in range(count + 1)]
    return c.EventsAppended(events=tuple(found))


def draw_moved(draw: Draw, now: Situation) -> c.JobMoved:
    status, output = draw(statuses), draw(json_values)
    result = RunResult(job_id=now.job_id, status=status, output=output) if output else None
    return c.JobMoved(status=status, result=result)


def draw_next_step(draw: Draw, now: Situation) -> c.Change:
    """A change that goes on from what is there; of a random draw few would."""
    scope = now.scope
    steps = [
        *[c.GrantUsed(grant_id=name) for of, name in scope.grants if of == now.job_id],
        *[
            c.EffectResolved(key=key, outcome=outcome(status))
            for of, key in scope.effects
            if of == now.job_id
            for status in (EffectStatus.UNKNOWN, EffectStatus.FAILED)
        ],
        *[
            c.Settled(key=key, actuals=tuple((name, 2 * n) for name, n in held["amounts"].items()))
            for key, held in scope.reserved.items()
        ],
        *[c.Released(key=key) for key in scope.reserved],
        *[
            c.ActionMoved(action_id=name, status=ActionStatus.RESOLVED, resolution=[name], by="ada")
            for name in scope.actions
        ],
        *[
            c.SessionAppended(session_id=name, expected_version=one.version, items=("more",))
            for name, one in scope.sessions.items()
        ],
        *[
            c.AgentStored(agent=stored_agent(name, len(versions) + 1))
            for name, versions in scope.agents.items()
        ],
    ]
    return steps[draw(indexes) % len(steps)] if steps else c.RecordsDropped()


indexes = st.integers(0, 1000)
CHANGES: tuple[Callable[[Draw, Situation], c.Change], ...] = (
    draw_created,
    draw_claimed,
    draw_appended,
    draw_moved,
    *[draw_next_step] * 5,
    lambda draw, _: c.CancelRequested(reason=draw(texts), by=draw(names)),
    lambda draw, _: c.ModelRecorded(record=model_record(draw(small), draw(paths))),
    lambda draw, _: c.EffectIntended(
        effect=effect(key=draw(effect_keys), proposed=draw(json_values))
    ),
    lambda draw, _: c.EffectResolved(key=draw(effect_keys), outcome=outcome()),
    lambda draw, _: c.GrantIssued(grant=grant(draw(names))),
    lambda draw, _: c.GrantUsed(grant_id=draw(names)),
    lambda _, __: c.RecordsDropped(),
    lambda draw, _: c.BudgetSet(
        account=draw(st.sampled_from(ACCOUNTS)),
        unit="tokens" if draw(one_in_five) else "usd",
        limit=draw(st.none() | st.integers(0, 100)),
    ),
    lambda draw, _: c.Reserved(key=draw(names), amounts=draw(amounts)),
    lambda draw, _: c.Reserved(key=draw(texts), amounts=draw(amounts)),
    lambda draw, _: c.Settled(key=draw(names), actuals=draw(amounts)),
    lambda draw, _: c.Released(key=draw(names)),
    lambda draw, _: c.LedgerAppended(
        entries=(entry(draw(names), details={"v": draw(json_values)}),)
    ),
    lambda draw, _: c.ActionRequested(action=action(draw(names), job_id=draw(job_ids))),
    lambda draw, _: c.ActionMoved(
        action_id=draw(names), status=draw(st.sampled_from(ActionStatus))
    ),
    lambda draw, _: c.SessionAppended(
        session_id=draw(names), expected_version=draw(small), items=draw(items)
    ),
    lambda draw, _: c.AgentStored(agent=stored_agent(draw(names), draw(small))),
)
kinds_of_change = st.sampled_from(CHANGES)


class StorageMachine(RuleBasedStateMachine):
    """Commits to both; after each, both show the same."""

    kind: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = TurnedClock()
        self.storage: Storage = open_kind(self.kind, Path(self.folder.name), self.clock)
        self.plain = PlainStore()
        self.touched = "acme"

    def teardown(self) -> None:
        self.runner.run(self.storage.aclose())
        self.runner.close()
        self.folder.cleanup()

    @initialize(held=st.booleans())
    def open_for_business(self, held: bool) -> None:
        for scope_id in SCOPES:
            budgets: list[c.Change] = [
                c.BudgetSet(account=name, unit="usd", limit=100) for name in ACCOUNTS
            ]
            self.commit(scope_id, None, None, budgets)
            first = job("job-1", scope_id, owner=owner() if held else None)
            self.commit(scope_id, "job-1", None, [c.JobCreated(job=first, lease_seconds=LEASE)])

    @rule(scope_id=scopes, job_id=job_ids, data=st.data())
    def commit_what_fits(self, scope_id: str, job_id: str, data: st.DataObject) -> None:
        """Leave out what would be refused, so that most of what is drawn is kept."""
        scope = self.plain.scope(scope_id)
        known = scope.jobs.get(job_id)
        fence = known.fence if known and known.fence else None
        changes: list[c.Change] = []
        for _ in range(data.draw(st.integers(1, 5))):
            change = data.draw(kinds_of_change)(data.draw, Situation(scope, scope_id, job_id))
            more = [*changes, change]
            try:
                scope = self.plain.trial(scope_id, job_id, fence, more, self.clock.now())
            except Refused:
                continue
            changes = more
        if changes:
            self.commit(scope_id, job_id, fence, changes)

    @rule(scope_id=scopes, job_id=job_ids, data=st.data())
    def commit_anything(self, scope_id: str, job_id: str, data: st.DataObject) -> None:
        now = Situation(self.plain.scope(scope_id), scope_id, job_id)
        named = None if data.draw(one_in_five) else job_id
        fence = data.draw(st.none() | st.just(now.fence + data.draw(one_in_five)))
        kinds = data.draw(st.lists(kinds_of_change, min_size=1, max_size=3))
        self.commit(scope_id, named, fence, [kind(data.draw, now) for kind in kinds])

    def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: list[c.Change]
    ) -> None:
        """Commit to both: both keep it, or both refuse it with the same error."""
        self.touched = scope_id
        refused = self.plain.commit(scope_id, job_id, fence, changes, self.clock.now())
        commit = self.storage.commit(scope_id, job_id, fence, changes)
        if refused is not None:
            with pytest.raises(SteerError) as raised:
                self.runner.run(commit)
            assert raised.type is refused
            return
        done = self.runner.run(commit)
        kept = self.plain.scope(scope_id).jobs.get(job_id or "")
        assert done.position == self.plain.position
        assert (done.fence, done.attempt) == ((kept.fence, kept.attempt) if kept else (0, 0))

    @rule(seconds=st.sampled_from([1.0, LEASE]))
    def time_passes(self, seconds: float) -> None:
        self.clock.turn(seconds)

    @rule(scope_id=scopes, job_id=job_ids, fence=st.integers(0, 2))
    def renew(self, scope_id: str, job_id: str, fence: int) -> None:
        held = HeldJob(scope_id=scope_id, job_id=job_id, fence=fence)
        found = self.plain.scope(scope_id).jobs.get(job_id)
        lost = self.runner.run(self.storage.jobs.renew([held], lease_seconds=LEASE))
        if found is None or found.fence != fence or found.owner is None:
            assert list(lost) == [held]
        else:
            assert list(lost) == []
            self.plain.scope(scope_id).jobs[job_id] = replace(
                found, lease_expires_at=self.clock.now() + timedelta(seconds=LEASE)
            )

    @invariant()
    def both_show_the_same(self) -> None:
        shown = self.runner.run(show(self.storage, self.touched))
        assert shown == show_plain(self.plain, self.touched)


async def all_pages(listing: Callable[..., Awaitable[Page[Any]]]) -> list[Any]:
    """All items, two at a time."""
    page = await listing(limit=2)
    found = list(page.items)
    while page.cursor is not None:
        page = await listing(limit=2, cursor=page.cursor)
        found += page.items
    return found


async def show(storage: Storage, scope_id: str) -> dict[str, Any]:
    """Everything that a scope of the storage shows."""
    jobs = await all_pages(lambda **page: storage.jobs.list(scope_id, JobQuery(), **page))
    accounts: list[Account | None] = []
    for name in ACCOUNTS:
        try:
            accounts.append(await storage.ledger.account(scope_id, name))
        except NotFound:
            accounts.append(None)
    listed = await all_pages(lambda **page: storage.sessions.list(scope_id, **page))
    return {
        "jobs": jobs,
        "journal": [(e.position, e.event) for e in await storage.journal.read(scope_id)],
        "events": {
            one.job_id: list(await storage.journal.events(scope_id, one.job_id)) for one in jobs
        },
        "records": {one.job_id: await storage.records.load(scope_id, one.job_id) for one in jobs},
        "reservations": {
            (part.key, part.account): (part.amount, part.actual, part.job_id)
            for one in jobs
            for part in await storage.ledger.reservations(scope_id, one.job_id)
        },
        "accounts": accounts,
        "ledger": await all_pages(lambda **page: storage.ledger.entries(scope_id, **page)),
        "actions": await all_pages(lambda **page: storage.actions.list(scope_id, **page)),
        "sessions": [await storage.sessions.get(scope_id, one.session_id) for one in listed],
        "listed sessions": listed,
        "agents": await all_pages(lambda **page: storage.agents.list(scope_id, **page)),
    }


def show_plain(plain: PlainStore, scope_id: str) -> dict[str, Any]:
    """The same of the plain store."""
    scope = plain.scope(scope_id)

    def of(table: dict[Any, Any], job_id: str) -> tuple[Any, ...]:
        return tuple(value for key, value in table.items() if key[0] == job_id)

    sessions = [scope.sessions[name] for name in sorted(scope.sessions)]
    return {
        "jobs": list(reversed(scope.jobs.values())),
        "journal": scope.events,
        "events": {job_id: scope.events_of(job_id) for job_id in scope.jobs},
        "records": {
            job_id: Records(
                models=of(scope.models, job_id),
                effects=of(scope.effects, job_id),
                grants=of(scope.grants, job_id),
            )
            for job_id in scope.jobs
        },
        "reservations": {
            (key, name): (amount, held["actuals"] and held["actuals"][name], held["job"])
            for key, held in scope.reserved.items()
            for name, amount in held["amounts"].items()
            if held["job"] in scope.jobs
        },
        "accounts": [scope.accounts.get(name) for name in ACCOUNTS],
        "ledger": list(scope.ledger.values()),
        "actions": list(scope.actions.values()),
        "sessions": sessions,
        "listed sessions": [
            SessionRecord(session_id=one.session_id, version=one.version, updated_at=one.updated_at)
            for one in sessions
        ],
        "agents": [scope.agents[name][-1] for name in sorted(scope.agents) if scope.agents[name]],
    }


# Both share their rules, so the slower one, which waits for the disk, needs fewer examples.
@pytest.mark.parametrize(("kind", "examples"), [("memory", 150), ("sqlite", 30)])
def test_a_storage_does_what_the_plain_store_does(kind: str, examples: int) -> None:
    machine = type("Machine", (StorageMachine,), {"kind": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
