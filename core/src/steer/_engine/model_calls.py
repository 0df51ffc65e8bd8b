"""Model requests under the gate: replayed, or admitted, reserved, recorded and settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from types import TracebackType
from typing import Self

from steer._engine.books import worst_case
from steer._engine.reserving import Granted, Reserving, tell_exceeded
from steer._engine.retries import wait_before_retry
from steer._engine.state import JobState, Stop
from steer.budgets import micro_dollars
from steer.errors import (
    BudgetExceeded,
    Diverged,
    ErrorCategory,
    PolicyDenied,
    RuntimeFailure,
    SteerError,
)
from steer.events import (
    ModelDone,
    ModelRetracted,
    ModelStarted,
    PolicyDecided,
    UsageReported,
)
from steer.policies import PolicyStack
from steer.ports.changes import ModelRecorded
from steer.ports.gate import ModelRequest, Sent
from steer.ports.policy import ModelQuestion, Outcome, Verdict
from steer.ports.records import ModelRecord
from steer.values import JobStatus, JsonValue, Usage

__all__ = ["AdmittedCall"]


class AdmittedCall:
    """One wire request, as an async context: see ``Gate.model_call`` and ``ModelCall``."""

    def __init__(self, state: JobState, policies: PolicyStack, request: ModelRequest) -> None:
        self._state = state
        self._policies = policies
        self._request = request
        self._granted = Granted(request=request)
        self._settled = False
        self.id = ""
        self.message = 0
        self.recorded: ModelRecord | None = None

    @property
    def model(self) -> str:
        """The model to ask: see ``ModelCall.model``."""
        return self._granted.request.model

    @property
    def max_output_tokens(self) -> int | None:
        """How much the model may answer: see ``ModelCall.max_output_tokens``."""
        return self._granted.request.max_output_tokens

    async def __aenter__(self) -> Self:
        """Find a record of the call, or ask policy and the budget."""
        await self._state.at_home(self._admit)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Book the worst case of a request that nobody said the end of."""
        if self._settled:
            return
        if isinstance(error, SteerError):
            self.fail(error, sent=Sent.UNKNOWN)
        elif error is not None and not isinstance(error, Exception):
            self.fail(
                RuntimeFailure("the request was cancelled", category=ErrorCategory.CANCELLED),
                sent=Sent.UNKNOWN,
            )
        else:
            self._fail_unheard()

    def complete(
        self,
        response: bytes,
        usage: Usage | None,
        /,
        *,
        model: str | None = None,
        response_id: str | None = None,
        finish_reason: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Record the response with its events: see ``ModelCall.complete``."""
        state, request = self._state, self._request
        with state.lock:
            if self._settled:
                return
            self._end()
            path = state.path(request.path)
            self.message, path.completed = path.completed, path.completed + 1
            path.failures.pop(request.digest, None)
            tier = (metadata or {}).get("service_tier")
            used = self._settle(
                usage, model, outcome="completed", tier=tier if isinstance(tier, str) else None
            )
            state.tell(
                ModelDone(
                    call=self.id,
                    model=model or self.model,
                    response_id=response_id,
                    finish_reason=finish_reason,
                    metadata=metadata or {},
                ),
                path=request.path,
                agent=request.agent,
            )
            state.record(
                ModelRecorded(
                    record=ModelRecord(
                        path=request.path,
                        index=self.message,
                        call=self.id,
                        request_digest=request.digest,
                        response=response,
                        usage=used,
                        model=model or self.model,
                        provider=request.provider,
                        response_id=response_id,
                        finish_reason=finish_reason,
                        recorded_at=state.clock.now(),
                    )
                )
            )

    def fail(self, error: SteerError, /, *, sent: Sent, usage: Usage | None = None) -> None:
        """Book what the failed request may have cost: see ``ModelCall.fail``."""
        with self._state.lock:
            if not self._settled:
                self._failed(error, sent, usage, wait=None)

    async def retry(self, error: SteerError, /, *, sent: Sent, usage: Usage | None = None) -> bool:
        """Book the failure, and wait until the request may be made again."""
        return await self._state.at_home(self._retry, error, sent, usage)

    async def _retry(self, error: SteerError, sent: Sent, usage: Usage | None) -> bool:
        state, request = self._state, self._request
        with state.lock:
            if self._settled:
                return False
            failures = state.path(request.path).failures
            failed = failures[request.digest] = failures.get(request.digest, 0) + 1
            wait = wait_before_retry(error, failed, state.retries, left=state.seconds_left())
            self._failed(error, sent, usage, wait=wait)
        if wait is None:
            return False
        await state.clock.sleep_until(state.clock.monotonic() + wait)
        state.check()
        return True

    def _failed(
        self, error: SteerError, sent: Sent, usage: Usage | None, *, wait: float | None
    ) -> None:
        """Book and tell a failure; call with the job's lock held."""
        state, request = self._state, self._request
        self._end()
        if sent is Sent.UNKNOWN or (usage is not None and usage.requests):
            self._settle(usage, None, outcome="failed")
        else:
            state.limits.settle(self._granted.hold, usage or Usage(), Decimal(0))
            self._settle_budgets(Usage(), Decimal(0), requests=int(sent is not Sent.NO))
        state.tell(
            ModelRetracted(
                call=self.id,
                reason=error.message,
                # What will be asked again is answered anew, from its first word on.
                blocks_too=wait is not None,
                retry_in_ms=None if wait is None else round(wait * 1000),
            ),
            path=request.path,
            agent=request.agent,
        )

    def _fail_unheard(self) -> None:
        self.fail(RuntimeFailure("the request did not complete"), sent=Sent.UNKNOWN)

    def _end(self) -> None:
        """Note that the end of the request is known; call with the job's lock held."""
        self._settled = True
        self._state.under_way.pop(self.id, None)

    async def _admit(self) -> None:
        state, request = self._state, self._request
        state.check()
        state.parking.check()
        path = state.path(request.path)
        with state.lock:
            path.turn = path.completed + 1
            path.agent = request.agent or path.agent
            self.message = path.completed
        try:
            if not request.path:
                state.limits.admit_turn(path.completed)
            self.recorded = state.replay.model(request.path, request.digest)
            if self.recorded is not None:
                self._repeat(self.recorded)
                return
            await self._ask_policy(request.model)
            self.id = state.next_call()
            self._granted = await Reserving(state).model_request(request, self.id, self._ask_policy)
        except (BudgetExceeded, Diverged, PolicyDenied) as error:
            self._refuse(error)
            raise
        if state.ended:
            # The run has ended meanwhile; what was held for the request is closed with it.
            state.check()
        with state.lock:
            state.under_way[self.id] = self._fail_unheard
        state.tell(
            ModelStarted(
                call=self.id,
                model=self.model,
                provider=request.provider,
                input_bound=self._granted.request.input_bound,
                max_output_tokens=self.max_output_tokens,
            ),
            path=request.path,
            agent=request.agent,
        )

    def _repeat(self, record: ModelRecord) -> None:
        """Stand for a request that an earlier attempt made: its tokens are booked already."""
        with self._state.lock:
            self._settled = True
            self.id = record.call
            path = self._state.path(self._request.path)
            self.message, path.completed = record.index, path.completed + 1

    async def _ask_policy(self, model: str) -> None:
        state, request = self._state, self._request
        verdict = await self._policies.decide(
            ModelQuestion(
                context=state.context,
                model=model,
                provider=request.provider,
                agent=request.agent,
                counters=state.limits.counters(),
            )
        )
        if verdict.outcome is Outcome.ALLOW:
            return
        state.tell(_decided(model, verdict), path=request.path, agent=request.agent)
        refused = replace(request, model=model)
        state.books.model_refused(refused, self.message, reason=verdict.reason)
        raise PolicyDenied(f"policy does not allow the model {model}: {verdict.reason}")

    def _refuse(self, error: SteerError) -> None:
        state = self._state
        if isinstance(error, BudgetExceeded):
            tell_exceeded(state, error, agent=self._request.agent)
        state.stop(Stop(status=JobStatus.FAILED, error=error))

    def _settle(
        self, usage: Usage | None, model: str | None, *, outcome: str, tier: str | None = None
    ) -> Usage:
        """Book and tell what the request used: the most it can have, where nobody says."""
        state, request = self._state, self._granted.request
        used = usage or worst_case(request.input_bound, self.max_output_tokens)
        cost = self._cost(usage, model, tier)
        state.limits.settle(self._granted.hold, used, cost)
        self._settle_budgets(used, cost, requests=1)
        agent = state.path(request.path).agent
        state.books.model_call(
            self.id, request, used, cost, outcome=outcome, agent=agent, model=model
        )
        state.tell(
            UsageReported(
                call=self.id,
                usage=used,
                cost=cost,
                model=model or self.model,
                provider=request.provider,
            ),
            path=request.path,
            agent=request.agent,
        )
        return used

    def _settle_budgets(self, used: Usage, cost: Decimal | None, *, requests: int) -> None:
        """Book what the request came to, in the commit that says so; call with the lock held."""
        settled = self._state.spending.settle(
            self._granted.key,
            used,
            cost=None if cost is None else micro_dollars(cost),
            requests=requests,
        )
        if settled is not None:
            self._state.record(settled)

    def _cost(self, usage: Usage | None, model: str | None, tier: str | None) -> Decimal | None:
        books, request = self._state.books, self._granted.request
        if usage is None:
            # Under max_cost all that it can have cost was set aside.
            return self._granted.hold.cost or books.worst_cost(request, self.max_output_tokens)
        cost = books.cost(usage, request.model, request.provider, tier=tier)
        if cost is None and model is not None:
            # Asked for by an alias, or by the name of a deployment, that no list has.
            cost = books.cost(usage, model, request.provider, tier=tier)
        return cost


def _decided(model: str, verdict: Verdict) -> PolicyDecided:
    return PolicyDecided(
        subject="model",
        name=model,
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        rule=verdict.rule,
        policy=verdict.policy,
    )
