"""A program in the CLI's place that only waits for questions, and says when it was started.

What is tried with it is how many of them there are and whose they are, at a tenth of the cost.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from pydantic import SecretStr
from steer.agents import Agent, McpHttp, McpStdio
from steer.ports.options import PrepareOptions
from steer_claude_code.agent.prepared import ClaudeCodePrepared, prepare
from steer_claude_code.config import ClaudeCodeConfig
from supervised import PATIENCE, program

__all__ = ["Stage", "stage"]

_PROGRAM = """\
#!{python} -IS
import json, os, sys

with open({begun!r}, "w") as begun:
    print(os.getpid(), file=begun)
for line in sys.stdin:
    said = json.loads(line)
    if said["type"] == "user":
        result = {{"type": "result", "subtype": "success", "is_error": False, "num_turns": 1}}
        result |= {{"duration_ms": 1, "duration_api_ms": 1, "session_id": "s", "result": ""}}
        print(json.dumps(result), flush=True)
    elif said["type"] == "control_request" and not os.path.exists({mute!r}):
        can = {{"hook_on_failure_supported": True}}
        answer = {{"subtype": "success", "request_id": said["request_id"], "response": can}}
        print(json.dumps({{"type": "control_response", "response": answer}}), flush=True)
"""


@dataclass
class Stage:
    """A folder with the program; while its file ``mute`` is there, none that starts is ready."""

    cli: Path
    mute: Path
    reading: int
    unread: bytes = b""

    def prepared(
        self, name: str = "agent", *, servers: Sequence[McpHttp | McpStdio] = (), **config: Any
    ) -> ClaudeCodePrepared:
        """Prepare an agent for this program, with one spare unless it is said otherwise."""
        usual = {"base_url": "http://127.0.0.1:9", "api_key": SecretStr("any")}
        settled = ClaudeCodeConfig.model_validate({**usual, "cli_path": self.cli, **config})
        agent = Agent(name=name, model="claude-sonnet-4-5", mcp_servers=servers)
        return prepare(agent, PrepareOptions(), config=settled)

    async def begun(self) -> int:
        """Return the process that was started next."""
        with anyio.fail_after(PATIENCE):
            while b"\n" not in self.unread:
                await anyio.wait_readable(self.reading)
                self._read()
        line, _, self.unread = self.unread.partition(b"\n")
        return int(line)

    def others(self) -> list[int]:
        """Return all that were started meanwhile."""
        self._read()
        lines, self.unread = self.unread, b""
        return [int(line) for line in lines.split()]

    def _read(self) -> None:
        with suppress(BlockingIOError):
            self.unread += os.read(self.reading, 1 << 16)


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Write the program into a folder."""
    begun, mute = folder / "begun", folder / "mute"
    os.mkfifo(begun)
    text = _PROGRAM.format(python=sys.executable, begun=str(begun), mute=str(mute))
    # Open for writing as well, or it would end with each of the programs.
    reading = os.open(begun, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield Stage(program(folder, text), mute, reading)
    finally:
        os.close(reading)
