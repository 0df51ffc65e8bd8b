"""One attempt of one job in this process: drive the runtime, then end the job exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import anyio

from steer._engine.asking import Asking
from steer._engine.leaving import has_left, leave
from steer._engine.state import JobState, Stop
from steer.errors import (
    DeadlineExceeded,
    ErrorCategory,
    ErrorInfo,
    Released,
    RuntimeFailure,
    SteerError,
)
from steer.events import (
    EventData,
    FinalError,
    FinalResult,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobStatusChanged,
    JobTimedOut,
)
from steer.ports.changes import JobMoved, RecordsDropped, SessionAppended
from steer.ports.runtime import Finished, Suspended
from steer.values import FinishReason, JobStatus, RunResult

__all__ = ["GIVE_BACK", "RELEASE", "Later", "RunningJob"]

END_SECONDS = 30.0
"""The longest that the terminal commit may take before the job is left to its lease."""

RELEASE = Stop(status=JobStatus.QUEUED, reason="the process that ran it closed")
"""Stops a run without ending its job: another process may go on with it."""

GIVE_BACK = Stop(status=JobStatus.QUEUED, reason="its worker stopped")
"""The same in a kernel that stays open, and may go on with the job itself."""

_FINISH_REASONS = {
    JobStatus.CANCELLED: FinishReason.CANCELLED,
    JobStatus.TIMED_OUT: FinishReason.TIMED_OUT,
}


Body: TypeAlias = Callable[[], Awaitable[Finished | Suspended]]
"""A run of a prepared agent, ready to be awaited."""

RetryWait: TypeAlias = Callable[[ErrorInfo, float | None], float | None]
"""Says after how many seconds a job that failed so is tried again, ``None`` for never.

The second argument is how many seconds the job has left.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Later:
    """The job was given up for a while: it goes on at ``due_at``, or when somebody answers."""

    step: Literal["parked", "retried", "given_back"]
    due_at: datetime | None
    reason: str


class RunningJob:
    """Drives a runtime through one run and writes the job's ending."""

    def __init__(
        self,
        *,
        state: JobState,
        body: Body,
        keep_records: bool,
        resumable: bool,
        on_queued: Callable[[], Awaitable[None]],
        on_ended: Callable[[RunningJob], None],
        runtime: str = "",
        retry_wait: RetryWait | None = None,
        append: Callable[[Finished], SessionAppended] | None = None,
    ) -> None:
        self.state = state
        self._body = body
        self._keep_records = keep_records
        self.resumable = resumable
        self._on_queued = on_queued
        self._on_ended = on_ended
        self._ended = asyncio.Event()
        self._retry_wait = retry_wait
        self._append = append
        self.runtime = runtime
        self.result: RunResult | None = None
        self.later: Later | None = None

    @property
    def leaving(self) -> bool:
        """Whether a stop comes too late: the job is ending, or being given up for a while."""
        stop = self.state.stopped
        return self.state.ended or (stop is not None and stop.status is JobStatus.QUEUED)

    async def left(self) -> None:
        """Return once this process has nothing more to do with the job."""
        await self._ended.wait()

    async def wait(self) -> RunResult:
        """Return the result once it is durable. Raises what kept it from being written."""
        await self._ended.wait()
        if self.result is None:
            stop = self.state.stopped or RELEASE
            raise self.state.lost or Released(
                f"job {self.state.context.job_id} was given back: {stop.reason}",
                fix="Resume it, with another kernel where this one closed",
            )
        return self.result

    async def drive(self) -> None:
        """Run to the end. Raises nothing but cancellation."""
        outcome: Finished | Suspended | Exception | None = None
        try:
            outcome = await self._bounded()
        except BaseException:
            # The event loop itself is going down: nobody asked the job to stop.
            self.state.stopped = self.state.stopped or RELEASE
            raise
        finally:
            with anyio.move_on_after(END_SECONDS, shield=True):
                await self._end(outcome)
            self.state.parking.left()
            self.state.committer.close()
            self.state.feed.close()
            self._ended.set()
            self._on_ended(self)

    async def _bounded(self) -> Finished | Suspended | Exception | None:
        """Run until the agent is done, somebody stops it, or its time is up."""
        left = self.state.seconds_left()
        if left is None:
            return await self._attempt()
        if left <= 0:
            # It waited too long, for a person for example: nothing of it may begin any more.
            self._time_is_up()
        outcome: Finished | Suspended | Exception | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch_deadline, left)
            outcome = await self._attempt()
            group.cancel_scope.cancel()
        return outcome

    async def _attempt(self) -> Finished | Suspended | Exception | None:
        state = self.state
        with anyio.CancelScope() as scope:
            state.on_stop = scope.cancel
            if state.stopped is not None or state.lost is not None:
                return None
            try:
                outcome = await self._body()
                return _UNKEPT if isinstance(outcome, Suspended) and outcome.state else outcome
            except Exception as error:  # whatever it is, the job must end with it
                return error
            finally:
                state.on_stop = None
        return None

    async def _watch_deadline(self, left: float) -> None:
        state = self.state
        await state.clock.sleep_until(state.clock.monotonic() + left)
        self._time_is_up()

    def _time_is_up(self) -> None:
        state = self.state
        seconds = state.limits.spec.max_runtime_seconds
        error = DeadlineExceeded(
            f"the run's time was up after {seconds:g} s" if seconds else "the run's time was up"
        )
        if seconds:
            state.books.reached("max_runtime_seconds", error)
        state.stop(Stop(status=JobStatus.TIMED_OUT, error=error))

    async def _end(self, outcome: Finished | Suspended | Exception | None) -> None:
        state = self.state
        if state.lost is not None:
            return
        stop = state.stopped
        given_up = state.given_up
        if has_left(state, outcome) or (given_up and self.resumable):
            if await self._leave(stop):
                return
            # Somebody wants it to end since.
            stop, given_up = state.stopped, False
        if stop is not None and given_up:
            stop = Stop(status=JobStatus.CANCELLED, reason=stop.reason, by="steer")
        if self._retry_wait is not None and await self._tried_again_later(outcome, stop):
            return
        try:
            await state.spending.resolve_doubts()
            await Asking(state).close()
        except Exception as error:  # told to whoever waits for the result
            state.lost = error
            return
        result = self._record_ending(outcome, stop)
        try:
            await state.committer.commit()
        except Exception as error:  # told to whoever waits for the result
            state.lost = error
        else:
            self.result = result

    def _record_ending(
        self, outcome: Finished | Suspended | Exception | None, stop: Stop | None
    ) -> RunResult:
        """Add all that the terminal commit is to hold (W7)."""
        state = self.state
        with state.lock:
            # Something may outlive the run and ask on: that is billed as well.
            state.close_requests()
            status = self._tell_ending(outcome, stop)
            result = state.feed.fold.result()
            state.record(*state.spending.close())
            state.record(JobMoved(status=status, result=result))
            if status is JobStatus.SUCCEEDED and self._append and isinstance(outcome, Finished):
                state.record(self._append(outcome))
            if not self._keep_records:
                state.record(RecordsDropped(answers=state.questions.secret_answers()))
            # A thread that runs on may still say something; nothing follows the terminal event.
            state.ended = True
        return result

    async def _leave(self, stop: Stop | None) -> bool:
        """Give the job up, to be gone on with: by an answer, or at once.

        Return whether that is all there is to do: not where it is to end after all.
        """
        state = self.state
        try:
            left = await leave(state, reason=stop.reason if stop else "")
        except Exception as error:  # told to whoever waits for the result
            state.lost = error
            return True
        if left is None:
            return False
        if stop is None or stop is GIVE_BACK:
            step: Literal["parked", "given_back"] = "parked" if stop is None else "given_back"
            due_at = state.clock.now() if left.status is JobStatus.QUEUED else left.due_at
            due_at = await self._due_at(due_at)
            self.later = Later(step=step, due_at=due_at, reason=left.reason)
        if left.status is JobStatus.QUEUED:
            await self._on_queued()
        return True

    async def _due_at(self, due_at: datetime | None) -> datetime | None:
        """Return when a job that was given up goes on: at once where it was asked to stop."""
        state, context = self.state, self.state.context
        try:
            job = await state.storage.jobs.get(context.scope_id, context.job_id)
        except Exception:  # it is given up all the same, and is looked at again when it is due
            return state.clock.now()
        return due_at if job.cancel_by is None else state.clock.now()

    async def _tried_again_later(
        self, outcome: Finished | Suspended | Exception | None, stop: Stop | None
    ) -> bool:
        """Queue a job that failed for another try, if it is to have one."""
        state = self.state
        if self._retry_wait is None or (stop is None and not isinstance(outcome, Exception)):
            return False
        status, error = _ending(outcome, stop)
        wait = self._retry_wait(error, state.seconds_left())
        if status is not JobStatus.FAILED or wait is None:
            return False
        due_at = state.clock.now() + timedelta(seconds=wait)
        try:
            await state.spending.resolve_doubts()
        except Exception as failure:  # told to whoever waits for the result
            state.lost = failure
            return True
        with state.lock:
            state.tell(
                JobStatusChanged(
                    old=JobStatus.RUNNING,
                    new=JobStatus.QUEUED,
                    reason=error.message,
                    retry_in_ms=round(wait * 1000),
                )
            )
            state.record(*state.spending.close())
            state.record(JobMoved(status=JobStatus.QUEUED, due_at=due_at, retry=True))
            state.ended = True
        try:
            await state.committer.commit()
        except Exception as failure:  # told to whoever waits for the result
            state.lost = failure
        else:
            reason = state.redacted(error.message)
            self.later = Later(step="retried", due_at=await self._due_at(due_at), reason=reason)
        return True

    def _tell_ending(
        self, outcome: Finished | Suspended | Exception | None, stop: Stop | None
    ) -> JobStatus:
        """Add the final event and the terminal one; call with the job's lock held."""
        state = self.state
        if stop is None and isinstance(outcome, Finished):
            state.tell(
                FinalResult(
                    content=outcome.content,
                    output=outcome.output,
                    finish_reason=outcome.finish_reason,
                )
            )
            status = JobStatus.SUCCEEDED
        else:
            status, error = _ending(outcome, stop)
            state.tell(
                FinalError(
                    error=error,
                    finish_reason=FinishReason.LIMIT
                    if error.code == "budget_exceeded"
                    else _FINISH_REASONS.get(status, FinishReason.ERROR),
                )
            )
        state.tell(self._terminal(status, stop))
        return status

    def _terminal(self, status: JobStatus, stop: Stop | None) -> EventData:
        state = self.state
        elapsed_ms = int((state.clock.now() - state.started).total_seconds() * 1000)
        still_running = tuple(sorted(state.background.names.values()))
        cost = state.feed.fold.cost
        if status is JobStatus.CANCELLED:
            return JobCancelled(
                elapsed_ms=elapsed_ms,
                reason=stop.reason if stop else "",
                by=stop.by if stop else "",
                cost=cost,
                still_running=still_running,
            )
        if status is JobStatus.SUCCEEDED:
            return JobCompleted(elapsed_ms=elapsed_ms, cost=cost, still_running=still_running)
        if status is JobStatus.TIMED_OUT:
            return JobTimedOut(elapsed_ms=elapsed_ms, cost=cost, still_running=still_running)
        return JobFailed(elapsed_ms=elapsed_ms, cost=cost, still_running=still_running)


_UNKEPT = RuntimeFailure(
    "the runtime suspended the run with a state of its own; steer keeps none and resumes by replay"
)


def _ending(
    outcome: Finished | Suspended | Exception | None, stop: Stop | None
) -> tuple[JobStatus, ErrorInfo]:
    if stop is not None:
        if stop.error is not None:
            return stop.status, stop.error.info()
        return stop.status, ErrorInfo(
            code="cancelled", message=stop.reason or "cancelled", category=ErrorCategory.CANCELLED
        )
    if isinstance(outcome, Exception):
        return JobStatus.FAILED, _as_steer_error(outcome).info()
    what = "was suspended although nobody was asked" if outcome else "ended without a result"
    return JobStatus.FAILED, RuntimeFailure(f"the run {what}").info()


def _as_steer_error(error: Exception) -> SteerError:
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, SteerError):
        return error
    text = f": {error}" if str(error) else ""
    return RuntimeFailure(f"the agent raised {type(error).__name__}{text}")
