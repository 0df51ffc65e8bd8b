"""Handoffs under the gate: asked before the floor changes, and told.

A handoff that is denied hands the floor back to the agent that has it, and its output tells the
model why. The SDK takes that for a handoff all the same, so what the author attached to one (a
filter, hooks) looks at the frame and stays out of it.
"""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

from agents import Agent, AgentBase, Handoff, HandoffInputData, HandoffInputFilter, handoff
from steer.errors import RuntimeFailure
from steer.events import AgentDone, AgentHandoff, AgentStarted
from steer.ports.gate import Decision, EffectRun, ToolCall
from steer.ports.policy import ToolKind
from steer.values import Effect, JsonValue

from steer_openai_agents.frame import Asked, Frame, current_frame, denial_here, entered
from steer_openai_agents.public import with_original

if TYPE_CHECKING:
    from steer_openai_agents.clones import Clones

__all__ = ["gated_handoff", "unless_denied"]


def gated_handoff(
    item: Agent[Any] | Handoff[Any, Any], *, source: Agent[Any], clones: Clones
) -> Handoff[Any, Any]:
    """Return a copy of an author's handoff that passes the gate and leads to a copied agent."""
    original = item if isinstance(item, Handoff) else handoff(item)
    gated = copy.copy(original)
    gated.on_invoke_handoff = _GatedHandoff(original, source.name, clones).invoke
    if callable(original.is_enabled):
        gated.is_enabled = with_original(original.is_enabled)
    kind = type(original)
    gated.__class__ = type(kind.__name__, (_Deniable, kind), {})
    return gated


class _Deniable(Handoff[Any, Any]):
    """A handoff that, once denied, tells the model why and leaves the conversation as it is."""

    def get_transfer_message(self, agent: AgentBase[Any]) -> str:
        denial = denial_here()
        return super().get_transfer_message(agent) if denial is None else denial

    def __getattribute__(self, name: str) -> Any:
        if name in _AFTER_HANDOFF and denial_here() is not None:
            return _AFTER_HANDOFF[name]
        return super().__getattribute__(name)


# What the SDK does with the conversation once the floor has changed, and how to say: nothing.
_AFTER_HANDOFF = {"input_filter": None, "nest_handoff_history": False}


def unless_denied(change: HandoffInputFilter) -> HandoffInputFilter:
    """Return a run's own filter of handoffs, which leaves the conversation of a denied one be."""

    async def changed(data: HandoffInputData) -> HandoffInputData:
        if denial_here() is not None:
            return data
        answer = change(data)
        return await answer if inspect.isawaitable(answer) else answer

    return changed


def _nobody_to_tell(call: ToolCall, decision: Decision) -> RuntimeFailure:
    return RuntimeFailure(
        f"{call.tool} was denied where no agent has the floor that could be told: {decision.reason}"
    )


class _GatedHandoff:
    """What stands behind a gated handoff."""

    def __init__(self, original: Handoff[Any, Any], source: str, clones: Clones) -> None:
        self._original = original
        self._source = source
        self._clones = clones

    async def invoke(self, context: Any, arguments: str = "") -> Agent[Any]:
        """Pass the floor, if the gate allows it; else it stays where it is."""
        frame = current_frame()
        call = self._call(frame, self._asked(frame, arguments))
        decision = await frame.authorize(call)
        if not decision.allowed:
            if frame.turn_of is None:
                raise _nobody_to_tell(call, decision)
            frame.deny_handoff(decision.reason)
            return frame.turn_of
        targets: list[Agent[Any]] = []

        async def effect(run: EffectRun) -> JsonValue:
            with entered(frame.inside(call, run.key)):
                target = await self._original.on_invoke_handoff(context, arguments)
            targets.append(target)
            return target.name

        outcome = await frame.call(call, decision, effect)
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
