"""What a shell is told when somebody presses the tab key."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import PATIENCE, Program
from steer_conformance.provider import Provider, ToolCall, Turn

BASH = ("/usr/bin/env", "bash", "--norc")


@pytest.fixture
def steer(program: Program) -> Program:
    """A process of its own, which these tests are about."""
    return program


@pytest.fixture
def shell(steer: Program) -> Program:
    """The program as a shell finds it: by its name, on PATH."""
    folder = steer.folder.parent / "bin"
    folder.mkdir()
    script = folder / "steer"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m steer "$@"\n')
    script.chmod(0o755)
    steer.env["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return steer


def offered(program: Program, *lines: tuple[str, ...]) -> list[list[str]]:
    """What bash is offered for the last word of each of these lines."""
    asked = """
        eval "$(steer completion bash)"
        offer() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            "$(complete -p steer | sed 's/.*-F \\([^ ]*\\).*/\\1/')" steer
            echo "${COMPREPLY[*]}"
        }
    """
    calls = [shlex.join(("offer", "steer", *words)) for words in lines]
    finished = subprocess.run(
        [*BASH, "-c", "\n".join([asked, *calls])],
        cwd=program.folder, env=program.env, capture_output=True, text=True, timeout=PATIENCE,
        check=True,
    )  # fmt: skip
    assert finished.stderr == ""
    return [line.split() for line in finished.stdout.splitlines()]


def test_bash_is_offered_what_fits(shell: Program) -> None:
    expected = {
        ("pl",): ["plugins"],
        ("jobs", ""): ["list", "show", "cancel", "resume", "retry"],
        ("run", "--reas"): ["--reasoning-effort"],
        ("run", "greeter.py", "--no-par"): ["--no-parallel-tool-calls"],
        ("run", "greeter.py", "--base-url", "http", ":", "//x/v1", "--mod"): ["--model"],
        ("run", "greeter.py", "--runtime", "s"): ["stepwise"],
        ("run", "greeter.py", "--policy", "author"): ["author-declared"],
        ("jobs", "list", "--status", "t"): ["timed_out"],
        ("completion", ""): ["bash", "zsh", "fish"],
        # Files are for the shell to complete, which it does where nothing is offered.
        ("run", "gree"): [],
        ("run", "greeter.py", "--file", ""): [],
        ("jobs", "show", ""): [],
    }
    assert dict(zip(expected, offered(shell, *expected), strict=True)) == expected


def test_jobs_are_offered_newest_first_to_those_who_can_use_them(shell: Program) -> None:
    for prompt in ("One", "Two"):
        shell("run", "greeter.py", prompt)
    older, newer = [row["job_id"] for row in reversed(shell("jobs", "list", "--json").rows)]

    everywhere, short, whole, cancellable, elsewhere = offered(
        shell,
        ("jobs", "show", ""),
        ("events", older[-12:-4]),
        ("events", newer[:-1]),
        ("jobs", "cancel", ""),
        ("jobs", "show", "--storage", "sqlite:///other.db", ""),
    )
    assert everywhere == ["latest", newer[-12:], older[-12:]]
    assert (short, whole) == ([older[-12:]], [newer])
    assert cancellable == [], "both have ended"
    assert elsewhere == []


@pytest.mark.long
def test_questions_are_offered_to_those_who_can_answer_them(
    shell: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(ToolCall("refund", {"order": 7, "amount": 5})))
    assert shell("run", "shop.py", "Refund order 7").code == 9
    (row,) = shell("actions", "list", "--json").rows
    action = row["action_id"]

    ways, commands, to_approve, whole = offered(
        shell,
        ("run", "greeter.py", "--approvals", ""),
        ("actions", ""),
        ("actions", "approve", ""),
        ("actions", "show", action[:-1]),
    )
    assert ways == ["ask", "park", "deny"]
    assert commands == ["list", "show", "approve", "deny", "resolve", "cancel"]
    assert (to_approve, whole) == ([action[-12:]], [action])
    shell("actions", "deny", action)
    assert offered(shell, ("actions", "deny", "")) == [[]]


def test_completing_makes_no_file(shell: Program) -> None:
    before = sorted(path.name for path in shell.folder.iterdir())

    found = offered(
        shell, ("events", ""), ("jobs", "show", "--storage", "sqlite:///new/nope.db", "")
    )

    assert found == [[], []]
    assert sorted(path.name for path in shell.folder.iterdir()) == before


def test_a_shell_that_completes_is_never_told_of_errors(shell: Program) -> None:
    (shell.folder / "steer.toml").write_text("storage = 7")

    assert offered(shell, ("jobs", "show", ""), ("events", "--storage", "no://", "")) == [[], []]


@pytest.mark.long
def test_stored_agents_are_offered_by_name(shell: Program) -> None:
    for name in ("greeter", "grumbler"):
        assert shell("agents", "add", "greeter.py", "--name", name).code == 0
    expected = {
        ("run", "@gr"): ["@greeter", "@grumbler"],
        ("run", "greet"): [],
        ("agents", "show", "gru"): ["grumbler"],
        ("agents", "set-runtime", "greeter", "st"): ["stepwise"],
    }
    assert dict(zip(expected, offered(shell, *expected), strict=True)) == expected


def test_a_tab_in_a_real_shell_completes_commands_agents_and_files(shell: Program) -> None:
    shell("agents", "add", "greeter.py", "--name", "stored")
    shell.env |= {"TERM": "dumb", "PS1": "ready> "}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*BASH, "--noprofile", "-i"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=shell.folder, env=shell.env,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            read_until(ours, "ready> ")
            os.write(ours, b'eval "$(steer completion bash)"\n')
            read_until(ours, "ready> ")
            os.write(ours, b"steer ru\t")
            read_until(ours, r"steer run ")
            os.write(ours, b"gree\t")
            read_until(ours, r"greeter\.py ")
            os.write(ours, b"\x15steer run @sto\t")
            read_until(ours, r"@stored ")
        finally:
            process.kill()
    os.close(ours)


def read_until(terminal: int, pattern: str) -> None:
    seen, end = "", time.monotonic() + PATIENCE
    while not re.search(pattern, seen):
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"a terminal did not show {pattern!r} but {seen!r}"
        seen += os.read(terminal, 4096).decode(errors="replace")


@pytest.mark.parametrize(
    ("shell_name", "begins"),
    [("bash", "COMP_WORDBREAKS="), ("zsh", "#compdef steer"), ("fish", "complete --command")],
)
def test_a_script_is_printed_for_each_shell(steer: Program, shell_name: str, begins: str) -> None:
    finished = steer("completion", shell_name)

    assert finished.code == 0
    assert finished.out.startswith(begins)
    assert steer("completion", "tcsh").code == 2


@pytest.mark.parametrize(
    ("shell_name", "expected"),
    [
        ("zsh", '"show":"Show a job: what was asked, how it stands,...'.replace(":", r"\\:")),
        ("fish", "show\tShow a job: what was asked, how it stands,..."),
    ],
)
def test_other_shells_are_told_what_a_word_means(
    steer: Program, shell_name: str, expected: str
) -> None:
    steer.env |= {
        "_STEER_COMPLETE": f"complete_{shell_name}",
        "_TYPER_COMPLETE_ARGS": "steer jobs ",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }

    lines = steer().out

    assert expected.replace('"show"\\\\:', '"show":') in lines


@pytest.mark.parametrize(
    "words", ["steer run --re", "steer jobs show ", "steer run a.py --runtime "]
)
def test_completing_imports_no_vendor(steer: Program, words: str) -> None:
    steer.env |= {
        "_STEER_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    code = (
        "import sys\n"
        "from steer.cli import main\n"
        "main()\n"
        "print([n for n in ('agents', 'openai', 'rich') if n in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], env=steer.env, cwd=steer.folder, capture_output=True,
        text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip

    assert finished.stdout.splitlines()[-1] == "[]"


def test_the_page_says_how_to_install_it() -> None:
    page = Path(__file__).parents[3] / "docs/reference/command-line.md"

    assert 'eval "$(steer completion bash)"' in page.read_text()


@pytest.mark.long
def test_names_of_sessions_are_offered(shell: Program) -> None:
    for name in ("ann", "anna", "bob"):
        assert shell("run", "greeter.py", "Hi", "--session", name).code == 0
    shown, run, listed = offered(
        shell,
        ("sessions", "show", "an"),
        ("run", "greeter.py", "--session", "b"),
        ("jobs", "list", "--session", "anna"),
    )
    assert (shown, run, listed) == (["ann", "anna"], ["bob"], ["anna"])
