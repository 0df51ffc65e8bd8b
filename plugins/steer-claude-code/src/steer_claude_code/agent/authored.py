"""What an agent's author says, in the form that this runtime works with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from claude_agent_sdk.types import (
    ClaudeAgentOptions,
    McpHttpServerConfig,
    McpServerConfig,
    McpStdioServerConfig,
)
from steer.agents import Agent, McpHttp, McpServer, McpStdio, OutputSpec, Tool
from steer.errors import AgentError
from steer.ports.runtime import ToolInfo
from steer.values import JsonValue

from steer_claude_code.agent.native_tools import NATIVE_TOOLS
from steer_claude_code.names import OWN_SERVER

__all__ = ["Authored", "authored", "check_servers"]

# What neither the CLI nor the models' API has a place for.
_WITHOUT_EFFECT = ("temperature", "top_p", "seed", "tool_choice", "parallel_tool_calls")
# "Task" is what the CLI's own messages call Agent.
_TAKEN = NATIVE_TOOLS.keys() | {"Task"}
# The CLI writes any other letter as "_", and parts the name from that of a tool at "__".
_SERVER = re.compile(r"(?!.*__)[A-Za-z0-9-][A-Za-z0-9_-]{0,62}(?<!_)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Authored:
    """What the author of an agent says, before anything that is set from outside.

    ``settings`` are keys of this runtime's configuration. ``options`` is what there is no word of
    ours for, in the SDK's form; nothing writes to it. ``native`` says that the author wrote it.
    ``parts`` are the very objects that the author's own object is made of. ``description`` says
    all of it in JSON form, the same in every process.
    """

    name: str
    description: JsonValue
    instructions: Any = None
    model: str | None = None
    effort: str | None = None
    max_output_tokens: int | None = None
    tools: Sequence[Tool[..., Any]] = ()
    output: OutputSpec | None = None
    servers: Mapping[str, McpServerConfig] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: ClaudeAgentOptions = field(default_factory=ClaudeAgentOptions)
    native: bool = False
    ungated: tuple[ToolInfo, ...] = ()
    parts: tuple[object, ...] = ()


def authored(agent: Agent, variables: Mapping[str, str]) -> Authored:
    """Return what the author of an agent in steer's words says.

    Raises ``AgentError`` for what this runtime cannot do, and for variables that are missing, or
    that the agent does not declare.
    """
    _check(agent)
    instructions = agent.instructions_with(variables)
    servers = {server.name: _server(server) for server in agent.mcp_servers}
    check_servers(servers, agent=agent.name)
    _check_literal(servers, agent=agent.name)
    return Authored(
        name=agent.name,
        description={
            "name": agent.name,
            "instructions": instructions,
            "model": agent.model,
            "settings": agent.settings.given(),
            "tools": [[tool.name, tool.description, tool.input_schema] for tool in agent.tools],
            "output": None if agent.output is None else agent.output.schema,
            "servers": [_described(server) for server in agent.mcp_servers],
        },
        instructions=instructions,
        model=agent.model,
        effort=agent.settings.reasoning_effort,
        max_output_tokens=agent.settings.max_output_tokens,
        tools=tuple(agent.tools),
        output=agent.output,
        servers=servers,
        settings=dict(agent.runtime_config),
    )


def _check(agent: Agent) -> None:
    given = agent.settings.given()
    for name in _WITHOUT_EFFECT:
        if name in given:
            raise AgentError(
                f"agent {agent.name!r} sets {name}, which Claude Code cannot pass on to a model",
                fix=f"Drop {name}, or run the agent on another runtime",
            )
    if agent.handoffs:
        raise AgentError(
            f"agent {agent.name!r} hands off to others, which Claude Code cannot",
            fix="Give it subagents in runtime_config, or run it on another runtime",
        )
    for tool in agent.tools:
        if tool.name in _TAKEN:
            raise AgentError(
                f"agent {agent.name!r} has a tool named {tool.name}, as Claude Code has itself",
                fix="Give the tool another name",
            )


def check_servers(names: Iterable[str], *, agent: str) -> None:
    """Refuse names of MCP servers from which no tool could be told.

    Raises ``AgentError``.
    """
    for name in names:
        if name == OWN_SERVER:
            raise AgentError(
                f"agent {agent!r} has an MCP server named {name!r}, which is steer's own name",
                fix="Give the server another name",
            )
        if _SERVER.fullmatch(name) is None:
            raise AgentError(
                f"agent {agent!r} has an MCP server named {name!r}, which Claude Code cannot use",
                fix="Name it with letters, digits, '-' and single '_', no '_' at either end",
            )


def _check_literal(servers: Mapping[str, McpServerConfig], *, agent: str) -> None:
    """Refuse what the CLI would put values of its own environment into."""
    for name, server in servers.items():
        if "${" in str(server):
            raise AgentError(
                f"agent {agent!r} has an MCP server {name!r} that is told '${{...}}', which Claude"
                " Code would replace by a variable of its own",
                fix="Give the value itself",
            )


def _server(server: McpServer) -> McpServerConfig:
    match server:
        case McpHttp():
            return McpHttpServerConfig(type="http", url=server.url, headers=dict(server.headers))
        case McpStdio():
            command, args = server.command, list(server.args)
            if server.cwd is not None:
                # The CLI starts servers in its own folder, and has no setting for another one.
                args = ["-c", 'cd -- "$0" && exec "$@"', server.cwd, command, *args]
                command = "/bin/sh"
            return McpStdioServerConfig(
                type="stdio", command=command, args=args, env=dict(server.env)
            )


def _described(server: McpServer) -> JsonValue:
    """Return what a server is, without what may be a secret."""
    match server:
        case McpHttp():
            return [server.name, server.url]
        case McpStdio():
            return [server.name, server.command, list(server.args), server.cwd]
