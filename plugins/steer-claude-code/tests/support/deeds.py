"""One call of each of the CLI's tools, whose effect, if it had one, would be seen."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stdio_server
from steer.agents import McpStdio
from steer_conformance.provider import Request, ToolCall

__all__ = ["ACT", "Deeds", "deeds"]

ACT = "mcp__probe__act"
SECRET = "the-word-nobody-may-read"
_NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@dataclass(frozen=True, slots=True)
class Deeds:
    """A folder, and a socket, on which tools could act."""

    folder: Path
    listening: socket.socket
    before: dict[str, bytes]

    @property
    def server(self) -> McpStdio:
        """An MCP server of the agent's, with a tool that acts."""
        arguments = ["-I", "-S", stdio_server.__file__, str(self.folder)]
        return McpStdio(name="probe", command=sys.executable, args=arguments)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/"

    def calls(self, prefix: str, *, but: Collection[str] = ()) -> list[ToolCall]:
        """A call of each tool but some; ids begin with ``prefix``."""
        return [
            ToolCall(name, arguments, id=f"{prefix}-{name}")
            for name, arguments in self._arguments().items()
            if name not in but
        ]

    def _arguments(self) -> dict[str, dict[str, Any]]:
        note, book, made = (str(self.folder / each) for each in ("note.txt", "book.ipynb", "made"))
        task = {"description": "d", "prompt": "do it", "subagent_type": "looker"}
        return {
            ACT: {},
            "Agent": task,
            "Task": task,
            "Bash": {"command": f"touch '{made}'", "description": "d"},
            "CronCreate": {"cron": "* * * * *", "prompt": "Do it."},
            "CronDelete": {"id": "1"},
            "CronList": {},
            "Edit": {"file_path": note, "old_string": "what", "new_string": "that"},
            "EnterWorktree": {"name": "elsewhere"},
            "ExitWorktree": {"action": "keep"},
            "Glob": {"pattern": "*", "path": str(self.folder)},
            "Grep": {"pattern": ".", "path": str(self.folder), "output_mode": "content"},
            "ListAgents": {},
            "ListMcpResourcesTool": {},
            "Monitor": {"command": f"touch '{made}'", "description": "d", "timeout_ms": 1000},
            "NotebookEdit": {
                "notebook_path": book,
                "new_source": "1",
                "edit_mode": "insert",
                "cell_type": "code",
            },
            "Read": {"file_path": note},
            "ReadMcpResourceDirTool": {"server": "probe", "uri": "file:///"},
            "ReadMcpResourceTool": {"server": "probe", "uri": "file:///"},
            "ReportFindings": {"findings": []},
            "ScheduleWakeup": {"delaySeconds": 60, "reason": "r", "prompt": "Do it."},
            "SendMessage": {"to": "main", "message": "Do it.", "summary": "s"},
            "Skill": {"skill": "act"},
            "StructuredOutput": {},
            "TaskCreate": {"subject": "s", "description": "d"},
            "TaskGet": {"taskId": "1"},
            "TaskList": {},
            "TaskStop": {"task_id": "1"},
            "TaskUpdate": {"taskId": "1", "status": "completed"},
            "ToolSearch": {"query": "select:Bash", "max_results": 1},
            "WebFetch": {"url": self.url, "prompt": "What does it say?"},
            "WebSearch": {"query": "weather"},
            "Workflow": {"script": "export const meta = {name: 'a', description: 'b'}"},
            "Write": {"file_path": made, "content": "made"},
        }

    def check_nothing_happened(self, requests: Iterable[Request]) -> None:
        """Fail where something was changed, asked, or read."""
        assert _content(self.folder) == self.before
        try:
            connection, _ = self.listening.accept()
        except BlockingIOError:
            pass
        else:
            connection.close()
            raise AssertionError("somebody was asked for a page")
        assert not any(SECRET in json.dumps(request.body.get("messages")) for request in requests)


@contextmanager
def deeds(folder: Path) -> Iterator[Deeds]:
    """A folder with something to read and to change, and a port that listens."""
    (folder / "note.txt").write_text("what nobody may read: " + SECRET)
    (folder / "book.ipynb").write_text(json.dumps(_NOTEBOOK))
    skill = folder / ".claude" / "skills" / "act"
    skill.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield Deeds(folder, listening, _content(folder))


def _content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, but the one that its server writes when it starts."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "server"
    }
