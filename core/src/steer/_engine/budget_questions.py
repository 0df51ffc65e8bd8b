"""Asking a person to raise a budget, and what becomes of the run meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steer._engine.asking import Asking, Question, fail_expired
from steer._engine.questions import binding_of
from steer._engine.spending import Shortage
from steer._engine.state import JobState
from steer.actions import Choose, Option, check_payload
from steer.budgets import exceeded, shown_amount
from steer.errors import ActionExpired, BudgetExceeded
from steer.ports.records import ActionRecord, EffectKey
from steer.values import ActionStatus, ActionType, Expiry, JsonValue, digest_of

__all__ = ["REFUSE", "BudgetQuestions", "about_a_budget", "limit_chosen", "makes_room"]

REFUSE = "refuse"
"""The answer that ends the run."""


class BudgetQuestions:
    """Puts a budget without room to people: they raise it, or the run ends."""

    def __init__(self, state: JobState) -> None:
        self._state = state
        self._asking = Asking(state)

    def check_refused(self, key: EffectKey, what: str) -> None:
        """Raise ``BudgetExceeded`` where somebody refused to make room for this very thing.

        Whatever room there is by now: whoever refused was told that the run ends.
        """
        for action in self._state.questions.resolved():
            if not about_a_budget(action) or _chosen(action) != REFUSE:
                continue
            about = action.binding
            if (tuple(about["path"]), about["message"], about["call_id"]) == (
                key.path,
                key.message,
                key.call_id,
            ):
                raise BudgetExceeded(
                    about["budget"],
                    f"{action.resolved_by} refused to raise it: budget {about['budget']} had no"
                    f" room for {what}",
                    budget=about["budget"],
                )

    async def ask(
        self, shortage: Shortage, key: EffectKey, *, agent: str | None, what: str, place: int
    ) -> bool:
        """Return whether somebody has raised the budget, and not the run leaves first.

        ``place`` tells the questions about one call apart. Raises ``BudgetExceeded`` where nobody
        raises it.
        """
        question = self._question(shortage, key, agent, what, place)
        asked = await self._asking.ask(question)
        if asked.status is ActionStatus.PENDING and await self._has_room(shortage):
            # It was raised before there was a question that this could have answered.
            await self._asking.withdraw(asked, key.path, "the budget has room")
            return True
        action = await self._asking.answer(question, asked=asked)
        if action is None:
            return False
        match action.status:
            case ActionStatus.RESOLVED if _chosen(action) != REFUSE:
                return True
            case ActionStatus.RESOLVED:
                why = f"{action.resolved_by} refused to raise it"
            case ActionStatus.EXPIRED if action.on_expiry is Expiry.FAIL:
                error = ActionExpired(f"{what} was to be made room for, and nobody did in time")
                fail_expired(self._state, error)
                raise error
            case ActionStatus.EXPIRED:
                why = "nobody raised it in time"
            case _:
                why = "the question whether to raise it was withdrawn"
        raise exceeded(
            shortage.draw, shortage.account, shortage.limit, shortage.needed, what=what, why=why
        )

    async def _has_room(self, shortage: Shortage) -> bool:
        draw = shortage.draw
        needed = {draw.account: shortage.needed}
        return not await self._state.spending.shortages((draw,), needed)

    def _question(
        self, shortage: Shortage, key: EffectKey, agent: str | None, what: str, place: int
    ) -> Question:
        spec, parking = self._state.approvals, self._state.parking
        budget, account = shortage.draw.budget, shortage.account
        if budget is None:
            raise AssertionError("a family's account asks nobody")
        unit = budget.unit
        least = account.spent + account.reserved + shortage.needed
        limits = {"enough": least}
        if 2 * budget.limit > least:
            limits["double"] = 2 * budget.limit
        needed = shown_amount(unit, shortage.needed)
        about = {
            "enough": (
                f"Just enough for {what}, which may take {needed}. The limit is"
                f" {shown_amount(unit, shortage.limit)}: {shown_amount(unit, account.spent)} spent,"
                f" {shown_amount(unit, account.reserved)} reserved."
            ),
            "double": "Twice the limit.",
        }
        raises = tuple(
            Option(
                id=way,
                label=f"Raise it to {shown_amount(unit, limit)}",
                description=about[way],
            )
            for way, limit in limits.items()
        )
        payload = Choose(
            message=f"Budget {budget.name} has no room for {what}. Raise it?",
            options=(*raises, Option(id=REFUSE, label="Leave it", description="The run ends.")),
        )
        leaves = parking.can_leave(key)
        return Question(
            type=ActionType.CHOOSE,
            payload=check_payload(ActionType.CHOOSE, payload),
            binding=binding_of(
                key,
                asked="budget",
                place=place,
                digest=digest_of([budget.budget_id, account.account]),
                budget=budget.name,
                budget_id=budget.budget_id,
                account=account.account,
                terms={"needed": shortage.needed, "limits": limits},
            ),
            expires_in=spec.expires_in_seconds,
            on_expiry=Expiry.FAIL if spec.on_expiry is Expiry.FAIL else Expiry.DENY,
            path=key.path,
            agent=agent,
            held="inline" if parking.held(key) else "suspended",
            left_by=key if leaves else None,
        )


def about_a_budget(action: ActionRecord) -> bool:
    """Whether the question is whether a budget is raised."""
    return isinstance(action.binding, dict) and action.binding["asked"] == "budget"


def limit_chosen(action: ActionRecord, resolution: JsonValue) -> int | None:
    """Return what a budget is raised to by an answer, ``None`` where that refuses it."""
    limits: Mapping[str, Any] = action.binding["terms"]["limits"]
    limit = limits.get(resolution["chosen"][0])
    return None if limit is None else int(limit)


def makes_room(action: ActionRecord, *, taken: int, limit: int) -> bool:
    """Whether a budget with this limit, of which so much is taken, has room for what asks."""
    return bool(taken + action.binding["terms"]["needed"] <= limit)


def _chosen(action: ActionRecord) -> str:
    return str(action.resolution["chosen"][0])
