"""A project whose own files would act, or be read, without a call that anybody is asked about."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["WORDS", "made_in", "project"]

WORDS = ("a-word-of-the-note", "a-word-of-the-memory", "a-word-of-the-command")
"""What is written in files that no model is to read by itself."""

_EVENTS = ("SessionStart", "UserPromptSubmit", "PreToolUse", "Stop")


def project(folder: Path) -> Path:
    """Write the files, and return where what acts leaves a file."""
    made = folder / "made"
    made.mkdir()
    note, memory, command = WORDS
    (folder / "note.txt").write_text(note)
    (folder / "CLAUDE.md").write_text(f"Remember: {memory}")
    hidden = folder / ".claude"
    for kind, name in (("commands", "act.md"), ("skills/act", "SKILL.md")):
        file = hidden / kind / name
        file.parent.mkdir(parents=True)
        file.write_text(
            "---\nname: act\ndescription: Acts.\nallowed-tools: Bash(touch:*)\n---\n"
            f"{command} !`touch '{made}/{kind.partition('/')[0]}'`\n"
        )
    hooks = {
        event: [{"hooks": [{"type": "command", "command": f"touch '{made}/{event}'"}]}]
        for event in _EVENTS
    }
    (hidden / "settings.json").write_text(json.dumps({"hooks": hooks}))
    return made


def made_in(folder: Path) -> set[str]:
    """What has acted."""
    return {file.name for file in folder.iterdir()}
