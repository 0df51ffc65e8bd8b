"""kill -9 of a workflow that keeps a session: it goes on, and the session is whole."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from steer_conformance.provider import Hold, Match, Provider, Rule, Script, ToolCall, Turn

PATIENCE = 120.0

FILE = '''\
from pathlib import Path

from agents import Agent, Runner, SQLiteSession, function_tool, trace
from pydantic import BaseModel


@function_tool
def pay(amount: int) -> str:
    """Pay an amount."""
    with Path("payments").open("a") as file:
        file.write(f"{amount}\\n")
    return "paid"


payer = Agent(name="Payer", model="gpt-5", tools=[pay])
writer = Agent(name="Writer", instructions="I write.", model="gpt-5")


class WorkflowInput(BaseModel):
    input_as_text: str


async def run_workflow(workflow_input: WorkflowInput):
    talk = SQLiteSession("ann", "talks.db")
    with trace("Pay and write"):
        paid = await Runner.run(payer, workflow_input.input_as_text, session=talk)
        written = await Runner.run(writer, "Write to her.", session=talk)
    return {"output_text": written.final_output, "paid": paid.final_output}
'''


def script(held: str) -> Script:
    """Pays, says so, and writes; ``held`` names the answer that waits in its middle."""

    def turn(name: str, *parts: str | ToolCall) -> Turn:
        marks = (Hold(name, after=2),) if name == held else ()
        return Turn(*parts, *marks, chunk_size=3)

    return Script(
        rules=[
            Rule(Match(user_text="Write to her."), turn("third", "Dear Ann, it is paid.")),
            Rule(Match(tool_result="paid"), turn("second", "It is paid.")),
            Rule(Match(tool="pay"), turn("first", "Let me pay.", ToolCall("pay", {"amount": 3}))),
        ]
    )


class Steer:
    """``steer`` in a folder of its own."""

    def __init__(self, folder: Path, provider: Provider) -> None:
        self.folder = folder
        (folder / "payer.py").write_text(FILE)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "STEER_STORAGE": f"sqlite:///{folder}/runs.db",
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": provider.openai_base_url,
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "steer", *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=subprocess.PIPE)

    def output(self, *arguments: str) -> str:
        with self.start(*arguments) as process:
            told, _ = process.communicate(timeout=PATIENCE)
        return told.decode()

    def items(self) -> list[Any]:
        if not (self.folder / "talks.db").exists():
            return []
        session = SQLiteSession("ann", self.folder / "talks.db")
        try:
            return list(asyncio.run(session.get_items()))
        finally:
            session.close()


LONG = pytest.mark.long


@pytest.mark.parametrize(
    "held", [pytest.param("first", marks=LONG), "second", pytest.param("third", marks=LONG)]
)
def test_a_workflow_that_was_killed_goes_on_and_its_session_is_whole(
    tmp_path: Path, held: str
) -> None:
    with Provider(script(held)) as provider:
        steer = Steer(tmp_path, provider)
        with steer.start("run", "payer.py", "Pay 3", "--idempotency-key", "bill-7") as process:
            try:
                provider.reached_sync(held, timeout=PATIENCE)
            finally:
                process.kill()
        before = steer.items()
        provider.release(held)
        told = steer.output("run", "payer.py", "Pay 3", "--idempotency-key", "bill-7", "--quiet")
        (job,) = map(json.loads, steer.output("jobs", "list", "--json").splitlines())
        requests = len(provider.requests)

    assert before == []
    assert told == "Dear Ann, it is paid.\n"
    assert job["status"] == "succeeded"
    assert (job["agent"], job["result"]["output"]["paid"]) == ("run_workflow", "It is paid.")
    assert (tmp_path / "payments").read_text() == "3\n"
    # What was being said when the process died is asked for again; what was recorded is not. The
    # answer before it may have been on its way to the disk.
    assert requests == 4 or (held, requests) == ("third", 5)
    kinds = [item.get("type") or item["role"] for item in steer.items()]
    assert kinds == [
        "user", "message", "function_call", "function_call_output", "message", "user", "message",
    ]  # fmt: skip
