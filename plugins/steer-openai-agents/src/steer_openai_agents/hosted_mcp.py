"""Hosted MCP servers whose calls their author wants approved: the gate answers for each call.

The provider makes the call once the next request tells it to, so steer promises no more than one
verdict for it; what came of it is in the model's next message.
"""

from __future__ import annotations

import inspect
import json

from agents import HostedMCPTool, MCPToolApprovalFunctionResult, MCPToolApprovalRequest
from openai.types.responses.response_output_item import McpCall
from pydantic import BaseModel
from steer.errors import ErrorInfo
from steer.ports.gate import ToolCall, ToolOutcome
from steer.ports.policy import ToolKind
from steer.values import EffectStatus, JsonValue

from steer_openai_agents.frame import Frame, current_frame
from steer_openai_agents.public import copy_marked

__all__ = ["gated_hosted_mcp", "observe_call", "wants_approval"]


def wants_approval(tool: HostedMCPTool) -> bool:
    """Whether the provider asks before each call of the server's tools."""
    return tool.tool_config.get("require_approval") == "always"


def gated_hosted_mcp(tool: HostedMCPTool, *, agent: str) -> HostedMCPTool:
    """Return a copy of an author's tool whose requests for approval the gate answers."""

    async def answer(request: MCPToolApprovalRequest) -> MCPToolApprovalFunctionResult:
        needs_approval = True
        if tool.on_approval_request is not None:
            given = tool.on_approval_request(request)
            own = await given if inspect.isawaitable(given) else given
            if not own["approve"]:
                return own
            needs_approval = False
        frame, asked = current_frame(), request.data
        call = ToolCall(
            call_id=asked.id,
            tool=asked.name,
            message=frame.message,
            path=frame.path,
            arguments=_decoded(asked.arguments),
            kind=ToolKind.MCP,
            server=asked.server_label,
            agent=agent,
            needs_approval=needs_approval,
        )
        decision = await frame.authorize(call)
        if not decision.allowed:
            return {"approve": False, "reason": decision.reason}
        if decision.arguments != call.arguments:
            return {
                "approve": False,
                "reason": "policy allows this call with other arguments only, "
                "and a hosted tool runs with the model's own",
            }
        frame.granted.append((call, decision))
        return {"approve": True}

    gated = copy_marked(tool)
    gated.on_approval_request = answer
    return gated


async def observe_call(frame: Frame, item: McpCall) -> None:
    """Tell the gate what the provider says came of a call that it was allowed to make."""
    begun = frame.begun.pop(item.approval_request_id or "", None)
    if begun is None:
        return
    if item.error is None:
        outcome = ToolOutcome(status=EffectStatus.SUCCEEDED, value=item.output)
    else:
        error = ErrorInfo(code="tool", message=_said(item.error))
        outcome = ToolOutcome(status=EffectStatus.FAILED, error=error)
    call, grant = begun
    await frame.active.run.gate.observe(call, grant, outcome)


def _said(error: object) -> str:
    """Return an error in words: the provider sends a text, or an object of one of three kinds."""
    # The client's types are built when they are first used, which only their own methods see to.
    if isinstance(error, BaseModel):
        error = error.model_dump(mode="json", exclude_none=True)
    return error if isinstance(error, str) else json.dumps(error)


def _decoded(arguments: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments
    return value
