"""A gate without an engine: it answers, records and replays as ``steer.ports.gate`` says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from steer.context import BudgetSpec, ExecutionContext
from steer.errors import Diverged, ErrorInfo, SteerError
from steer.events import RuntimeData
from steer.ports.gate import (
    Decision,
    EffectRun,
    GateOutcome,
    ModelRequest,
    Sent,
    ToolCall,
    ToolOutcome,
)
from steer.ports.records import EffectKey, Grant, ModelRecord
from steer.values import EffectStatus, JsonValue, Message, Usage, user_message

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Records:
    """What outlives a run."""

    models: dict[tuple[str, ...], list[ModelRecord]] = field(default_factory=dict)
    effects: dict[EffectKey, ToolOutcome] = field(default_factory=dict)
    log: list[ModelRecord | tuple[EffectKey, ToolOutcome]] = field(default_factory=list)

    def add(self, each: ModelRecord | tuple[EffectKey, ToolOutcome]) -> None:
        self.log.append(each)
        if isinstance(each, ModelRecord):
            self.models.setdefault(each.path, []).append(each)
        else:
            self.effects[each[0]] = each[1]

    def until(self, count: int | None = None) -> Records:
        """The first so many records, as an attempt that died then would have left them."""
        left = Records()
        for each in self.log[:count]:
            left.add(each)
        return left


@dataclass
class BareModelCall:
    """One admitted request."""

    gate: BareGate
    request: ModelRequest
    id: str
    message: int
    recorded: ModelRecord | None
    max_output_tokens: int | None
    ended: bool = False

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
        assert self.recorded is None
        assert not self.ended
        self.ended = True
        self.gate.usages.append(usage)
        path = self.request.path
        record = ModelRecord(
            path=path,
            index=self.message,
            call=self.id,
            request_digest=self.request.digest,
            response=response,
            usage=usage or Usage(),
            model=model,
            response_id=response_id,
            finish_reason=finish_reason,
            recorded_at=NOW,
        )
        self.gate.records.add(record)

    def fail(self, error: SteerError, /, *, sent: Sent, usage: Usage | None = None) -> None:
        assert not self.ended
        self.ended = True
        self.gate.failures.append((error, sent, usage))

    async def retry(self, error: SteerError, /, *, sent: Sent, usage: Usage | None = None) -> bool:
        self.fail(error, sent=sent, usage=usage)
        self.gate.retries -= 1
        return self.gate.retries >= 0


class BareGate:
    """Allows everything, unless ``verdict`` says otherwise."""

    def __init__(
        self,
        records: Records | None = None,
        *,
        verdict: Callable[[ToolCall], Decision | None] = lambda call: None,
        granted: int | None = None,
        retries: int = 0,
    ) -> None:
        self.records = records or Records()
        self.verdict = verdict
        self.granted = granted
        self.retries = retries
        self.asked: list[ToolCall] = []
        self.ran: list[ToolCall] = []
        self.outcomes: list[ToolOutcome] = []
        self.requests: list[ModelRequest] = []
        self.sent: list[ModelRequest] = []
        self.usages: list[Usage | None] = []
        self.failures: list[tuple[SteerError, Sent, Usage | None]] = []
        self.running: dict[int, str] = {}
        self.ended = asyncio.Event()
        self._position: dict[tuple[str, ...], int] = {}
        self._loop = asyncio.get_running_loop()

    async def authorize(self, call: ToolCall, /) -> Decision:
        self.asked.append(call)
        grant = Grant(grant_id=str(len(self.asked)), key=call.key, digest="", policy="bare")
        allowed = Decision(outcome=GateOutcome.ALLOW, grant=grant, arguments=call.arguments)
        decision = self.verdict(call) or allowed
        return replace(decision, grant=grant) if decision.allowed else decision

    async def call(
        self, call: ToolCall, grant: Grant, effect: Callable[[EffectRun], Awaitable[JsonValue]], /
    ) -> ToolOutcome:
        assert grant.key == call.key
        if call.key in self.records.effects:
            return replace(self.records.effects[call.key], replayed=True, exception=None)
        self.ran.append(call)
        decision = self.verdict(call)
        arguments = call.arguments if decision is None else decision.arguments
        try:
            value = await effect(EffectRun(key=f"job/{call.key}", arguments=arguments))
        except TimeoutError as error:
            outcome = _failed(EffectStatus.TIMED_OUT, error)
        except Exception as error:
            outcome = _failed(EffectStatus.FAILED, error)
        except asyncio.CancelledError as error:
            self.outcomes.append(_failed(EffectStatus.CANCELLED, error))
            self.records.add((call.key, self.outcomes[-1]))
            raise
        else:
            outcome = ToolOutcome(status=EffectStatus.SUCCEEDED, value=value)
        self.outcomes.append(outcome)
        self.records.add((call.key, outcome))
        return outcome

    async def begin(self, call: ToolCall, grant: Grant, /) -> None:
        assert grant.key == call.key
        if call.key not in self.records.effects:
            self.ran.append(call)

    async def observe(self, call: ToolCall, grant: Grant, outcome: ToolOutcome, /) -> None:
        assert grant.key == call.key
        if call.key not in self.records.effects:
            self.outcomes.append(outcome)
            self.records.add((call.key, outcome))

    @asynccontextmanager
    async def model_call(self, request: ModelRequest, /) -> AsyncIterator[BareModelCall]:
        self.requests.append(request)
        index = self._position.get(request.path, 0)
        known = self.records.models.get(request.path, [])
        recorded = known[index] if index < len(known) else None
        if recorded is not None and recorded.request_digest != request.digest:
            raise Diverged("the model is asked for something else than before")
        call = BareModelCall(
            gate=self,
            request=request,
            id=recorded.call if recorded else f"c{len(self.requests)}",
            message=index,
            recorded=recorded,
            max_output_tokens=request.max_output_tokens if self.granted is None else self.granted,
        )
        if recorded is None:
            self.sent.append(request)
        yield call
        if recorded or call.id in {each.call for each in self.records.models.get(request.path, [])}:
            self._position[request.path] = index + 1

    def background(self, name: str, done: Callable[[Callable[[], None]], object], /) -> None:
        number = len(self.running) + 1
        self.running[number] = name

        def ended() -> None:
            self.running.pop(number, None)
            self._loop.call_soon_threadsafe(self.ended.set)

        done(ended)


def _failed(status: EffectStatus, error: BaseException) -> ToolOutcome:
    if isinstance(error, SteerError):
        info = error.info()
    else:
        info = ErrorInfo(code="tool", message=f"{type(error).__name__}: {error}")
    return ToolOutcome(status=status, error=info, exception=error)


@dataclass
class BareRun:
    """A run over a bare gate, which keeps what was emitted."""

    gate: BareGate
    input: tuple[Message, ...] = (user_message("Hello?"),)
    user_context: object = None
    context: ExecutionContext = field(
        default_factory=lambda: ExecutionContext(job_id="job-1", run_id="run-1")
    )
    budgets: BudgetSpec = field(default_factory=BudgetSpec)
    resume_state: bytes | None = None
    emitted: list[tuple[tuple[str, ...], str | None, RuntimeData]] = field(default_factory=list)

    def emit(
        self, data: RuntimeData, /, *, path: tuple[str, ...] = (), agent: str | None = None
    ) -> None:
        self.emitted.append((path, agent, data))

    def told(self, kind: type[Any], path: tuple[str, ...] | None = None) -> list[Any]:
        """What was emitted of one type."""
        return [
            data
            for at, _, data in self.emitted
            if isinstance(data, kind) and (path is None or at == path)
        ]
