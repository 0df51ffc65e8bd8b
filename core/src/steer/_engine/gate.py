"""The gate of one run: no act without a verdict, no effect without a record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Literal

from pydantic_core import to_jsonable_python

from steer._engine.approvals import Approvals, Approved, Refused, call_digest, decided
from steer._engine.effect_runs import effect_run
from steer._engine.model_calls import AdmittedCall
from steer._engine.outcomes import ending, failed
from steer._engine.parking import CONTAINERS
from steer._engine.reserving import Reserving
from steer._engine.state import JobState, Stop
from steer.errors import (
    BudgetExceeded,
    Conflict,
    Diverged,
    OutcomeUnknown,
    PolicyDenied,
)
from steer.events import (
    BudgetExceededEvent,
    ToolDenied,
    ToolStarted,
    ToolUnknown,
)
from steer.ids import new_id
from steer.policies import PolicyStack, strictest, unattended
from steer.policies.verdicts import AUTHOR_ASKS
from steer.ports.changes import EffectIntended, EffectResolved, GrantIssued
from steer.ports.gate import (
    Decision,
    EffectRun,
    GateOutcome,
    ModelCall,
    ModelRequest,
    ToolCall,
    ToolOutcome,
)
from steer.ports.policy import Outcome, ToolQuestion, Verdict
from steer.ports.records import EffectOutcome, EffectRecord, Grant
from steer.values import Effect, EffectStatus, JobStatus, JsonValue, digest_of

__all__ = ["JobGate"]

MAX_DENIALS = 10
"""Refused tool calls in a row that end a run: by then the model is not going to give in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Permit:
    """A grant that was given and not used yet, with the arguments it is for."""

    grant: Grant
    arguments: JsonValue


@dataclass(frozen=True, kw_only=True, slots=True)
class _Begun:
    """An effect that may run now, and since when."""

    record: EffectRecord
    at: float


class JobGate:
    """Implements ``steer.ports.gate.Gate`` over a job's state."""

    def __init__(self, state: JobState, policies: PolicyStack) -> None:
        self._state = state
        self._policies = policies
        self._approvals = Approvals(state, policies)
        self._reserving = Reserving(state)
        self._permits: dict[str, _Permit] = {}
        self._begun: dict[str, _Begun] = {}
        self._denials = 0

    async def authorize(self, call: ToolCall, /) -> Decision:
        """Answer a tool call: see ``Gate.authorize``."""
        return await self._state.at_home(self._decide, call)

    async def call(
        self, call: ToolCall, grant: Grant, effect: Callable[[EffectRun], Awaitable[JsonValue]], /
    ) -> ToolOutcome:
        """Run an effect at most once: see ``Gate.call``."""
        state = self._state
        if call.refused:
            raise Conflict(f"{call.tool} was refused, so it cannot be run")
        begun = await state.at_home(self._begin, call, grant)
        if isinstance(begun, ToolOutcome):
            return begun
        run = effect_run(state, call, begun.record.arguments)
        state.parking.effect_begins(call)
        # The effect runs here, in the caller's own event loop.
        try:
            value = await effect(run)
        except TimeoutError as error:
            outcome = failed(EffectStatus.TIMED_OUT, error)
        except Exception as error:  # whatever a tool raises is its outcome
            outcome = failed(EffectStatus.FAILED, error)
        except asyncio.CancelledError as error:
            once = begun.record.effect is Effect.ONCE
            if once or not state.given_up:
                # Stopped in its middle, a tool that must not run twice may have acted or not.
                status = EffectStatus.UNKNOWN if once else EffectStatus.CANCELLED
                self._finish(call, begun, failed(status, error))
            # The next attempt runs all others again, and so enters the agent that a tool is.
            raise
        else:
            outcome = ToolOutcome(
                status=EffectStatus.SUCCEEDED, value=to_jsonable_python(value, fallback=str)
            )
        finally:
            state.parking.effect_ends(call, state.on_home)
        self._finish(call, begun, outcome)
        return outcome

    async def begin(self, call: ToolCall, grant: Grant, /) -> ToolOutcome | None:
        """Record that the vendor is about to execute a call: see ``Gate.begin``."""
        begun = await self._state.at_home(self._begin, call, grant)
        if isinstance(begun, ToolOutcome):
            return begun
        self._begun[grant.grant_id] = begun
        self._state.parking.effect_begins(call)
        return None

    async def observe(self, call: ToolCall, grant: Grant, outcome: ToolOutcome, /) -> None:
        """Record how a vendor's execution ended: see ``Gate.observe``."""
        if call.refused and outcome.status is EffectStatus.SUCCEEDED:
            raise Conflict(f"{call.tool} was refused, so it cannot have succeeded")
        begun = self._begun.pop(grant.grant_id, None)
        if begun is not None:
            self._finish(call, begun, outcome, origin="vendor")
            self._state.parking.effect_ends(call, self._state.on_home)

    def model_call(self, request: ModelRequest, /) -> AbstractAsyncContextManager[ModelCall]:
        """Admit one wire request: see ``Gate.model_call``."""
        return AdmittedCall(self._state, self._policies, request)

    def background(self, name: str, done: Callable[[Callable[[], None]], object], /) -> None:
        """Name what may outlive the run: see ``Gate.background``."""
        running = self._state.background
        with self._state.lock:
            number = running.add(name)
        done(lambda: _forget(running.names, number))

    async def _decide(self, call: ToolCall) -> Decision:
        with self._state.parking.deciding(call.key):
            return await self._authorize(call)

    async def _authorize(self, call: ToolCall) -> Decision:
        state = self._state
        state.check()
        earlier = state.replay.effect(call.key)
        if earlier is not None:
            return _SUSPEND if state.parking.requested else self._recorded(call, earlier)
        question = ToolQuestion(
            context=state.context,
            tool=call.tool,
            arguments=call.arguments,
            kind=call.kind,
            effect=call.effect,
            declared=call.declared,
            server=call.server,
            agent=call.agent,
            path=call.path,
            needs_approval=call.needs_approval,
            counters=state.limits.counters(),
        )
        verdict = await self._policies.decide(question)
        if call.needs_approval:
            verdict = strictest([verdict, AUTHOR_ASKS])
        state.tell(decided(call, verdict), path=call.path, agent=call.agent)
        by = "policy"
        arguments = verdict.arguments if verdict.rewritten else call.arguments
        asks = verdict.outcome is Outcome.ASK and not call.refused
        if asks and state.approvals.unattended:
            verdict, asks = unattended(verdict), False
        if asks:
            answer = await self._ask(call, question, verdict)
            state.check()
            if answer is None or state.parking.requested:
                return _SUSPEND
            if isinstance(answer, Refused):
                return self._deny(call, answer.reason, by=answer.by)
            by, arguments = answer.by, answer.arguments
            state.books.decided(call, "approve", by=by)
        elif state.parking.requested:
            return _SUSPEND
        elif verdict.outcome is Outcome.DENY:
            return self._deny(call, verdict.reason or "policy does not allow this call")
        return await self._admitted(call, arguments, by)

    async def _admitted(self, call: ToolCall, arguments: JsonValue, by: str) -> Decision:
        """Allow a call that nobody is against, if the run's bounds and budgets have room for it."""
        self._denials = 0
        self._admit_call()
        if self._state.spending and not await self._reserving.tool_call(call):
            return _SUSPEND
        grant = Grant(
            grant_id=new_id(),
            key=call.key,
            digest=call_digest(call, arguments),
            policy=self._policies.ref,
            by=by,
        )
        return self._permit(grant, arguments)

    async def _ask(
        self, call: ToolCall, question: ToolQuestion, verdict: Verdict
    ) -> Approved | Refused | None:
        """Return what a person says, ``None`` where the run leaves before anybody has."""
        answer = await self._approvals.decide(call, question, verdict)
        counters = self._state.limits.counters()
        if not isinstance(answer, Approved) or counters == question.counters:
            return answer
        # Others ran meanwhile, and there may be no room for this one any more.
        again = replace(question, arguments=answer.arguments, counters=counters)
        verdict = await self._policies.decide(again)
        if verdict.outcome is not Outcome.DENY:
            return answer
        return Refused(reason=verdict.reason or "policy does not allow this call any more")

    def _recorded(self, call: ToolCall, earlier: EffectRecord) -> Decision:
        """Allow what an earlier attempt was allowed, if it is the same call."""
        if earlier.tool != call.tool or digest_of(earlier.proposed) != digest_of(call.arguments):
            error = Diverged(
                f"tool call {call.key} was recorded as {earlier.tool} with other arguments"
            )
            self._state.stop(Stop(status=JobStatus.FAILED, error=error))
            raise error
        self._denials = 0
        self._admit_call()
        grant = Grant(
            grant_id=earlier.grant_id, key=call.key, digest=earlier.digest, policy="recorded"
        )
        return self._permit(grant, earlier.arguments)

    def _permit(self, grant: Grant, arguments: JsonValue) -> Decision:
        self._permits[grant.grant_id] = _Permit(grant=grant, arguments=arguments)
        self._state.parking.granted(grant.key)
        return Decision(outcome=GateOutcome.ALLOW, grant=grant, arguments=arguments)

    def _admit_call(self) -> None:
        state = self._state
        try:
            state.limits.admit_tool_call()
        except BudgetExceeded as error:
            cap = str(state.limits.spec.max_tool_calls)
            state.tell(BudgetExceededEvent(limit=error.limit, used=cap, cap=cap))
            state.books.reached(error.limit, error)
            state.stop(Stop(status=JobStatus.FAILED, error=error))
            raise

    def _deny(self, call: ToolCall, reason: str, *, by: str = "policy") -> Decision:
        state = self._state
        state.books.decided(call, "deny", by=by, reason=reason)
        state.tell(
            ToolDenied(
                call_id=call.call_id, tool=call.tool, proposed=call.arguments, reason=reason
            ),
            path=call.path,
            agent=call.agent,
        )
        self._denials += 1
        if self._denials >= MAX_DENIALS:
            error = PolicyDenied(
                f"{self._denials} tool calls in a row were denied, the last of them"
                f" {call.tool}: {reason}"
            )
            state.stop(Stop(status=JobStatus.FAILED, error=error))
            raise error
        return Decision(outcome=GateOutcome.DENY, arguments=call.arguments, reason=reason)

    async def _begin(self, call: ToolCall, grant: Grant) -> _Begun | ToolOutcome:
        """Make the intent durable, or return what is recorded of the call."""
        state = self._state
        state.check()
        permit = self._permits.pop(grant.grant_id, None)
        state.parking.begun(grant.key)
        if permit is None or permit.grant.key != call.key:
            raise Conflict(f"the grant for {call.tool} was used already or is for another call")
        earlier = state.replay.effect(call.key)
        if earlier is not None:
            return self._again(call, earlier, state.replay.outcome(call.key))
        harmless = call.kind in CONTAINERS or call.refused
        effect = Effect.NONE if harmless else call.effect
        record = EffectRecord(
            key=call.key,
            tool=call.tool,
            digest=permit.grant.digest,
            proposed=call.arguments,
            arguments=permit.arguments,
            effect=effect,
            grant_id=permit.grant.grant_id,
            intended_at=state.clock.now(),
        )
        return await self._intend(call, permit.grant, record)

    async def _intend(self, call: ToolCall, grant: Grant, record: EffectRecord) -> _Begun:
        state = self._state
        with state.lock:
            state.tell(
                ToolStarted(
                    call_id=call.call_id,
                    tool=call.tool,
                    proposed=record.proposed,
                    effective=record.arguments,
                ),
                path=call.path,
                agent=call.agent,
            )
            state.record(
                GrantIssued(grant=replace(grant, used_at=record.intended_at)),
                EffectIntended(effect=record),
            )
            state.replay.keep(record)
        if record.effect is not Effect.NONE:
            await state.committer.commit()
            # A process that was stalled may have lost the job meanwhile, or be about to.
            while not state.lease.safe:
                await state.keep_lease(before=call.tool)
        return _Begun(record=record, at=state.clock.monotonic())

    def _again(
        self, call: ToolCall, earlier: EffectRecord, outcome: EffectOutcome | None
    ) -> _Begun | ToolOutcome:
        """What to do with a call that an earlier attempt began."""
        state = self._state
        if outcome is not None and outcome.status is not EffectStatus.UNKNOWN:
            return ToolOutcome(
                status=outcome.status, value=outcome.value, error=outcome.error, replayed=True
            )
        if earlier.effect is not Effect.ONCE:
            return _Begun(record=earlier, at=state.clock.monotonic())
        reason = "the process died while it ran; it may have happened or not"
        error = OutcomeUnknown(
            f"nobody knows whether {call.tool} ({call.key}) happened: {reason}",
            fix="look at what it changes, then start a new job",
        )
        with state.lock:
            state.tell(
                ToolUnknown(call_id=call.call_id, tool=call.tool, reason=reason), path=call.path
            )
            if outcome is None:
                unknown = ToolOutcome(status=EffectStatus.UNKNOWN, error=error.info())
                state.books.tool_call(call, unknown)
                state.record(EffectResolved(key=call.key, outcome=self._resolved(unknown)))
        state.stop(Stop(status=JobStatus.FAILED, error=error))
        raise error

    def _finish(
        self,
        call: ToolCall,
        begun: _Begun,
        outcome: ToolOutcome,
        origin: Literal["tool", "vendor"] = "tool",
    ) -> None:
        """Record how an effect ended, and commit that without making anybody wait."""
        state = self._state
        elapsed_ms = int((state.clock.monotonic() - begun.at) * 1000)
        event = ending(call, outcome, elapsed_ms, origin)
        resolved = self._resolved(outcome)
        with state.lock:
            if state.ended:
                return
            state.tell(event, path=call.path, agent=call.agent)
            state.books.tool_call(call, outcome, ms=elapsed_ms, origin=origin)
            state.record(EffectResolved(key=call.key, outcome=resolved))
            state.replay.settle(call.key, resolved)
        state.on_home(state.committer.commit_soon)

    def _resolved(self, outcome: ToolOutcome) -> EffectOutcome:
        return EffectOutcome(
            status=outcome.status,
            value=outcome.value,
            error=outcome.error,
            ended_at=self._state.clock.now(),
        )


_SUSPEND = Decision(outcome=GateOutcome.SUSPEND)


def _forget(names: dict[int, str], number: int) -> None:
    names.pop(number, None)
