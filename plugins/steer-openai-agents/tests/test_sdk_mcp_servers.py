"""MCP servers: connected for a run where their author left that open, and gone with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from agents import Agent, Runner, function_tool
from agents.mcp import MCPServerStdio, MCPServerStreamableHttp
from mcp.server.mcpserver import MCPServer as Served
from mcp_programs import (
    FINDING,
    SERVER,
    environment_of,
    knocked,
    pids,
    reader,
    running,
    stdio,
    steers_own,
    stuck_at_start,
)
from sdk_runs import MODEL, PATIENCE, open_bare, options_for, run_bare, run_in_kernel
from steer.agents import McpHttp, McpStdio, ModelSettings
from steer.errors import ErrorCategory, RuntimeFailure
from steer.events import ToolEnded
from steer.ports.policy import ToolKind
from steer.values import JobStatus
from steer_conformance.provider import Hold, Provider, Rule, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


@pytest.fixture
def server_file(tmp_path: Path) -> Path:
    file = tmp_path / "server.py"
    file.write_text(SERVER)
    return file


@asynccontextmanager
async def served_over_http() -> AsyncIterator[str]:
    """A server behind a URL on loopback."""
    books = Served("books")

    @books.tool()
    def find(title: str) -> str:
        return f"found {title}"

    listening = socket.create_server(("127.0.0.1", 0))
    # MCP needs no websockets, whose old form uvicorn would load.
    app = books.streamable_http_app()
    config = uvicorn.Config(app, log_level="error", lifespan="on", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        with anyio.fail_after(PATIENCE):
            await serving


async def test_a_server_left_unconnected_is_connected_for_the_run(server_file: Path) -> None:
    server = stdio(server_file)
    before = dict(vars(server))
    async with Provider(Script(FINDING)) as provider:
        _, run = await run_bare(reader(server), provider)
        output = provider.requests[1].body["input"][-1]["output"]
    (call,) = run.gate.asked
    assert (call.tool, call.kind, call.server) == ("find", ToolKind.MCP, "books")
    assert "found Emma" in str(output)
    assert len(pids(server_file)) == 1
    assert running(server_file) == []
    assert vars(server) == before


async def test_the_requests_are_those_of_the_bare_sdk_byte_for_byte(server_file: Path) -> None:
    sent = []
    async with stdio(server_file) as connected:
        for server in (connected, stdio(server_file)):
            async with Provider(Script(FINDING)) as provider:
                await run_bare(reader(server), provider)
                sent.append([request.raw for request in provider.requests])
        assert len(running(server_file)) == 1, "what an author connected stays connected"
    assert sent[0] == sent[1]


async def test_runs_side_by_side_have_a_server_each(server_file: Path) -> None:
    script = Script(
        rules=[
            Rule(lambda request: not request.tool_results, FINDING[0]),
            Rule(lambda _request: True, Turn(Hold("both"), "Done.")),
        ]
    )
    async with (
        Provider(script) as provider,
        open_bare() as runtime,
        anyio.create_task_group() as group,
    ):
        prepared = runtime.prepare(reader(stdio(server_file)), options_for(provider))
        for _ in range(2):
            group.start_soon(runtime.run, prepared, BareRun(gate=BareGate()))
        await provider.reached("both", times=2, timeout=PATIENCE)
        assert len(running(server_file)) == 2
        provider.release("both")
    assert running(server_file) == []


async def test_agents_of_one_run_share_a_server(server_file: Path) -> None:
    server = stdio(server_file)
    outer = reader(server, tools=[reader(server).as_tool("inner", "")])
    turns = [
        Turn(Call("inner", {"input": "go"})),
        Turn(Call("find", {"title": "Emma"})),
        Turn("In."),
        Turn(Call("find", {"title": "Emma"})),
        Turn("Out."),
    ]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(outer, provider)
    assert [call.path for call in run.gate.asked if call.tool == "find"] != [()]
    assert len(pids(server_file)) == 1
    assert running(server_file) == []


async def test_runs_in_a_thread_of_their_own_share_a_server_and_close_it(server_file: Path) -> None:
    inner = reader(stdio(server_file))

    async def both() -> list[str]:
        results = await asyncio.gather(Runner.run(inner, "short"), Runner.run(inner, "long"))
        return [str(result.final_output) for result in results]

    @function_tool
    def delegate() -> str:
        return " ".join(asyncio.run(both()))

    outer = Agent[Any](name="outer", model=MODEL, tools=[delegate])
    script = Script(
        rules=[
            Rule(lambda request: "delegate" in request.tools, Turn(Call("delegate")), times=1),
            Rule(lambda request: "delegate" in request.tools, Turn("Out.")),
            Rule(lambda request: request.last_user_text == "short", Turn("Short.")),
            Rule(lambda request: not request.tool_results, FINDING[0]),
            Rule(lambda _request: True, Turn("Long.")),
        ]
    )
    async with Provider(script) as provider:
        result, events = await run_in_kernel(outer, provider)
    assert result.content == "Out."
    ended = [event.data for event in events if isinstance(event.data, ToolEnded)]
    assert [(each.tool, each.result) for each in ended][-1] == ("delegate", "Short. Long.")
    assert len(pids(server_file)) == 1, "runs in one event loop share a server"
    assert running(server_file) == []


@pytest.mark.parametrize("when", ["in a tool", "in the model", "while connecting"])
async def test_a_cancelled_run_leaves_no_server(server_file: Path, when: str) -> None:
    if when == "while connecting":
        stuck_at_start(server_file)
    turn = Turn(Call("wait")) if when == "in a tool" else Turn(Hold("here"), "Hi.")
    async with Provider(Script([turn])) as provider, knocked(server_file) as waits:
        async with open_bare() as runtime, anyio.create_task_group() as group:
            prepared = runtime.prepare(reader(stdio(server_file)), options_for(provider))
            group.start_soon(runtime.run, prepared, BareRun(gate=BareGate()))
            if when == "in the model":
                await provider.reached("here", timeout=PATIENCE)
            else:
                await waits.wait()
            group.cancel_scope.cancel()
        assert len(pids(server_file)) == 1
        assert running(server_file) == []


async def test_a_run_that_fails_leaves_no_server(server_file: Path) -> None:
    async with Provider(Script([])) as provider:
        with pytest.raises(Exception, match="script"):
            await run_bare(reader(stdio(server_file)), provider)
    assert len(pids(server_file)) == 1
    assert running(server_file) == []


async def test_a_server_that_cannot_be_started_says_who_and_what(tmp_path: Path) -> None:
    server = MCPServerStdio(params={"command": str(tmp_path / "nothing")}, name="books")
    async with Provider(Script([])) as provider:
        with pytest.raises(RuntimeFailure, match="'books' of agent 'reader'") as raised:
            await run_bare(reader(server), provider)
        assert provider.requests == ()
    assert "No such file" in raised.value.message
    assert raised.value.fix is not None


async def test_a_server_that_nobody_serves_says_who_and_what() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    agent = steers_own(McpHttp(name="books", url=f"http://127.0.0.1:{port}/mcp"))
    async with Provider(Script([])) as provider:
        with pytest.raises(RuntimeFailure, match="'books' of agent 'reader'") as raised:
            await run_bare(agent, provider)
    assert raised.value.category is ErrorCategory.NETWORK


async def test_what_a_url_holds_of_secrets_is_not_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    url = f"http://ann:hush@127.0.0.1:{port}/mcp?token=hush"
    async with Provider(Script([])) as provider:
        result, events = await run_in_kernel(
            reader(MCPServerStreamableHttp({"url": url})), provider
        )
    assert result.error is not None
    assert f"http://127.0.0.1:{port}/mcp" in result.error.message
    assert "hush" not in repr((result, events))


async def test_a_server_that_ends_at_once_says_who_and_what(tmp_path: Path) -> None:
    server = McpStdio(name="books", command=sys.executable, args=["-c", "pass"])
    async with Provider(Script([])) as provider:
        with pytest.raises(RuntimeFailure, match="'books' of agent 'reader'"):
            await run_bare(steers_own(server), provider)


async def test_a_server_of_steers_own_agent_is_started_with_little_of_the_environment(
    server_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    server = McpStdio(
        name="books", command=sys.executable, args=[str(server_file)], env={"SHELF": "3"}
    )
    agent = steers_own(server, settings=ModelSettings(tool_choice="find"))
    async with Provider(Script(FINDING)) as provider:
        _, run = await run_bare(agent, provider)
        first, second = (request.body for request in provider.requests)
    assert first["tool_choice"] == {"type": "function", "name": "find"}
    assert "found Emma" in str(second["input"][-1]["output"])
    assert [(call.tool, call.server) for call in run.gate.asked] == [("find", "books")]
    environment = environment_of(server_file)
    assert "SHELF" in environment
    assert environment <= {
        "SHELF", "HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LC_CTYPE", "PWD",
    }  # fmt: skip
    assert running(server_file) == []


async def test_a_server_behind_a_url_serves_a_run() -> None:
    async with served_over_http() as url, Provider(Script(FINDING)) as provider:
        agent = steers_own(McpHttp(name="books", url=url))
        _, run = await run_bare(agent, provider)
        output = provider.requests[1].body["input"][-1]["output"]
    assert [(call.tool, call.server) for call in run.gate.asked] == [("find", "books")]
    assert "found Emma" in str(output)


async def test_a_native_agents_server_behind_a_url_serves_a_run() -> None:
    async with served_over_http() as url, Provider(Script(FINDING)) as provider:
        server = MCPServerStreamableHttp(
            params={"url": url}, name="books", client_session_timeout_seconds=PATIENCE
        )
        _, run = await run_bare(reader(server), provider)
    assert [(call.tool, call.server) for call in run.gate.asked] == [("find", "books")]


async def test_what_a_server_of_the_authors_own_raises_comes_out_as_such(
    server_file: Path,
) -> None:
    class Library(MCPServerStdio):
        async def list_tools(self, run_context: Any = None, agent: Any = None) -> list[Any]:
            raise LookupError("no catalogue")

    params: Any = {"command": sys.executable, "args": [str(server_file)]}
    async with Provider(Script([])) as provider:
        with pytest.raises(RuntimeFailure, match="raised LookupError: no catalogue") as raised:
            await run_bare(reader(Library(params=params, name="books")), provider)
    assert isinstance(raised.value.__cause__, LookupError)
    assert running(server_file) == []


async def test_a_task_that_outlives_its_run_connects_no_server(server_file: Path) -> None:
    over, left = asyncio.Event(), list[asyncio.Task[Any]]()

    async def later() -> None:
        await over.wait()
        await Runner.run(reader(stdio(server_file)), "go")

    @function_tool
    async def delegate() -> str:
        left.append(asyncio.create_task(later()))
        return "later"

    outer = Agent[Any](name="outer", model=MODEL, tools=[delegate])
    script = Script([Turn(Call("delegate")), Turn("Out.")])
    async with Provider(script) as provider, open_bare() as runtime:
        prepared = runtime.prepare(outer, options_for(provider))
        await runtime.run(prepared, BareRun(gate=BareGate()))
        over.set()
        with pytest.raises(RuntimeFailure, match="'books' of agent 'reader' was not connected"):
            await left[0]
    assert pids(server_file) == []


async def test_a_server_killed_in_a_call_fails_the_tool_and_then_the_run(server_file: Path) -> None:
    """As with the SDK alone: the next request lists the tools, and there are none to be had."""
    async with (
        Provider(Script([Turn(Call("wait"))])) as provider,
        knocked(server_file) as waits,
        anyio.create_task_group() as group,
    ):

        async def kill() -> None:
            await waits.wait()
            for pid in pids(server_file):
                os.kill(pid, signal.SIGKILL)

        group.start_soon(kill)
        result, events = await run_in_kernel(reader(stdio(server_file)), provider)
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert "tool.error" in [event.type for event in events]
    assert running(server_file) == []
    assert "the MCP servers of agent 'reader' could not be listed" in result.error.message
