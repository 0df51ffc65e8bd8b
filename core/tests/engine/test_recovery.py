"""kill -9 at every moment, then start again."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from dying import DyingRuntime, run
from kernels import PATIENCE, Moment, all_events, open_kernel, request
from steer.errors import Conflict, Diverged
from steer.events import Event
from steer.fold import Fold
from steer.ports.gate import EffectRun
from steer.values import Effect, JobStatus, RunResult, Usage
from stepwise import Call, Stepwise, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio

DEEP = "answered:1"
"""A moment after a tool and two answers, and before the tool that must not run twice."""

SUPPORT = Path(__file__).parents[1] / "support"
PROGRAM = SUPPORT / "dying.py"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One start of the program: where it died, or what it printed."""

    died_at: str | None
    printed: str


def start(folder: Path, at: int | str, effect: Effect = Effect.ONCE) -> Attempt:
    done = subprocess.run(
        [sys.executable, PROGRAM, url(folder), str(folder), str(at), effect],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    found = re.search("died at (.*)", done.stderr)
    assert found or done.returncode == 0, done.stderr
    return Attempt(died_at=found[1] if found else None, printed=done.stdout)


async def go_on(folder: Path) -> None:
    """Start the program again, in this process."""
    with anyio.fail_after(PATIENCE):
        await run(url(folder), str(folder), "0")


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/runs.db"


def payments(folder: Path) -> list[str]:
    file = folder / "payments"
    return file.read_text().splitlines() if file.exists() else []


async def receipts(folder: Path) -> list[str]:
    """The files of the only job there is."""
    async with open_kernel(storage=url(folder)) as kernel:
        return [one.artifact_id for one in (await kernel.artifacts()).items]


def told_receipts(events: list[Event]) -> list[str]:
    return [event.data.artifact_id for event in events if event.type == "artifact.created"]


async def told(folder: Path) -> tuple[RunResult, list[Event]]:
    """The result of the only job there is, and its events."""
    async with open_kernel(storage=url(folder)) as kernel:
        jobs = (await kernel.jobs()).items
        assert len(jobs) == 1
        handle = await kernel.attach(jobs[0].job_id)
        return await handle.result(), await all_events(handle)


def check_history(result: RunResult, events: list[Event]) -> None:
    """What must hold of every job, however often its process died."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events].count("job.started") == 1
    assert sum(event.terminal for event in events) == 1
    assert events[-1].terminal
    fold = Fold(job_id=result.job_id, scope_id=result.scope_id, run_id=result.run_id)
    for event in events:
        fold.add(event)
    assert fold.result() == result
    starts = [event.data.call_id for event in events if event.type == "tool.start"]
    ends = [event.data.call_id for event in events if event.type == "tool.end"]
    assert len(starts) == len(set(starts))
    assert len(ends) == len(set(ends))


async def test_killed_at_every_moment_a_job_ends_once_and_pays_at_most_once(
    tmp_path: Path,
) -> None:
    seen: list[str] = []
    unknown: list[str] = []
    for at in range(1, 1000):
        folder = tmp_path / str(at)
        folder.mkdir()
        first = start(folder, at)
        if first.died_at is None:
            break
        seen.append(first.died_at)
        await go_on(folder)
        result, events = await told(folder)
        check_history(result, events)
        if result.status is JobStatus.SUCCEEDED:
            assert len(payments(folder)) == 1, first
            assert told_receipts(events) == await receipts(folder), first
            assert len(told_receipts(events)) == 1, first
            assert result.content == "Ok"
            assert result.usage == Usage(requests=3, input_tokens=30, output_tokens=15), first
            assert [event.type for event in events].count("policy.decided") == 2, first
        else:
            assert result.error is not None
            assert result.error.code == "outcome_unknown", (first, result.error)
            assert "tool.unknown" in [event.type for event in events]
            assert len(payments(folder)) <= 1, first
            unknown.append(first.died_at)
    # The walk was long enough to mean something, and unknown is only what nobody can know.
    assert len(seen) > 25
    assert sum("commit" in name for name in seen) >= 8
    assert "before the effect" in unknown
    assert "after the effect" in unknown
    # ... that is: the intent is durable and the outcome is not yet. Nobody waits for that commit,
    # so the next turn may have begun.
    vague = re.compile("the effect|after .*EffectIntended|Artifact|before .*EffectResolved|:2")
    assert [name for name in unknown if not vague.search(name)] == []


async def test_an_idempotent_tool_is_run_again_under_the_same_key(tmp_path: Path) -> None:
    start(tmp_path, "after the effect", Effect.IDEMPOTENT)
    start(tmp_path, 0, Effect.IDEMPOTENT)
    result, events = await told(tmp_path)
    check_history(result, events)
    assert result.status is JobStatus.SUCCEEDED
    assert len(payments(tmp_path)) == 2
    assert len(set(payments(tmp_path))) == 1
    assert told_receipts(events) == await receipts(tmp_path)
    assert len(told_receipts(events)) == 1


async def test_killed_again_and_again_a_job_still_ends_once(tmp_path: Path) -> None:
    chance = random.Random(3)
    for _ in range(30):
        if start(tmp_path, chance.randrange(1, 30)).died_at is None:
            break
    start(tmp_path, 0)
    result, events = await told(tmp_path)
    check_history(result, events)
    assert len(payments(tmp_path)) <= 1


@pytest.mark.long
async def test_killed_by_a_clock_from_outside_a_job_ends_once(tmp_path: Path) -> None:
    chance = random.Random(5)
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        command = [sys.executable, str(PROGRAM), url(folder), str(folder), "0"]
        process = await anyio.open_process(command, stderr=None)
        async with process:
            with anyio.move_on_after(chance.uniform(0.3, 0.9)):
                await process.wait()
            if process.returncode is None:
                process.kill()
        start(folder, 0)
        result, events = await told(folder)
        check_history(result, events)
        assert len(payments(folder)) <= 1
        assert result.status is JobStatus.SUCCEEDED or (
            result.error is not None and result.error.code == "outcome_unknown"
        )


async def test_a_job_of_a_dead_process_is_shown_as_such_and_can_be_resumed(
    tmp_path: Path,
) -> None:
    assert start(tmp_path, DEEP).died_at is not None
    async with open_kernel(storage=url(tmp_path)) as kernel:
        job = (await kernel.jobs()).items[0]
        assert job.status is JobStatus.RUNNING
        assert kernel.orphaned(job)


async def test_a_job_of_a_dead_process_can_be_cancelled_from_here(tmp_path: Path) -> None:
    assert start(tmp_path, DEEP).died_at is not None
    async with open_kernel(storage=url(tmp_path)) as kernel:
        job = (await kernel.jobs()).items[0]
        await kernel.cancel(job.job_id, reason="not worth it", by="ada")
    result, events = await told(tmp_path)
    check_history(result, events)
    assert result.status is JobStatus.CANCELLED


async def test_a_changed_agent_file_stops_a_resumption(tmp_path: Path) -> None:
    assert start(tmp_path, DEEP).died_at is not None
    agent = tmp_path / "agent.toml"
    agent.write_text(agent.read_text().replace('"x"', '"y"'))
    async with open_kernel(storage=url(tmp_path)) as kernel:
        job = (await kernel.jobs()).items[0]
        with pytest.raises(Diverged, match="has changed"):
            await kernel.resume(job.job_id)
        assert (await kernel.storage.jobs.get(job.scope_id, job.job_id)).status == job.status


INTERRUPTED = """
import asyncio, os, signal, sys
from kernels import open_kernel, request
from stepwise import Stepwise, Turn

async def die(_moment):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(url):
    async with open_kernel(storage=url) as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text="x"),), reach=die)))
        await handle.result()

asyncio.run(main(sys.argv[1]))
"""


async def test_a_job_of_a_live_object_ends_as_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    await anyio.run_process([sys.executable, "-c", INTERRUPTED, url(tmp_path)], check=False)
    async with open_kernel(storage=url(tmp_path)) as kernel:
        job = (await kernel.jobs()).items[0]
        result = await (await kernel.resume(job.job_id)).result()
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "interrupted"


async def test_a_job_that_another_process_runs_cannot_be_taken(tmp_path: Path) -> None:
    place = Moment("asked:0")
    async with (
        open_kernel(storage=url(tmp_path)) as runs,
        open_kernel(storage=url(tmp_path)) as other,
    ):
        handle = await runs.execute(request(Stepwise(turns=(Turn(text="x"),), reach=place)))
        await place.arrive()
        with pytest.raises(Conflict, match="is run by process"):
            await other.resume(handle.job_id)
        place.go.set()
        await handle.result()


async def test_a_kernel_that_closes_gives_its_jobs_back(tmp_path: Path) -> None:
    """Closed in the middle, resumed by another: the answered turn is not asked again."""
    start_over = tmp_path / "agent.toml"
    start_over.write_text('name = "x"\ninstructions = "x"\n')
    place = Moment("asked:1")
    asked: list[str] = []

    async def note(name: str) -> None:
        asked.append(name)
        await place(name)

    agent = Stepwise(turns=(Turn(text="One."), Turn(text="Two.")), reach=note)
    plugins = registry(DyingRuntime(agent))
    async with open_kernel(storage=url(tmp_path), registry=plugins) as kernel:
        handle = await kernel.execute(request(str(start_over), runtime="stepwise"))
        await place.arrive()
    place.go.set()
    async with open_kernel(storage=url(tmp_path), registry=plugins) as kernel:
        resumed = await kernel.resume(handle.job_id)
        result = await resumed.result()
        events = await all_events(resumed)

    check_history(result, events)
    assert (result.status, result.content) == (JobStatus.SUCCEEDED, "Two.")
    assert asked.count("asked:0") == 1
    assert asked.count("asked:1") == 2


async def test_a_tool_cut_short_by_a_closing_kernel_is_not_run_again(tmp_path: Path) -> None:
    agent_file = tmp_path / "agent.toml"
    agent_file.write_text('name = "x"\ninstructions = "x"\n')
    began: list[str] = []
    waiting = anyio.Event()

    async def pay(run: EffectRun) -> None:
        began.append(run.key)
        waiting.set()
        await anyio.sleep_forever()

    agent = Stepwise(
        turns=(Turn(calls=(Call(tool="pay"),)), Turn(text="Two.")),
        tools={"pay": ToolSpec(run=pay)},
    )
    plugins = registry(DyingRuntime(agent))
    async with open_kernel(storage=url(tmp_path), registry=plugins) as kernel:
        handle = await kernel.execute(request(str(agent_file), runtime="stepwise"))
        await waiting.wait()
    async with open_kernel(storage=url(tmp_path), registry=plugins) as kernel:
        result = await (await kernel.resume(handle.job_id)).result()
    assert len(began) == 1
    assert result.error is not None
    assert result.error.code == "outcome_unknown"
