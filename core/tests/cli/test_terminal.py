"""What somebody at a terminal sees."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable

import pytest
from programs import PATIENCE, Program
from steer_conformance.provider import Provider, Reasoning, ToolCall, Turn

TALK = (
    Turn(Reasoning("Add them."), "I add.", ToolCall("add", {"a": 2, "b": 3})),
    Turn("It is\nfive.\x1b[31m\x07"),
)


def seen(steer: Program, *arguments: str) -> str:
    """What the program writes to a terminal that is its input and both its outputs."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "steer", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=steer.folder, env=steer.env,
    ) as process:  # fmt: skip
        os.close(theirs)
        chunks: list[bytes] = []
        try:
            while chunk := os.read(ours, 4096):
                chunks.append(chunk)
        except OSError:
            # Linux ends a terminal whose other side is closed with EIO.
            pass
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def test_a_terminal_shows_colours_and_what_is_waited_for(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(*TALK)
    steer.env["TERM"] = "xterm-256color"

    text = seen(steer, "run", "plain.py", "What is 2 + 3?")

    waiting = "\x1b[2m  gpt-5 \u2026\x1b[0m\r\x1b[2K"
    assert text.count(waiting) == 2
    *lines, status = text.replace(waiting, "").splitlines()
    assert lines == [
        "\x1b[2;3mAdd them.\x1b[0m",
        "I add.",
        "  \x1b[36m\u2192 add(a=2, b=3)\x1b[0m",
        "  \x1b[2m\u2190 add: 5\x1b[0m",
        "It is",
        "five.\u241b[31m\u2407",
    ]
    assert status.startswith("\x1b[32msucceeded\x1b[0m\x1b[2m \u00b7 30 tokens \u00b7 ")


@pytest.mark.parametrize("wish", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_a_terminal_that_wants_no_colours_gets_none(steer: Program, wish: dict[str, str]) -> None:
    steer.env |= wish

    text = seen(steer, "run", "worker.py", "Note it")

    assert "\x1b" not in text
    assert "First I note it.\n" in text


def test_a_prompt_is_asked_for_where_there_is_nobody_to_pipe_one_in(steer: Program) -> None:
    ours, theirs = pty.openpty()
    finished = subprocess.run(
        [sys.executable, "-m", "steer", "run", "greeter.py"],
        stdin=theirs, capture_output=True, text=True, timeout=PATIENCE, check=False,
        cwd=steer.folder, env=steer.env,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)

    assert finished.returncode == 2
    assert finished.stderr.startswith("steer: there is no prompt. Give one after the agent, or ")
