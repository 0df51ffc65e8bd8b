"""What a job and the jobs under it may use together: an account, made with its first child."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

from steer._engine.funds import caps_of, family_draw
from steer._engine.history import history_of
from steer._engine.inheritance import Spent
from steer._engine.state import JobState
from steer.budgets import Draw, micro_dollars
from steer.errors import Conflict, NotFound, SteerError, StorageError
from steer.fold import Fold
from steer.ports.changes import BudgetSet, Change, Reserved, Settled
from steer.ports.money import BudgetUnit
from steer.ports.records import JobRecord
from steer.ports.storage import Storage
from steer.request import StoredRequest

__all__ = ["FamilyAccounts", "spent_by"]

T = TypeVar("T")

MAKE_SECONDS = 10.0
"""The longest that making the accounts may take where the making of the child was cut off."""


class FamilyAccounts:
    """Makes the accounts of families. The first job draws on its own from then on, too.

    What it had used before is booked as the account is made, and what it has under way then counts
    as used. ``running`` finds a job that runs here.
    """

    def __init__(self, storage: Storage, running: Callable[[str, str], JobState | None]) -> None:
        self._storage = storage
        self._running = running

    async def create(
        self,
        child: JobRecord,
        changes: Sequence[Change],
        commit: Callable[[Sequence[Change]], Awaitable[T]],
    ) -> T:
        """Make a job by ``changes``, and in the same ``commit`` the accounts of its family.

        Its parent's first children may be made at the same time: the accounts are then those that
        came first.
        """
        accounts: list[Change] = []
        try:
            async with self._founding(child) as accounts:
                return await commit([*changes, *accounts])
        except Conflict:
            if not accounts:
                raise
        async with self._founding(child) as accounts:
            return await commit([*changes, *accounts])

    @asynccontextmanager
    async def _founding(self, child: JobRecord) -> AsyncIterator[list[Change]]:
        parent = await self._parent(child)
        caps = {} if parent is None else caps_of(StoredRequest.decode(parent.request).budgets)
        if parent is None or not caps:
            yield []
            return
        draws = [family_draw(parent.job_id, unit) for unit in caps]
        state = self._running(parent.scope_id, parent.job_id)
        if state is None:
            missing = await self._missing(parent, draws)
            spent = await spent_by(self._storage, parent, None)
            yield _made(parent, missing, caps, spent)
            return
        spending = state.spending
        async with spending.founding:
            missing = await self._missing(parent, draws)
            with state.lock:
                # In one moment: what is set aside from here on is set aside on the accounts, too.
                spent = Spent.by(state)
                before = spending.join(draws)
            made = _made(parent, missing, caps, spent)
            try:
                yield made
            except BaseException as error:
                refused = isinstance(error, Exception) and not isinstance(error, StorageError)
                if refused or not await self._there(parent, made):
                    spending.leave(before)
                raise

    async def _there(self, parent: JobRecord, made: Sequence[Change]) -> bool:
        """Whether the accounts are there, although nobody heard of the commit that makes them.

        The first job is to draw on them as soon as a child may: so they are made here if need be.
        """
        with anyio.move_on_after(MAKE_SECONDS, shield=True):
            try:
                if made:
                    await self._storage.commit(parent.scope_id, None, None, made)
            except Conflict:
                return True
            except SteerError:
                return False
            return True
        return False

    async def _parent(self, child: JobRecord) -> JobRecord | None:
        if child.parent_job_id is None:
            return None
        return await self._storage.jobs.get(child.scope_id, child.parent_job_id)

    async def _missing(self, parent: JobRecord, draws: list[Draw]) -> list[Draw]:
        found = []
        for draw in draws:
            try:
                await self._storage.ledger.account(parent.scope_id, draw.account)
            except NotFound:
                found.append(draw)
        return found


async def spent_by(storage: Storage, job: JobRecord, state: JobState | None) -> Spent:
    """Return what a job has used so far: as its process knows it, else as its journal says."""
    if state is not None:
        return Spent.by(state)
    fold = Fold(job_id=job.job_id)
    for event in await history_of(storage, job):
        fold.add(event)
    return Spent(
        tokens=fold.usage.total_tokens,
        cost=fold.cost,
        tool_calls=fold.tools_invoked,
        turns=fold.turns,
    )


def _made(
    parent: JobRecord, missing: list[Draw], caps: dict[BudgetUnit, int], spent: Spent
) -> list[Change]:
    used = {
        BudgetUnit.TOKENS: spent.tokens,
        BudgetUnit.TOOL_CALLS: spent.tool_calls,
        # Where it is not known, no child was let in by what the parent has left.
        BudgetUnit.USD: 0 if spent.cost is None else micro_dollars(spent.cost),
    }
    changes: list[Change] = []
    for draw in missing:
        key = f"{parent.job_id}/before/{draw.unit}"
        amounts = ((draw.account, used[draw.unit]),)
        changes += [
            BudgetSet(account=draw.account, unit=draw.unit, limit=caps[draw.unit]),
            Reserved(key=key, amounts=amounts),
            Settled(key=key, actuals=amounts),
        ]
    return changes
