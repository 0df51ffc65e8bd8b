"""Where one CLI process asks this one: before each tool, and for the agent's function tools.

A process may be started before it is known for which run, so whoever answers sits down later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import mcp.types
from claude_agent_sdk import HookContext, HookMatcher, Message
from claude_agent_sdk.types import HookEvent, HookInput, HookJSONOutput
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from steer.agents import Tool

from steer_claude_code.calls import Told
from steer_claude_code.names import OWN_SERVER
from steer_claude_code.tools.native_calls import Permission

__all__ = ["Clerk", "Desk", "tool_server"]

_CALL_ID = "claudecode/toolUseId"
"""Where the CLI says in a call of an MCP tool which call of the model it is."""

PATIENCE_SECONDS = 30 * 24 * 3600.0
"""How long the CLI waits for an answer before a tool: people are asked, and the run is bounded."""


class Clerk(Protocol):
    """Who answers for one run."""

    async def before(self, call_id: str | None, tool: str) -> Permission:
        """Say whether the CLI may execute a call."""
        ...

    async def call(self, call_id: str | None, tool: str) -> Told:
        """Run one of the agent's function tools, and return what the model is told."""
        ...

    async def hear(self, message: Message) -> None:
        """Take note of what the CLI says."""
        ...

    def lost(self, error: Exception | None) -> None:
        """Learn that the CLI says nothing any more."""
        ...


class Desk:
    """Passes on what a process asks; while nobody sits there, everything is refused."""

    def __init__(self) -> None:
        self.clerk: Clerk | None = None

    def hooks(self) -> dict[HookEvent, list[HookMatcher]]:
        """Return the hooks that the SDK registers: one, before every tool, that fails closed."""
        asked = HookMatcher(hooks=[self._before], timeout=PATIENCE_SECONDS, on_failure="block")
        return {"PreToolUse": [asked]}

    async def _before(
        self, asked: HookInput, call_id: str | None, _context: HookContext
    ) -> HookJSONOutput:
        if asked["hook_event_name"] != "PreToolUse" or self.clerk is None:
            return _answer(Permission(allowed=False, reason="no run is under way"))
        return _answer(await self.clerk.before(call_id, asked["tool_name"]))

    async def call(self, params: mcp.types.CallToolRequestParams) -> mcp.types.CallToolResult:
        """Answer the CLI's call of one of the agent's function tools."""
        if self.clerk is None:
            told = Told(content="no run is under way", is_error=True)
        else:
            call_id = (params.meta or {}).get(_CALL_ID)
            told = await self.clerk.call(str(call_id) if call_id else None, params.name)
        text = mcp.types.TextContent(type="text", text=str(told.content))
        return mcp.types.CallToolResult(content=[text], is_error=told.is_error)


def tool_server(tools: Mapping[str, Tool[..., Any]], desk: Desk) -> Server[Any]:
    """Return the MCP server that offers an agent's function tools to one process."""
    offered = [_offered(tool) for tool in tools.values()]

    async def listed(
        _context: ServerRequestContext[Any], _params: mcp.types.PaginatedRequestParams | None
    ) -> mcp.types.ListToolsResult:
        return mcp.types.ListToolsResult(tools=offered)

    async def called(
        _context: ServerRequestContext[Any], params: mcp.types.CallToolRequestParams
    ) -> mcp.types.CallToolResult:
        return await desk.call(params)

    return Server(OWN_SERVER, on_list_tools=listed, on_call_tool=called)


def _offered(tool: Tool[..., Any]) -> mcp.types.Tool:
    return mcp.types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=dict(tool.input_schema),
        # The CLI runs those side by side that say so, and one after the other else. It is the
        # gate that decides what may run, whatever this says.
        annotations=mcp.types.ToolAnnotations(read_only_hint=True),
    )


def _answer(permission: Permission) -> HookJSONOutput:
    said: dict[str, Any] = {
        "hookEventName": "PreToolUse",
        "permissionDecision": "allow" if permission.allowed else "deny",
        "permissionDecisionReason": permission.reason,
    }
    if permission.allowed and permission.arguments is not None:
        said["updatedInput"] = dict(permission.arguments)
    return {"hookSpecificOutput": said}  # type: ignore[typeddict-item]  # the SDK's own keys
