"""A manager whose tools are agents: python manager.py "Translate this" """

from __future__ import annotations

import sys
from pathlib import Path

from agents import Agent, Runner, RunResult, RunResultStreaming, function_tool

GLOSSARY = {"cloud": "nube", "run": "ejecución"}
LOOKED_UP = Path("looked_up.txt")


@function_tool
def look_up(word: str) -> str:
    """Look a technical word up in the glossary."""
    with LOOKED_UP.open("a", encoding="utf-8") as file:
        file.write(f"{word}\n")
    return GLOSSARY.get(word, "not in the glossary")


async def shouted(result: RunResult | RunResultStreaming) -> str:
    """Return what a translator said, for a poster."""
    return str(result.final_output).upper()


spanish_agent = Agent(
    name="Spanish",
    instructions="Translate the message to Spanish. Look technical words up.",
    handoff_description="Translates English to Spanish",
    model="gpt-5",
    tools=[look_up],
)

italian_agent = Agent(
    name="Italian", instructions="Translate the message to Italian.", model="gpt-5"
)

agent = Agent(
    name="Manager",
    instructions="Translate with your tools, one language after the other.",
    model="gpt-5",
    tools=[
        spanish_agent.as_tool("to_spanish", "Translate the message to Spanish."),
        italian_agent.as_tool(
            "to_italian",
            "Translate the message to Italian, in capitals.",
            custom_output_extractor=shouted,
        ),
    ],
)

if __name__ == "__main__":
    print(Runner.run_sync(agent, sys.argv[1]).final_output)
