"""The accounts that one run draws on, and what it holds there."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import anyio

from steer._engine.funds import NO_FUNDS, Funds, budgets_of
from steer.budgets import Draw, allotments
from steer.clock import Clock
from steer.context import ExecutionContext
from steer.errors import (
    BudgetExceeded,
    ConfigError,
    Conflict,
    ErrorCategory,
    NotFound,
    RuntimeFailure,
    StaleFence,
)
from steer.ports.changes import AccountOpened, Change, Released, Reserved, Settled
from steer.ports.money import BudgetUnit, OnReached
from steer.ports.records import Account
from steer.ports.storage import Storage
from steer.values import Usage

__all__ = ["Amounts", "Shortage", "Spending", "Warned", "allowance_key"]

Amounts: TypeAlias = Mapping[str, int]
"""How much of each account."""

Warned: TypeAlias = tuple[str, datetime | None, bool]
"""A budget, when its period ends, and whether it was past its limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortage:
    """An account that has no room for ``needed``, as it stands; ``draw`` has its budget anew."""

    draw: Draw
    account: Account
    limit: int
    needed: int

    @property
    def room(self) -> int:
        """How much there is left."""
        return self.limit - self.account.spent - self.account.reserved


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    """What was set aside under one key; ``need`` is what its request can take at most."""

    draws: tuple[Draw, ...]
    reserved: Amounts
    need: Amounts


def allowance_key(job_id: str, attempt: int) -> str:
    """Return the key of what is set aside for an attempt before its first request."""
    return f"{job_id}/{attempt}/allowance"


class Spending:
    """Reserves before a request leaves and settles what it came to; knows what is held.

    A reservation is a commit of its own, which may be refused. A settlement rides with the commit
    of what it is about. All but ``settle`` and ``close`` is called in the kernel's event loop;
    what is held is guarded by the job's lock. A run without budgets and families does nothing here.
    """

    def __init__(
        self,
        *,
        context: ExecutionContext,
        agent: str,
        attempt: int,
        fence: int,
        storage: Storage,
        clock: Clock,
        lock: threading.RLock,
        funds: Funds = NO_FUNDS,
        warned: Iterable[Warned] = (),
    ) -> None:
        self._context = context
        self._agent = agent
        self._attempt = attempt
        self._fence = fence
        self._storage = storage
        self._clock = clock
        self._lock = lock
        self._budgets = funds.budgets
        self._families = funds.families
        self._draws: tuple[Draw, ...] = ()
        self._draws_until: datetime | None = None
        self._opened: set[str] = set()
        self._held: dict[str, _Held] = {}
        self._allowance: str | None = None
        self._doubts: dict[str, tuple[str, ...]] = {}
        self._warned = set(warned)
        self.substitutes = False
        """Whether the runtime can ask another model than the author's."""
        self.unwritten = False
        """Whether something was settled of which no commit is known yet."""
        self._leaving = False
        self.founding = anyio.Lock()
        """Held while the account of the run's family is made, which its requests wait for."""

    def first_warning(self, told: Warned) -> bool:
        """Whether this is told of a budget for the first time in the job; it is from now on."""
        if told in self._warned:
            return False
        self._warned.add(told)
        return True

    def __bool__(self) -> bool:
        return bool(self._budgets or self._families)

    def key(self, path: tuple[str, ...], call: str) -> str:
        """Return what names a request of the run, here and in the ledger."""
        return "/".join((self._context.job_id, str(self._attempt), *path, call))

    def draws(self) -> tuple[Draw, ...]:
        """Return the accounts of this moment; each period of a budget has its own."""
        now = self._clock.now()
        until = self._draws_until
        if not self._draws or (until is not None and until <= now):
            found = allotments(self._budgets, self._context, agent=self._agent, now=now)
            ends = [each.resets_at for each in found if each.resets_at is not None]
            self._draws_until = min(ends, default=None)
            self._draws = (
                tuple(
                    Draw(
                        account=each.account,
                        unit=each.budget.unit,
                        budget=each.budget,
                        resets_at=each.resets_at,
                    )
                    for each in found
                )
                + self._families
            )
        return self._draws

    def opening(self, draws: Iterable[Draw]) -> list[Change]:
        """Return what creates the accounts that this run has not drawn on yet."""
        return [
            AccountOpened(
                account=draw.account, budget_id=draw.budget.budget_id, resets_at=draw.resets_at
            )
            for draw in draws
            if draw.budget is not None and draw.account not in self._opened
        ]

    # ---- setting aside -------------------------------------------------------------------------

    def allow(self, draws: Sequence[Draw], amounts: Amounts) -> None:
        """Note what was set aside when the job was admitted."""
        if amounts:
            self._opened.update(draw.account for draw in draws)
            key = allowance_key(self._context.job_id, self._attempt)
            self._held[key] = _Held(draws=tuple(draws), reserved=amounts, need=amounts)
            self._allowance = key

    def take_over(self, draws: Sequence[Draw], amounts: Amounts) -> str | None:
        """Return the key of the allowance, if that suffices for a request; it is the request's."""
        with self._lock:
            held = self._held.get(self._allowance or "")
            if held is None or held.reserved.keys() != amounts.keys():
                return None
            if any(held.reserved[account] < amount for account, amount in amounts.items()):
                return None
            key, self._allowance = self._allowance, None
            if key is not None:
                self._held[key] = _Held(draws=tuple(draws), reserved=held.reserved, need=amounts)
            return key

    async def reserve(
        self, key: str, draws: Sequence[Draw], amounts: Amounts, *, settle: bool = False
    ) -> Sequence[Account]:
        """Set the amounts aside, on all accounts or none; return how the accounts stand then.

        What is left of the allowance is given back by the same commit. ``settle`` books the amounts
        at once. Raises ``BudgetExceeded``, naming an account, where one has no room, and
        ``RuntimeFailure`` once the run leaves: nobody would settle what is set aside then.
        """
        async with self.founding:
            pass
        self._check_here()
        changes = self.opening(draws)
        with self._lock:
            # A request is asked for by its key again after a refusal only, which kept nothing.
            allowance = self._held.pop(self._allowance or "", None)
            allowed, self._allowance = self._allowance, None
        if allowance is not None and allowed is not None:
            changes.append(Released(key=allowed))
            self._doubts[allowed] = tuple(allowance.reserved)
        changes.append(Reserved(key=key, amounts=tuple(amounts.items())))
        if settle:
            changes.append(Settled(key=key, actuals=tuple(amounts.items())))
        if not settle:
            # What is booked at once leaves nothing set aside, whether that is heard of or not.
            self._doubts[key] = tuple(amounts)
        try:
            done = await self._storage.commit(
                self._context.scope_id, self._context.job_id, self._fence, changes
            )
        except (BudgetExceeded, ConfigError, Conflict, NotFound):
            # Nothing of it was kept.
            self._doubts.pop(key, None)
            if allowance is not None and allowed is not None:
                self._doubts.pop(allowed, None)
                with self._lock:
                    self._held[allowed], self._allowance = allowance, allowed
            raise
        if not settle:
            # Else it is in doubt still, or was given back already.
            self._check_here()
        self._doubts.pop(key, None)
        self._doubts.pop(allowed or "", None)
        self._opened.update(draw.account for draw in draws)
        if not settle:
            with self._lock:
                self._held[key] = _Held(draws=tuple(draws), reserved=amounts, need=amounts)
        return done.accounts

    async def shortages(self, draws: Sequence[Draw], amounts: Amounts) -> list[Shortage]:
        """Return which accounts have no room for the amounts now, by limits as they are now."""
        return [each for each in await self.standing(draws, amounts) if each.room < each.needed]

    async def standing(self, draws: Sequence[Draw], amounts: Amounts) -> list[Shortage]:
        """Return how the accounts stand that have a limit; what is given back counts as room."""
        given_back = self._held.get(self._allowance or "")
        found = []
        for draw in draws:
            needed = amounts.get(draw.account)
            if needed is None:
                continue
            try:
                account = await self._storage.ledger.account(self._context.scope_id, draw.account)
            except NotFound:
                account = Account(
                    account=draw.account,
                    unit=draw.unit,
                    budget_id=draw.budget.budget_id if draw.budget else None,
                )
            bounded, limit = await self._limit(draw, account)
            if limit is None:
                continue
            if given_back is not None:
                back = given_back.reserved.get(draw.account, 0)
                account = _less_reserved(account, back)
            found.append(Shortage(draw=bounded, account=account, limit=limit, needed=needed))
        return found

    def join(self, families: Sequence[Draw]) -> tuple[Draw, ...]:
        """Draw on these from now on, too: the run starts another job. Return those before."""
        before = self._families
        self._families += tuple(draw for draw in families if draw not in before)
        self._draws = ()
        return before

    def leave(self, before: tuple[Draw, ...]) -> None:
        """Draw on the families of ``before`` again: nothing came of it."""
        self._families = before
        self._draws = ()

    async def reload(self) -> bool:
        """Read the budgets anew, one of which may be gone; return whether they are others."""
        before = self._budgets
        self._budgets = await budgets_of(
            self._storage, self._context, agent=self._agent, clock=self._clock
        )
        self._draws = ()
        return self._budgets != before

    async def _limit(self, draw: Draw, account: Account) -> tuple[Draw, int | None]:
        if draw.budget is None or account.limit is not None:
            return draw, account.limit
        try:
            budget = await self._storage.ledger.budget(self._context.scope_id, draw.budget.name)
        except NotFound:
            return draw, None
        if budget.budget_id != draw.budget.budget_id or budget.on_reached is OnReached.WARN:
            return draw, None
        return (
            Draw(
                account=draw.account,
                unit=draw.unit,
                budget=budget,
                resets_at=draw.resets_at,
            ),
            budget.limit,
        )

    # ---- what it came to -----------------------------------------------------------------------

    def settle(
        self, key: str | None, used: Usage, *, cost: int | None, requests: int
    ) -> Settled | Released | None:
        """Return the change that books what a request came to, ``None`` where nothing is held.

        ``cost`` is in micro-dollars. Where nobody said what was used it is all that could be. Call
        with the job's lock held.
        """
        held = self._held.pop(key or "", None)
        if held is None or key is None:
            return None
        self.unwritten = True
        if used.estimated:
            return Settled(key=key, actuals=tuple(held.need.items()))
        actual = {
            BudgetUnit.TOKENS: used.total_tokens,
            BudgetUnit.REQUESTS: requests,
            BudgetUnit.USD: cost,
        }
        units = {draw.account: draw.unit for draw in held.draws}
        actuals = []
        for account, need in held.need.items():
            amount = actual[units[account]]
            actuals.append((account, need if amount is None else amount))
        return Settled(key=key, actuals=tuple(actuals))

    def close(self) -> list[Change]:
        """Return what leaves nothing set aside: the run has ended, or leaves for a while.

        What may still be under way is booked as if it had used all that it could. Call with the
        job's lock held.
        """
        changes: list[Change] = []
        for key, held in self._held.items():
            if key == self._allowance:
                changes.append(Released(key=key))
            else:
                changes.append(Settled(key=key, actuals=tuple(held.need.items())))
        self._held.clear()
        self._allowance = None
        return changes

    async def resolve_doubts(self) -> None:
        """Give back what a commit may have set aside that nobody heard the end of.

        The run leaves: what something that outlives it still asks for is refused from now on.
        """
        self._leaving = True
        while self._doubts:
            key, accounts = next(iter(self._doubts.items()))
            changes: list[Change] = [
                # One that exists is left as it is, and one that does not takes no room.
                Reserved(key=key, amounts=tuple((account, 0) for account in accounts)),
                Released(key=key),
            ]
            with _refused():
                await self._storage.commit(
                    self._context.scope_id, self._context.job_id, self._fence, changes
                )
            self._doubts.pop(key, None)

    def _check_here(self) -> None:
        if self._leaving:
            raise RuntimeFailure(
                f"job {self._context.job_id} leaves, and nothing more is set aside for it",
                category=ErrorCategory.CANCELLED,
            )


@contextmanager
def _refused() -> Iterator[None]:
    """Go on where nothing was set aside, or it is settled already."""
    try:
        with suppress(BudgetExceeded, NotFound):
            yield
    except StaleFence:
        raise
    except Conflict:
        return


def _less_reserved(account: Account, amount: int) -> Account:
    return Account(
        account=account.account,
        unit=account.unit,
        limit=account.limit,
        spent=account.spent,
        reserved=account.reserved - amount,
        budget_id=account.budget_id,
        resets_at=account.resets_at,
    )
