"""The agent's function tools, in this process: what the CLI calls is asked, run once, recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from steer.agents import Tool, ToolArgumentsError, ToolContext, encode_result
from steer.errors import ErrorCategory, SteerError
from steer.ports.gate import EffectRun, ToolCall
from steer.values import JsonValue

from steer_claude_code.active import ActiveRun
from steer_claude_code.calls import Proposed, Told
from steer_claude_code.tools.outcomes import ToolFailed, own_result

__all__ = ["OwnTools"]


class OwnTools:
    """Runs the function tools of one run."""

    def __init__(self, active: ActiveRun, tools: Mapping[str, Tool[..., Any]]) -> None:
        self._active = active
        self._tools = tools

    async def call(self, name: str, proposed: Proposed) -> Told:
        """Ask the gate for a call, run it, and return what the model is told of it."""
        active, tool = self._active, self._tools[name]
        call = ToolCall(
            call_id=proposed.call_id,
            tool=name,
            message=proposed.message,
            path=proposed.place.path,
            arguments=proposed.arguments,
            effect=tool.effect,
            agent=proposed.place.agent,
        )
        decision = await active.authorize(call)
        if not decision.allowed or decision.grant is None:
            return Told(content=decision.reason, is_error=True)

        async def effect(run: EffectRun) -> JsonValue:
            return await self._run(tool, call, run)

        doing = active.run.gate.call(call, decision.grant, effect)
        outcome = await active.asking(doing, busy=True)
        await active.may_go_on()
        return own_result(outcome)

    async def _run(self, tool: Tool[..., Any], call: ToolCall, run: EffectRun) -> JsonValue:
        """Run the function within its time; what it raises is told the model by its kind alone."""
        limit = asyncio.timeout(tool.timeout)
        try:
            async with limit:
                result = await self._function(tool, call, run)
        except TimeoutError as error:
            if not limit.expired():
                raise ToolFailed(error, f"{tool.name} failed: TimeoutError") from error
            raise _TimedOut(tool) from error
        except ToolArgumentsError as error:
            raise ToolFailed(error, error.message, category=error.category) from error
        except Exception as error:
            # What an exception says may be for the author's eyes only.
            said = error.message if isinstance(error, SteerError) else type(error).__name__
            raise ToolFailed(error, f"{tool.name} failed: {said}") from error
        return encode_result(result).value

    async def _function(self, tool: Tool[..., Any], call: ToolCall, run: EffectRun) -> object:
        gate, context = self._active.run.gate, self._active.run.context
        given = run.arguments
        if not isinstance(given, str | dict):
            raise ToolArgumentsError(f"the arguments of {tool.name} are no JSON object")

        def abandoned(outcome: Future[Any]) -> None:
            gate.background(
                f"tool {tool.name} ({call.call_id})",
                lambda done: outcome.add_done_callback(lambda _: done()),
            )

        return await tool.run(
            tool.parse(given),
            ToolContext(
                job_id=context.job_id,
                scope_id=context.scope_id,
                principal_id=context.principal_id,
                call_id=call.call_id,
                effect_key=run.key,
                user_context=self._active.run.user_context,
                ask=run.ask,
                keep=run.keep,
            ),
            abandoned=abandoned,
        )


class _TimedOut(ToolFailed, TimeoutError):
    """A function tool took longer than its author allows."""

    def __init__(self, tool: Tool[..., Any]) -> None:
        said = f"{tool.name} took longer than its {tool.timeout:g} s and was stopped"
        super().__init__(TimeoutError(said), said, category=ErrorCategory.TIMEOUT)
