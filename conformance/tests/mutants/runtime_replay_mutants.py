"""Runtimes that replay, suspend or hand over wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from runtime_mutant import Unasked, mutant_of
from runtime_reference import ReferenceRuntime
from runtime_reference_conversation import Conversation, Parked
from runtime_reference_prepared import ReferenceConfig, ReferencePrepared
from runtime_reference_wire import Answer, Asked
from steer.agents import Tool
from steer.errors import RuntimeFailure
from steer.events import ModelToken
from steer.ports.gate import (
    EffectRun,
    ToolCall,
    ToolOutcome,
)
from steer.ports.policy import ToolKind
from steer.ports.runtime import Finished, Prepared, Run, Suspended
from steer.values import JsonValue

__all__ = ["MUTANTS"]


class AsksAgain(Conversation):
    async def turn(self) -> tuple[Answer, int]:
        async with self.run.gate.model_call(self.request()) as call:
            if call.recorded is None:
                return await self.exchange(call), call.message
            unasked: Any = Unasked()
            return await self.exchange(unasked), call.message


class TellsAgain(Conversation):
    async def turn(self) -> tuple[Answer, int]:
        async with self.run.gate.model_call(self.request()) as call:
            if call.recorded is None:
                return await self.exchange(call), call.message
            answer = Answer.decode(call.recorded.response)
            self.tell(ModelToken(call=call.id, part=0, offset=0, text=answer.text))
            return answer, call.message


class RepeatsEffects(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        self.asked = asked
        return await super().use(asked, message)

    def told(self, outcome: ToolOutcome) -> str:
        tool = self.tool_of(self.asked)
        if outcome.replayed and tool is not None:
            with suppress(StopIteration):
                tool.function(**self.asked.decoded).send(None)
        return super().told(outcome)


class ChangesItsQuestion(Conversation):
    """Asks with something that no replay can repeat."""

    def question(self) -> dict[str, Any]:
        return {**super().question(), "user": str(id(self))}


class TakesAPauseForADenial(Conversation):
    async def use_all(self, calls: Sequence[Asked], message: int) -> list[dict[str, Any]] | None:
        results = await super().use_all(calls, message)
        if results is not None:
            return results
        self.parked.clear()
        return [
            {"role": "tool", "tool_call_id": asked.call_id, "content": "not now"} for asked in calls
        ]


class CutsWhatRuns(Conversation):
    """Ends all calls of a message as soon as one of them has to wait."""

    async def use_all(self, calls: Sequence[Asked], message: int) -> list[dict[str, Any]] | None:
        self.waits = asyncio.Event()
        use_all = asyncio.create_task(super().use_all(calls, message))
        waits = asyncio.create_task(self.waits.wait())
        await asyncio.wait({use_all, waits}, return_when=asyncio.FIRST_COMPLETED)
        if self.parked:
            use_all.cancel()
        waits.cancel()
        await asyncio.wait({use_all, waits})
        return None if self.parked else use_all.result()

    async def ask_helper(self, asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().ask_helper(asked, run)
        except Parked:
            self.waits.set()
            raise

    def park(self, call: ToolCall) -> None:
        super().park(call)
        self.waits.set()


class ForgetsThatItWaited(ReferenceRuntime):
    """Has a run that was parked begin anew, and says so to the model."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.waited = False

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        assert isinstance(prepared, ReferencePrepared)
        if self.waited:
            prepared = replace(prepared, instructions="You were interrupted.")
        outcome = await super().run(prepared, run)
        self.waited = isinstance(outcome, Suspended)
        return outcome


class FailsItsHelper(Conversation):
    """Takes a helper that has to wait for one that failed."""

    async def ask_helper(self, asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().ask_helper(asked, run)
        except Parked as parked:
            raise RuntimeFailure("the helper has to wait") from parked


class ParksTheHelperAlone(Conversation):
    async def ask_helper(self, asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().ask_helper(asked, run)
        except Parked:
            self.parked.clear()
            return "the helper has to wait"


class PassesOnWhileItWaits(Conversation):
    def park(self, call: ToolCall) -> None:
        super().park(call)
        if call.kind is ToolKind.HANDOFF:
            self.pass_on(call.tool)


class PassesOnUnasked(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        if asked.tool in self.prepared.colleagues:
            self.pass_on(asked.tool)
            return asked.tool
        return await super().use(asked, message)


class TakesAHandoffForATool(Conversation):
    def call_of(self, asked: Asked, message: int, tool: Tool[..., Any] | None) -> ToolCall:
        return replace(super().call_of(asked, message, tool), kind=ToolKind.FUNCTION)


MUTANTS = (
    mutant_of("sends a request on a replay", AsksAgain, "RT-40", "RT-41"),
    mutant_of("tells again on a replay", TellsAgain, "RT-40"),
    mutant_of("repeats an effect on a replay", RepeatsEffects, "RT-40"),
    mutant_of("asks what no replay can repeat", ChangesItsQuestion, "RT-40", "RT-41"),
    mutant_of("takes a pause for a denial", TakesAPauseForADenial, "RT-43"),
    mutant_of("cuts what runs beside a call that waits", CutsWhatRuns, "RT-63", "RT-65"),
    mutant_of("goes on in other words", ForgetsThatItWaited, "RT-64"),
    mutant_of("fails a helper that waits", FailsItsHelper, "RT-65"),
    mutant_of("parks a helper alone", ParksTheHelperAlone, "RT-65"),
    mutant_of("passes on while it waits", PassesOnWhileItWaits, "RT-66"),
    mutant_of("passes on unasked", PassesOnUnasked, "RT-56"),
    mutant_of("takes a handoff for a tool", TakesAHandoffForATool, "RT-56"),
)
