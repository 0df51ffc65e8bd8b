"""One agent with tools, and what its model is told of them."""

from __future__ import annotations

import json
from typing import Any

from agents import (
    Agent,
    FunctionTool,
)
from sdk_runs import MODEL, run_bare
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

DEFAULT_TEXT = "An error occurred while running the tool. Please try again."


def with_tools(*tools: Any, **fields: Any) -> Agent[Any]:
    return Agent(name="worker", instructions="Work.", model=MODEL, tools=list(tools), **fields)


async def told_to_the_model(
    tool: FunctionTool, arguments: Any = "{}", gate: BareGate | None = None
) -> tuple[Any, BareRun]:
    """Let the model call a tool once; return what it reads as the tool's output."""
    script = Script([Turn(Call(tool.name, arguments, id="c1")), Turn("Done.")])
    async with Provider(script) as provider:
        _, run = await run_bare(with_tools(tool), provider, gate=gate)
        provider.assert_used_up()
        items = json.loads(provider.requests[1].raw)["input"]
    return items[-1]["output"], run
