"""kill -9 of ``steer run`` with the real SDK: started again, the job goes on."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from steer_conformance.provider import Hold, Match, Provider, Rule, Script, ToolCall, Turn

PATIENCE = 60.0

AGENT = '''\
from pathlib import Path

from agents import Agent, function_tool


@function_tool
def pay(amount: int) -> str:
    """Pay an amount."""
    with Path("payments").open("a") as file:
        file.write(f"{amount}\\n")
    Path("paying").write_text("now")  # waits for its reader, where that is a named pipe
    Path("stay").exists() and Path("stay").read_text()  # and this for its writer
    return "paid"


agent = Agent(name="Payer", model="gpt-5", tools=[pay])
'''


def script(*, held: str | None = None) -> Script:
    """Pays, then says so; ``held`` names the answer that waits in its middle."""

    def turn(name: str, *parts: str | ToolCall) -> Turn:
        marks = (Hold(name, after=2),) if name == held else ()
        return Turn(*parts, *marks, chunk_size=3)

    return Script(
        rules=[
            Rule(Match(tool_result="paid"), turn("second", "It is paid.")),
            Rule(Match(tool="pay"), turn("first", "Let me pay.", ToolCall("pay", {"amount": 3}))),
        ]
    )


class Payer:
    """``steer run`` in a folder of its own, always with the same idempotency key."""

    def __init__(self, folder: Path, provider: Provider) -> None:
        self.folder = folder
        (folder / "payer.py").write_text(AGENT)
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "STEER_STORAGE": f"sqlite:///{folder}/runs.db",
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": provider.openai_base_url,
        }

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, its output read by nobody."""
        return subprocess.Popen(
            [*self._steer("run", "payer.py", "Pay 3"), "--idempotency-key", "bill-7"],
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def killed_when(self, reached: Callable[[], object]) -> None:
        """Start it and kill it with -9 once a moment is reached."""
        with self.start() as process:
            try:
                reached()
            finally:
                process.kill()

    def job(self) -> dict[str, object]:
        """Run it to its end and return the job, after checking that there is only one."""
        with self.start() as process:
            process.wait(PATIENCE)
        (row,) = self._json("jobs", "list")
        return row

    def events(self, job: dict[str, object]) -> list[str]:
        """The types of the job's events, after checking that their numbers are contiguous."""
        events = self._json("events", str(job["job_id"]))
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        return [str(event["type"]) for event in events]

    @property
    def payments(self) -> list[str]:
        file = self.folder / "payments"
        return file.read_text().split() if file.exists() else []

    def _json(self, *arguments: str) -> list[dict[str, object]]:
        done = subprocess.run(
            [*self._steer(*arguments), "--json"],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _steer(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "steer", *arguments]


def ended_once(types: list[str]) -> bool:
    """Whether there is one beginning and one end, and nothing after it."""
    terminal = {"job.completed", "job.failed", "job.cancelled", "job.timed_out"}
    return types.count("job.started") == 1 and [t in terminal for t in types].index(True) + 1 == (
        len(types)
    )


@pytest.mark.parametrize("held", [pytest.param("first", marks=pytest.mark.long), "second"])
def test_killed_while_the_model_talks_the_job_goes_on_and_pays_once(
    tmp_path: Path, held: str
) -> None:
    with Provider(script(held=held)) as provider:
        payer = Payer(tmp_path, provider)
        payer.killed_when(lambda: provider.reached_sync(held, timeout=PATIENCE))
        provider.release(held)
        job = payer.job()
        types = payer.events(job)
        asked = len(provider.requests)

    assert job["status"] == "succeeded"
    assert payer.payments == ["3"]
    assert ended_once(types)
    # What was being said when the process died is asked for again; what was recorded is not.
    assert asked == 3


def test_killed_while_the_tool_runs_the_outcome_is_called_unknown(tmp_path: Path) -> None:
    with Provider(script()) as provider:
        payer = Payer(tmp_path, provider)
        os.mkfifo(tmp_path / "paying")
        os.mkfifo(tmp_path / "stay")
        payer.killed_when((tmp_path / "paying").read_text)
        job = payer.job()
        types = payer.events(job)

    assert job["status"] == "failed"
    assert "nobody knows whether pay" in json.dumps(job)
    assert payer.payments == ["3"]
    assert "tool.unknown" in types
    assert ended_once(types)


@pytest.mark.long
def test_killed_by_a_clock_from_outside_it_pays_at_most_once(tmp_path: Path) -> None:
    chance = random.Random(9)
    with Provider(script()) as provider:
        for number in range(5):
            folder = tmp_path / str(number)
            folder.mkdir()
            payer = Payer(folder, provider)
            with payer.start() as process:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0.8, 2.5))
                process.kill()
            job = payer.job()
            assert ended_once(payer.events(job))
            assert len(payer.payments) <= 1
            if job["status"] == "succeeded":
                assert payer.payments == ["3"]
            else:
                assert "nobody knows whether pay" in json.dumps(job)
