"""Changing budgets, and answering the questions that a change makes room for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from steer._engine.actions import Actions
from steer._engine.audits import audit_line
from steer._engine.budget_questions import about_a_budget, limit_chosen, makes_room
from steer.budgets import amount_of
from steer.clock import Clock
from steer.errors import ActionClosed, ActionExpired, Conflict, NotFound
from steer.ports.changes import ActionMoved, BudgetDefined, BudgetDropped, Change, LedgerAppended
from steer.ports.money import BudgetRecord, OnReached
from steer.ports.records import Account, ActionRecord
from steer.ports.storage import MAX_PAGE, Storage
from steer.values import ActionStatus, JsonValue

__all__ = ["Raising"]

VIA = "budget"
"""How an answer came that was given by raising the budget."""


class Raising:
    """Defines budgets; what waits for one goes on where it has room then."""

    def __init__(self, *, storage: Storage, actions: Actions, clock: Clock) -> None:
        self._storage = storage
        self._actions = actions
        self._clock = clock

    async def define(self, scope_id: str, budget: BudgetRecord) -> None:
        """Keep a budget, and answer the questions that it has room for now.

        The first of them in the same commit; each other one belongs to another job, and has its
        own. Raises ``Conflict`` where somebody else changed the budget meanwhile.
        """
        # One that only warns has room for everything.
        limit = None if budget.on_reached is OnReached.WARN else budget.limit
        await self._change(
            scope_id,
            budget,
            self._defined(budget),
            by=budget.updated_by,
            answered=await self._waiting(scope_id, budget, limit),
            comment="the budget was raised",
        )

    async def remove(self, scope_id: str, budget: BudgetRecord, *, by: str) -> None:
        """Forget a budget, and answer the questions about it. Raises ``NotFound``."""
        told = audit_line(
            f"budget/{budget.budget_id}/removed",
            by=by,
            at=self._clock.now(),
            details={"removed": budget.name},
        )
        await self._change(
            scope_id,
            replace(budget, revision=budget.revision + 1),
            [BudgetDropped(name=budget.name), LedgerAppended(entries=(told,))],
            by=by,
            answered=await self._waiting(scope_id, budget, None),
            comment="the budget was removed",
        )

    async def _change(
        self,
        scope_id: str,
        budget: BudgetRecord,
        changes: Sequence[Change],
        *,
        by: str,
        answered: Sequence[ActionRecord],
        comment: str,
    ) -> None:
        """Commit what becomes of a budget, with the first of the questions that it answers."""
        first = True
        for action in answered:
            moved = ActionMoved(
                action_id=action.action_id,
                status=ActionStatus.RESOLVED,
                resolution={"chosen": ["enough"], "comment": comment},
                by=by,
                via=VIA,
            )
            try:
                await self._actions.move(
                    scope_id,
                    action,
                    moved,
                    also=partial(self._if_next, scope_id, budget, changes) if first else None,
                )
            except (ActionClosed, ActionExpired):
                continue
            first = False
        if first:
            await self._storage.commit(scope_id, None, None, changes)

    def by_answer(
        self, scope_id: str, action: ActionRecord, resolution: JsonValue, *, by: str
    ) -> Callable[[], Awaitable[Sequence[Change]]]:
        """Return what asks for the changes that go with an answer: none where it refuses."""

        async def changes() -> Sequence[Change]:
            limit = limit_chosen(action, resolution)
            if limit is None:
                return ()
            try:
                budget = await self._storage.ledger.budget(scope_id, action.binding["budget"])
            except NotFound:
                return ()
            if budget.budget_id != action.binding["budget_id"] or budget.limit >= limit:
                return ()
            return self._defined(
                replace(
                    budget,
                    limit=limit,
                    revision=budget.revision + 1,
                    updated_at=self._clock.now(),
                    updated_by=by,
                )
            )

        return changes

    def _defined(self, budget: BudgetRecord) -> list[Change]:
        told: dict[str, JsonValue] = {
            "budget": budget.name,
            "limit": str(amount_of(budget.unit, budget.limit)),
            "unit": budget.unit.value,
            "period": budget.period.value,
            "on_reached": budget.on_reached.value,
        }
        line = audit_line(
            f"budget/{budget.budget_id}/{budget.revision}",
            by=budget.updated_by,
            at=self._clock.now(),
            details=told,
        )
        return [BudgetDefined(budget=budget), LedgerAppended(entries=(line,))]

    async def _if_next(
        self, scope_id: str, budget: BudgetRecord, changes: Sequence[Change]
    ) -> Sequence[Change]:
        """Return the changes, unless somebody else changed the budget: no further try helps."""
        now = await self._storage.ledger.budget(scope_id, budget.name)
        if now.revision + 1 != budget.revision:
            raise Conflict(
                f"revision {budget.revision} of budget {budget.name} follows revision"
                f" {now.revision}",
                fix="Read it again, and change what is there now",
            )
        return changes

    async def _waiting(
        self, scope_id: str, budget: BudgetRecord, limit: int | None
    ) -> list[ActionRecord]:
        """Return the questions that a budget with this limit has room for, oldest first."""
        taken: dict[str, int] = {}
        found: list[ActionRecord] = []
        cursor = None
        while True:
            page = await self._storage.actions.list(
                scope_id, status=ActionStatus.PENDING, limit=MAX_PAGE, cursor=cursor
            )
            for action in page.items:
                if not about_a_budget(action) or action.binding["budget_id"] != budget.budget_id:
                    continue
                name = action.binding["account"]
                if name not in taken:
                    taken[name] = await self._taken(scope_id, name)
                if limit is None or makes_room(action, taken=taken[name], limit=limit):
                    taken[name] += action.binding["terms"]["needed"]
                    found.append(action)
            cursor = page.cursor
            if cursor is None:
                return found

    async def _taken(self, scope_id: str, name: str) -> int:
        try:
            account: Account = await self._storage.ledger.account(scope_id, name)
        except NotFound:
            return 0
        return account.spent + account.reserved
