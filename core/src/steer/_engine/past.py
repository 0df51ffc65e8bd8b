"""What earlier attempts of a job left, and what the next one may draw on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steer._engine.actions import Actions
from steer._engine.funds import NO_FUNDS, Funds, funds_of
from steer._engine.history import history_of
from steer._engine.questions import Questions
from steer._engine.replay import Replay
from steer.clock import Clock
from steer.events import Event
from steer.ports.changes import Change, Settled
from steer.ports.records import JobRecord
from steer.ports.storage import Storage

__all__ = ["Past", "past_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What earlier attempts of a job left: events, records, and questions to people.

    ``left_open`` books what a dead process had set aside: nobody knows what came of it.
    """

    events: Sequence[Event] = ()
    replay: Replay | None = None
    questions: Questions | None = None
    funds: Funds = NO_FUNDS
    left_open: Sequence[Change] = ()


async def past_of(storage: Storage, actions: Actions, job: JobRecord, clock: Clock) -> Past:
    """Return the past of a job that was just claimed, so that nobody else adds to it."""
    events = await history_of(storage, job)
    records = await storage.records.load(job.scope_id, job.job_id)
    return Past(
        events=events,
        replay=Replay(records, events),
        questions=Questions(await actions.of_job(job.scope_id, job.job_id)),
        funds=await funds_of(storage, job, clock, begun=True),
        left_open=await _left_open(storage, job),
    )


async def _left_open(storage: Storage, job: JobRecord) -> list[Change]:
    parts: dict[str, list[tuple[str, int]]] = {}
    for part in await storage.ledger.reservations(job.scope_id, job.job_id):
        if part.actual is None:
            parts.setdefault(part.key, []).append((part.account, part.amount))
    return [Settled(key=key, actuals=tuple(actuals)) for key, actuals in parts.items()]
