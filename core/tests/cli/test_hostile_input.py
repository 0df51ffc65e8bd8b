"""Whatever goes wrong around steer is one clear line, an exit code and, once admitted, a job."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from programs import Finished, Program
from steer import RuntimeKernel
from steer.ports.records import JobRecord
from steer.values import JobStatus
from steer_conformance.provider import (
    RESPONSES,
    Drop,
    Failure,
    Garbage,
    Provider,
    Raw,
    Reply,
    Text,
    Truncate,
    Turn,
    render,
)

CUT_STRIDE = int(os.environ.get("CUT_STRIDE", "997"))
"""A response is cut at every so many-th byte; 1 walks through all of them, in an hour."""


def refused(finished: Finished) -> str:
    """The one line of a run that was refused before there was a job."""
    assert finished.out == ""
    (line,) = finished.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("files", "agent", "line"),
    [
        ({"a.py": ""}, "a.py", "steer: a.py is empty. Define an agent in it, for example: "),
        ({"a.py": "x = (\n"}, "a.py", "steer: a.py:1: syntax error: "),
        ({"a.py": "x = 1\n"}, "a.py", "steer: a.py defines no agent. Assign one to a variable"),
        (
            {"a.py": "from plain import agent as one\nfrom greeter import agent as two\n"},
            "a.py",
            "steer: a.py defines 2 agents: one, two. Say which one, for example a.py:one",
        ),
        ({"a.py": "raise SystemExit(3)\n"}, "a.py", "steer: a.py:1: the file ends the program"),
        ({"a.py": "import nothing_like_it\n"}, "a.py", "steer: a.py:1: there is no module nothing"),
        ({"a.py": "1 / 0\n"}, "a.py", "steer: a.py:1: importing it raised ZeroDivisionError: "),
        ({}, "greter.py", "steer: greter.py does not exist. Did you mean greeter.py?"),
        ({}, "greeter.py:other", "steer: greeter.py has no variable 'other'. Agents there: agent"),
        ({}, "greeter-1.txt", "steer: greeter-1.txt is neither a file that holds an agent nor a "),
        ({"a.toml": "name = \n"}, "a.toml", "steer: a.toml"),
        ({"a.json": "{}"}, "a.json", "steer: a.json"),
    ],
)  # fmt: skip
def test_a_file_without_an_agent_is_refused_in_one_line(
    steer: Program, files: dict[str, str], agent: str, line: str
) -> None:
    for name, text in files.items():
        (steer.folder / name).write_text(text)

    finished = steer("run", agent, "Hi")

    assert refused(finished).startswith(line)
    assert finished.code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (
            "run greeter.py Hi --runtime toy",
            2,
            "toy: there is no such runtime; there is claude-code, openai-agen",
        ),
        ("run greeter.py Hi --policy no.toml", 2, "the policy file "),
        (
            "run greeter.py Hi --policy nobody",
            2,
            "nobody: there is no such policy; there is author-declared, policy-file. Rules in a ",
        ),
        ("run greeter.py Hi --delay 5", 2, "--delay is for a job that waits for a worker. Add"),
        (
            "jobs list --status done",
            2,
            "Invalid value for '--status': 'done' is not one of 'queued', ",
        ),
        ("run greeter.py Hi --storage nowhere", 2, "--storage: storage is not a URL"),
        ("run greeter.py Hi --storage x://y", 2, "x://: there is no such storage"),
        ("run greeter.py Hi --storage sqlite:////proc/no/x.db", 8, "sqlite: "),
        ("run greeter.py Hi --config no.toml", 2, "/"),
        ("run greeter.py Hi --max-tokens many", 2, "Invalid value for '--max-tokens'"),
        ("run greeter.py Hi --set a", 2, "--set takes NAME=VALUE, and 'a' is not that"),
        ("run", 2, "Missing argument 'AGENT'. See: steer run --help"),
        ("rnu greeter.py", 2, "There is no command 'rnu'. Did you mean 'run'? See: steer --help"),
        ("jobs show abc", 2, "'abc' is too short for a job. Give at least 6 characters of its id"),
        ("jobs list --cursor nonsense", 2, ""),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    steer: Program, arguments: str, code: int, line: str
) -> None:
    finished = steer(*arguments.split())

    assert refused(finished).startswith(f"steer: {line}")
    assert finished.code == code


def test_a_provider_that_is_not_there_fails_the_job(steer: Program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        steer.env["OPENAI_BASE_URL"] = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"

        finished = steer("run", "plain.py", "Hi")

    assert finished.code == 6
    assert "the connection to openai failed" in finished.error
    assert failed_job(steer)["category"] == "network"


def further(*values: Any) -> Any:
    """A case that only the full matrix runs."""
    return pytest.param(*values, marks=pytest.mark.long)


@pytest.mark.parametrize(
    ("reply", "category", "facts"),
    [
        (Failure(401, message="Incorrect API key provided"), "authentication", ["401"]),
        further(Failure(429, retry_after=7), "rate_limit", ["429", "retry after 7 s"]),
        further(Failure(500, message="On fire"), "server_error", ["500", "On fire"]),
        further(Raw(b"<html>busy</html>", content_type="text/html"), None, []),
        further(Raw(b"data: {nonsense\n\n"), None, []),
        further(Turn("one two three", Garbage(after=1), chunk_size=4), None, []),
        further(Turn("one two three", Drop(after=1), chunk_size=4), None, []),
        (Turn("one two three", Drop()), "network", []),
    ],
)
def test_a_provider_that_fails_is_one_line_and_a_failed_job(
    steer: Program,
    play: Callable[..., Provider],
    reply: Reply,
    category: str | None,
    facts: list[str],
) -> None:
    play(*[reply] * 5)

    finished = steer("run", "plain.py", "Hi")

    assert finished.code == 6
    assert all(fact in finished.error for fact in facts)
    assert finished.err.splitlines()[-1].startswith("failed \u00b7 ")
    error = failed_job(steer)
    assert error["code"] == "provider"
    assert category in (None, error["category"])


WHOLE = Turn(Text("one two three"), chunk_size=4)
SIZE = len(render(WHOLE, RESPONSES, stream=True))


@pytest.mark.parametrize(
    "cut", [0, CUT_STRIDE, *map(further, range(2 * CUT_STRIDE, SIZE, CUT_STRIDE))]
)
def test_a_response_that_is_cut_anywhere_is_never_taken_for_a_whole_one(
    steer: Program, play: Callable[..., Provider], cut: int
) -> None:
    cuts = Turn(Text("one two three"), Truncate(after_bytes=cut), chunk_size=4)
    play(*[cuts] * 5)

    finished = steer("run", "plain.py", "Hi")

    assert finished.code == 6, finished
    assert finished.error.startswith("steer: ")
    assert failed_job(steer)["code"] == "provider"


def failed_job(steer: Program) -> dict[str, object]:
    """The error of the only job there is, which failed."""

    async def read() -> JobRecord:
        url = f"sqlite:///{steer.env['XDG_STATE_HOME']}/steer/steer.db"
        async with RuntimeKernel(storage=url) as kernel:
            (job,) = (await kernel.jobs()).items
            return job

    job = asyncio.run(read())
    assert job.status is JobStatus.FAILED
    assert job.result is not None
    assert job.result.error is not None
    return asdict(job.result.error)
