"""How a run leaves without an ending: parked for a person, or queued for whoever goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from steer._engine.questions import about_a_call
from steer._engine.state import JobState
from steer.errors import Conflict, StaleFence, Suspending
from steer.events import Event, JobStatusChanged
from steer.ports.changes import Change, JobMoved
from steer.ports.runtime import Finished, Suspended
from steer.values import JobStatus

__all__ = ["Left", "has_left", "leave"]


def has_left(state: JobState, outcome: Finished | Suspended | Exception | None) -> bool:
    """Whether a run came back because it is to be parked, and for nothing else."""
    if not state.parking.requested or state.stopped is not None:
        return False
    if isinstance(outcome, Exception):
        return _says_suspending(outcome)
    return not isinstance(outcome, Finished)


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """As what a job was given up; ``due_at`` is when a parked one gives up waiting."""

    status: JobStatus
    reason: str
    due_at: datetime | None = None


async def leave(state: JobState, *, reason: str) -> Left | None:
    """Give the job up, and return as what: parked for calls that wait for a person, else queued.

    Where somebody has answered meanwhile it is queued at once, so that no answer is left lying.
    ``None`` where somebody stopped it meanwhile: then it is to be ended. Raises what the storage
    raises.
    """
    with state.lock:
        state.questions.closed = True
        waits = [action for action in state.questions.pending() if about_a_call(action)]
    if not waits:
        moved = JobStatusChanged(old=JobStatus.RUNNING, new=JobStatus.QUEUED, reason=reason)
        last = await _last(state, moved)
        if last is None:
            return None
        events, changes = last
        await state.committer.commit_apart(events, [*changes, JobMoved(status=JobStatus.QUEUED)])
        return Left(status=JobStatus.QUEUED, reason=reason)
    # Not all of them are about a tool: a budget that has no room is asked about as well.
    told = f"{len(waits)} {'question waits' if len(waits) == 1 else 'questions wait'} for a person"
    moved = JobStatusChanged(old=JobStatus.RUNNING, new=JobStatus.WAITING_ACTION, reason=told)
    last = await _last(state, moved)
    if last is None:
        return None
    events, changes = last
    ends = [action.expires_at for action in waits] + [state.deadline]
    parked = JobMoved(
        status=JobStatus.WAITING_ACTION,
        due_at=min((moment for moment in ends if moment is not None), default=None),
        waits_for=tuple(action.action_id for action in waits),
    )
    try:
        await state.committer.commit_apart(events, [*changes, parked])
    except StaleFence:
        raise
    except Conflict:
        told = "a person has answered meanwhile"
        moved = JobStatusChanged(old=JobStatus.WAITING_ACTION, new=JobStatus.QUEUED, reason=told)
        state.feed.emit(moved, agent=None)
        through = [JobMoved(status=JobStatus.WAITING_ACTION), JobMoved(status=JobStatus.QUEUED)]
        await state.committer.commit_apart([*events, *state.feed.take()], [*changes, *through])
        return Left(status=JobStatus.QUEUED, reason=told)
    return Left(status=JobStatus.WAITING_ACTION, reason=told, due_at=parked.due_at)


async def _last(
    state: JobState, told: JobStatusChanged
) -> tuple[Sequence[Event], Sequence[Change]] | None:
    """Take what is not committed yet, with ``told`` at its end; nothing is added after that.

    ``None`` where the job is to end after all.
    """
    await state.spending.resolve_doubts()
    while True:
        # Alone, because what follows may be refused and is then written another way.
        await state.committer.commit()
        with state.lock:
            if state.stopped is not None and not state.given_up:
                return None
            if not state.committer.busy:
                state.tell(told)
                state.record(*state.spending.close())
                state.ended = True
                return state.committer.take()


def _says_suspending(error: BaseException) -> bool:
    """Whether an error is what the gate raised because the run is being parked."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Suspending):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(map(_says_suspending, error.exceptions))
        error = error.__cause__ or error
    return False
