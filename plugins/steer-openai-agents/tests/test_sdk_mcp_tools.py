"""Tools of servers under the gate: denied, approved, filtered and replayed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from mcp_programs import FINDING, SERVER, reader, running, stdio, steers_own
from sdk_runs import run_bare
from steer.agents import McpStdio
from steer.errors import ErrorCategory, RuntimeFailure
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate

pytestmark = pytest.mark.anyio


@pytest.fixture
def server_file(tmp_path: Path) -> Path:
    file = tmp_path / "server.py"
    file.write_text(SERVER)
    return file


async def test_a_denied_tool_of_a_server_never_runs(server_file: Path) -> None:
    def deny(_call: ToolCall) -> Decision:
        return Decision(outcome=GateOutcome.DENY, reason="Not on a Sunday.")

    async with Provider(Script([Turn(Call("wait")), Turn("Then not.")])) as provider:
        await run_bare(reader(stdio(server_file)), provider, gate=BareGate(verdict=deny))
        output = provider.requests[1].body["input"][-1]["output"]
    assert output == "Not on a Sunday."


async def test_what_a_server_wants_approved_is_part_of_the_question(server_file: Path) -> None:
    seen: list[Any] = []

    def wanted(_context: Any, agent: Any, tool: Any) -> bool:
        seen.append((agent, tool.name))
        return True

    agent = reader(stdio(server_file, require_approval=wanted))
    async with Provider(Script(FINDING)) as provider:
        finished, run = await run_bare(agent, provider)
    assert finished.content == "Done."
    assert [call.needs_approval for call in run.gate.asked] == [True]
    assert seen == [(agent, "find")]


async def test_a_filter_of_tools_is_given_the_authors_own_agent(server_file: Path) -> None:
    seen: list[Any] = []

    def only_find(context: Any, tool: Any) -> bool:
        seen.append(context.agent)
        return bool(tool.name == "find")

    agent = reader(stdio(server_file, tool_filter=only_find))
    async with Provider(Script(FINDING)) as provider:
        await run_bare(agent, provider)
        tools = provider.requests[0].body["tools"]
    assert [tool["name"] for tool in tools] == ["find"]
    assert all(each is agent for each in seen)


async def test_a_filter_that_cannot_be_applied_is_not_taken_for_a_lost_server(
    server_file: Path,
) -> None:
    wrong: Any = {"allowed_tool_names": None}
    async with Provider(Script([])) as provider:
        with pytest.raises(RuntimeFailure, match="the agent raised TypeError") as raised:
            await run_bare(reader(stdio(server_file, tool_filter=wrong)), provider)
    assert raised.value.category is not ErrorCategory.NETWORK


async def test_a_recorded_call_is_not_made_again(server_file: Path) -> None:
    async with Provider(Script(FINDING)) as provider:
        finished, first = await run_bare(reader(stdio(server_file)), provider)
        again, second = await run_bare(
            reader(stdio(server_file)), provider, gate=BareGate(first.gate.records.until())
        )
    assert again == finished
    assert (second.gate.ran, second.gate.sent) == ([], [])


async def test_two_servers_with_a_tool_of_one_name_are_refused(server_file: Path) -> None:
    servers = [
        McpStdio(name=name, command=sys.executable, args=[str(server_file)])
        for name in ("books", "films")
    ]
    async with Provider(Script([])) as provider:
        with pytest.raises(RuntimeFailure, match="Duplicate tool names"):
            await run_bare(steers_own(*servers), provider)
    assert running(server_file) == []
