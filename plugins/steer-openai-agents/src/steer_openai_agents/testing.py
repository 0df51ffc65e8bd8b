"""How ``steer check openai-agents`` leads the SDK to the scripted provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents import Agent, function_tool
from steer.agents import Tool
from steer.plugin import Nesting
from steer.values import JsonValue

__all__ = ["connect", "nesting"]


def connect(provider_url: str) -> Mapping[str, JsonValue]:
    """Return the configuration with which models are asked for at this address."""
    return {
        "base_url": f"{provider_url}/v1",
        "api_key": "sk-scripted",
        "api": "responses",
        # The scripted model takes whatever the runtime claims, so that all of it is tried.
        "models": {"gpt-4.1": {"reasoning_effort": True, "responses": {"seed": True}}},
    }


def nesting(model: str, tool: Tool[..., Any]) -> Nesting:
    """Return an agent whose one tool is another agent, which has ``tool``."""
    inner: Agent[Any] = Agent(name="inner", model=model, tools=[function_tool(tool.function)])
    outer = inner.as_tool("ask_inner", "Ask the other agent.")
    agent: Agent[Any] = Agent(name="outer", model=model, tools=[outer])
    return Nesting(agent=agent, arguments=lambda text: {"input": text})
