from __future__ import annotations

from collections.abc import Callable

import pytest
from programs import PATIENCE, Program, ended
from steer_conformance.provider import Hold, Provider, Turn


def test_a_job_is_followed_from_another_process_to_the_same_text(
    steer: Program, play: Callable[..., Provider]
) -> None:
    turn = Turn("one two three four", Hold("early", after=1), Hold("late", after=3), chunk_size=4)
    provider = play(turn)
    with steer.started("run", "plain.py", "Count") as running:
        provider.reached_sync("early", timeout=PATIENCE)
        with (
            steer.started("events", "latest", "--follow", "--text") as text,
            steer.started("events", "latest", "--follow", "--json") as lines,
        ):
            assert lines.stdout is not None
            assert b"job.started" in lines.stdout.readline()
            provider.release("early")
            provider.reached_sync("late", timeout=PATIENCE)
            provider.release("late")
            followed, events = ended(text), ended(lines)
        shown = ended(running)

    assert shown.out == followed.out == "one two three four\n"
    assert (followed.code, events.code) == (0, 0)
    # The first line was read above.
    assert [event.seq for event in events.events] == list(range(2, 2 + len(events.events)))
    assert events.events[-1].type == "job.completed"


def test_events_are_numbered_lines(steer: Program) -> None:
    steer("run", "worker.py", "Note it")

    finished = steer("events", "latest")

    lines = [line.split(maxsplit=3) for line in finished.out.splitlines()]
    assert [line[0] for line in lines] == [str(number) for number in range(1, 19)]
    assert [line[2] for line in lines][:4] == [
        "job.started", "agent.started", "model.started", "model.token",
    ]  # fmt: skip
    assert 'text="First I note it."' in finished.out


def test_only_events_after_a_number_are_shown(steer: Program) -> None:
    steer("run", "greeter.py", "Hi")

    rest = steer("events", "latest", "--after", "3", "--json").events
    followed = steer("events", "latest", "--after", "3", "--json", "--follow").events

    assert rest[0].seq == 4
    assert followed == rest


@pytest.mark.parametrize("job", ["latest", "00000000-0000-7000-8000-000000000000", "no-such-job"])
def test_a_job_that_is_not_there_is_said_to_be_missing(steer: Program, job: str) -> None:
    finished = steer("events", job)

    assert (finished.code, finished.out) == (7, "")
    assert "there is no job" in finished.error
