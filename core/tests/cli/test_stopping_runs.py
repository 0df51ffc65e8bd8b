from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest
from programs import PATIENCE, Program, ended, interrupt
from steer_conformance.provider import Hold, Provider, ToolCall, Turn

# Held in the middle of a word, until the client goes away.
HELD = Turn("one two three four", Hold("midway", after=3), chunk_size=4)


@pytest.fixture
def steer(program: Program) -> Program:
    """A process of its own, which these tests are about."""
    return program


@pytest.mark.parametrize(
    ("number", "code", "reason"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")],
)
def test_a_signal_in_mid_stream_cancels_the_run_and_its_request(
    steer: Program,
    play: Callable[..., Provider],
    number: signal.Signals,
    code: int,
    reason: str,
) -> None:
    provider = play(HELD)
    with steer.started("run", "plain.py", "Count") as process:
        provider.reached_sync("midway", timeout=PATIENCE)
        interrupt(process, number)
        request = provider.wait_for_disconnect_sync(timeout=PATIENCE)
        finished = ended(process)

    assert (request.deltas, request.finished) == (3, False)
    assert (finished.code, finished.out) == (code, "one two thre\n")
    assert finished.err.splitlines()[-1].startswith(f"cancelled: {reason} \u00b7 ~")
    assert "Traceback" not in finished.err
    (job,) = steer("jobs", "show", "latest", "--json").rows
    assert (job["status"], job["cancel_by"]) == ("cancelled", None)
    assert job["result"]["error"]["message"] == reason


def test_a_second_signal_gives_up_what_hangs(steer: Program) -> None:
    # Reading the agent takes as long as the test wants; the pipe tells that it has begun.
    (steer.folder / "slow.py").write_text(
        "print('begun', flush=True)\nimport time\ntime.sleep(60)\n"
    )
    with steer.started("run", "slow.py", "Hi") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"begun\n"
        # Asked once it waits for the file to be read; asked twice it gives up.
        interrupt(process, signal.SIGINT)
        interrupt(process, signal.SIGTERM)
        assert process.wait(PATIENCE) == 143
        assert process.stderr.read() == b""


def test_a_run_is_cancelled_from_another_process(
    steer: Program, play: Callable[..., Provider]
) -> None:
    provider = play(HELD)
    with steer.started("run", "plain.py", "Count") as process:
        provider.reached_sync("midway", timeout=PATIENCE)
        cancelled = steer("jobs", "cancel", "latest", "--reason", "too slow", "--principal", "ann")
        finished = ended(process)

    assert (cancelled.code, cancelled.out) == (0, "")
    assert cancelled.err.startswith("cancelled \u00b7 job ")
    assert finished.code == 130
    assert finished.err.splitlines()[-1].startswith("cancelled: too slow \u00b7 ")
    (job,) = steer("jobs", "show", "latest", "--json").rows
    assert (job["cancel_reason"], job["cancel_by"]) == ("too slow", "ann")
    again = steer("jobs", "cancel", "latest")
    assert (again.code, again.out) == (7, "")
    assert re.fullmatch(
        r"steer: job (\S+) has ended already: cancelled\. See: steer jobs show \1", again.error
    )


def test_a_tool_that_cannot_be_stopped_does_not_hold_the_program(
    steer: Program, play: Callable[..., Provider]
) -> None:
    (steer.folder / "stuck.py").write_text(
        "import time\n"
        "from agents import Agent, function_tool\n"
        "@function_tool\n"
        "def wait() -> str:\n"
        "    'Wait.'\n"
        "    print('waiting', flush=True)\n"
        "    time.sleep(1000)\n"
        "agent = Agent(name='Stuck', model='gpt-5', tools=[wait])\n"
    )
    play(Turn(ToolCall("wait", {})))
    with steer.started("run", "stuck.py", "Wait") as process:
        assert process.stderr is not None
        while process.stderr.readline() != b"waiting\n":
            pass
        interrupt(process)
        finished = ended(process)

    assert finished.code == 130
    assert "still running: tool wait" in finished.err.splitlines()[-1]


def test_ending_a_look_at_a_job_leaves_the_job_alone(
    steer: Program, play: Callable[..., Provider]
) -> None:
    provider = play(HELD)
    with steer.started("run", "plain.py", "Count") as running:
        provider.reached_sync("midway", timeout=PATIENCE)
        with steer.started("events", "latest", "--follow") as looking:
            assert looking.stdout is not None
            assert b"job.started" in looking.stdout.readline()
            interrupt(looking)
            assert ended(looking).err == ""
            assert looking.returncode == 130
        provider.release("midway")
        finished = ended(running)

    assert (finished.code, finished.out) == (0, "one two three four\n")
