"""Random commits, refused ones among them, on a storage and on the oracle side by side."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from steer.ports import changes as c
from steer.ports.storage import HeldJob

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import LEASE, job, owner
from steer_conformance.suites.storage.case import StorageCase
from steer_conformance.suites.storage.drawing import (
    SCOPES,
    Situation,
    job_ids,
    kinds_of_change,
    one_in_five,
    scopes,
)
from steer_conformance.suites.storage.oracle import PlainStore
from steer_conformance.suites.storage.oracle_tables import Refused
from steer_conformance.suites.storage.showing import ACCOUNTS, show, show_plain

__all__ = ["a_storage_shows_what_the_rules_make_of_any_commits"]


@check("ST-6")
def a_storage_shows_what_the_rules_make_of_any_commits(case: StorageCase) -> None:
    case.profile.run_machine(lambda: StorageMachine(case))


class StorageMachine(RuleBasedStateMachine):
    """Commits to both; after each, both show the same."""

    def __init__(self, case: StorageCase) -> None:
        super().__init__()
        self.held = ExitStack()
        place = self.held.enter_context(case.another())
        self.runner = self.held.enter_context(asyncio.Runner())
        self.clock, self.storage = place.clock, place.storage
        self.plain = PlainStore()
        self.touched = "acme"

    def teardown(self) -> None:
        """Close the store and let go of its place, also after a failure."""
        self.held.close()

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
            with raises(refused) as raised:
                self.runner.run(commit)
            assert type(raised.value) is refused
            return
        done = self.runner.run(commit)
        kept = self.plain.scope(scope_id).jobs.get(job_id or "")
        assert done.position == self.plain.position
        assert (done.fence, done.attempt) == ((kept.fence, kept.attempt) if kept else (0, 0))
        told = {account.account: account for account in done.accounts}
        assert (told, len(told)) == (self.plain.accounts, len(done.accounts))

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
