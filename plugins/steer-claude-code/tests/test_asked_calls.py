"""Calls that the CLI asks about before it executes them, and the processes that it asks from."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from bare_cli import prepared
from pydantic import SecretStr
from steer.agents import Agent, tool
from steer.ports.gate import Decision, ToolCall
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Finished
from steer_claude_code.active import ActiveRun
from steer_claude_code.calls import Place, Proposed, Told
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.runtime import open_runtime
from steer_claude_code.tools.native_calls import NativeCalls, Permission
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun, Records

pytestmark = pytest.mark.anyio

MODEL = "claude-sonnet-4-5"
SECONDS = 60.0


@tool
def look() -> str:
    """Look at it."""
    return "red " * 100_000


@tool
def pay() -> str:
    """Pay for it."""
    raise AssertionError("nobody was to pay")


class Elsewhere(BareGate):
    """A gate whose policy has files read in another place."""

    async def authorize(self, call: ToolCall, /) -> Decision:
        return replace(await super().authorize(call), arguments={"file_path": "/public"})


async def test_what_is_read_again_for_the_cli_is_what_policy_made_of_it() -> None:
    records = Records()
    agent = prepared(Agent(name="main", model=MODEL, runtime_config={"tools": ["Read"]}))

    async def asked() -> tuple[Permission, Proposed, NativeCalls]:
        native = NativeCalls(ActiveRun(BareRun(Elsewhere(records)), agent="main"), agent)
        call = Proposed(
            call_id="c1",
            name="Read",
            arguments={"file_path": "/private"},
            place=Place((), "main"),
            message=0,
        )
        native._active.calls.propose(call)
        return await native.before(call), call, native

    permission, _, native = await asked()
    await native.results(Place(), {"c1": Told(content="public words")})
    again, call, _ = await asked()
    assert again.arguments == permission.arguments == {"file_path": "/public"}
    assert again.allowed
    assert call.told == Told(content="public words")


async def test_a_model_reads_all_that_a_tool_returned_and_calls_nothing_it_was_not_offered(
    tmp_path: Path,
) -> None:
    settings: dict[str, Any] = {
        "tools": ["Bash"],
        "cwd": str(tmp_path),
        "delegated": ["Bash", "pay"],
        "subagents": {
            "helper": {"description": "d", "instructions": "i", "tools": ["Bash", "pay"]}
        },
    }
    left = tmp_path / "spoilt"
    agent = Agent(name="main", model=MODEL, tools=[look, pay], runtime_config=settings)
    turns = (
        Turn(Call("look", {}, id="c1")),
        # Ids that were used before, and tools that only the subagent has.
        Turn(Call("pay", {}, id="c1"), Call("Bash", {"command": f"touch {left}"}, id="c2")),
        Turn("So it is."),
    )
    gate = BareGate()
    async with Provider(Script(turns)) as provider:
        config = ClaudeCodeConfig(base_url=provider.anthropic_base_url, api_key=SecretStr("any"))
        runtime = open_runtime(config)
        try:
            async with asyncio.timeout(SECONDS):
                ready = runtime.prepare(agent, PrepareOptions())
                finished = await runtime.run(ready, BareRun(gate))
        finally:
            await runtime.aclose()
        results = {each.text for each in provider.requests[-1].tool_results}
        spoilt = await to_thread.run_sync(left.exists)
    gate.check()
    assert isinstance(finished, Finished)
    assert finished.content == "So it is."
    assert results == {
        "red " * 100_000,
        "this agent has asked for no such call, or has no such tool",
    }
    assert [call.tool for call in gate.ran] == ["look"]
    assert not spoilt
