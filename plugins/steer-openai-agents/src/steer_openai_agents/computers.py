"""The SDK's computer under the gate: one question for all actions of a call.

The SDK takes a call apart and asks the computer for one action after the other, and for a picture
of the screen at the end. A gated computer does all of it at the first of these, once allowed, and
answers the last with the picture. A denial ends the run: a computer has no words for the model.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from agents import AsyncComputer, Computer, ComputerProvider, ComputerTool
from agents.run_internal.tool_actions import ComputerAction
from agents.tool import ComputerToolSafetyCheckData
from openai.types.responses import ResponseComputerToolCall
from openai.types.responses.computer_action import ComputerAction as WireAction
from steer.errors import PolicyDenied, RuntimeFailure
from steer.ports.gate import EffectRun
from steer.values import Effect, JsonValue

from steer_openai_agents.frame import Performance, current_frame
from steer_openai_agents.native import NativeGate, fitting, settled
from steer_openai_agents.public import original_of

__all__ = ["gated_computer_tool"]

_LOOKING = frozenset({"screenshot", "wait"})


def gated_computer_tool(tool: ComputerTool[Any], *, agent: str) -> ComputerTool[Any]:
    """Return a copy of an author's computer tool whose actions pass the gate."""
    gate = NativeGate(tool=tool.name, agent=agent)
    gated = dataclasses.replace(
        tool,
        computer=_gated(tool.computer, gate),
        on_safety_check=None if tool.on_safety_check is None else _public(tool.on_safety_check),
    )
    vars(gated)["_steer_original"] = tool
    return gated


def _gated(computer: Any, gate: NativeGate) -> Any:
    """Return the gated form of a computer, or of what makes one for each run."""
    if isinstance(computer, Computer | AsyncComputer):
        return _GatedComputer(computer, gate)
    provider = computer if hasattr(computer, "create") else ComputerProvider(create=computer)

    async def create(*, run_context: Any) -> AsyncComputer:
        return _GatedComputer(await settled(provider.create(run_context=run_context)), gate)

    async def dispose(*, run_context: Any, computer: Any) -> None:
        end = getattr(provider, "dispose", None)
        if end is not None:
            await settled(end(run_context=run_context, computer=computer.real))

    return ComputerProvider(create=create, dispose=dispose)


def _public(check: Any) -> Any:
    async def checked(data: ComputerToolSafetyCheckData) -> Any:
        return await settled(check(dataclasses.replace(data, agent=original_of(data.agent))))

    return checked


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    """A call of the computer: what it asks for, and in how many steps the SDK has it done."""

    id: str
    arguments: JsonValue
    steps: int
    effect: Effect

    @classmethod
    def of(cls, item: ResponseComputerToolCall) -> _Call:
        # A list today, where older models ask for one action at a time.
        actions: list[Any] = item.actions or ([] if item.action is None else [item.action])
        kinds = [action.type for action in actions]
        arguments: dict[str, Any] = {
            "actions": [action.model_dump(mode="json", exclude_none=True) for action in actions]
        }
        if item.pending_safety_checks:
            arguments["pending_safety_checks"] = [
                check.model_dump(mode="json", exclude_none=True)
                for check in item.pending_safety_checks
            ]
        return cls(
            id=item.call_id,
            arguments=arguments,
            # Without a picture at the end of what was asked, the SDK asks for one.
            steps=len(kinds) + (kinds[-1:] != ["screenshot"]),
            effect=Effect.NONE if _LOOKING.issuperset(kinds) else Effect.ONCE,
        )


class _GatedComputer(AsyncComputer):
    """Stands before an author's computer, for all runs that use it."""

    def __init__(self, real: Computer | AsyncComputer, gate: NativeGate) -> None:
        self.real = real
        self._gate = gate

    @property
    def environment(self) -> Any:
        return self.real.environment

    @property
    def dimensions(self) -> Any:
        return self.real.dimensions

    async def screenshot(self) -> str:
        return await self._step()

    async def click(self, *_given: Any, **_more: Any) -> None:
        await self._step()

    async def double_click(self, *_given: Any, **_more: Any) -> None:
        await self._step()

    async def scroll(self, *_given: Any, **_more: Any) -> None:
        await self._step()

    async def type(self, *_given: Any, **_more: Any) -> None:
        await self._step()

    async def wait(self, *_given: Any, **_more: Any) -> None:
        await self._step()

    async def move(self, *_given: Any, **_more: Any) -> None:
        await self._step()

    async def keypress(self, *_given: Any, **_more: Any) -> None:
        await self._step()

    async def drag(self, *_given: Any, **_more: Any) -> None:
        await self._step()

    async def _step(self) -> str:
        """Do the whole call at its first step; return the screen as the call left it."""
        frame = current_frame()
        now = frame.performance
        if now is None or not now.steps_left:
            if not frame.computer_calls:
                raise RuntimeFailure("a computer was about to act although no model asked")
            item = frame.computer_calls.popleft()
            call = _Call.of(item)
            now = Performance(screen=await self._perform(item, call), steps_left=call.steps)
            frame.performance = now
        now.steps_left -= 1
        return now.screen

    async def _perform(self, item: ResponseComputerToolCall, call: _Call) -> str:
        denial = await self._gate.ask(call.id, call.arguments, effect=call.effect)
        if denial is not None:
            error = PolicyDenied(
                f"{self._gate.tool} of agent {self._gate.agent} was denied: {denial}",
                fix="A denied computer cannot tell the model why, so it ends the run: "
                "allow it in a policy, or take it from the agent",
            )
            active = current_frame().active
            active.stopped = active.stopped or error
            raise error

        def act(effect: EffectRun) -> Any:
            asked = item
            if effect.arguments != call.arguments:
                edited = fitting(self._gate.tool, dict[str, Any], effect.arguments)
                actions = fitting(self._gate.tool, list[WireAction], edited.get("actions"))
                asked = item.model_copy(update={"actions": actions, "action": None})
            return ComputerAction._execute_action_and_capture(  # noqa: SLF001 - as the SDK does it
                self.real, asked
            )

        screen: str = await self._gate.run(call.id, act, recorded=str)
        return screen
