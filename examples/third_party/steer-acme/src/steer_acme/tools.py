"""The tool calls of one answer: each is asked for, and then made once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from steer.agents import Tool, ToolContext, encode_result
from steer.ports.gate import EffectRun, GateOutcome, ToolCall, ToolOutcome
from steer.ports.runtime import Run
from steer.values import EffectStatus, JsonValue

from steer_acme.conversation import Asked
from steer_acme.prepared import AcmePrepared

__all__ = ["ToolCalls"]


@dataclass(frozen=True, kw_only=True)
class ToolCalls:
    """Makes the tool calls of one run."""

    prepared: AcmePrepared
    run: Run

    async def make(self, calls: Sequence[Asked], message: int) -> list[dict[str, Any]] | None:
        """Make the calls of one answer side by side; return what the model is told of them.

        ``None``: one of them has to wait for a person, and the others have ended.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._make(call, message)) for call in calls]
        except ExceptionGroup as several:
            # The gate ended the run. Whoever started it is told so in the gate's own words.
            first = several.exceptions[0]
            raise first from first.__cause__
        told = [task.result() for task in tasks]
        if None in told:
            return None
        return [
            {"role": "tool", "request": call.id, "text": text}
            for call, text in zip(calls, told, strict=True)
        ]

    async def _make(self, asked: Asked, message: int) -> str | None:
        tool = self.prepared.tools.get(asked.tool)
        if tool is None:
            return f"there is no tool {asked.tool!r}"
        call = ToolCall(
            call_id=asked.id,
            tool=asked.tool,
            message=message,
            arguments=asked.decoded,
            effect=tool.effect,
            agent=self.prepared.agent,
        )
        decision = await self.run.gate.authorize(call)
        if decision.outcome is GateOutcome.SUSPEND:
            return None
        if decision.grant is None:
            return f"denied: {decision.reason}"

        async def effect(run: EffectRun) -> JsonValue:
            # The arguments of ``run``: policy may have changed those that the model wrote.
            return await self._run_tool(tool, asked, run)

        return _told(await self.run.gate.call(call, decision.grant, effect))

    async def _run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        context = self.run.context

        def abandoned(thread: Future[Any]) -> None:
            # A thread cannot be stopped. The run says what still goes on when it has ended.
            self.run.gate.background(
                f"tool {asked.tool} ({asked.id})",
                lambda ended: thread.add_done_callback(lambda _: ended()),
            )

        async with asyncio.timeout(tool.timeout):
            result = await tool.run(
                tool.parse(run.arguments),
                ToolContext(
                    job_id=context.job_id,
                    scope_id=context.scope_id,
                    principal_id=context.principal_id,
                    call_id=asked.id,
                    effect_key=run.key,
                    user_context=self.run.user_context,
                    ask=run.ask,
                    keep=run.keep,
                ),
                abandoned=abandoned,
            )
        return encode_result(result).value


def _told(outcome: ToolOutcome) -> str:
    """Return what the model reads. It follows from the record alone, so a replay says the same."""
    if outcome.status is EffectStatus.SUCCEEDED:
        return encode_result(outcome.value).text
    why = outcome.error.message if outcome.error else "nobody knows why"
    return f"{outcome.status.replace('_', ' ')}: {why}"
