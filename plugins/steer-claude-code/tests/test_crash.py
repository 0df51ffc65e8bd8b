"""kill -9 of the host of a real CLI: whoever goes on repeats nothing that is on record."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import dying_run
import pytest
from governed import PATIENCE, check_history, events_of, open_kernel, sqlite, told
from steer.events import Event, ToolFailed, ToolUnknown
from steer.values import JobStatus, RunResult
from steer_conformance.provider import Hold, Provider, Reply, Request, Rule, Script, ToolCall, Turn

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).parent / "support" / "dying_run.py"

AGENT = '''\
from pathlib import Path

from steer.agents import Agent, tool

HERE = Path(__file__).parent


@tool
def pay(amount: int) -> str:
    """Pay an amount."""
    with (HERE / "payments").open("a") as file:
        file.write(f"{amount}\\n")
    for name in ("paying", "stay"):
        if (HERE / name).exists():
            # Named pipes: the first waits for its reader, the second for its writer.
            (HERE / name).open("w" if name == "paying" else "r").close()
    return f"paid {amount}"


@tool
def count(what: str) -> str:
    """Count something."""
    with (HERE / "counted").open("a") as file:
        file.write(f"{what}\\n")
    return f"3 {what}"


agent = Agent(
    name="Payer",
    model="claude-sonnet-5",
    tools=[pay, count],
    runtime="claude-code",
    runtime_config={
        "cwd": str(HERE),
        "tools": ["Bash", "Edit", "Read", "Write"],
        "subagents": {
            "counter": {
                "description": "Counts.",
                "instructions": "You are the counter.",
                "tools": ["count"],
            }
        },
        "delegated": ["count"],
    },
)
'''


def turns(folder: Path, *last: Hold) -> list[Turn]:
    """What the model says, by how many calls it has made; ``last`` is in its last words."""
    notes, report = str(folder / "notes.txt"), str(folder / "report.txt")
    bash = {"command": f"echo line >> {folder}/lines && cat {folder}/lines"}
    task = {"description": "count", "prompt": "Count coins.", "subagent_type": "counter"}
    edit = {"file_path": notes, "old_string": "unpaid", "new_string": "settled"}
    return [
        Turn("I read.", ToolCall("Read", {"file_path": notes}, id="c1")),
        Turn("I pay.", ToolCall("pay", {"amount": 3}, id="c2")),
        Turn("I note.", ToolCall("Bash", bash, id="c3")),
        Turn("I write.", ToolCall("Write", {"file_path": report, "content": "paid"}, id="c4")),
        Turn("I ask.", ToolCall("Agent", task, id="c5")),
        Turn("I mend.", ToolCall("Edit", edit, id="c6")),
        Turn("It is paid.", *last, chunk_size=4),
    ]


def script(folder: Path, *last: Hold) -> Script:
    said = turns(folder, *last)

    def answer(request: Request) -> Reply:
        if not any("You are the counter." in message.text for message in request.messages):
            return said[len(request.past_calls)]
        asked = Turn("I count.", ToolCall("count", {"what": "coins"}, id="s1"))
        return Turn("Three coins.") if request.tool_results else asked

    return Script(rules=[Rule(lambda _: True, answer)])


UNDISTURBED = 9
"""How many requests a run makes that nobody kills."""

WALKS = 8
"""In how many walks a run is killed at all of its commits, each at every eighth."""


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What is there once somebody has gone on."""

    folder: Path
    result: RunResult
    events: Sequence[Event]
    requests: Sequence[Request]
    before: int
    """How many requests were made by the process that died."""

    def lines(self, name: str) -> list[str]:
        """The words of a file, one for each time that something happened."""
        file = self.folder / name
        return file.read_text().split() if file.exists() else []

    @property
    def unknown(self) -> str | None:
        """The tool whose outcome nobody knows, ``None`` where the run went well."""
        if self.result.status is JobStatus.SUCCEEDED:
            return None
        assert self.result.error is not None
        assert self.result.error.code == "outcome_unknown", self.result.error
        [unknown] = told(self.events, ToolUnknown)
        return unknown.tool

    def check_history(self) -> None:
        """What must hold of what is told, and of what was asked."""
        check_history(self.result, self.events)
        # It may have died before there was a job.
        theirs = 1 if self.before else 0
        asked = [event.type for event in self.events if event.attempt > theirs].count("model.done")
        assert len(self.requests) == self.before + asked, "what was recorded was asked again"

    def check(self) -> None:
        """What must hold wherever the process died."""
        self.check_history()
        for file in ("payments", "counted", "lines"):
            assert len(self.lines(file)) <= 1, f"{file} was written twice"
        if self.unknown is None:
            self.check_success()

    def check_success(self) -> None:
        assert self.result.content == "It is paid."
        assert [self.lines(name) for name in ("payments", "counted", "lines")] == [
            ["3"], ["coins"], ["line"],
        ]  # fmt: skip
        assert (self.folder / "notes.txt").read_text() == "settled\n"
        assert (self.folder / "report.txt").read_text() == "paid"
        results = {each.call_id: each.text for each in self.requests[-1].tool_results}
        assert list(results) == ["c1", "c2", "c3", "c4", "c5", "c6"]
        assert "unpaid" in results["c1"]
        assert (results["c2"], results["c3"]) == ("paid 3", "line")
        assert "created successfully" in results["c4"]
        assert "Three coins." in results["c5"]
        assert "updated successfully" in results["c6"]
        # A request that was on its way when the process died is on the bill, too: nobody knows
        # whether it had left already.
        assert UNDISTURBED <= self.result.usage.requests <= len(self.requests) + 1
        assert (self.result.turns, self.result.tools_invoked) == (7, 7)


def furnish(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "agent.py").write_text(AGENT)
    (folder / "notes.txt").write_text("unpaid\n")


def start(folder: Path, provider: Provider, at: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, str(folder), provider.anthropic_base_url, str(at)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


async def die(folder: Path, provider: Provider, at: int) -> str | None:
    """Run in another process until the moment; return its name, ``None`` where there is none."""
    with start(folder, provider, at) as process:
        _, said = await anyio.to_thread.run_sync(lambda: process.communicate(timeout=PATIENCE))
    found = re.search("died (.*)", said)
    assert found or process.returncode == 0, said
    return found[1] if found else None


async def killed_at(folder: Path, provider: Provider, held: str) -> None:
    """Run in another process, and kill it where the model's answer is held."""
    with start(folder, provider) as process:
        try:
            await provider.reached(held, timeout=PATIENCE)
        finally:
            process.kill()
    provider.release(held)


async def gone_on(folder: Path, provider: Provider) -> Aftermath:
    """Go on in this process, to the end."""
    before = len(provider.requests)
    result = await dying_run.run(folder, provider.anthropic_base_url)
    async with open_kernel(provider.anthropic_base_url, storage=sqlite(folder)) as kernel:
        [job] = (await kernel.jobs()).items
        events = await events_of(await kernel.attach(job.job_id))
    return Aftermath(
        folder=folder, result=result, events=events, requests=provider.requests, before=before
    )


async def test_killed_in_the_last_answer_nothing_that_was_done_is_done_or_asked_again(
    tmp_path: Path,
) -> None:
    furnish(tmp_path)
    with Provider(script(tmp_path, Hold("last", after=2))) as provider:
        await killed_at(tmp_path, provider, "last")
        after = await gone_on(tmp_path, provider)
    after.check()
    assert after.unknown is None
    assert len(after.requests) == UNDISTURBED + 1


@pytest.mark.long
async def test_what_the_cli_refused_is_not_made_after_a_crash_though_it_could_be_by_then(
    tmp_path: Path,
) -> None:
    furnish(tmp_path)
    notes = tmp_path / "notes.txt"
    edit = {"file_path": str(notes), "old_string": "late", "new_string": "edited"}
    said = [
        Turn("I read.", ToolCall("Read", {"file_path": str(notes)}, id="c1")),
        Turn("I mend.", ToolCall("Edit", edit, id="c2")),
        Turn("I note.", ToolCall("Bash", {"command": f"echo late >> {notes}"}, id="c3")),
        Turn("So be it.", Hold("last", after=2), chunk_size=4),
    ]
    with Provider(Script(rules=[Rule(lambda _: True, lambda r: said[len(r.past_calls)])])) as there:
        await killed_at(tmp_path, there, "last")
        after = await gone_on(tmp_path, there)
    assert after.result.content == "So be it."
    assert notes.read_text() == "unpaid\nlate\n"
    [refused] = told(after.events, ToolFailed)
    assert (refused.call_id, refused.origin) == ("c2", "vendor")
    assert "String to replace not found" in after.requests[-1].tool_results[1].text
    assert len(after.requests) == 5


async def test_a_tool_that_ran_when_the_process_died_is_called_unknown_and_not_run_again(
    tmp_path: Path,
) -> None:
    furnish(tmp_path)
    for pipe in ("paying", "stay"):
        os.mkfifo(tmp_path / pipe)
    with Provider(script(tmp_path)) as provider:
        with start(tmp_path, provider) as process:
            try:
                await anyio.to_thread.run_sync((tmp_path / "paying").read_bytes)
            finally:
                process.kill()
        after = await gone_on(tmp_path, provider)
    after.check()
    assert (after.unknown, after.lines("payments")) == ("pay", ["3"])
    assert len(after.requests) == 2


@pytest.mark.long
async def test_of_two_subagents_that_worked_side_by_side_only_what_is_not_on_record_is_repeated(
    tmp_path: Path,
) -> None:
    def answer(request: Request) -> Reply:
        inside = next((w for w in ("coins", "notes") if f"Count {w}." in str(request.body)), None)
        if "You are the counter." not in str(request.body["system"]) or inside is None:
            tasks = [
                {"description": what, "prompt": f"Count {what}.", "subagent_type": "counter"}
                for what in ("coins", "notes")
            ]
            calls = [ToolCall("Agent", task, id=f"a{at}") for at, task in enumerate(tasks)]
            return Turn("All counted.") if request.tool_results else Turn("I ask.", *calls)
        if not request.tool_results:
            # Both use one and the same id.
            return Turn("I count.", ToolCall("count", {"what": inside}, id="s1"))
        held = (Hold("last", after=2),) if inside == "notes" else ()
        return Turn(f"Three {inside}.", *held, chunk_size=4)

    furnish(tmp_path)
    with Provider(Script(rules=[Rule(lambda _: True, answer)])) as provider:
        await killed_at(tmp_path, provider, "last")
        after = await gone_on(tmp_path, provider)
        last = provider.requests[-1]
    after.check_history()
    assert after.result.content == "All counted."
    assert sorted(after.lines("counted")) == ["coins", "notes"]
    results = {each.call_id: each.text for each in last.tool_results}
    assert "Three coins." in results["a0"]
    assert "Three notes." in results["a1"]
    done = [event.path for event in after.events if event.type == "agent.done"]
    assert sorted(done) == [(), ("a0",), ("a1",)]


@pytest.mark.long
@pytest.mark.parametrize("first", range(1, WALKS + 1))
async def test_killed_at_every_commit_a_job_ends_once_and_repeats_nothing(
    tmp_path: Path, first: int
) -> None:
    died: list[str] = []
    for at in range(first, 1000, WALKS):
        folder = tmp_path / str(at)
        furnish(folder)
        with Provider(script(folder)) as provider:
            moment = await die(folder, provider, at)
            if moment is None:
                break
            died.append(moment)
            after = await gone_on(folder, provider)
        after.check()
    assert len(died) > 20 // WALKS


@pytest.mark.long
async def test_killed_by_a_clock_from_outside_a_job_ends_once(tmp_path: Path) -> None:
    chance = random.Random(11)
    for number in range(6):
        folder = tmp_path / str(number)
        furnish(folder)
        with Provider(script(folder)) as provider:
            with start(folder, provider) as process:
                with suppress(subprocess.TimeoutExpired):
                    await anyio.to_thread.run_sync(process.wait, chance.uniform(1.5, 6))
                process.kill()
            (await gone_on(folder, provider)).check()
