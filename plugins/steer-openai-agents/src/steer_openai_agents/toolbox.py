"""The tools of one agent under the gate, and which kinds of tools can be put there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents import (
    Agent,
    ApplyPatchTool,
    ComputerTool,
    CustomTool,
    HostedMCPTool,
    LocalShellTool,
    ShellTool,
    Tool,
)
from agents.tool import FunctionTool
from steer.errors import PolicyDenied

from steer_openai_agents.computers import gated_computer_tool
from steer_openai_agents.hosted_mcp import gated_hosted_mcp, wants_approval
from steer_openai_agents.native import gated_custom_tool, gated_local_shell, gated_shell
from steer_openai_agents.patches import gated_patch_tool
from steer_openai_agents.tools import effect_of, gated_tool

__all__ = ["Toolbox", "passes_gate"]


class Toolbox:
    """The gated tools of one agent. The author's tools are wrapped once; others as they come.

    ``ungated`` names the tools that act past the gate and may.
    """

    def __init__(self, agent: Agent[Any], *, ungated: frozenset[str]) -> None:
        self._ungated = ungated
        self._agent = agent
        self._wrapped: dict[int, tuple[Tool, Tool]] = {}

    def gated(self, tools: Sequence[Tool]) -> list[Tool]:
        """Return the tools as the SDK is to see them."""
        own = {id(tool) for tool in self._agent.tools}
        return [self._own(tool) if id(tool) in own else self._gated(tool) for tool in tools]

    def _own(self, tool: Tool) -> Tool:
        found = self._wrapped.get(id(tool))
        if found is None:
            found = self._wrapped[id(tool)] = (tool, self._gated(tool))
        return found[1]

    def _gated(self, tool: Tool) -> Tool:
        gate = _gate_for(tool)
        if gate is not None:
            return gate(tool, agent=self._agent.name)
        if tool.name not in self._ungated:
            raise PolicyDenied(
                f"the tool {tool.name!r} of agent {self._agent.name!r} would act past the gate, "
                "and it was not there when the agent was prepared"
            )
        return tool


def passes_gate(tool: Tool) -> bool:
    """Whether each call of the tool waits for a verdict."""
    return _gate_for(tool) is not None


def _gate_for(tool: Tool) -> Callable[..., Tool] | None:  # noqa: PLR0911 - one return for each kind
    match tool:
        case FunctionTool():
            return _function
        case ShellTool() if tool.executor is not None:
            return gated_shell
        case LocalShellTool():
            return gated_local_shell
        case ApplyPatchTool():
            return gated_patch_tool
        case CustomTool():
            return gated_custom_tool
        case ComputerTool():
            return gated_computer_tool
        case HostedMCPTool() if wants_approval(tool):
            return gated_hosted_mcp
        case _:
            return None


def _function(tool: FunctionTool, *, agent: str) -> FunctionTool:
    return gated_tool(tool, agent=agent, effect=effect_of(tool))
