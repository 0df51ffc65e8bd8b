"""The books of one run: a line for each request and call, and what it cost.

Lines ride with the commits that there are. A key that is in the ledger already is left as it is, so
what a replay comes to again is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from steer.clock import Clock
from steer.context import ExecutionContext
from steer.errors import SteerError
from steer.ports.changes import Change, LedgerAppended
from steer.ports.gate import ModelRequest, ToolCall, ToolOutcome
from steer.ports.records import LedgerEntry, LedgerKind
from steer.pricing import Prices, Rates
from steer.values import JsonValue, Usage

__all__ = ["Books", "worst_case"]


class Books:
    """Keeps the ledger of a run, and looks up what its models cost.

    Without a price list no cost is known. ``record`` lets a change ride with the next commit, and
    ``redacted`` returns a text as the job's events would have it.
    """

    def __init__(
        self,
        *,
        context: ExecutionContext,
        attempt: int,
        runtime: str,
        clock: Clock,
        prices: Prices | None,
        record: Callable[[Change], None],
        redacted: Callable[[str], str],
    ) -> None:
        self._context = context
        self._attempt = attempt
        self._runtime = runtime
        self._clock = clock
        self._prices = prices
        self._record = record
        self._redacted = redacted

    def rates(self, model: str, provider: str | None) -> Rates | None:
        """Return what the model costs now, ``None`` where that is not known."""
        if self._prices is None:
            return None
        return self._prices.rates(
            model, provider=provider, scope_id=self._context.scope_id, at=self._clock.now()
        )

    def cost(
        self, usage: Usage, model: str, provider: str | None, *, tier: str | None = None
    ) -> Decimal | None:
        """Return what the usage cost in US dollars, ``None`` where the price is not known."""
        rates = self.rates(model, provider)
        return None if rates is None else rates.cost(usage, tier=tier)

    def worst_cost(self, request: ModelRequest, granted: int | None) -> Decimal | None:
        """Return the most that a request can have cost, ``None`` where nothing bounds it."""
        if request.input_bound is None or granted is None:
            return None
        rates = self.rates(request.model, request.provider)
        return None if rates is None else rates.bound(request.input_bound, granted)

    def model_call(
        self,
        call: str,
        request: ModelRequest,
        used: Usage,
        cost: Decimal | None,
        *,
        outcome: str,
        agent: str | None = None,
        model: str | None = None,
        attempt: int | None = None,
    ) -> None:
        """Book a request that used something, or may have."""
        answered = model or request.model
        details = {"outcome": outcome}
        if answered != request.model:
            details["asked"] = request.model
        self._write(
            LedgerKind.MODEL,
            (str(attempt or self._attempt), *request.path, call),
            agent=request.agent or agent,
            provider=request.provider,
            model=answered,
            usage=used,
            cost=cost,
            details=details,
        )

    def tool_call(
        self, call: ToolCall, outcome: ToolOutcome, *, ms: int | None = None, origin: str = "tool"
    ) -> None:
        """Book a tool call that ran, or may have; ``origin`` says who ran it."""
        details: dict[str, JsonValue] = {"outcome": outcome.status.value, "origin": origin}
        if ms is not None:
            details["elapsed_ms"] = ms
        self._write(
            LedgerKind.TOOL if call.server is None else LedgerKind.CONNECTOR,
            (str(self._attempt), str(call.key)),
            agent=call.agent,
            details=_about(call) | details,
        )

    def decided(self, call: ToolCall, outcome: str, *, by: str, reason: str = "") -> None:
        """Book that policy refused a call, or what a person decided about one."""
        details = _about(call) | {"outcome": outcome, "by": by}
        if reason:
            details["reason"] = self._redacted(reason)
        key = (str(call.key), "policy", outcome)
        self._write(LedgerKind.POLICY, key, agent=call.agent, details=details)

    def model_refused(self, request: ModelRequest, message: int, *, reason: str) -> None:
        """Book that policy refused a request."""
        self._write(
            LedgerKind.POLICY,
            (*request.path, str(message), "policy", "deny"),
            agent=request.agent,
            provider=request.provider,
            model=request.model,
            details={"outcome": "deny", "by": "policy", "reason": self._redacted(reason)},
        )

    def reached(self, limit: str, error: SteerError, *, agent: str | None = None) -> None:
        """Book that a limit stopped the run."""
        reason = self._redacted(error.message)
        details = {"outcome": "deny", "limit": limit, "reason": reason}
        self._write(LedgerKind.BUDGET, ("limit", limit), agent=agent, details=details)

    def _write(
        self,
        kind: LedgerKind,
        key: tuple[str, ...],
        *,
        agent: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        usage: Usage | None = None,
        cost: Decimal | None = None,
        details: Mapping[str, JsonValue],
    ) -> None:
        context = self._context
        entry = LedgerEntry(
            key="/".join((context.job_id, *key)),
            job_id=context.job_id,
            principal_id=context.principal_id,
            team_id=context.team_id,
            kind=kind,
            agent=agent,
            provider=provider,
            model=model,
            runtime=self._runtime,
            usage=usage,
            cost=cost,
            at=self._clock.now(),
            details=details,
        )
        self._record(LedgerAppended(entries=(entry,)))


def worst_case(input_bound: int | None, max_output_tokens: int | None) -> Usage:
    """Return the most that a request can have used, as far as anything bounds it."""
    return Usage(
        requests=1,
        input_tokens=input_bound or 0,
        output_tokens=max_output_tokens or 0,
        estimated=True,
    )


def _about(call: ToolCall) -> dict[str, JsonValue]:
    about: dict[str, JsonValue] = {"tool": call.tool, "call_id": call.call_id}
    if call.server is not None:
        about["server"] = call.server
    return about
