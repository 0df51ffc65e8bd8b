"""Agents and functions of an author's that several tests run."""

from __future__ import annotations

from typing import Any

from agents import (
    Agent,
    Runner,
    TResponseInputItem,
    function_tool,
)
from sdk_runs import MODEL


def worker(name: str = "inner", **fields: Any) -> Agent[Any]:
    @function_tool
    def act() -> str:
        return "acted"

    return Agent(name=name, instructions=f"I am {name}.", model=MODEL, tools=[act], **fields)


async def takes_str(asked: str) -> Any:
    return (await Runner.run(Agent(name="one", model=MODEL), asked)).final_output


async def takes_items(asked: list[TResponseInputItem]) -> Any:
    return (await Runner.run(Agent(name="all", model=MODEL), asked)).final_output
