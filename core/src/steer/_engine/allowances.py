"""What is set aside for a job as it is admitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steer._engine.spending import Amounts, Shortage, allowance_key
from steer._engine.state import JobState
from steer.budgets import UNASKED_OUTPUT, Draw, Need, exceeded
from steer.errors import BudgetExceeded, NotFound
from steer.ports.changes import Change, Reserved
from steer.ports.money import BudgetUnit, OnReached
from steer.ports.records import JobRecord
from steer.request import StoredRequest

__all__ = ["admit_with_allowance"]

FIRST_INPUT = 8192
"""How much input, in tokens, the allowance has room for: what most first requests have."""

TRIES = 20
"""How often budgets may change while a job is admitted before that is refused."""


async def admit_with_allowance(
    state: JobState, job: JobRecord, request: StoredRequest, changes: Sequence[Change]
) -> None:
    """Commit ``changes``, which create a held job, with an allowance for its first request.

    A small one; where that does not fit, the least; and none on budgets that ask people or another
    model once they are reached. Raises ``BudgetExceeded`` where one that denies has no room at all,
    and what the commit raises.
    """
    for _ in range(TRIES):
        try:
            return await _admit(state, job, request, changes)
        except NotFound:
            # A budget may have been removed since they were read: it has no account any more.
            if not await state.spending.reload():
                raise
    return await _admit(state, job, request, changes)


async def _admit(
    state: JobState, job: JobRecord, request: StoredRequest, changes: Sequence[Change]
) -> None:
    spending = state.spending
    draws = tuple(d for d in spending.draws() if d.unit is not BudgetUnit.TOOL_CALLS)
    usual = _usual(state, job, request, draws)
    least = dict.fromkeys(usual, 1)
    strict = tuple(draw for draw in draws if _refuses(draw))
    tries = [(draws, usual), (draws, least), (strict, least)] if draws else [((), {})]
    for number, (drawn, amounts) in enumerate(tries, start=1):
        kept = {draw.account: amounts[draw.account] for draw in drawn if draw.account in amounts}
        reserved: list[Change] = []
        if kept:
            key = allowance_key(job.job_id, 1)
            reserved = [
                *spending.opening(drawn),
                Reserved(key=key, amounts=tuple(kept.items())),
            ]
        try:
            done = await state.storage.commit(job.scope_id, job.job_id, None, [*changes, *reserved])
        except BudgetExceeded as error:
            if error.limit not in kept:
                raise
            if number == len(tries):
                short = await spending.shortages(drawn, kept)
                raise _refused(short, error) from error
            continue
        spending.allow(drawn, kept)
        state.committer.on_accounts(done.accounts)
        return


def _usual(
    state: JobState, job: JobRecord, request: StoredRequest, draws: Iterable[Draw]
) -> Amounts:
    """Return what a first request takes, as far as that can be told before there is one."""
    rates = None if job.model is None else state.books.rates(job.model, None)
    need = Need(
        input_tokens=FIRST_INPUT,
        output_tokens=request.options.max_output_tokens or UNASKED_OUTPUT,
        rates=rates,
    )
    # Where the price is not known, or none is counted, the first request decides.
    return {
        draw.account: 1 if draw.unit is BudgetUnit.USD and rates is None else need.of(draw.unit)
        for draw in draws
    }


def _refuses(draw: Draw) -> bool:
    return draw.on_reached in (OnReached.DENY, OnReached.WARN)


def _refused(short: Sequence[Shortage], error: BudgetExceeded) -> BudgetExceeded:
    if not short:
        return error
    first = short[0]
    return exceeded(first.draw, first.account, first.limit, first.needed, what="a run")
