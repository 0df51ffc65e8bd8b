"""How ``steer check claude-code`` leads the CLI to the scripted provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steer.agents import Agent, Tool
from steer.plugin import Nesting
from steer.values import JsonValue

__all__ = ["connect", "nesting"]


def connect(provider_url: str) -> Mapping[str, JsonValue]:
    """Return the configuration with which models are asked for at this address.

    No process is started ahead: the checks look for what a run has left.
    """
    return {"base_url": provider_url, "api_key": "sk-ant-scripted", "spares": 0}


def nesting(model: str, tool: Tool[..., Any]) -> Nesting:
    """Return an agent with one subagent, which alone has ``tool``."""
    subagent = {
        "description": "Looks at things.",
        "instructions": "Look, and tell.",
        "tools": [tool.name],
    }
    agent = Agent(
        name="outer",
        model=model,
        tools=[tool],
        runtime_config={
            # The CLI takes a subagent of this name where a model names none.
            "subagents": {"general-purpose": subagent},
            "delegated": [tool.name],
        },
    )
    return Nesting(agent=agent, arguments=lambda text: {"description": text, "prompt": text})
