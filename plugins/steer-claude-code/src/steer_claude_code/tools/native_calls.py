"""The calls that the CLI executes itself: its native tools, MCP servers, subagents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steer.events import AgentDone
from steer.ports.gate import Decision, ToolCall, ToolOutcome
from steer.ports.policy import ToolKind
from steer.ports.records import Grant
from steer.values import Effect, EffectStatus, JsonValue

from steer_claude_code.active import ActiveRun
from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.calls import Place, Proposed, Told
from steer_claude_code.tools.outcomes import cut_short, executed, recorded_result

__all__ = ["NativeCalls", "Permission"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """What the CLI is answered before it executes a call.

    ``arguments`` are those to execute it with, ``None`` leaves the model's own.
    """

    allowed: bool
    reason: str = ""
    arguments: Mapping[str, JsonValue] | None = None


class NativeCalls:
    """Asks the gate for each call of one run that the CLI is about to execute."""

    def __init__(self, active: ActiveRun, prepared: ClaudeCodePrepared) -> None:
        self._active = active
        self._prepared = prepared

    async def before(self, proposed: Proposed, *, refused: bool = False) -> Permission:
        """Ask the gate; what an earlier attempt has recorded is not executed again.

        ``refused`` says that the CLI has refused the call already.
        """
        active, call = self._active, self._call(proposed, refused=refused)
        proposed.asked = True
        decision = await active.authorize(call)
        if not decision.allowed or decision.grant is None:
            proposed.told = Told(content=decision.reason, is_error=True)
            return Permission(allowed=False, reason=decision.reason)
        begun = self._begun(proposed, call, decision.grant)
        # A run that is to be parked waits for what is being begun, too.
        recorded = await active.asking(begun, busy=True)
        if recorded is not None:
            proposed.told = recorded_result(recorded)
            # The CLI keeps notes of what it has read, without which it refuses to edit: what
            # changes nothing is done again for these, and the model reads what was recorded.
            again = call.effect is Effect.NONE and recorded.status is EffectStatus.SUCCEEDED
            again = again and call.kind is not ToolKind.AGENT
            return Permission(
                allowed=again,
                reason="an earlier attempt has made this call",
                arguments=_rewritten(decision, proposed),
            )
        return Permission(allowed=True, arguments=_rewritten(decision, proposed))

    def _call(self, proposed: Proposed, *, refused: bool) -> ToolCall:
        prepared = self._prepared
        tooling = prepared.asking.names.behind(proposed.name)
        agent = tooling.kind is ToolKind.AGENT
        return ToolCall(
            call_id=proposed.call_id,
            tool=tooling.tool,
            message=proposed.message,
            path=proposed.place.path,
            arguments=proposed.arguments,
            kind=tooling.kind,
            # What a subagent does passes the gate call by call.
            effect=Effect.NONE if agent else prepared.effect_of(proposed.name),
            declared=prepared.declares(proposed.name),
            server=tooling.server,
            agent=proposed.place.agent,
            refused=refused,
        )

    async def reported(self, place: Place, told: Mapping[str, Told]) -> None:
        """Record how calls ended, from a request that tells a model of them.

        The CLI refuses some without asking: an edit of what is not in the file, for example. The
        gate is asked about these, too, since an earlier attempt may have made the very same call.
        """
        for call_id, each in told.items():
            proposed = self._active.calls.find(call_id)
            if proposed is not None and each.is_error and self._is_refusal(proposed):
                await self.before(proposed, refused=True)
        await self.results(place, told)

    def _is_refusal(self, proposed: Proposed) -> bool:
        """Whether the CLI has refused a call of a tool that it executes, without asking."""
        prepared, name = self._prepared, proposed.name
        kind = prepared.asking.names.behind(name).kind
        executed_there = kind in {ToolKind.NATIVE, ToolKind.MCP} and prepared.declares(name)
        # What is told already was refused by steer, and not by the CLI.
        unanswered = not proposed.asked and proposed.told is None
        return executed_there and name != prepared.output_tool and unanswered

    async def _begun(self, proposed: Proposed, call: ToolCall, grant: Grant) -> ToolOutcome | None:
        """Have a call begin, unless an earlier attempt has recorded what came of it."""
        recorded = await self._active.run.gate.begin(call, grant)
        if recorded is None:
            proposed.under_way = (call, grant)
            if call.kind is not ToolKind.AGENT:
                self._active.begins()
        return recorded

    async def results(self, _place: Place, told: Mapping[str, Told]) -> None:
        """Record how calls ended, from what the CLI tells a model of them."""
        for call_id, each in told.items():
            proposed = self._active.calls.find(call_id)
            if proposed is not None:
                await self._ended(proposed, each)

    async def close(self) -> None:
        """Record what the CLI was executing when the run was taken down.

        A subagent of a run that is parked has not ended: it is entered again.
        """
        for proposed in self._active.calls.under_way():
            behind = self._prepared.asking.names.behind(proposed.name)
            if not (self._active.suspended and behind.kind is ToolKind.AGENT):
                await self._ended(proposed, None)

    async def _ended(self, proposed: Proposed, told: Told | None) -> None:
        if proposed.under_way is None:
            return
        (call, grant), proposed.under_way = proposed.under_way, None
        active = self._active
        if call.kind is ToolKind.AGENT:
            name = active.subagent_of(call)
            if name is not None and told is not None:
                path = (*call.path, call.call_id)
                active.run.emit(AgentDone(name=name), path=path, agent=name)
        outcome = cut_short(call.effect) if told is None else executed(told)
        try:
            await active.run.gate.observe(call, grant, outcome)
        finally:
            if call.kind is not ToolKind.AGENT:
                active.ends()


def _rewritten(decision: Decision, proposed: Proposed) -> dict[str, JsonValue] | None:
    """Return what a call is to be executed with instead of the model's arguments."""
    given = decision.arguments
    return given if isinstance(given, dict) and given != proposed.arguments else None
