"""Function tools under the gate: asked before they run, run once, recorded.

A tool is asked for in an input guardrail after the author's own, and run in ``on_invoke_tool``:
``timeout_seconds`` covers only the latter, so a verdict may take its time.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from agents.exceptions import ToolTimeoutError
from agents.tool import (
    FunctionTool,
    ToolOriginType,
    default_tool_error_function,
    default_tool_timeout_error_message,
    get_function_tool_origin,
    invoke_function_tool,
)
from agents.tool_context import ToolContext
from agents.tool_guardrails import (
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolInputGuardrailData,
)
from agents.util._approvals import evaluate_function_tool_approval
from steer.agents import encode_result
from steer.errors import ErrorCategory, RuntimeFailure
from steer.ports.gate import Decision, EffectRun, GateOutcome, ToolCall, ToolOutcome
from steer.ports.policy import ToolKind
from steer.values import Effect, EffectStatus, JsonValue

from steer_openai_agents.failures import carried_failure
from steer_openai_agents.frame import Frame, current_frame, entered
from steer_openai_agents.outputs import ToolFailed, recorded_output
from steer_openai_agents.public import copy_marked, public_context, public_tool_guardrail
from steer_openai_agents.threads import with_named_thread

__all__ = ["SteerTool", "effect_of", "gated_tool", "kind_of"]

_KINDS = {
    ToolOriginType.FUNCTION: ToolKind.FUNCTION,
    ToolOriginType.MCP: ToolKind.MCP,
    ToolOriginType.AGENT_AS_TOOL: ToolKind.AGENT,
}
# Where the SDK notes on the context of a call that its result is a text of the SDK's own.
_SDK_TEXT = "_function_tool_default_failure_handled"
# Marks a tool whose function the SDK runs in a thread.
_SYNC = "__agents_sync_function_tool__"


@dataclass
class SteerTool(FunctionTool):
    """A tool of steer's own: it says what running it a second time would do.

    It leaves its result on its frame, from whose JSON form follows what the model reads.
    """

    effect: Effect = field(default=Effect.ONCE, kw_only=True)


def effect_of(tool: FunctionTool) -> Effect:
    """Return what running a tool twice would do: the worst, where its author did not say."""
    return tool.effect if isinstance(tool, SteerTool) else Effect.ONCE


class _ToolTimedOut(ToolFailed, TimeoutError):
    """A tool took longer than its ``timeout_seconds``."""


def kind_of(tool: FunctionTool) -> tuple[ToolKind, str | None]:
    """Return what stands behind a function tool, and the MCP server it comes from."""
    origin = get_function_tool_origin(tool)
    if origin is None:
        return ToolKind.FUNCTION, None
    return _KINDS.get(origin.type, ToolKind.FUNCTION), origin.mcp_server_name


def gated_tool(tool: FunctionTool, *, agent: str, effect: Effect = Effect.ONCE) -> FunctionTool:
    """Return a copy of an author's tool that passes the gate; the author's own is not touched."""
    kind, server = kind_of(tool)
    gated = _GatedTool(
        tool=_watched(tool),
        agent=agent,
        kind=kind,
        server=server,
        effect=Effect.NONE if kind is ToolKind.AGENT else effect,
        timeout=tool.timeout_seconds,
    )
    outer = copy_marked(tool)
    outer.timeout_seconds = None
    # What the author wants approved is asked at the gate: the SDK would end the run to ask.
    outer.needs_approval = False
    outer.tool_input_guardrails = [
        *map(public_tool_guardrail, tool.tool_input_guardrails or ()),
        ToolInputGuardrail(guardrail_function=gated.ask, name="steer"),
    ]
    if tool.tool_output_guardrails is not None:
        outer.tool_output_guardrails = [*map(public_tool_guardrail, tool.tool_output_guardrails)]
    outer.on_invoke_tool = gated.invoke
    return outer


def _watched(tool: FunctionTool) -> FunctionTool:
    """Return a copy that notes on its frame what the tool's own error handler makes a text of."""
    watched = copy.copy(tool)
    watched.timeout_seconds = None
    # Made by the SDK around the function: the text that it returns looks like any result.
    handler = copy.copy(watched.on_invoke_tool)
    run = getattr(handler, "_invoke_tool_impl", None)
    if run is not None:
        if getattr(handler, _SYNC, False):
            run = with_named_thread(run, tool.name)
        vars(handler)["_invoke_tool_impl"] = _noting(run)
        watched.on_invoke_tool = handler
    return watched


def _noting(run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def noting(context: Any, arguments: str) -> Any:
        try:
            return await run(context, arguments)
        except Exception as error:
            current_frame().failure = error
            raise

    return noting


@dataclass(frozen=True, kw_only=True, slots=True)
class _GatedTool:
    """What stands behind a gated tool; ``timeout`` is in seconds."""

    tool: FunctionTool
    agent: str
    kind: ToolKind
    server: str | None
    effect: Effect
    timeout: float | None

    async def ask(self, data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        """Ask the gate; what it denies is told to the model in place of a result."""
        frame, context = current_frame(), public_context(data.context)
        frame.active.work_here()
        call = ToolCall(
            call_id=context.tool_call_id,
            tool=self.tool.qualified_name,
            message=frame.message,
            path=frame.path,
            arguments=_decoded(context.tool_arguments),
            kind=self.kind,
            effect=self.effect,
            server=self.server,
            agent=self.agent,
            needs_approval=await self._needs_approval(context),
        )
        decision = await frame.authorize(call)
        match decision.outcome:
            case GateOutcome.ALLOW:
                frame.permits[call.call_id] = (call, decision)
                return ToolGuardrailFunctionOutput.allow()
            case GateOutcome.DENY:
                return ToolGuardrailFunctionOutput.reject_content(decision.reason)
            case GateOutcome.SUSPEND:
                raise RuntimeFailure(f"{call.tool} was to be suspended, which this runtime cannot")

    async def _needs_approval(self, context: ToolContext[Any]) -> bool:
        """Whether the author wants a person to approve this call; what their check raises, raises.

        As the SDK has it: arguments that do not reach the tool as the model wrote them need one.
        """
        if self.tool.needs_approval is False:
            return False
        approval = await evaluate_function_tool_approval(
            self.tool, context, context.tool_arguments, context.tool_call_id
        )
        return approval.outcome == "require_approval"

    async def invoke(self, context: ToolContext[Any], arguments: str) -> Any:
        """Run the tool under the gate: what the SDK calls in place of the author's function."""
        frame = current_frame()
        frame.active.work_here()
        call, decision = _permit(frame, context.tool_call_id)
        attempt = _Attempt(self, frame, context, call, arguments)
        outcome = await attempt.run(decision)
        if outcome.status is EffectStatus.SUCCEEDED:
            return self._again(outcome.value) if outcome.replayed else attempt.result
        return self._failed(frame, context, outcome)

    def _again(self, value: JsonValue) -> Any:
        """Return what the SDK is given of a recorded result."""
        return encode_result(value).text if isinstance(self.tool, SteerTool) else value

    def _failed(self, frame: Frame, context: ToolContext[Any], outcome: ToolOutcome) -> str:
        """Return what the model is told of a failure, or fail the run as the SDK would."""
        told = outcome.error.details.get("told") if outcome.error is not None else None
        if told is not None:
            if told in (default_tool_error_function(context, Exception()), self._timeout_text()):
                setattr(context, _SDK_TEXT, True)
            return told
        if outcome.status is EffectStatus.CANCELLED:
            # A tool that cancelled itself; the SDK makes words of that for the model.
            raise asyncio.CancelledError
        said = outcome.error.message if outcome.error is not None else outcome.status.value
        timed_out = outcome.status is EffectStatus.TIMED_OUT
        failure = RuntimeFailure(
            f"the tool {self.tool.qualified_name} failed: {said}",
            category=ErrorCategory.TIMEOUT if timed_out else ErrorCategory.UNKNOWN,
        )
        error = outcome.exception
        if error is None:
            raise failure
        if isinstance(error, _Late):
            error = error.late
        if carried_failure(error, frame.active.failures) is None:
            failure.__cause__ = error
            frame.active.means(error, failure)
        raise error

    async def run_once(self, context: ToolContext[Any], arguments: str) -> Any:
        """Run the author's function within its time, and its error handler where it fails."""
        limit = asyncio.timeout(self.timeout)
        try:
            async with limit:
                return await invoke_function_tool(
                    function_tool=self.tool, context=context, arguments=arguments
                )
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise await self._timed_out(context, error) from error

    async def _timed_out(self, context: ToolContext[Any], error: TimeoutError) -> Exception:
        late = ToolTimeoutError(tool_name=self.tool.name, timeout_seconds=self.timeout or 0)
        late.__cause__ = error
        if self.tool.timeout_behavior == "raise_exception":
            return _Late(late)
        told = self._timeout_text()
        if self.tool.timeout_error_function is not None:
            answer = self.tool.timeout_error_function(context, late)
            told = answer if isinstance(answer, str) else await answer
        return _ToolTimedOut(late, told, category=ErrorCategory.TIMEOUT)

    def _timeout_text(self) -> str:
        return default_tool_timeout_error_message(
            tool_name=self.tool.name, timeout_seconds=self.timeout or 0
        )


class _Late(TimeoutError):
    """A time-out that is to fail the run: the gate sees one, the SDK sees ``late``."""

    def __init__(self, late: ToolTimeoutError) -> None:
        super().__init__(str(late))
        self.late = late


class _Attempt:
    """One call of a tool, and the live result that only its recorded form outlives."""

    def __init__(
        self,
        tool: _GatedTool,
        frame: Frame,
        context: ToolContext[Any],
        call: ToolCall,
        arguments: str,
    ) -> None:
        self._tool = tool
        self._frame = frame
        self._context = context
        self._call = call
        self._arguments = arguments
        self.result: Any = None

    async def run(self, decision: Decision) -> ToolOutcome:
        """Run the effect, or learn what became of it before."""
        return await self._frame.call(self._call, decision, self._effect)

    async def _effect(self, run: EffectRun) -> JsonValue:
        inside = self._frame.inside(self._call.call_id, run.key)
        inside.keep = run.keep
        with entered(inside):
            self.result = await self._tool.run_once(self._context, self._arguments_of(run))
        if inside.failure is not None:
            raise ToolFailed(
                inside.failure, str(self.result), category=ErrorCategory.UNKNOWN
            ) from inside.failure
        if inside.result is not None:
            return inside.result.value
        return recorded_output(self.result, self._tool.tool)

    def _arguments_of(self, run: EffectRun) -> str:
        """Return the model's own text, unless policy has rewritten the arguments."""
        if run.arguments == self._call.arguments:
            return self._arguments
        # What the SDK may have prepared while it looked whether a person must approve.
        self._context._function_tool_arguments = None  # noqa: SLF001 - it is for other arguments
        return json.dumps(run.arguments, ensure_ascii=False)


def _permit(frame: Frame, call_id: str) -> tuple[ToolCall, Decision]:
    try:
        return frame.permits.pop(call_id)
    except KeyError:
        raise RuntimeFailure(f"tool call {call_id} was about to run without a verdict") from None


def _decoded(arguments: str) -> JsonValue:
    try:
        return json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments
