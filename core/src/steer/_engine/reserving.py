"""Admitting requests and tool calls under budgets: reserve, shorten, degrade, ask people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from steer._engine.budget_questions import BudgetQuestions
from steer._engine.limits import NOTHING_HELD, Hold
from steer._engine.spending import Amounts, Shortage
from steer._engine.state import JobState, Stop
from steer.budgets import UNASKED_OUTPUT, Draw, Need, amount_of, exceeded
from steer.errors import BudgetExceeded, Conflict, NotFound, StaleFence
from steer.events import BudgetDegraded, BudgetExceededEvent, BudgetWarning
from steer.ports.gate import ModelRequest, ToolCall
from steer.ports.money import BudgetUnit, OnReached
from steer.ports.records import Account, EffectKey
from steer.values import JobStatus, Usage

__all__ = ["Granted", "Reserving", "tell_exceeded"]

TRIES = 20
"""How often the room of a budget may change under one request before that is refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """A request as it may go out, with its model and bounds, and what is held for it.

    ``hold`` is on the run's own bounds, and ``key`` names what is held on budgets.
    """

    request: ModelRequest
    hold: Hold = NOTHING_HELD
    key: str | None = None


class Reserving:
    """Lets nothing of a run go that a budget has no room for."""

    def __init__(self, state: JobState) -> None:
        self._state = state
        self._spending = state.spending
        self._questions = BudgetQuestions(state)

    async def model_request(
        self, request: ModelRequest, call: str, allowed: Callable[[str], Awaitable[None]]
    ) -> Granted:
        """Set aside what a request can take at most, and return what it may do.

        ``allowed`` is asked before another model takes the place of the request's. Raises
        ``BudgetExceeded``, and ``Suspending`` where the run leaves to wait for a person.
        """
        model, asked = request.model, 0
        degraded: Shortage | None = None
        key = EffectKey(
            path=request.path, message=self._position(request), call_id=call_id(request)
        )
        self._questions.check_refused(key, f"the next request to {model}")
        while True:
            granted = await self._fit(replace(request, model=model), call)
            if isinstance(granted, Granted):
                if degraded is not None:
                    self._tell_degraded(request, model, degraded)
                return granted
            other = None if degraded is not None else _degrading(granted)
            if other is not None and other.draw.budget is not None:
                model = self._substitute(other, other.draw.budget.degrade_to or model)
                await allowed(model)
                degraded = other
                continue
            what, parking = f"the next request to {model}", self._state.parking
            with parking.deciding(key):
                if not await self._wait(granted, key, request.agent, what, asked):
                    parking.check()
            self._state.check()
            asked += 1

    async def tool_call(self, call: ToolCall) -> bool:
        """Count an allowed tool call; return whether it may begin, and not the run leaves first.

        Raises ``BudgetExceeded`` where a budget has no room: the run ends. A call that an earlier
        attempt counted is not counted again.
        """
        state = self._state
        try:
            return await self._count_call(call)
        except BudgetExceeded as error:
            tell_exceeded(state, error)
            state.stop(Stop(status=JobStatus.FAILED, error=error))
            raise

    async def _count_call(self, call: ToolCall) -> bool:
        draws = tuple(d for d in self._spending.draws() if d.unit is BudgetUnit.TOOL_CALLS)
        if not draws:
            return True
        self._questions.check_refused(call.key, f"the call to {call.tool}")
        amounts = {draw.account: 1 for draw in draws}
        key = f"{self._state.context.job_id}/{call.key}/call"
        asked = 0
        while True:
            try:
                short = await self._set_aside(key, draws, amounts, settle=True)
            except StaleFence:
                raise
            except Conflict:
                return True
            if not short:
                return True
            what = f"the call to {call.tool}"
            if not await self._wait(short, call.key, call.agent, what, asked):
                return False
            self._state.check()
            asked += 1

    def warn(self, accounts: Sequence[Account]) -> None:
        """Tell what is near its limit, or past it where that only warns; once per run each."""
        state = self._state
        draws = {draw.account: draw for draw in self._spending.draws()}
        for account in accounts:
            draw = draws.get(account.account)
            budget = None if draw is None else draw.budget
            if draw is None or budget is None:
                continue
            taken = account.spent + account.reserved
            near = budget.warn_at is not None and account.spent >= budget.warn_at * budget.limit
            past = budget.on_reached is OnReached.WARN and taken > budget.limit
            told = (budget.name, draw.resets_at, past)
            if not (near or past) or not self._spending.first_warning(told):
                continue
            state.tell(
                BudgetWarning(
                    limit=budget.unit.value,
                    used=str(amount_of(budget.unit, taken if past else account.spent)),
                    cap=str(amount_of(budget.unit, budget.limit)),
                    budget=budget.name,
                    resets_at=draw.resets_at,
                )
            )

    # ---- one try -------------------------------------------------------------------------------

    async def _fit(self, request: ModelRequest, call: str) -> Granted | list[Shortage]:
        """Reserve on the run's own bounds and on its budgets; return what had no room instead."""
        state = self._state
        with state.lock:
            hold = state.limits.reserve(request, state.books.rates)
        request = replace(request, max_output_tokens=hold.max_output_tokens)
        granted: Granted | list[Shortage] = []
        try:
            granted = await self._fit_budgets(request, call)
        finally:
            if not isinstance(granted, Granted):
                with state.lock:
                    state.limits.settle(hold, Usage(), Decimal(0))
        return replace(granted, hold=hold) if isinstance(granted, Granted) else granted

    async def _fit_budgets(self, request: ModelRequest, call: str) -> Granted | list[Shortage]:
        spending = self._spending
        if not spending:
            return Granted(request=request)
        key = spending.key(request.path, call)
        short: list[Shortage] = []
        need, draws = self._need(request, spending.draws())
        for _ in range(TRIES):
            if not draws:
                return Granted(request=request)
            amounts = need.amounts(draws)
            taken = spending.take_over(draws, amounts)
            if taken is None:
                short = await self._set_aside(key, draws, amounts)
                if short:
                    standing = await spending.standing(draws, amounts)
                    smaller = need.within((each.draw, each.room) for each in standing)
                    if smaller is None:
                        return short
                    need = smaller
                    continue
            if any(draw.unit in _BOUNDED for draw in draws):
                request = replace(
                    request, input_bound=need.input_tokens, max_output_tokens=need.output_tokens
                )
            return Granted(request=request, key=taken or key)
        return short

    async def _set_aside(
        self, key: str, draws: Sequence[Draw], amounts: Amounts, *, settle: bool = False
    ) -> list[Shortage]:
        """Reserve; return which accounts have no room, none where it is done."""
        spending = self._spending
        refusal: BudgetExceeded | None = None
        for _ in range(TRIES):
            try:
                self.warn(await spending.reserve(key, draws, amounts, settle=settle))
            except NotFound:
                # A budget was dropped since: there is no account of it to be had.
                await spending.reload()
                gone = {draw.account for draw in spending.draws()}
                draws = tuple(draw for draw in draws if draw.account in gone)
                amounts = {draw.account: amounts[draw.account] for draw in draws}
                if not draws:
                    return []
                continue
            except StaleFence as error:
                self._state.lose(error)
                raise
            except BudgetExceeded as error:
                refusal = error
            else:
                return []
            if spending.unwritten:
                # What the run itself gave back is not known to the store yet.
                spending.unwritten = False
                await self._state.committer.commit()
                continue
            short = await spending.shortages(draws, amounts)
            if short:
                return short
        raise refusal or BudgetExceeded("budget", "a budget changed again and again")

    def _need(self, request: ModelRequest, draws: Sequence[Draw]) -> tuple[Need, tuple[Draw, ...]]:
        """Return the most that a request can take, and of which accounts.

        Raises ``BudgetExceeded`` where nobody knows how much that is.
        """
        model, given, output = request.model, request.input_bound, request.max_output_tokens
        rates = self._state.books.rates(model, request.provider)
        if given is None and rates is not None:
            given = rates.context_window
        if output is None:
            output = UNASKED_OUTPUT
        need = Need(input_tokens=given or 0, output_tokens=output, rates=rates)
        counted = need.counted_on(draws)
        for draw in counted:
            budget = draw.budget
            name = budget.name if budget is not None else f"of job {draw.job_id}"
            if draw.unit is BudgetUnit.USD and rates is None:
                raise BudgetExceeded(
                    name,
                    f"the price of {model} is not known, and budget {name} counts US dollars",
                    fix="Add the model to the price list, or let the budget allow_unpriced",
                    budget=name,
                )
            if draw.unit in _BOUNDED and given is None:
                raise BudgetExceeded(
                    name,
                    f"budget {name} counts {draw.unit}, and the request has no upper bound: it has"
                    " an image, a file or history kept by the provider, and the context window of"
                    f" {model} is not known",
                    fix="Leave these out, or give the model's context_window in the price list",
                    budget=name,
                )
        return need, counted

    # ---- what has no room ----------------------------------------------------------------------

    async def _wait(
        self, short: Sequence[Shortage], key: EffectKey, agent: str | None, what: str, asked: int
    ) -> bool:
        """Return whether people have made room, and not the run leaves first.

        Raises ``BudgetExceeded`` where nobody is to be asked, or nobody makes room.
        """
        refusing = next((s for s in short if s.draw.on_reached is not OnReached.ASK), None)
        if refusing is not None:
            raise _refusal(refusing, what)
        shortage = short[0]
        if self._state.approvals.unattended:
            raise _refusal(shortage, what, "this run is unattended, so nobody is asked to raise it")
        return await self._questions.ask(shortage, key, agent=agent, what=what, place=asked)

    def _substitute(self, shortage: Shortage, other: str) -> str:
        if not self._spending.substitutes:
            why = f"the runtime cannot ask {other} in its place"
            raise _refusal(shortage, "the next request", why)
        return other

    def _tell_degraded(self, request: ModelRequest, model: str, shortage: Shortage) -> None:
        draw, account = shortage.draw, shortage.account
        self._state.tell(
            BudgetDegraded(
                budget=draw.budget.name if draw.budget else "",
                model=request.model,
                degraded_to=model,
                used=str(amount_of(draw.unit, account.spent + account.reserved)),
                cap=str(amount_of(draw.unit, shortage.limit)),
                resets_at=draw.resets_at,
            ),
            path=request.path,
            agent=request.agent,
        )

    def _position(self, request: ModelRequest) -> int:
        with self._state.lock:
            return self._state.path(request.path).completed


def tell_exceeded(state: JobState, error: BudgetExceeded, *, agent: str | None = None) -> None:
    """Tell and book that a bound of the run, or a budget, was reached."""
    used, cap = error.used, error.cap
    if error.budget is None and used is None:
        used, cap = state.limits.used_of(error.limit), str(getattr(state.limits.spec, error.limit))
    state.tell(
        BudgetExceededEvent(
            limit=error.limit,
            used=used or "",
            cap=cap or "",
            budget=error.budget,
            resets_at=error.resets_at,
        )
    )
    state.books.reached(error.limit, error, agent=agent)


def call_id(request: ModelRequest) -> str:
    """Return what tells a request from others that are made beside it, in every attempt."""
    return f"model:{request.digest}"


def _degrading(short: Sequence[Shortage]) -> Shortage | None:
    return next((s for s in short if s.draw.on_reached is OnReached.DEGRADE), None)


def _refusal(shortage: Shortage, what: str, why: str = "") -> BudgetExceeded:
    return exceeded(
        shortage.draw, shortage.account, shortage.limit, shortage.needed, what=what, why=why
    )


_BOUNDED = (BudgetUnit.TOKENS, BudgetUnit.USD)
"""Units of which a request takes as much as its input and answer come to."""
