"""Hooks that keep a diary of what agents do: python lifecycle.py "My question" """

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

from agents import Agent, AgentHooks, RunContextWrapper, Runner, Tool, function_tool

DIARY = Path("diary.txt")


def note(line: str) -> None:
    with DIARY.open("a", encoding="utf-8") as diary:
        diary.write(f"{line}\n")


class Diary(AgentHooks[Any]):
    """Notes what happens to the agent that it belongs to."""

    async def on_start(self, context: RunContextWrapper[Any], agent: Agent[Any]) -> None:
        note(f"{agent.name} begins, after {context.usage.requests} requests")

    async def on_end(self, context: RunContextWrapper[Any], agent: Agent[Any], output: Any) -> None:
        note(f"{agent.name} ends with {output!r}, after {context.usage.requests} requests")

    async def on_handoff(
        self, context: RunContextWrapper[Any], agent: Agent[Any], source: Agent[Any]
    ) -> None:
        note(f"{source.name} hands over to {agent.name}")

    async def on_tool_start(
        self, context: RunContextWrapper[Any], agent: Agent[Any], tool: Tool
    ) -> None:
        note(f"{agent.name} calls {tool.name}")

    async def on_tool_end(
        self, context: RunContextWrapper[Any], agent: Agent[Any], tool: Tool, result: object
    ) -> None:
        note(f"{tool.name} returned {result}")


@function_tool
def roll(sides: int) -> int:
    """Roll a die."""
    note(f"a die with {sides} sides is rolled")
    return random.Random(sides).randint(1, sides)  # noqa: S311 - a die, the same each time


@function_tool
def double(number: int) -> int:
    """Multiply a number by two."""
    return number * 2


multiply_agent = Agent(
    name="Multiply",
    instructions="Double the number and tell the result.",
    model="gpt-5",
    tools=[double],
    hooks=Diary(),
)

agent = Agent(
    name="Dice",
    instructions="Roll a die. If the number is odd, tell it; if it is even, let it be multiplied.",
    model="gpt-5",
    tools=[roll],
    handoffs=[multiply_agent],
    hooks=Diary(),
)

if __name__ == "__main__":
    print(Runner.run_sync(agent, sys.argv[1]).final_output)
