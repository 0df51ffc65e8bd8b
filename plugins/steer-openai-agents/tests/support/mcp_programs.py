"""A server of tools as a program of its own: started, knocked at, and looked for."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agents import Agent
from agents.mcp import MCPServerStdio
from sdk_runs import MODEL, PATIENCE
from steer.agents import Agent as SteerAgent
from steer_conformance.provider import ToolCall as Call
from steer_conformance.provider import Turn

SERVER = """
import json, os, pathlib, socket, time
from mcp.server.mcpserver import MCPServer

here = pathlib.Path(__file__).parent
(here / f"{os.getpid()}.pid").touch()
(here / "environment").write_text(json.dumps(dict(os.environ)))
def knock_and_wait():
    socket.create_connection(("127.0.0.1", int((here / "port").read_text()))).close()
    time.sleep(3600)

# BEGIN
server = MCPServer("books")

@server.tool()
def find(title: str) -> str:
    return f"found {title}"

@server.tool()
def wait() -> str:
    knock_and_wait()
    return "late"

server.run()
"""


FINDING = [Turn(Call("find", {"title": "Emma"})), Turn("Done.")]


@asynccontextmanager
async def knocked(file: Path) -> AsyncIterator[asyncio.Event]:
    """Tell when the server that serves a file has begun to wait."""
    came = asyncio.Event()

    def hear(_reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.close()
        came.set()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as door:
        (file.parent / "port").write_text(str(door.sockets[0].getsockname()[1]))
        yield came


def stuck_at_start(file: Path) -> None:
    """Make the server wait before it says anything."""
    file.write_text(SERVER.replace("# BEGIN", "knock_and_wait()"))


def environment_of(file: Path) -> set[str]:
    """The names of the variables that the server was started with."""
    return set(json.loads((file.parent / "environment").read_text()))


def pids(file: Path) -> list[int]:
    """The processes that ever served this file."""
    return [int(each.stem) for each in file.parent.glob("*.pid")]


def running(file: Path) -> list[int]:
    """The processes that serve this file now."""
    left = []
    for pid in pids(file):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        left.append(pid)
    return left


def stdio(file: Path, **fields: Any) -> MCPServerStdio:
    params: Any = {"command": sys.executable, "args": [str(file)]}
    usual: dict[str, Any] = {"name": "books", "client_session_timeout_seconds": PATIENCE}
    return MCPServerStdio(params=params, **(usual | fields))


def reader(*servers: Any, **fields: Any) -> Agent[Any]:
    return Agent(name="reader", model=MODEL, mcp_servers=list(servers), **fields)


def steers_own(*servers: Any, **fields: Any) -> SteerAgent:
    return SteerAgent(name="reader", model=MODEL, mcp_servers=servers, **fields)
