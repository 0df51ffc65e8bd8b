"""Handoffs under the gate: asked before the floor changes, and told."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from agents import Agent, Handoff, handoff
from steer.errors import PolicyDenied, RuntimeFailure
from steer.events import AgentDone, AgentHandoff, AgentStarted
from steer.ports.gate import EffectRun, ToolCall
from steer.ports.policy import ToolKind
from steer.values import Effect, JsonValue

from steer_openai_agents.frame import Asked, Frame, current_frame, entered
from steer_openai_agents.public import with_original

if TYPE_CHECKING:
    from steer_openai_agents.clones import Clones

__all__ = ["gated_handoff"]


def gated_handoff(
    item: Agent[Any] | Handoff[Any, Any], *, source: Agent[Any], clones: Clones
) -> Handoff[Any, Any]:
    """Return a copy of an author's handoff that passes the gate and leads to a copied agent."""
    original = item if isinstance(item, Handoff) else handoff(item)
    gated = copy.copy(original)
    gated.on_invoke_handoff = _GatedHandoff(original, source.name, clones).invoke
    if callable(original.is_enabled):
        gated.is_enabled = with_original(original.is_enabled)
    return gated


class _GatedHandoff:
    """What stands behind a gated handoff."""

    def __init__(self, original: Handoff[Any, Any], source: str, clones: Clones) -> None:
        self._original = original
        self._source = source
        self._clones = clones

    async def invoke(self, context: Any, arguments: str = "") -> Agent[Any]:
        """Pass the floor, if the gate allows it; a denial ends the run."""
        frame = current_frame()
        call = self._call(frame, self._asked(frame, arguments))
        decision = await frame.authorize(call)
        if not decision.allowed or decision.grant is None:
            raise PolicyDenied(
                f"the handoff from {self._source} to {self._original.agent_name} was denied: "
                f"{decision.reason}"
            )
        targets: list[Agent[Any]] = []

        async def effect(run: EffectRun) -> JsonValue:
            with entered(frame.inside(call.call_id, run.key)):
                target = await self._original.on_invoke_handoff(context, arguments)
            targets.append(target)
            return target.name

        outcome = await frame.active.run.gate.call(call, decision.grant, effect)
        if outcome.exception is not None:
            raise outcome.exception
        if outcome.error is not None:
            raise RuntimeFailure(f"the handoff {call.tool} failed: {outcome.error.message}")
        target = targets[0] if targets else await self._recorded(context, arguments)
        frame.emit(AgentHandoff(source=self._source, target=target.name), agent=self._source)
        frame.emit(AgentDone(name=self._source), agent=self._source)
        frame.emit(AgentStarted(name=target.name), agent=target.name)
        return self._clones.clone(target)

    async def _recorded(self, context: Any, arguments: str) -> Agent[Any]:
        """Find the agent of a handoff that an earlier attempt made."""
        reference = self._original._agent_ref  # noqa: SLF001 - where handoff() keeps its target
        target = None if reference is None else reference()
        if isinstance(target, Agent):
            return target
        found: Agent[Any] = await self._original.on_invoke_handoff(context, arguments)
        return found

    def _asked(self, frame: Frame, arguments: str) -> Asked:
        # The SDK does not say which call it is; it follows the first handoff of a message.
        name = self._original.tool_name
        for asked in frame.asked:
            if asked.name == name and asked.arguments == arguments:
                return asked
        raise RuntimeFailure(f"the handoff {name} was about to happen although no model asked")

    def _call(self, frame: Frame, asked: Asked) -> ToolCall:
        return ToolCall(
            call_id=asked.call_id,
            tool=asked.name,
            message=frame.message,
            path=frame.path,
            arguments={"agent": self._original.agent_name},
            kind=ToolKind.HANDOFF,
            effect=Effect.NONE,
            agent=self._source,
        )
