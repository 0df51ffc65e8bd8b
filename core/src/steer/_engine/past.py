"""What earlier attempts of a job left, and what the next one may draw on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steer._engine.actions import Actions
from steer._engine.conversing import Conversation
from steer._engine.funds import NO_FUNDS, Funds, funds_of
from steer._engine.history import history_of
from steer._engine.questions import Questions
from steer._engine.replay import Replay
from steer._engine.spending import allowance_key
from steer.budgets import amount_of
from steer.clock import Clock
from steer.events import Event
from steer.ports.changes import Change, LedgerAppended, Settled
from steer.ports.money import BudgetUnit
from steer.ports.records import JobRecord, LedgerEntry, LedgerKind, Reservation
from steer.ports.storage import Storage
from steer.values import Usage

__all__ = ["Past", "past_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What was before an attempt: events, records and questions of the job, and its session.

    ``left_open`` books what a dead process had set aside.
    """

    events: Sequence[Event] = ()
    replay: Replay | None = None
    questions: Questions | None = None
    funds: Funds = NO_FUNDS
    left_open: Sequence[Change] = ()
    conversation: Conversation | None = None

    @property
    def taking(self) -> tuple[Change, ...]:
        """The changes by which the job takes its session."""
        return () if self.conversation is None else self.conversation.taking


async def past_of(
    storage: Storage,
    actions: Actions,
    job: JobRecord,
    clock: Clock,
    conversation: Conversation | None = None,
) -> Past:
    """Return the past of a job that was just claimed, so that nobody else adds to it."""
    events = await history_of(storage, job)
    records = await storage.records.load(job.scope_id, job.job_id)
    replay = Replay(records, events)
    return Past(
        events=events,
        replay=replay,
        questions=Questions(await actions.of_job(job.scope_id, job.job_id)),
        funds=await funds_of(storage, job, clock, begun=True),
        left_open=await _left_open(storage, job, clock, replay),
        conversation=conversation,
    )


async def _left_open(
    storage: Storage, job: JobRecord, clock: Clock, replay: Replay
) -> list[Change]:
    """Return what books all that a dead process had set aside, at its full amount.

    Nobody knows what came of it. The ledger has a line for it where the journal does not even tell
    that the request began: one with the same key is left as it is.
    """
    open_ones: dict[str, list[Reservation]] = {}
    for part in await storage.ledger.reservations(job.scope_id, job.job_id):
        if part.actual is None:
            open_ones.setdefault(part.key, []).append(part)
    # The first request of an attempt, if it began, took its allowance over.
    begun = {allowance_key(job.job_id, event.attempt) for event in replay.abandoned}
    changes: list[Change] = []
    for key, parts in open_ones.items():
        changes.append(
            Settled(key=key, actuals=tuple((part.account, part.amount) for part in parts))
        )
        if key not in begun:
            line = await _line(storage, job, key, parts, clock)
            changes.append(LedgerAppended(entries=(line,)))
    return changes


async def _line(
    storage: Storage, job: JobRecord, key: str, parts: Sequence[Reservation], clock: Clock
) -> LedgerEntry:
    amounts: dict[str, int] = {}
    for part in parts:
        account = await storage.ledger.account(job.scope_id, part.account)
        amounts[account.unit] = max(amounts.get(account.unit, 0), part.amount)
    dollars = amounts.get(BudgetUnit.USD)
    return LedgerEntry(
        key=key,
        job_id=job.job_id,
        principal_id=job.principal_id,
        team_id=job.team_id,
        kind=LedgerKind.MODEL,
        agent=job.agent,
        model=job.model,
        runtime=job.runtime,
        # How much of it would have been input nobody knows either.
        usage=Usage(requests=1, input_tokens=amounts.get(BudgetUnit.TOKENS, 0), estimated=True),
        cost=None if dollars is None else amount_of(BudgetUnit.USD, dollars),
        at=clock.now(),
        details={"outcome": "abandoned"},
    )
