"""One attempt of a job, made ready: its state, and the runtime's run of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from steer._engine.actions import Actions
from steer._engine.conversing import Conversation, check_said, check_whole
from steer._engine.fitting import check_bounds
from steer._engine.gate import JobGate
from steer._engine.leases import Lease
from steer._engine.limits import Limits
from steer._engine.parking import Parking
from steer._engine.past import Past
from steer._engine.questions import Questions
from steer._engine.replay import Replay
from steer._engine.reserving import Reserving
from steer._engine.retries import wait_before_next_try
from steer._engine.run_view import RunView
from steer._engine.running import Body, RunningJob
from steer._engine.spending import Warned
from steer._engine.state import JobState, Stop
from steer._engine.work import Rebuild, Work
from steer.clock import Clock
from steer.context import ApprovalSpec, BudgetSpec, ExecutionContext, RetrySpec
from steer.errors import Released
from steer.events import ArtifactCreated, BudgetWarning, Event
from steer.fold import Fold
from steer.ports.artifact import ArtifactStore
from steer.ports.records import JobRecord
from steer.ports.runtime import Finished, Suspended
from steer.ports.storage import Storage
from steer.pricing import Prices
from steer.redaction import Redactor

__all__ = ["Attempts"]


class Attempts:
    """Makes attempts ready; what is the same for all of them is kept here."""

    def __init__(
        self,
        *,
        storage: Storage,
        artifacts: ArtifactStore,
        actions: Actions,
        clock: Clock,
        spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
        redactor_of: Callable[[JobRecord], Redactor | None],
        prices: Prices | None,
    ) -> None:
        self._storage = storage
        self._artifacts = artifacts
        self._actions = actions
        self._clock = clock
        self._spawn = spawn
        self._redactor_of = redactor_of
        self._prices = prices

    def build(
        self,
        job: JobRecord,
        work: Work | Rebuild | Stop,
        *,
        lease: Lease,
        past: Past,
        on_committed: Callable[[Sequence[Event]], Awaitable[None]],
        on_queued: Callable[[], Awaitable[None]],
        on_ended: Callable[[RunningJob], None],
    ) -> RunningJob:
        """Return a claimed job, ready to be driven. Given a ``Stop`` it will only be ended."""
        fold = Fold(job_id=job.job_id, scope_id=job.scope_id, run_id=job.run_id)
        for event in past.events:
            fold.add(event)
        request = None if isinstance(work, Stop) else work.request
        approvals = request.approvals if request else ApprovalSpec()
        questions = past.questions or Questions()
        conversation = past.conversation
        state = JobState(
            context=ExecutionContext(
                scope_id=job.scope_id,
                principal_id=job.principal_id,
                team_id=job.team_id,
                session_id=job.session_id,
                job_id=job.job_id,
                run_id=job.run_id,
                parent_job_id=job.parent_job_id,
            ),
            attempt=job.attempt,
            fence=job.fence,
            last_seq=past.events[-1].seq or 0 if past.events else 0,
            lease=lease,
            limits=Limits(
                spec=request.budgets if request else BudgetSpec(),
                usage=fold.usage,
                cost=fold.cost,
            ),
            retries=request.retries if request else RetrySpec(),
            approvals=approvals,
            actions=self._actions,
            questions=questions,
            parking=Parking(spec=approvals, clock=self._clock, answered=questions.answered_calls()),
            deadline=job.deadline if request else None,
            replay=past.replay or Replay(),
            fold=fold,
            storage=self._storage,
            artifacts=self._artifacts,
            clock=self._clock,
            spawn=self._spawn,
            on_committed=on_committed,
            started=job.created_at,
            agent=job.agent,
            funds=past.funds,
            warned=_warned(past.events),
            runtime=job.runtime,
            prices=self._prices,
            # Of a job that is yet to be built, its building may tell already; of one that is only
            # ended, its end.
            redactor=work.redactor if isinstance(work, Work) else self._redactor_of(job),
            files_told=_files_in(past.events),
        )
        state.committer.on_accounts = Reserving(state).warn
        return RunningJob(
            state=state,
            body=_nothing if isinstance(work, Stop) else _body(state, job, work, conversation),
            append=None
            if request is None or conversation is None
            else partial(conversation.added, job, request.input, clock=self._clock),
            keep_records=request is not None and request.keep_records,
            resumable=isinstance(work, Rebuild) or (isinstance(work, Work) and work.resumable),
            on_queued=on_queued,
            on_ended=on_ended,
            runtime=job.runtime,
            retry_wait=None
            if request is None or not request.job_retries.attempts
            else lambda error, left: wait_before_next_try(
                error, job.retries, request.job_retries, left=left
            ),
        )


def _files_in(events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        if isinstance(event.data, ArtifactCreated):
            yield event.data.artifact_id


def _body(
    state: JobState, job: JobRecord, work: Work | Rebuild, conversation: Conversation | None
) -> Body:
    if isinstance(work, Rebuild):
        build = work.build

        async def rebuilt() -> Finished | Suspended:
            return await _body(state, job, await build(), conversation)()

        return rebuilt
    asked = work.request.input
    past = conversation.seen_by(job.runtime, work.prepared) if conversation else ()
    view = RunView(
        state=state,
        runtime=job.runtime,
        gate=JobGate(state, work.policies),
        input=(*(message for run in past for message in run.messages), *asked),
        asked=asked,
        past=past,
        user_context=work.user_context,
    )
    state.spending.substitutes = work.prepared.capabilities.model_substitution
    if work.resumable:
        state.parking.enable(work.prepared.capabilities)

    async def body() -> Finished | Suspended:
        # Again, because a queued job has seen its session only now.
        check_whole(past, asked, work.prepared)
        # And which budgets there are is known only since it was claimed.
        check_bounds(work.request.budgets, state.spending.draws(), work.prepared, job.runtime)
        outcome = await work.runtime.run(work.prepared, view)
        if conversation is not None and isinstance(outcome, Finished):
            check_said(job, asked, outcome)
        return outcome

    return body


def _warned(events: Sequence[Event]) -> Iterator[Warned]:
    """Yield of which budgets the job was told that they are near, or past, their limit."""
    for event in events:
        data = event.data
        if isinstance(data, BudgetWarning) and data.budget is not None:
            yield data.budget, data.resets_at, Decimal(data.used) > Decimal(data.cap)


async def _nothing() -> Finished | Suspended:
    raise Released("this job was only taken over to be ended")
