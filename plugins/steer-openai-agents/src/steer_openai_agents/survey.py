"""What an author's agent can reach, seen without running anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from agents import Agent, Handoff, Model, Tool
from agents.agent_output import AgentOutputSchema, AgentOutputSchemaBase
from agents.tool import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionTool,
    HostedMCPTool,
    ImageGenerationTool,
    ProgrammaticToolCallingTool,
    ShellTool,
    ToolSearchTool,
    WebSearchTool,
)
from pydantic import BaseModel
from steer.ports.policy import ToolKind
from steer.ports.runtime import ToolInfo
from steer.values import JsonValue

from steer_openai_agents.toolbox import passes_gate

__all__ = ["answering", "description", "has_tools", "reachable", "tool_names", "ungated_tools"]

# Those of them that do not pass the gate run at the provider; whatever else does not, acts here.
_HOSTED = (
    CodeInterpreterTool,
    FileSearchTool,
    HostedMCPTool,
    ImageGenerationTool,
    ProgrammaticToolCallingTool,
    ShellTool,
    ToolSearchTool,
    WebSearchTool,
)


def reachable(*agents: Agent[Any]) -> list[Agent[Any]]:
    """Return the agents, and those they can hand off to or call as tools, the nearest first.

    Agents that only the author's code names, inside a tool or a dynamic handoff, are not seen.
    """
    return _reached(agents, lambda each: [*_targets(each), *_nested(each)])


def answering(agent: Agent[Any]) -> list[Agent[Any]]:
    """Return the agent, and those it can hand the conversation over to."""
    return _reached([agent], _targets)


def _reached(
    agents: Iterable[Agent[Any]], following: Callable[[Agent[Any]], Iterable[Agent[Any]]]
) -> list[Agent[Any]]:
    found: dict[int, Agent[Any]] = {}
    left = list(agents)
    while left:
        each = left.pop(0)
        if id(each) not in found:
            found[id(each)] = each
            left.extend(following(each))
    return list(found.values())


def _targets(agent: Agent[Any]) -> Iterator[Agent[Any]]:
    for item in agent.handoffs:
        target: object = item
        if isinstance(item, Handoff):
            reference = item._agent_ref  # noqa: SLF001 - where handoff() keeps its target
            target = None if reference is None else reference()
        if isinstance(target, Agent):
            yield target


def _nested(agent: Agent[Any]) -> Iterator[Agent[Any]]:
    for tool in agent.tools:
        nested = getattr(tool, "_agent_instance", None)
        if isinstance(nested, Agent):
            yield nested


def has_tools(agent: Agent[Any]) -> bool:
    """Whether the agent's model may have something to call."""
    return bool(agent.tools or agent.handoffs or agent.mcp_servers or agent.prompt)


def tool_names(agent: Agent[Any]) -> list[str] | None:
    """Return the names that the agent's model can call, ``None`` where more may come."""
    if (
        agent.mcp_servers
        or agent.prompt
        or not all(isinstance(tool, FunctionTool) for tool in agent.tools)
    ):
        return None
    return [
        *(tool.name for tool in agent.tools),
        *(
            item.tool_name if isinstance(item, Handoff) else Handoff.default_tool_name(item)
            for item in agent.handoffs
        ),
    ]


def ungated_tools(agents: Iterable[Agent[Any]]) -> tuple[ToolInfo, ...]:
    """Return what can act without a call that the gate sees, each name once."""
    found: dict[str, ToolInfo] = {}
    for agent in agents:
        for tool in agent.tools:
            if not passes_gate(tool):
                found.setdefault(tool.name, _info(tool))
        if agent.prompt is not None:
            # Stored at the provider, with tools of its own that nothing here sees.
            name = f"prompt of {agent.name}"
            found.setdefault(name, ToolInfo(name=name, kind=ToolKind.HOSTED))
    return tuple(found.values())


def _info(tool: Tool) -> ToolInfo:
    server = tool.tool_config.get("server_label") if isinstance(tool, HostedMCPTool) else None
    kind = ToolKind.HOSTED if isinstance(tool, _HOSTED) else ToolKind.UNGATED
    return ToolInfo(name=tool.name, kind=kind, server=server)


def description(agents: Iterable[Agent[Any]]) -> JsonValue:
    """Return in JSON form what the author fixed, the same in every process."""
    return [_described_agent(agent) for agent in agents]


def _described_agent(agent: Agent[Any]) -> JsonValue:
    return {
        "name": agent.name,
        "handoff_description": agent.handoff_description,
        "instructions": _named(agent.instructions),
        "prompt": _named(agent.prompt),
        "model": _named(agent.model),
        "settings": _named(agent.model_settings),
        "tools": [_described_tool(tool) for tool in agent.tools],
        "handoffs": [
            item.tool_name if isinstance(item, Handoff) else item.name for item in agent.handoffs
        ],
        "output": _described_output(agent.output_type),
        "input_guardrails": [each.get_name() for each in agent.input_guardrails],
        "output_guardrails": [each.get_name() for each in agent.output_guardrails],
        "mcp_servers": [server.name for server in agent.mcp_servers],
        "tool_use_behavior": _named(agent.tool_use_behavior),
        "reset_tool_choice": agent.reset_tool_choice,
    }


def _described_tool(tool: Tool) -> JsonValue:
    if isinstance(tool, FunctionTool):
        return [tool.name, tool.description, tool.params_json_schema]
    return _named(tool)


def _described_output(output: Any) -> JsonValue:
    if output is None or output is str:
        return None
    schema = output if isinstance(output, AgentOutputSchemaBase) else AgentOutputSchema(output)
    return None if schema.is_plain_text() else schema.json_schema()


def _named(value: Any) -> JsonValue:  # noqa: PLR0911 - one return for each kind
    """Return JSON as it is, and anything live by a name that another process knows it by."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): _named(item) for key, item in value.items()}
        case list() | tuple():
            return [_named(item) for item in value]
        case Model():
            return [type(value).__qualname__, str(getattr(value, "model", ""))]
        case BaseModel():
            return value.model_dump(mode="json", exclude_none=True)
        case _ if is_dataclass(value) and not isinstance(value, type):
            members = {each.name: getattr(value, each.name) for each in fields(value)}
            return {name: _named(item) for name, item in members.items() if item is not None}
        case _:
            named = value if hasattr(value, "__qualname__") else type(value)
            return f"{named.__module__}.{named.__qualname__}"
