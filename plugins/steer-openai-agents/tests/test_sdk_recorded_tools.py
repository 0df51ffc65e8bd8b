"""What is on record of a tool reads the same on a replay."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agents import (
    RunContextWrapper,
    ToolOutputFileContent,
    ToolOutputImage,
    ToolOutputText,
    function_tool,
)
from pydantic import BaseModel
from sdk_runs import run_bare
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate
from tool_runs import with_tools

pytestmark = pytest.mark.anyio


@dataclass
class Point:
    x: int


class City(BaseModel):
    name: str


RESULTS: list[Any] = [
    "text",
    "",
    None,
    0,
    1.5,
    True,
    [1, "two", {"three": 3}],
    {"b": 1, "a": [None]},
    (1, 2),
    {1: "one"},
    {1},
    b"bytes",
    Path("x"),
    Point(x=1),
    City(name="Ulm"),
    float("nan"),
    ToolOutputText(text="hello"),
    ToolOutputImage(image_url="https://example.com/a.png", detail="low"),
    ToolOutputFileContent(file_data="aGk=", filename="a.txt"),
    [ToolOutputText(text="one"), ToolOutputText(text="two")],
    (ToolOutputText(text="one"), {"type": "text", "text": "two"}),
    {"type": "text", "text": "hello"},
    {"type": "other", "text": "hello"},
    [ToolOutputText(text="one"), "two"],
    [],
]


@pytest.mark.parametrize("result", RESULTS, ids=repr)
async def test_a_recorded_result_reads_the_same_on_a_replay(result: Any) -> None:
    """The second request is compared byte for byte: the gate refuses another one."""

    @function_tool
    def give() -> Any:
        return result

    turns = [Turn(Call("give")), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        finished, first = await run_bare(with_tools(give), provider)
        # Records go through JSON between one process and the next.
        for key, outcome in first.gate.records.effects.items():
            value = json.loads(json.dumps(outcome.value, allow_nan=False))
            object.__setattr__(first.gate.records.effects[key], "value", value)
        again, second = await run_bare(
            with_tools(give), provider, gate=BareGate(first.gate.records.until())
        )
    assert again == finished
    assert second.gate.ran == []
    assert second.gate.sent == []


@pytest.mark.parametrize("kind", ["raises", "times out", "words", "cancels itself"])
async def test_a_recorded_failure_reads_the_same_on_a_replay(kind: str) -> None:
    def words(_context: RunContextWrapper[Any], error: Exception) -> str:
        return f"Sorry, {type(error).__name__} {id(error)}"

    if kind == "times out":

        @function_tool(timeout=0.05)
        async def act() -> str:
            await asyncio.Event().wait()
            return "never"
    else:

        @function_tool(failure_error_function=words) if kind == "words" else function_tool
        async def act() -> str:
            raise asyncio.CancelledError if kind == "cancels itself" else ValueError("no")

    async with Provider(Script([Turn(Call("act")), Turn("Done.")])) as provider:
        finished, first = await run_bare(with_tools(act), provider)
        again, second = await run_bare(
            with_tools(act), provider, gate=BareGate(first.gate.records.until())
        )
    assert again == finished
    assert second.gate.ran == []
