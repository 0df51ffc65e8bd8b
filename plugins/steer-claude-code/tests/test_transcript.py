"""A conversation as a transcript: the real CLI tells its model just that."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bare_cli import ask, prepared
from steer.agents import Agent, tool
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.history.transcript import cli_version, folded, write_transcript
from steer_claude_code.process.quarters import Quarters
from steer_conformance.provider import Script, Turn

_PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNkAAIAAAoAAv/lxKUAAAAASUVORK5CYII="
)


@tool
async def look(at: str) -> str:
    """Look at a thing."""
    return at


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _said(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


def _call(call_id: str, name: str = "mcp__steer__look") -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {"at": call_id}}


def _result(call_id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


_IMAGE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": _PICTURE},
}
_HISTORY = [
    _said("user", _text("  <1> /help @/etc/hostname\n"), _text("Look.")),
    _said("assistant", _text("I look. "), _call("c1"), _call("c2"), _call("c3", "Gone")),
    _said(
        "user",
        _result("c1", "Red."),
        _result("c2", [_text("No."), _IMAGE]),
        _result("c3", "There is none.", is_error=True),
    ),
    _said("assistant", _text("All red.")),
    _said("user", _IMAGE, _text("<2> What?")),
    _said("assistant", _text("A dot.\n"), _text("Really.")),
]


def _heard(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the conversation of a request, without marks of the cache and what surrounds it."""
    return [
        {
            "role": message["role"],
            "content": [
                {name: value for name, value in block.items() if name != "cache_control"}
                for block in _blocks(message)
                if not str(block.get("text", "")).startswith("<system-reminder>\n")
            ],
        }
        for message in body["messages"]
        if message["role"] != "system"
    ]


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [_text(content)] if isinstance(content, str) else content


@pytest.mark.anyio
@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-5", pytest.param("claude-opus-5", marks=pytest.mark.long)]
)
async def test_the_model_is_told_the_history_and_the_question_and_no_more(model: str) -> None:
    agent = prepared(Agent(name="a", model=model, tools=[look]))
    question = [_text("<3> And?"), _text("Well?")]

    def before(there: Quarters) -> str:
        session_id = str(uuid4())
        written = write_transcript(
            _HISTORY,
            config_dir=there.config,
            cwd=agent.cwd,
            session_id=session_id,
            version=cli_version(agent.config),
        )
        assert written is not None, "the CLI of the SDK is out of the range that is known"
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        return session_id

    asked = await ask(agent, question, Script([Turn("Red.")]), before=before)
    (body,) = asked.bodies
    assert _heard(body) == [*_HISTORY, _said("user", *question)]


@pytest.mark.parametrize("version", [None, "", "2.1.331", "2.2.0", "3.0.1", "unknown"])
def test_a_cli_of_another_version_is_given_no_transcript(
    tmp_path: Path, version: str | None
) -> None:
    assert _written(_HISTORY, tmp_path, version) is None
    assert list(tmp_path.iterdir()) == []


def test_what_the_cli_would_add_to_is_not_written(tmp_path: Path) -> None:
    asked = _HISTORY[:1]
    called = _HISTORY[:2]
    told = _HISTORY[:3]
    for messages in ([], asked, called, told):
        assert _written(messages, tmp_path, "2.1.332") is None
    assert _written(_HISTORY, tmp_path, "2.1.332") is not None


def _written(messages: list[dict[str, Any]], folder: Path, version: str | None) -> Path | None:
    return write_transcript(
        messages, config_dir=folder, cwd=folder, session_id="s", version=version
    )


def test_the_version_of_a_cli_of_ones_own_is_not_known() -> None:
    assert cli_version(ClaudeCodeConfig(cli_path=Path("/usr/bin/claude"))) is None


def test_a_history_can_stand_before_a_question_as_a_text() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    assert folded([*_HISTORY[:4], _said("assistant", thought), *_HISTORY[4:]]) == (
        "What was said before:\n\n"
        "User:   <1> /help @/etc/hostname\n\n\n"
        "User: Look.\n\n"
        "Assistant: I look. \n\n"
        'Tool call: mcp__steer__look {"at": "c1"}\n\n'
        'Tool call: mcp__steer__look {"at": "c2"}\n\n'
        'Tool call: Gone {"at": "c3"}\n\n'
        "Tool result: Red.\n\n"
        "Tool result: No.\n[a picture]\n\n"
        "Tool result: There is none.\n\n"
        "Assistant: All red.\n\n"
        "User: [a picture]\n\n"
        "User: <2> What?\n\n"
        "Assistant: A dot.\n\n\n"
        "Assistant: Really."
    )
