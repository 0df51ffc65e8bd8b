from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from programs import Program, ended
from steer_conformance.provider import Provider, ToolCall, Turn

FAILING = """
    from pathlib import Path

    from steer.errors import ErrorCategory, ProviderError
    from stepwise import Call, Stepwise, ToolSpec, Turn

    async def note(run):
        return "noted"

    async def reach(name):
        if name == "asked:1" and not Path("mended").exists():
            raise ProviderError("overloaded", category=ErrorCategory.SERVER_ERROR, retry_after=0)

    agent = Stepwise(
        name="Failing",
        turns=(Turn(text="One.", calls=(Call(tool="note"),)), Turn(text="Two.")),
        tools={"note": ToolSpec(run=note)},
        reach=reach,
    )
"""


@pytest.fixture
def steer(program: Program) -> Program:
    """A process of its own, which these tests are about."""
    return program


def test_a_detached_run_prints_its_job_and_a_worker_runs_it(steer: Program) -> None:
    detached = steer("run", "worker.py", "Note it", "--detach", "--queue", "notes")
    job_id = detached.out.strip()

    (job,) = steer("jobs", "list", "--json", "--queue", "notes").rows
    assert (job["job_id"], job["status"], job["attempt"]) == (job_id, "queued", 0)
    assert f"steer events {job_id} --follow --text" in detached.err
    assert steer("worker", "--until-idle").out == "", "another queue"

    worked = steer("worker", "--until-idle", "--queue", "notes")

    started, finished = worked.out.splitlines()
    assert (worked.code, started) == (0, f"started Worker \u00b7 job {job_id}")
    assert finished.startswith("succeeded \u00b7 30 tokens")
    assert finished.endswith(f"job {job_id}")
    assert (steer.folder / "notes.txt").read_text() == "one\n"
    assert worked.err == "a tool prints this\n"
    assert steer("jobs", "show", "latest").out.endswith("\n\nIt is noted.\n")


def test_a_worker_parks_a_job_and_whoever_answers_reads_how_it_goes_on(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(ToolCall("refund", {"order": 7, "amount": 500})), Turn("Done."))
    job_id = steer("run", "shop.py", "Refund order 7", "--detach").out.strip()

    parked = steer("worker", "--until-idle").out.splitlines()[-1]
    approved = steer("actions", "approve", job_id)
    steer("worker", "--until-idle")

    (action,) = steer("actions", "list", "--all", "--json").rows
    until = action["expires_at"][:19].replace("T", " ")
    assert parked == f"parked: 1 question waits for a person; until {until} UTC \u00b7 job {job_id}"
    assert approved.err.endswith(
        f"its job is queued; to go on with it: steer worker, or steer jobs resume {job_id}\n"
    )
    assert (steer.folder / "refunds.txt").read_text() == "7 500 \n"


@pytest.mark.long
def test_whoever_answers_a_job_whose_worker_was_killed_reads_that_nobody_runs_it(
    steer: Program, play: Callable[..., Provider]
) -> None:
    play(Turn(ToolCall("refund", {"order": 7, "amount": 500})), Turn("Done."))
    inline = ("--approvals", "park", "--park-after", "3600")
    job_id = steer("run", "shop.py", "Refund order 7", "--detach", *inline).out.strip()
    with steer.started("worker") as worker, steer.started("actions", "list", "-w") as watching:
        assert watching.stdout is not None
        assert b"refund(" in watching.stdout.readline()
        worker.kill()
        worker.wait()
        watching.kill()

    approved = steer("actions", "approve", job_id)
    worked = steer("worker", "--until-idle")

    assert approved.err.endswith(
        f"nobody runs its job; to go on with it: steer worker, or steer jobs resume {job_id}\n"
    )
    assert worked.out.startswith(f"started Shop, attempt 2 \u00b7 job {job_id}\nsucceeded ")
    assert (steer.folder / "refunds.txt").read_text() == "7 500 \n"


def test_a_worker_tells_programs_in_json(steer: Program) -> None:
    (queued,) = steer("run", "greeter.py", "Hi", "--detach", "--json").rows

    rows = steer("worker", "--until-idle", "--json").rows

    assert (queued["status"], queued["queue"]) == ("queued", "default")
    assert [(row["step"], row["status"]) for row in rows] == [
        ("started", None),
        ("ended", "succeeded"),
    ]
    assert {row["job_id"] for row in rows} == {queued["job_id"]}


def test_a_worker_that_is_told_to_stop_ends_with_0(steer: Program) -> None:
    steer("run", "greeter.py", "Hi", "--detach")
    with steer.started("worker") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        process.send_signal(signal.SIGTERM)
        finished = ended(process)
    assert [line.split()[0] for line in lines] == [b"started", b"succeeded"]
    assert (finished.code, finished.out) == (0, "")


def test_what_no_worker_would_see_is_refused(steer: Program) -> None:
    for command in (("worker",), ("run", "greeter.py", "Hi", "--detach")):
        finished = steer(*command, "--storage", "memory://")
        assert finished.code == 2
        assert finished.error.startswith("steer: memory:// is seen by one process only")


def test_a_job_is_tried_again_and_started_over(steer: Program) -> None:
    (steer.folder / "failing.py").write_text(FAILING.replace("\n    ", "\n"))
    failed = steer("run", "failing.py", "Hi", "--retries", "0", "--job-retries", "1")

    assert failed.code == 6
    assert "the job is tried again in 0 ms: overloaded" in failed.err
    assert steer("jobs", "show", "latest", "--json").rows[0]["retries"] == 1

    refused = steer("jobs", "retry", "latest")
    assert refused.code == 7
    assert "ran note, and started over it may do so again" in refused.error
    (steer.folder / "mended").touch()
    again = steer("jobs", "retry", "latest", "--yes", "--quiet")

    assert (again.code, again.out) == (0, "Two.\n")
    new, old = steer("jobs", "list", "--agent", "Failing", "--since", "1h", "--json").rows
    assert new["metadata"] == {"retry_of": old["job_id"]}
    done = steer("jobs", "retry", "latest")
    assert done.code == 7
    assert done.error == (
        f"steer: job {new['job_id']} is succeeded, and only a job that ended without success is"
        " started over"
    )


def test_a_time_that_is_none_is_refused(steer: Program) -> None:
    finished = steer("jobs", "list", "--since", "yesterday")
    assert finished.code == 2
    assert finished.error == (
        "steer: --since: 'yesterday' is no time. Say how long ago (90s, 5min, 2h, 3d), or a date"
        " and time: 2026-01-31T08:00"
    )
