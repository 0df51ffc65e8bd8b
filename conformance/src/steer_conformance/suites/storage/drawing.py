"""Changes drawn at random, most of which have a chance to fit what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from steer.events import JobCompleted
from steer.ports import changes as c
from steer.ports.money import BudgetUnit, OnReached
from steer.values import ActionStatus, EffectStatus, JobStatus, RunResult

from steer_conformance.storing.samples import (
    LEASE,
    START,
    action,
    budget,
    effect,
    effect_key,
    entry,
    event,
    grant,
    job,
    model_record,
    outcome,
    owner,
    stored,
    stored_agent,
)
from steer_conformance.suites.storage.oracle_tables import PlainScope
from steer_conformance.suites.storage.showing import ACCOUNTS

SCOPES = ("acme", "other")
JOBS = ("job-1", "job-2", "job-3")
NAMES = ("a", "b")
PERIODS = ("today", "always")

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
    st.tuples(st.sampled_from([*ACCOUNTS * 2, *PERIODS, "nobody"]), st.integers(-1, 60)),
    max_size=2,
    unique_by=lambda pair: pair[0],
).map(tuple)
effect_keys = st.builds(effect_key, names, paths, st.integers(0, 1))
statuses = st.sampled_from(JobStatus)
items = st.lists(texts, max_size=2).map(tuple)
due_times = st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours))
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
        parent_job_id=draw(st.none() | job_ids),
        due_at=draw(st.none() | due_times),
        tags=("red",) if key else (),
    )
    return c.JobCreated(
        job=record,
        lease_seconds=None if held is None else LEASE,
        max_children=draw(st.none() | small),
    )


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
    waited = draw(small) == 0 and [*now.scope.actions]
    return c.JobMoved(
        status=status,
        result=result,
        due_at=draw(st.none() | due_times),
        retry=draw(one_in_five),
        waits_for=tuple(waited[:1] if waited else ()),
    )


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
        *[c.ArtifactDropped(artifact_id=name) for name in scope.artifacts],
        *[
            c.SessionAppended(session_id=name, expected_version=one.version, items=("more",))
            for name, one in scope.sessions.items()
        ],
        *[c.SessionTaken(session_id=name) for name in scope.sessions],
        *[
            c.AgentStored(agent=stored_agent(name, len(versions) + 1))
            for name, versions in scope.agents.items()
        ],
        *[
            c.BudgetDefined(budget=replace(old, limit=draw(limits), revision=old.revision + 1))
            for old in scope.budgets.values()
        ],
        *[
            c.AccountOpened(account=name, budget_id=one.budget_id, resets_at=START)
            for name in PERIODS
            for one in scope.budgets.values()
        ],
    ]
    return steps[draw(indexes) % len(steps)] if steps else c.RecordsDropped()


def draw_defined(draw: Draw, now: Situation) -> c.BudgetDefined:
    name = draw(names)
    old = now.scope.budgets.get(name)
    return c.BudgetDefined(
        budget=budget(
            name,
            # The other budget's id now and then: that is never free.
            budget_id=f"id-of-{draw(names) if draw(one_in_five) else name}",
            unit=BudgetUnit.TOKENS if draw(one_in_five) else BudgetUnit.USD,
            limit=draw(limits),
            on_reached=draw(st.sampled_from(OnReached)),
            revision=(old.revision if old else 0) + 1 + draw(one_in_five),
        )
    )


limits = st.integers(0, 100)
indexes = st.integers(0, 1000)

DRAWN: Mapping[type[Any], Callable[[Draw, Situation], c.Change]] = {
    c.JobCreated: draw_created,
    c.JobClaimed: draw_claimed,
    c.JobMoved: draw_moved,
    c.CancelRequested: lambda draw, _: c.CancelRequested(reason=draw(texts), by=draw(names)),
    c.EventsAppended: draw_appended,
    c.ModelRecorded: lambda draw, _: c.ModelRecorded(record=model_record(draw(small), draw(paths))),
    c.EffectIntended: lambda draw, _: c.EffectIntended(
        effect=effect(key=draw(effect_keys), proposed=draw(json_values))
    ),
    c.EffectResolved: lambda draw, _: c.EffectResolved(key=draw(effect_keys), outcome=outcome()),
    c.GrantIssued: lambda draw, _: c.GrantIssued(grant=grant(draw(names))),
    c.GrantUsed: lambda draw, _: c.GrantUsed(grant_id=draw(names)),
    c.RecordsDropped: lambda _, __: c.RecordsDropped(),
    c.BudgetDefined: draw_defined,
    c.BudgetDropped: lambda draw, _: c.BudgetDropped(name=draw(names)),
    c.AccountOpened: lambda draw, _: c.AccountOpened(
        account=draw(st.sampled_from(PERIODS)),
        budget_id=f"id-of-{draw(names)}",
        resets_at=draw(st.none() | due_times),
    ),
    c.BudgetSet: lambda draw, _: c.BudgetSet(
        account=draw(st.sampled_from([*ACCOUNTS * 2, *PERIODS])),
        unit="tokens" if draw(one_in_five) else "usd",
        limit=draw(st.none() | limits),
    ),
    c.Reserved: lambda draw, _: c.Reserved(key=draw(names | texts), amounts=draw(amounts)),
    c.Settled: lambda draw, _: c.Settled(key=draw(names), actuals=draw(amounts)),
    c.Released: lambda draw, _: c.Released(key=draw(names)),
    c.LedgerAppended: lambda draw, _: c.LedgerAppended(
        entries=(entry(draw(names), details={"v": draw(json_values)}),)
    ),
    c.ActionRequested: lambda draw, _: c.ActionRequested(
        action=action(draw(names), job_id=draw(job_ids), expires_at=draw(st.none() | due_times))
    ),
    c.ActionMoved: lambda draw, _: c.ActionMoved(
        action_id=draw(names),
        status=draw(st.sampled_from(ActionStatus)),
        held_by=draw(st.none() | small),
    ),
    c.ArtifactStored: lambda draw, _: stored(
        draw(st.binary(max_size=20)),
        artifact_id=draw(names),
        job_id=draw(job_ids),
        name=draw(texts),
    ),
    c.ArtifactDropped: lambda draw, _: c.ArtifactDropped(artifact_id=draw(names)),
    c.SessionAppended: lambda draw, _: c.SessionAppended(
        session_id=draw(names), expected_version=draw(small), items=draw(items)
    ),
    c.SessionTaken: lambda draw, _: c.SessionTaken(
        session_id=draw(names), expected_version=draw(st.none() | small)
    ),
    c.SessionDropped: lambda draw, _: c.SessionDropped(session_id=draw(names)),
    c.AgentStored: lambda draw, _: c.AgentStored(agent=stored_agent(draw(names), draw(small))),
    c.AgentRemoved: lambda draw, _: c.AgentRemoved(name=draw(names)),
}
"""How a change of each kind of the union is drawn."""

kinds_of_change = st.sampled_from([*DRAWN.values(), *[draw_next_step] * 5])
