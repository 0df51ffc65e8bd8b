"""A gate without an engine: it answers, records and replays as ``steer.ports.gate`` says.

It is stricter than an engine has to be: whatever a runtime does that the port does not allow is
kept as a complaint, even where the run ends well all the same.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from inspect import isawaitable
from itertools import count
from typing import TypeAlias

from steer.errors import (
    Diverged,
    ErrorCategory,
    ErrorInfo,
    OutcomeUnknown,
    RuntimeFailure,
    SteerError,
)
from steer.ports.gate import (
    Decision,
    EffectRun,
    GateOutcome,
    ModelRequest,
    Sent,
    ToolCall,
    ToolOutcome,
)
from steer.ports.policy import ToolKind
from steer.ports.records import EffectKey, Grant
from steer.ports.runtime import Finished, Suspended
from steer.values import Effect, EffectStatus, JsonValue, Usage

from steer_conformance.suites.runtime.model_call import BareModelCall
from steer_conformance.suites.runtime.narration import Narration
from steer_conformance.suites.runtime.records import Records

__all__ = ["BareGate", "Verdict"]

Verdict: TypeAlias = Callable[[ToolCall], Decision | Awaitable[Decision | None] | None]
"""What the gate says to a tool call: ``None`` allows it as it is."""


class BareGate:
    """Allows everything, unless ``verdict`` says otherwise.

    A ``SteerError`` that ``verdict`` or ``admit`` raises stops the run, as a limit would: from
    then on every question is answered with it. Once ``verdict`` has suspended a call, every call
    is, and no request is admitted, but for what is inside of a running effect that may not happen
    twice. ``granted`` bounds what a model may answer, and ``model`` is asked in
    the place of any other.
    ``retries`` is how many failed requests may be made again. ``reach`` is called at every moment
    of the run, with its name.
    """

    def __init__(
        self,
        records: Records | None = None,
        *,
        verdict: Verdict = lambda _call: None,
        admit: Callable[[ModelRequest], None] = lambda _request: None,
        granted: int | None = None,
        model: str | None = None,
        retries: int = 0,
        reach: Callable[[str], None] = lambda _moment: None,
    ) -> None:
        self.records = records or Records()
        self.verdict = verdict
        self.admit = admit
        self.granted = granted
        self.model = model
        self.retries = retries
        self.reach = reach
        self.asked: list[ToolCall] = []
        self.ran: list[ToolCall] = []
        self.outcomes: list[ToolOutcome] = []
        self.requests: list[ModelRequest] = []
        self.sent: list[ModelRequest] = []
        self.usages: list[Usage | None] = []
        self.failures: list[tuple[SteerError, Sent, Usage | None]] = []
        self.running: dict[int, str] = {}
        self.named: list[str] = []
        self.ended = asyncio.Event()
        self.stopped: SteerError | None = None
        self.suspended: list[ToolCall] = []
        self.under_way: dict[EffectKey, ToolCall] = {}
        self.complaints: list[str] = []
        self.narration = Narration(self.complain)
        self._position: dict[tuple[str, ...], int] = {}
        self._begun: dict[tuple[str, ...], int] = {}
        self._grants: dict[str, tuple[ToolCall, Decision]] = {}
        self._numbers = count(1)
        self._observed: dict[str, ToolCall] = {}
        self._lock = threading.RLock()
        self._loop = asyncio.get_running_loop()

    def complain(self, clause: str, what: str) -> None:
        """Keep what the runtime did that it may not."""
        with self._lock:
            self.complaints.append(f"{clause}: it {what}")

    def check(self) -> None:
        """Fail where there is a complaint."""
        assert not self.complaints, "; ".join(self.complaints)

    # ---- tool calls ----------------------------------------------------------------------------

    async def authorize(self, call: ToolCall, /) -> Decision:
        with self._lock:
            self._heed_stop()
            self._look_at(call)
            self.asked.append(call)
        self.reach(f"authorize {call.call_id}")
        decision = None
        if call.key not in self.records.effects and not self._is_parked(call.path):
            decision = await self._judged(call)
        if decision is None:
            decision = Decision(outcome=GateOutcome.ALLOW, arguments=call.arguments)
        with self._lock:
            self._heed_stop()
            if decision.outcome is GateOutcome.SUSPEND or self._is_parked(call.path):
                self.suspended.append(call)
                return Decision(outcome=GateOutcome.SUSPEND)
            if not decision.allowed:
                return decision
            name = f"g{next(self._numbers)}"
            grant = Grant(grant_id=name, key=call.key, digest="", policy="bare")
            decision = replace(decision, grant=grant)
            self._grants[name] = (call, decision)
        return decision

    async def call(
        self, call: ToolCall, grant: Grant, effect: Callable[[EffectRun], Awaitable[JsonValue]], /
    ) -> ToolOutcome:
        arguments = self._redeem(call, grant)
        known = self._earlier(call)
        if known is not None:
            return replace(known, replayed=True, exception=None)
        self._begins(call)
        self.reach(f"call {call.call_id}")
        try:
            value = await effect(EffectRun(key=f"job/{call.key}", arguments=arguments))
        except TimeoutError as error:
            outcome = _failed(EffectStatus.TIMED_OUT, error)
        except Exception as error:  # whatever a tool raises is its outcome
            outcome = _failed(EffectStatus.FAILED, error)
        except asyncio.CancelledError as error:
            if self.suspended:
                self.complain("RT-63", f"cut {call.tool} ({call.key}) short to be parked")
            self._resolve(call, _failed(EffectStatus.CANCELLED, error))
            raise
        except BaseException:
            with self._lock:
                del self.under_way[call.key]
                self.records.begun.add(call.key)
            raise
        else:
            outcome = ToolOutcome(status=EffectStatus.SUCCEEDED, value=value)
        self._resolve(call, outcome)
        self.reach(f"called {call.call_id}")
        return outcome

    async def begin(self, call: ToolCall, grant: Grant, /) -> ToolOutcome | None:
        self._redeem(call, grant)
        known = self._earlier(call)
        if known is not None:
            return replace(known, replayed=True, exception=None)
        self._observed[grant.grant_id] = call
        self._begins(call)
        self.reach(f"begin {call.call_id}")
        return None

    async def observe(self, call: ToolCall, grant: Grant, outcome: ToolOutcome, /) -> None:
        if self._observed.pop(grant.grant_id, None) is None:
            self.complain("RT-11", f"observed {call.tool} without having begun it")
            return
        self._resolve(call, outcome)
        self.reach(f"observe {call.call_id}")

    async def _judged(self, call: ToolCall) -> Decision | None:
        try:
            answer = self.verdict(call)
            if isawaitable(answer):
                answer = await answer
        except SteerError as error:
            self.stopped = error
            raise
        return answer

    def _look_at(self, call: ToolCall) -> None:
        if any(call.key == each.key for each in self.asked):
            self.complain("RT-11", f"asked for the call {call.key} of {call.tool} twice")
        if self._begun and not 0 <= call.message < self._begun.get(call.path, 0):
            self.complain(
                "RT-11", f"asked for {call.tool} of message {call.message} on {call.path}, which"
                " no model was asked for",
            )  # fmt: skip
        ids = {each.call_id for each in self.asked if each.path == call.path[:-1]}
        if call.path and call.path[-1] not in ids:
            self.complain("RT-11", f"asked for {call.tool} inside {call.path[-1]}, no call of it")

    def _redeem(self, call: ToolCall, grant: Grant) -> JsonValue:
        """Use the grant up; return the arguments that it is for."""
        with self._lock:
            self._heed_stop()
            asked, decision = self._grants.pop(grant.grant_id, (None, None))
            if asked is None or decision is None:
                self.complain("RT-12", f"ran {call.tool} without a grant, or with a used one")
                raise SteerError(f"there is no such grant for {call.tool}")
            if asked != call:
                self.complain("RT-12", f"ran {call.tool} ({call.key}) with the grant for another")
            return decision.arguments

    def _earlier(self, call: ToolCall) -> ToolOutcome | None:
        """Return what is on record of the call; ends the run where nobody can know that."""
        with self._lock:
            known = self.records.effects.get(call.key)
            if known is None and call.key in self.records.begun and call.effect is Effect.ONCE:
                self.stopped = OutcomeUnknown(f"nobody knows whether {call.tool} happened")
                raise self.stopped
            return known

    def _begins(self, call: ToolCall) -> None:
        with self._lock:
            if self._is_parked(call.path):
                self.complain("RT-43", f"began {call.tool} ({call.key}) although it was suspended")
            self.ran.append(call)
            self.under_way[call.key] = call

    def _resolve(self, call: ToolCall, outcome: ToolOutcome) -> None:
        with self._lock:
            self.under_way.pop(call.key, None)
            self.records.begun.discard(call.key)
            self.outcomes.append(outcome)
            self.records.add((call.key, outcome))

    def _heed_stop(self) -> None:
        if self.stopped is not None:
            raise self.stopped

    # ---- parking -------------------------------------------------------------------------------

    def returned(self, outcome: Finished | Suspended) -> None:
        """Look whether the run may return this, as far as it was or was not suspended."""
        if isinstance(outcome, Suspended) and not self.suspended:
            self.complain("RT-43", "returned Suspended, and no call of it was suspended")
        if isinstance(outcome, Finished) and self.suspended:
            self.complain("RT-43", f"came to {outcome!r} although a call of it was suspended")
        for call in self.under_way.values() if self.suspended else ():
            # An agent inside of the vendor's process is entered again, and so has not ended.
            if call.kind not in _CONTAINERS or call not in self._observed.values():
                self.complain("RT-63", f"returned while {call.tool} ({call.key}) was still running")

    def _is_parked(self, path: tuple[str, ...]) -> bool:
        """Whether nothing may begin on this path, because a call of the run waits for a person."""
        return bool(self.suspended) and not any(
            call.effect is Effect.ONCE
            and call.kind not in _CONTAINERS
            and path[: len(call.path) + 1] == (*call.path, call.call_id)
            for call in self.under_way.values()
        )

    # ---- model requests ------------------------------------------------------------------------

    @asynccontextmanager
    async def model_call(self, request: ModelRequest, /) -> AsyncIterator[BareModelCall]:
        call = self._admitted(request)
        path = request.path
        if call.recorded is None:
            self.narration.opens(call.id, path)
            self.reach(f"asked {call.id}")
        try:
            yield call
        finally:
            if call.recorded is None:
                self.narration.closes(call.id)
                if self.suspended and not call.ended:
                    self.complain("RT-63", f"cut the request {call.id} short to be parked")
            with self._lock:
                if call.recorded is not None or call.completed:
                    self._position[path] = call.message + 1
                call.left = True

    def _admitted(self, request: ModelRequest) -> BareModelCall:
        with self._lock:
            self._heed_stop()
            if self._is_parked(request.path):
                raise RuntimeFailure("the run is to be parked, so no model is asked any more")
            try:
                self.admit(request)
            except SteerError as error:
                self.stopped = error
                raise
            index = self._position.get(request.path, 0)
            self.requests.append(request)
            known = self.records.models.get(request.path, [])
            recorded = known[index] if index < len(known) else None
            if recorded is not None and recorded.request_digest != request.digest:
                self.stopped = Diverged("the model is asked for something else than before")
                raise self.stopped
            if recorded is None:
                self.sent.append(request)
            self._begun[request.path] = index + 1
            limits = [x for x in (request.max_output_tokens, self.granted) if x is not None]
            return BareModelCall(
                gate=self,
                request=request,
                id=recorded.call if recorded else f"c{len(self.requests)}",
                message=index,
                recorded=recorded,
                model=self.model or request.model,
                max_output_tokens=min(limits, default=None),
            )

    # ---- what runs on --------------------------------------------------------------------------

    def background(self, name: str, done: Callable[[Callable[[], None]], object], /) -> None:
        with self._lock:
            number = len(self.named) + 1
            self.named.append(name)
            self.running[number] = name

        def ended() -> None:
            self.running.pop(number, None)
            self._loop.call_soon_threadsafe(self.ended.set)

        done(ended)


# Nothing by themselves: what happens inside of them passes the gate call by call.
_CONTAINERS = (ToolKind.AGENT, ToolKind.HANDOFF)


def _failed(status: EffectStatus, error: BaseException) -> ToolOutcome:
    if isinstance(error, SteerError):
        info = error.info()
    else:
        category = ErrorCategory.UNKNOWN
        if status is EffectStatus.CANCELLED:
            category = ErrorCategory.CANCELLED
        elif status is EffectStatus.TIMED_OUT:
            category = ErrorCategory.TIMEOUT
        info = ErrorInfo(code="tool", message=f"{type(error).__name__}: {error}", category=category)
    return ToolOutcome(status=status, error=info, exception=error)
