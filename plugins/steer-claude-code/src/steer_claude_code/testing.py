"""How ``steer check claude-code`` leads the CLI to the scripted provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steer.agents import Agent, Tool
from steer.values import JsonValue

__all__ = ["connect", "nesting"]


def connect(provider_url: str) -> Mapping[str, JsonValue]:
    """Return the configuration with which models are asked for at this address."""
    return {"base_url": provider_url, "api_key": "sk-ant-scripted"}


def nesting(model: str, tool: Tool[..., Any]) -> Agent:
    """Return an agent with one subagent, which alone has ``tool``."""
    subagent = {
        "description": "Looks at things.",
        "instructions": "Look, and tell.",
        "tools": [tool.name],
    }
    return Agent(
        name="outer",
        model=model,
        tools=[tool],
        runtime_config={
            # The CLI takes a subagent of this name where a model names none.
            "subagents": {"general-purpose": subagent},
            "delegated": [tool.name],
        },
    )
