"""A conversation as a transcript of the CLI's, which it resumes where it asks models by itself."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from claude_agent_sdk._cli_version import __cli_version__ as bundled_version

from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.history.content import text_in

__all__ = ["cli_version", "folded", "write_transcript"]

_SINCE, _BEFORE = (2, 1, 332), (2, 2)
"""The CLIs whose form of a transcript is known: it is not documented."""

_LONGEST_FOLDER = 200
"""Letters in the name of a project's folder; beyond, the CLI shortens it in a way of its own."""

_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def cli_version(config: ClaudeCodeConfig) -> str | None:
    """Return the version of the CLI that is used, ``None`` for one that is not the SDK's own."""
    return bundled_version if config.cli_path is None else None


def write_transcript(
    messages: Sequence[Mapping[str, Any]],
    *,
    config_dir: Path,
    cwd: Path,
    session_id: str,
    version: str | None,
) -> Path | None:
    """Write a conversation, tools by the CLI's names, as a session that the CLI can resume.

    Returns the file, or ``None`` where the CLI would not tell the model just this conversation:
    one of an unknown version, or after a last message that is not the model's, for which it
    would answer itself. Give it the text of ``folded`` then.
    """
    folder = re.sub(r"[^A-Za-z0-9]", "-", str(cwd.resolve()))
    last = messages[-1] if messages else {}
    if not _known(version) or last.get("role") != "assistant" or len(folder) > _LONGEST_FOLDER:
        return None
    if any(block.get("type") == "tool_use" for block in last["content"]):
        return None
    lines, parent = [], None
    for message in messages:
        line_id = str(uuid4())
        line = {
            "type": message["role"],
            "uuid": line_id,
            "parentUuid": parent,
            "sessionId": session_id,
            "message": {"role": message["role"], "content": message["content"]},
        }
        lines.append(json.dumps(line))
        parent = line_id
    place = config_dir / "projects" / folder
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place / f"{session_id}.jsonl"
    number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write("\n".join((*lines, "")))
    return path


def _known(version: str | None) -> bool:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version or "")
    return found is not None and _SINCE <= tuple(map(int, found.groups())) < _BEFORE


def folded(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return a conversation as a text that can stand before a question."""
    said = []
    for message in messages:
        speaker = _SPEAKERS[message["role"]]
        for block in message["content"]:
            match block:
                case {"type": "tool_use", "name": name, "input": arguments}:
                    said.append(f"Tool call: {name} {json.dumps(arguments)}")
                case {"type": "tool_result", "content": content}:
                    said.append(f"Tool result: {text_in(content)}")
                case {"type": "thinking" | "redacted_thinking"}:
                    pass
                case _:
                    said.append(f"{speaker}: {text_in([block])}")
    return "\n\n".join(("What was said before:", *said))
