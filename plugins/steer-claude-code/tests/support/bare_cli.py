"""The CLI as a prepared agent has it started, asking the scripted provider without steer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import mcp.types
from claude_agent_sdk import ClaudeSDKClient, HookMatcher, Message
from claude_agent_sdk.types import HookContext, HookInput, HookJSONOutput
from mcp.server.lowlevel import Server
from pydantic import SecretStr
from steer.agents import Agent
from steer.ports.options import PrepareOptions
from steer_claude_code.agent.prepared import ClaudeCodePrepared, prepare
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.process.options import cli_options
from steer_claude_code.process.quarters import Quarters, quarters
from steer_conformance.provider import Provider, Script

__all__ = ["Asked", "ask", "prepared"]

SECONDS = 60.0


class Asked:
    """What the CLI asked the provider, and what it said meanwhile."""

    def __init__(self, provider: Provider, messages: Sequence[Message]) -> None:
        self.bodies = [dict(request.body) for request in provider.requests]
        self.messages = messages


def prepared(agent: object = None, **options: Any) -> ClaudeCodePrepared:
    """Prepare an agent that asks a server of its own, one that only talks unless one is given."""
    config = ClaudeCodeConfig(base_url="http://127.0.0.1:9", api_key=SecretStr("sk-ant-any"))
    agent = agent or Agent(name="agent", model="claude-sonnet-4-5")
    return prepare(agent, PrepareOptions(**options), config=config)


async def ask(
    agent: ClaudeCodePrepared,
    question: Sequence[Mapping[str, Any]],
    script: Script,
    *,
    before: Callable[[Quarters], str | None] = lambda _there: None,
    **instead: Any,
) -> Asked:
    """Have the CLI answer once.

    ``before`` furnishes its quarters, and may name a session. ``instead`` are options of the SDK
    in the place of those that steer sets.
    """

    async def asked(
        _input: HookInput, _call_id: str | None, _context: HookContext
    ) -> HookJSONOutput:
        return {
            "hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "allow"}
        }

    hook = HookMatcher(hooks=[asked], on_failure="block")
    async with (
        asyncio.timeout(SECONDS),
        Provider(script) as provider,
        quarters(config=agent.config, endpoint=provider.url, token="any") as there,
    ):
        options = cli_options(
            agent,
            quarters=there,
            server=_server(agent) if agent.tools else None,
            hooks={"PreToolUse": [hook]},
            resume=before(there),
        )
        async with ClaudeSDKClient(replace(options, **instead)) as client:
            await client.query(_one(question))
            said = [message async for message in client.receive_response()]
        return Asked(provider, said)


async def _one(content: Sequence[Mapping[str, Any]]) -> Any:
    message = {"role": "user", "content": list(content)}
    yield {"type": "user", "message": message, "parent_tool_use_id": None}


def _server(agent: ClaudeCodePrepared) -> Server[Any]:
    tools = [
        mcp.types.Tool(name=tool.name, description=tool.description, input_schema=tool.input_schema)
        for tool in agent.tools.values()
    ]

    async def listed(_context: Any, _params: Any) -> mcp.types.ListToolsResult:
        return mcp.types.ListToolsResult(tools=tools)

    async def called(_context: Any, _params: Any) -> mcp.types.CallToolResult:
        return mcp.types.CallToolResult(content=[mcp.types.TextContent(type="text", text="Red.")])

    return Server("steer", on_list_tools=listed, on_call_tool=called)
