"""The SDK's client over the supervised CLI, as a test has it and as a process of its own.

``python claude_host.py BASE_URL FOLDER`` asks the CLI something there, and stays until it is told.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage
from claude_agent_sdk.types import McpStdioServerConfig
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.process.quarters import Quarters, quarters

TOKEN = "token-of-this-process"
SERVER = """\
import json, os, pathlib, sys

pathlib.Path("server").write_text(str(os.getpid()))
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = {"tools": []}
    if asked["method"] == "initialize":
        result = {
            "protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "probe", "version": "1"},
        }
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
import time; time.sleep(1000)
"""


@asynccontextmanager
async def furnished(base_url: str) -> AsyncIterator[Quarters]:
    """A place whose CLI asks a scripted provider."""
    async with quarters(config=ClaudeCodeConfig(), endpoint=base_url, token=TOKEN) as place:
        yield place


def client(place: Quarters, folder: Path) -> ClaudeSDKClient:
    """A client with Bash and a stdio server, which writes its process id into ``server``."""
    server: McpStdioServerConfig = {
        "type": "stdio",
        "command": sys.executable,
        "args": ["-I", "-S", "-c", SERVER],
    }
    return ClaudeSDKClient(
        ClaudeAgentOptions(
            cli_path=place.cli_path,
            env=dict(place.environment),
            cwd=folder,
            tools=["Bash"],
            allowed_tools=["Bash"],
            mcp_servers={"probe": server},
            strict_mcp_config=True,
            setting_sources=[],
            verbatim_prompts=True,
            max_turns=3,
            model="claude-sonnet-4-5",
        )
    )


async def ask(asked: ClaudeSDKClient) -> ResultMessage:
    """Have the CLI take its turns, and return how they ended."""
    await asked.query("Do it.")
    async for message in asked.receive_response():
        if isinstance(message, ResultMessage):
            return message
    raise AssertionError("the CLI came to no result")


async def host(base_url: str, folder: Path) -> None:
    async with furnished(base_url) as place, client(place, folder) as asked:
        await ask(asked)


if __name__ == "__main__":
    asyncio.run(host(sys.argv[1], Path(sys.argv[2])))
