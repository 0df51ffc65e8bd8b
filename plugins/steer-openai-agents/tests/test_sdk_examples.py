"""The examples do under ``steer run`` what they do alone: same answer, same acts, same requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from steer_conformance.provider import Provider, load_script

EXAMPLES = Path(__file__).parents[3] / "examples"
PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True)
class Example:
    """A file, the variable that holds its agent if it has to be named, and what it is asked."""

    file: str
    name: str = ""
    prompt: str
    script: str = ""
    fails: bool = False
    writes: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.prompt}"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run of an example came to, seen from outside."""

    status: int
    answer: str
    written: dict[str, str]
    requests: list[bytes]
    errors: str


RUNS = [
    Example(
        file="triage",
        name=":triage_agent",
        prompt="Where is order 7? I want my money back.",
        writes="refunds.txt",
    ),
    Example(file="lifecycle", prompt="Play.", writes="diary.txt"),
    Example(
        file="dynamic_instructions", name=":answer", prompt="Write to me.", writes="letters.txt"
    ),
    Example(file="guardrails", prompt="Send 500 to Bo.", writes="transfers.txt"),
    Example(file="guardrails", prompt="Do my homework.", fails=True),
    Example(file="guardrails", prompt="What is my account number?", fails=True),
    Example(file="manager", prompt="A cloud run", writes="looked_up.txt"),
    Example(file="workflow_export", prompt="The printer is broken.", writes="tickets.txt"),
    Example(file="weather", prompt="How is the weather in Oslo?"),
]

# As its own last lines would, for the one that has none.
ALONE = """
import runpy, sys
from agents import Runner
agent = runpy.run_path(sys.argv[1])["agent"]
print(Runner.run_sync(agent, sys.argv[2]).final_output)
"""


def ran(example: Example, command: list[str], folder: Path) -> Ran:
    """Run a command in a folder of its own, the model played by the example's script."""
    folder.mkdir()
    with Provider(load_script(EXAMPLES / f"scripts/{example.file}.json")) as provider:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": provider.openai_base_url,
            "STEER_STORAGE": "memory://",
        }
        done = subprocess.run(
            [sys.executable, *command, example.prompt],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Ran(
            status=done.returncode,
            answer=done.stdout,
            written={each.name: each.read_text() for each in folder.glob("*.txt")},
            requests=[without_stream(request.raw) for request in provider.requests],
            errors=done.stderr,
        )


def without_stream(body: bytes) -> bytes:
    """Return a body without what says whether it is streamed; steer streams all of them."""
    members = {name: value for name, value in json.loads(body).items() if name != "stream"}
    return json.dumps(members).encode()


def alone(example: Example, folder: Path) -> Ran:
    """Run an example with nothing but the SDK, which sends its traces to OpenAI unless told."""
    file = EXAMPLES / f"openai_agents/{example.file}.py"
    quiet = "import os; os.environ['OPENAI_AGENTS_DISABLE_TRACING'] = '1'\n"
    run = "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    program = ALONE if example.file == "weather" else run
    return ran(example, ["-c", quiet + program, str(file)], folder)


def under_steer(example: Example, folder: Path) -> Ran:
    spec = f"{EXAMPLES}/openai_agents/{example.file}.py{example.name}"
    return ran(example, ["-m", "steer", "run", "--quiet", spec], folder)


SHORT = ("triage",)


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(each, id=str(each), marks=() if each.file in SHORT else pytest.mark.long)
        for each in RUNS
    ],
)
def test_an_example_does_under_steer_what_it_does_alone(example: Example, tmp_path: Path) -> None:
    bare = alone(example, tmp_path / "alone")
    ours = under_steer(example, tmp_path / "steer")
    assert (bare.status == 0) is not example.fails, bare.errors
    assert (ours.status == 0) is not example.fails, ours.errors
    assert ours.answer == bare.answer
    assert list(ours.written) == ([example.writes] if example.writes else [])
    assert ours.written == bare.written
    assert ours.requests == bare.requests
    if example.fails:
        assert "TripwireTriggered" in bare.errors
        assert "stopped the run" in ours.errors


def test_no_example_knows_of_steer() -> None:
    files = sorted((EXAMPLES / "openai_agents").glob("*.py"))
    assert {each.file for each in RUNS} == {file.stem for file in files}
    for file in files:
        assert "import steer" not in file.read_text()
        assert "from steer" not in file.read_text()
