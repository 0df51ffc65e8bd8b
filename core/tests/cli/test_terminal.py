"""What somebody at a terminal sees."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from textwrap import dedent

import pytest
from programs import PATIENCE, Program
from rich.cells import cell_len
from steer_conformance.provider import Provider, Reasoning, ToolCall, Turn

TALK = (
    Turn(Reasoning("Add them."), "I add.", ToolCall("add", {"a": 2, "b": 3})),
    Turn("It is\nfive.\x1b[31m\x07"),
)


@pytest.fixture
def steer(program: Program) -> Program:
    """A process of its own, which these tests are about."""
    return program


def seen(steer: Program, *arguments: str, columns: int = 0) -> str:
    """What the program writes to a terminal that is its input and both its outputs."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
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


LOOKER = """
    from agents import Agent, function_tool

    @function_tool
    def look(what: str) -> str:
        print("looked", end="")
        return what * 20

    agent = Agent(name="Looker", model="gpt-5-with-a-name-that-no-row-has-room-for", tools=[look])
"""


def test_calls_and_results_take_one_row_however_wide_their_letters_are(
    steer: Program, play: Callable[..., Provider]
) -> None:
    (steer.folder / "looker.py").write_text(dedent(LOOKER))
    asked = [f"{number} \u65e5\u672c\u8a9e" * 4 for number in range(3)]
    play(Turn("I look.", *(ToolCall("look", {"what": what}) for what in asked)), Turn("x" * 70))
    steer.env["TERM"] = "xterm-256color"

    text = seen(steer, "run", "looker.py", "Look", columns=40)

    lines = [re.sub("\x1b\\[[0-9;]*[mK]", "", line) for line in re.split("[\r\n]", text)]
    for mark, count in (("\u2192", 3), ("\u2190", 3), ("gpt-5", 2)):
        rows = [line for line in lines if line.strip().startswith(mark)]
        assert len(rows) == count
        assert all(cell_len(row) <= 40 for row in rows), rows
    # What the model says is not cut.
    assert "x" * 70 in lines


def test_results_of_calls_that_run_side_by_side_say_which_call_they_are_of(
    steer: Program, play: Callable[..., Provider]
) -> None:
    calls = [ToolCall("add", {"a": number, "b": 1}) for number in range(4)]
    play(Turn(*calls), Turn(ToolCall("add", {"a": 9, "b": 1})), Turn("Done."))

    told = steer("run", "plain.py", "Add").err.splitlines()

    assert sorted(told[4:8]) == [f"  \u2190 add(a={n}, b=1): {n + 1}" for n in range(4)]
    assert told[8:10] == ["  \u2192 add(a=9, b=1)", "  \u2190 add: 10"]


def test_what_is_printed_without_an_end_of_line_comes_before_the_ending(
    steer: Program, play: Callable[..., Provider]
) -> None:
    (steer.folder / "looker.py").write_text(dedent(LOOKER))
    play(Turn(ToolCall("look", {"what": "a"})), Turn("Done."))

    finished = steer("run", "looker.py", "Look")

    *_, printed, ending = finished.err.splitlines()
    assert printed == "looked"
    assert ending.startswith("succeeded \u00b7 ")
