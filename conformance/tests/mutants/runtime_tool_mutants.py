"""Runtimes that use tools otherwise than the gate and the model say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from runtime_mutant import mutant_of
from runtime_reference_conversation import Conversation
from runtime_reference_wire import Asked
from steer.agents import Tool
from steer.errors import RuntimeFailure, SteerError
from steer.ports.gate import (
    Decision,
    EffectRun,
    ToolCall,
    ToolOutcome,
)
from steer.ports.runtime import Finished, Suspended
from steer.values import Effect, JsonValue

__all__ = ["MUTANTS"]


class LosesResults(Conversation):
    def told(self, outcome: ToolOutcome) -> str:
        return "done"


class RewritesWhatTheModelWrote(Conversation):
    def tell(self, data: Any) -> None:
        if data.type == "model.block_done" and data.arguments:
            data = replace(data, arguments=data.arguments.replace(" ", ""))
        super().tell(data)


class CountsNoMessages(Conversation):
    def call_of(self, asked: Asked, message: int, tool: Tool[..., Any] | None) -> ToolCall:
        return super().call_of(asked, 0, tool)


class ForgetsTheEffect(Conversation):
    def call_of(self, asked: Asked, message: int, tool: Tool[..., Any] | None) -> ToolCall:
        return replace(super().call_of(asked, message, tool), effect=Effect.NONE)


class AsksTwice(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        await self.run.gate.authorize(self.call_of(asked, message, self.tool_of(asked)))
        return await super().use(asked, message)


class RunsWhatWasDenied(Conversation):
    async def denied(
        self, tool: Tool[..., Any] | None, asked: Asked, decision: Decision
    ) -> str | None:
        if tool is not None:
            await self.run_tool(tool, asked, EffectRun(key="", arguments=asked.decoded))
        return await super().denied(tool, asked, decision)


class DeniesWithoutAReason(Conversation):
    async def denied(
        self, tool: Tool[..., Any] | None, asked: Asked, decision: Decision
    ) -> str | None:
        return "denied"


class RunsBeforeTheVerdict(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        tool = self.tool_of(asked)
        if tool is not None:
            await self.run_tool(tool, asked, EffectRun(key="", arguments=asked.decoded))
        return await super().use(asked, message)


class RunsWhatWasProposed(Conversation):
    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        return await super().run_tool(tool, asked, replace(run, arguments=asked.decoded))


class TakesAStopForAnAnswer(Conversation):
    async def go(self) -> Finished | Suspended:
        try:
            return await super().go()
        except SteerError as error:
            return Finished(content=str(error))


class WrapsAStop(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        try:
            return await super().use(asked, message)
        except SteerError as error:
            raise RuntimeFailure(f"the tool could not run: {error}") from error


class RunsToolsInTurn(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        async with self.turns:
            return await super().use(asked, message)

    def opening(self) -> list[dict[str, Any]]:
        self.turns = asyncio.Lock()
        return super().opening()


class MixesUpResults(Conversation):
    async def use_all(self, calls: Sequence[Asked], message: int) -> list[dict[str, Any]] | None:
        results = await super().use_all(calls, message)
        told = [each["content"] for each in results or ()]
        for each, content in zip(results or (), reversed(told), strict=True):
            each["content"] = content
        return results


class TriesAgain(Conversation):
    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().run_tool(tool, asked, run)
        except ValueError:
            return await super().run_tool(tool, asked, run)


class FailsWithItsTool(Conversation):
    def told(self, outcome: ToolOutcome) -> str:
        if outcome.exception is not None:
            raise RuntimeFailure("a tool failed") from outcome.exception
        return super().told(outcome)


class HidesATimeOut(Conversation):
    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().run_tool(tool, asked, run)
        except TimeoutError:
            return "it took too long"


class GuessesArguments(Conversation):
    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        given = run.arguments
        fits = isinstance(given, dict) and "at" in given
        arguments = given if fits else {"at": str(given)}
        return await super().run_tool(tool, asked, replace(run, arguments=arguments))


class NamesNoThreads(Conversation):
    def abandoned(self, asked: Asked, thread: Any) -> None:
        pass


MUTANTS = (
    mutant_of("loses results of tools", LosesResults, "RT-10", "RT-12"),
    mutant_of("rewrites what the model wrote", RewritesWhatTheModelWrote, "RT-10"),
    mutant_of("counts no messages", CountsNoMessages, "RT-11"),
    mutant_of("forgets the effect of a tool", ForgetsTheEffect, "RT-11"),
    mutant_of("asks twice for a call", AsksTwice, "RT-11"),
    mutant_of("runs a denied tool", RunsWhatWasDenied, "RT-12", "RT-13"),
    mutant_of("denies without a reason", DeniesWithoutAReason, "RT-12"),
    mutant_of("runs a tool before the verdict", RunsBeforeTheVerdict, "RT-12", "RT-13"),
    mutant_of("runs what was proposed", RunsWhatWasProposed, "RT-14"),
    mutant_of("takes a stop for an answer", TakesAStopForAnAnswer, "RT-15", "RT-42"),
    mutant_of("wraps a stop", WrapsAStop, "RT-15"),
    mutant_of("runs tools in turn", RunsToolsInTurn, "RT-16"),
    mutant_of("mixes up results", MixesUpResults, "RT-16"),
    mutant_of("tries a failed tool again", TriesAgain, "RT-17"),
    mutant_of("fails with its tool", FailsWithItsTool, "RT-17"),
    mutant_of("hides a time-out", HidesATimeOut, "RT-18"),
    mutant_of("guesses arguments", GuessesArguments, "RT-19"),
    mutant_of("names no threads", NamesNoThreads, "RT-20"),
)
