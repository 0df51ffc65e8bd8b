"""Agents of the SDK that a storage keeps, run over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from steer import ExecutionRequest, RuntimeKernel
from steer.errors import ConfigError
from steer.values import JobStatus
from steer_conformance.provider import Provider, Script, ToolCall, Turn

pytestmark = pytest.mark.anyio

NATIVE = """
from agents import Agent, function_tool

@function_tool
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

agent = Agent(name="Adder", model="gpt-5", tools=[add])
"""
TOOLS = '''
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
'''
DEFINITION = """
name = "adder"
model = "gpt-5"
runtime = "openai-agents"
tools = ["tools_of_adder.py:add"]
"""


@pytest.mark.parametrize("file", ["adder_native.py", "adder.toml"])
async def test_a_stored_agent_asks_its_model_and_calls_its_tools(
    tmp_path: Path,
    scripted_provider: Callable[..., Provider],
    monkeypatch: pytest.MonkeyPatch,
    file: str,
) -> None:
    provider = scripted_provider(
        Script([Turn(ToolCall("add", {"a": 2, "b": 3})), Turn("5"), Turn("five")])
    )
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    (tmp_path / "adder_native.py").write_text(NATIVE)
    (tmp_path / "adder.toml").write_text(DEFINITION)
    (tmp_path / "tools_of_adder.py").write_text(TOOLS)
    config = {"base_url": provider.openai_base_url}
    async with RuntimeKernel() as kernel:
        await kernel.add_agent(str(tmp_path / file), name="adder", runtime_config=config)
        first = await kernel.execute(ExecutionRequest(agent="@adder", prompt="2 + 3?"))
        assert (await first.result()).content == "5"
        await kernel.set_agent_runtime(
            "adder", "openai_agents", model="gpt-5-mini", runtime_config=config
        )
        second = await kernel.execute(ExecutionRequest(agent="@adder", prompt="In words?"))
        result = await second.result()

    assert (result.status, result.content) == (JobStatus.SUCCEEDED, "five")
    asked = [request.model for request in provider.requests]
    assert asked == ["gpt-5", "gpt-5", "gpt-5-mini"]


async def test_an_agent_with_settings_that_the_runtime_refuses_is_not_stored() -> None:
    definition = {
        "name": "adder",
        "model": "gpt-5",
        "runtime": "openai-agents",
        "runtime_config": {"api": "telegraph"},
    }
    async with RuntimeKernel() as kernel:
        with pytest.raises(ConfigError, match="runtime openai-agents: api: "):
            await kernel.add_agent(definition)
        assert (await kernel.agents()).items == ()
