from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable

import pytest
from programs import PATIENCE, Program, interrupt
from steer_conformance.provider import Hold, Provider, ToolCall, Turn


def test_jobs_are_listed_newest_first_with_what_they_came_to(steer: Program) -> None:
    steer("run", "greeter.py", "Hi")
    steer("run", "worker.py", "Note it", "--max-turns", "1")

    head, newest, oldest = steer("jobs", "list").out.splitlines()

    assert head.split() == [
        "JOB", "STATUS", "AGENT", "RUNTIME", "MODEL", "STARTED", "TOOK", "TOKENS",
    ]  # fmt: skip
    assert newest.split()[1:5] == ["failed", "Worker", "stepwise", "toy-1"]
    assert oldest.split()[1:5] == ["succeeded", "Greeter", "stepwise", "toy-1"]


def test_a_list_can_be_filtered_and_paged(steer: Program) -> None:
    for _ in range(3):
        steer("run", "greeter.py", "Hi")
    steer("run", "worker.py", "Note it", "--max-turns", "1")

    assert len(steer("jobs", "list", "--status", "succeeded", "--json").rows) == 3
    first = steer("jobs", "list", "--limit", "3", "--json")
    cursor = first.err.split()[4].rstrip(",")
    rest = steer("jobs", "list", "--limit", "3", "--cursor", cursor, "--json")
    every = steer("jobs", "list", "--all", "--json")
    assert [len(each.rows) for each in (first, rest, every)] == [3, 1, 4]
    assert every.rows == [*first.rows, *rest.rows]
    assert (rest.err, every.err) == ("", "")


def test_a_job_is_shown_by_any_end_of_its_id_or_as_the_latest(steer: Program) -> None:
    steer("run", "greeter.py", "Hi")
    (job,) = steer("jobs", "list", "--json").rows
    job_id = job["job_id"]

    names = [job_id, job_id[-12:], job_id[-6:].upper(), job_id[:18], "latest"]
    shown = [steer("jobs", "show", name, "--json").rows[0]["job_id"] for name in names]

    assert shown == [job_id] * len(names)


@pytest.mark.long
def test_a_part_of_an_id_that_fits_two_jobs_is_refused(steer: Program) -> None:
    ids = []
    for _ in range(2):
        steer("run", "greeter.py", "Hi")
        ids.append(steer("jobs", "show", "latest", "--json").rows[0]["job_id"])

    # Ids begin with the time, whose first digits change once in weeks.
    finished = steer("jobs", "show", ids[0][:6])

    assert finished.code == 2
    assert finished.error.startswith(f"steer: '{ids[0][:6]}' fits 2 jobs: ")
    assert all(each in finished.error for each in ids)


def test_a_job_is_shown_with_what_it_came_to(steer: Program) -> None:
    steer("run", "worker.py", "Note it", "--idempotency-key", "note-1")

    shown = dict(
        line.split(maxsplit=1)
        for line in steer("jobs", "show", "latest").out.split("\n\n")[0].splitlines()
        if "  " in line
    )

    assert shown["status"] == "succeeded"
    assert shown["agent"] == "Worker"
    assert shown["from"].endswith("worker.py:agent")
    assert shown["tokens"] == "30 (20 in, 10 out)"
    assert shown["cost"] == "not known"
    assert shown["idempotency"] == "key  note-1"
    assert steer("jobs", "show", "latest").out.endswith("\n\nIt is noted.\n")


def test_jobs_of_another_scope_are_not_there(steer: Program) -> None:
    steer("run", "greeter.py", "Hi", "--scope", "acme")
    (job,) = steer("jobs", "list", "--scope", "acme", "--json").rows

    other = steer("jobs", "list")
    shown = steer("jobs", "show", job["job_id"])

    assert (other.code, other.out, other.err) == (0, "", "no jobs\n")
    assert shown.code == 7


def kill_in_mid_stream(steer: Program, provider: Provider, *arguments: str) -> None:
    with steer.started("run", "adder.py", "What is 2 + 3?", *arguments) as process:
        provider.reached_sync("midway", timeout=PATIENCE)
        interrupt(process, signal.SIGKILL)
        process.wait(PATIENCE)


@pytest.fixture
def adder(steer: Program) -> None:
    (steer.folder / "adder.py").write_text(
        "from pathlib import Path\n"
        "from agents import Agent, function_tool\n"
        "@function_tool\n"
        "def add(a: int, b: int) -> int:\n"
        "    'Add two numbers.'\n"
        "    with Path('calls.txt').open('a') as file:\n"
        "        file.write('called\\n')\n"
        "    return a + b\n"
        "agent = Agent(name='Adder', model='gpt-5', tools=[add])\n"
    )


ASKS = Turn("I add. ", ToolCall("add", {"a": 2, "b": 3}))
HELD = Turn("It is five.", Hold("midway", after=1), chunk_size=4)


@pytest.mark.usefixtures("adder")
def test_a_job_whose_process_was_killed_is_shown_as_such_and_goes_on_where_it_was(
    steer: Program, play: Callable[..., Provider]
) -> None:
    provider = play(ASKS, HELD, Turn("It is five."))
    kill_in_mid_stream(steer, provider)

    listed = steer("jobs", "list").out.splitlines()[1]
    shown = steer("jobs", "show", "latest")
    resumed = steer("jobs", "resume", "latest")

    assert "running, nobody runs it" in listed
    assert "running, nobody runs it" in shown.out
    assert shown.err.startswith("nobody runs this job; steer jobs resume ")
    assert resumed.code == 0
    assert resumed.out.splitlines()[-1] == "It is five."
    # Ten and five for each of the two messages that came to their end, and the most that the one
    # in between can have taken, where the journal had learned of it.
    assert re.match(r"succeeded \u00b7 (30|~[\d,]+) tokens \u00b7 ", resumed.err.splitlines()[-1])
    assert (steer.folder / "calls.txt").read_text() == "called\n"
    provider.assert_used_up()


@pytest.mark.usefixtures("adder")
@pytest.mark.long
def test_a_job_does_not_go_on_under_other_rules(
    steer: Program, play: Callable[..., Provider]
) -> None:
    rules = steer.folder / "rules.toml"
    rules.write_text('name = "mine"\n[[tools]]\nallow = "add"\n')
    kill_in_mid_stream(steer, play(ASKS, HELD, Turn("It is five.")), "--policy", "rules.toml")

    without = steer("jobs", "resume", "latest")
    rules.write_text('name = "mine"\n[[tools]]\nallow = "*"\n')
    changed = steer("jobs", "resume", "latest", "--policy", "rules.toml")
    rules.write_text('name = "mine"\n[[tools]]\nallow = "add"\n')
    same = steer("jobs", "resume", "latest", "--policy", "rules.toml", "--quiet")

    assert (without.code, changed.code) == (2, 2)
    assert "began under the rules mine@sha256-" in without.error
    assert "not under author-declared@" in without.error
    assert "not under mine@sha256-" in changed.error
    assert (same.code, same.out) == (0, "It is five.\n")


@pytest.mark.usefixtures("adder")
def test_a_job_that_nobody_runs_can_be_cancelled(
    steer: Program, play: Callable[..., Provider]
) -> None:
    (steer.folder / "prices.toml").write_text(
        "[[price]]\nmodel = 'gpt-5'\ninput = 1000\noutput = 1000\n"
    )
    (steer.folder / "steer.toml").write_text("prices = 'prices.toml'\n")
    assert steer("budgets", "set", "cap", "--limit", "1000usd", "--per", "total").code == 0
    kill_in_mid_stream(steer, play(ASKS, HELD))

    cancelled = steer("jobs", "cancel", "latest")

    assert cancelled.code == 0
    assert cancelled.err.startswith("cancelled \u00b7 job ")
    lines = steer("usage", "--lines", "--kind", "model", "--json").rows
    assert [line["details"]["outcome"] for line in lines] == ["completed", "abandoned"]
    assert all(float(line["cost"]) > 0 for line in lines)
    assert steer("jobs", "resume", "latest").code == 130


def test_a_job_that_was_cancelled_is_printed_for_programs_as_it_is_listed(steer: Program) -> None:
    steer("run", "greeter.py", "Hi", "--detach")

    cancelled = steer("jobs", "cancel", "latest", "--json")
    again = steer("jobs", "cancel", "latest", "--json")

    assert (cancelled.code, cancelled.err) == (0, "")
    assert cancelled.rows == steer("jobs", "list", "--json").rows
    assert cancelled.rows[0]["status"] == "cancelled"
    assert (again.code, again.out) == (7, "")
    assert json.loads(again.err)["exit_code"] == 7


def test_a_job_that_nobody_runs_is_shown_with_what_it_waits_for(
    steer: Program, play: Callable[..., Provider]
) -> None:
    refunds = [ToolCall("refund", {"order": order, "amount": 5}) for order in (7, 8)]
    play(Turn(refunds[0]), Turn("Done."), Turn(*refunds), Turn("Done."))
    job_id = steer("run", "shop.py", "Refund order 7", "--detach").out.strip()
    queued = steer("jobs", "show", job_id)
    steer("worker", "--until-idle")
    parked = steer("jobs", "show", job_id)
    (action,) = steer("actions", "list", "--json").rows

    assert queued.err == "this job waits in default for a worker: steer worker --queue default\n"
    assert parked.err == (
        f"this job waits for a person; to answer: steer actions approve {action['action_id']}\n"
    )
    steer("actions", "deny", action["action_id"])
    steer("worker", "--until-idle")
    assert steer("jobs", "show", job_id).err == ""

    job_id = steer("run", "shop.py", "Refund both", "--detach").out.strip()
    steer("worker", "--until-idle")
    assert steer("jobs", "show", job_id).err == (
        f"this job waits for a person; to see what is asked: steer actions list --job {job_id}\n"
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("jobs list --all --limit 3", "Leave out --all"),
        ("jobs list --all --cursor x", "Leave out --all"),
        ("actions list --all --status pending", "--all and --status exclude each other"),
        ("actions list --watch --limit 3", "Leave out --watch"),
        ("actions list --watch --cursor x", "Leave out --watch"),
    ],
)
def test_an_option_of_a_list_that_would_have_no_effect_is_refused(
    steer: Program, command: str, said: str
) -> None:
    refused = steer(*command.split())
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.error


def test_a_running_job_is_not_taken_from_its_process(
    steer: Program, play: Callable[..., Provider]
) -> None:
    provider = play(HELD)
    with steer.started("run", "plain.py", "Hi") as process:
        provider.reached_sync("midway", timeout=PATIENCE)
        finished = steer("jobs", "resume", "latest")

    assert finished.code == 7
    assert f"is run by process {process.pid} on " in finished.error


def test_the_request_of_a_job_is_shown_and_not_listed(steer: Program) -> None:
    steer("run", "greeter.py", "Say hello")

    (listed,) = steer("jobs", "list", "--json").rows
    (shown,) = steer("jobs", "show", "latest", "--json").rows

    assert "request" not in listed
    assert shown.pop("request")["input"][0]["content"][0]["text"] == "Say hello"
    assert (shown.pop("children"), listed.pop("children")) == ([], None)
    assert shown == listed


def test_the_prompt_of_a_job_is_shown_in_one_short_line_without_secrets(steer: Program) -> None:
    (steer.folder / "steer.toml").write_text('[redaction]\npatterns = "aws-key"\n')
    steer("run", "greeter.py", f"Use\nAKIAIOSFODNN7EXAMPLE {'and so on ' * 50}")

    finished = steer("jobs", "show", "latest")
    (prompt,) = [line for line in finished.out.splitlines() if line.startswith("prompt")]
    (shown,) = steer("jobs", "show", "latest", "--json").rows

    assert prompt.split(maxsplit=1)[1].startswith("Use [redacted:aws-key] and so on and so on")
    assert prompt.endswith("\u2026")
    assert len(prompt) < 250
    assert "AKIA" not in finished.out + str(shown["request"])
