"""Workers as processes: killed at every commit, stopped, and beside foreground runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import pytest
from asking import APPROVE, asked
from dying import Death, agent_of
from kernels import PATIENCE, all_events, open_kernel, request
from queueing import agent_file, plugins
from steer._engine.leases import LEASE_SECONDS
from steer.clock import SystemClock
from steer.events import Event
from steer.fold import Fold
from steer.values import Effect, JobStatus, RunResult

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).parents[1] / "support" / "worker_process.py"
WORKERS = 4
FOREGROUND = 200


class LaterClock(SystemClock):
    """A clock that is ahead, so that the leases of other processes have run out."""

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=LEASE_SECONDS + 1)


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/jobs.db"


@contextmanager
def process(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """One start of the program, killed if it is left running."""
    with subprocess.Popen(
        [sys.executable, PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()


def worker(folder: Path, how: str, at: object = 0) -> tuple[str, str | None]:
    """Let a worker work; return what it printed, and where it died."""
    with process("worker", url(folder), folder, how, at) as started:
        out, err = started.communicate(timeout=PATIENCE)
    died = re.search("died at (.*)", err)
    assert died or started.returncode == 0, err
    return out, died[1] if died else None


async def submit(folder: Path) -> str:
    async with open_kernel(storage=url(folder), registry=plugins()) as kernel:
        handle = await kernel.submit(request(agent_file(folder), runtime="stepwise"))
        return handle.job_id


async def told(folder: Path, job_id: str) -> tuple[RunResult, list[Event]]:
    async with open_kernel(storage=url(folder), registry=plugins()) as kernel:
        handle = await kernel.attach(job_id)
        return await handle.result(), await all_events(handle)


def payments(folder: Path) -> int:
    file = folder / "payments"
    return len(file.read_text().splitlines()) if file.exists() else 0


async def test_killed_at_every_commit_a_job_goes_on_in_another_worker(tmp_path: Path) -> None:
    died_at: list[str] = []
    for at in range(1, 1000):
        folder = tmp_path / str(at)
        folder.mkdir()
        job_id = await submit(folder)
        _, died = worker(folder, "die", at)
        if died is None:
            break
        died_at.append(died)
        # Its process is gone, so nobody waits for its lease.
        registry = plugins(agent_of(folder, Death("0"), Effect.ONCE))
        async with open_kernel(storage=url(folder), registry=registry) as kernel:
            await kernel.work(until_idle=True, drain=PATIENCE)
        result, events = await told(folder, job_id)
        assert sum(event.terminal for event in events) == 1
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        fold = Fold(job_id=result.job_id, scope_id=result.scope_id, run_id=result.run_id)
        for event in events:
            fold.add(event)
        assert fold.result() == result
        if result.status is JobStatus.SUCCEEDED:
            assert payments(folder) == 1, died
        else:
            assert result.error is not None
            assert (result.error.code, payments(folder) <= 1) == ("outcome_unknown", True), died
            # Known neither to have happened nor not: between its intent and its outcome alone.
            assert re.search("EffectIntended|Artifact|EffectResolved", died), died
    assert len(died_at) >= 8
    assert any("JobClaimed" in moment for moment in died_at)
    assert any("RecordsDropped" in moment for moment in died_at)


@pytest.mark.parametrize("moment", ["EffectIntended", "before the effect"])
async def test_a_worker_stopped_past_its_lease_has_no_effect_beside_the_next_one(
    tmp_path: Path, moment: str
) -> None:
    job_id = await submit(tmp_path)
    with process("worker", url(tmp_path), tmp_path, "stop", moment) as stopped:
        with anyio.fail_after(PATIENCE):
            pid, status = await anyio.to_thread.run_sync(os.waitpid, stopped.pid, os.WUNTRACED)
        assert (pid, os.WIFSTOPPED(status)) == (stopped.pid, True)
        registry = plugins(agent_of(tmp_path, Death("0"), Effect.ONCE))
        async with open_kernel(
            storage=url(tmp_path), registry=registry, clock=LaterClock()
        ) as kernel:
            await kernel.work(until_idle=True, drain=PATIENCE)
            result = await (await kernel.attach(job_id)).result()
        os.kill(stopped.pid, signal.SIGCONT)
        out, err = await anyio.to_thread.run_sync(lambda: stopped.communicate(timeout=PATIENCE))
    assert "lost" in out.split(), err
    assert payments(tmp_path) == 1
    if moment == "EffectIntended":
        assert result.status is JobStatus.SUCCEEDED
    else:
        # The next worker could not know, and did not pay again.
        assert result.error is not None
        assert result.error.code == "outcome_unknown"
    assert (await told(tmp_path, job_id))[0] == result


@pytest.mark.parametrize("moment", ["while it waits", "before commit.*EffectIntended"])
async def test_a_worker_stopped_around_an_approval_makes_no_use_of_it_beside_the_next_one(
    tmp_path: Path, moment: str
) -> None:
    job_id = await submit(tmp_path)
    registry = plugins(agent_of(tmp_path, Death("0"), Effect.ONCE, asks=True))
    with process("worker", url(tmp_path), tmp_path, "stop-asks", moment) as stopped:
        async with open_kernel(storage=url(tmp_path), registry=registry) as kernel:
            (action,) = await asked(kernel, await kernel.attach(job_id))
            if moment == "while it waits":
                stopped.send_signal(signal.SIGSTOP)
            else:
                # It is told, and stops before it can say that it is about to pay.
                await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
        with anyio.fail_after(PATIENCE):
            pid, status = await anyio.to_thread.run_sync(os.waitpid, stopped.pid, os.WUNTRACED)
        assert (pid, os.WIFSTOPPED(status)) == (stopped.pid, True)
        async with open_kernel(
            storage=url(tmp_path), registry=registry, clock=LaterClock()
        ) as kernel:
            if moment == "while it waits":
                await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
            await kernel.work(until_idle=True, drain=PATIENCE)
            result = await (await kernel.attach(job_id)).result()
        os.kill(stopped.pid, signal.SIGCONT)
        out, err = await anyio.to_thread.run_sync(lambda: stopped.communicate(timeout=PATIENCE))
    assert "lost" in out.split(), err
    assert payments(tmp_path) == 1
    assert result.status is JobStatus.SUCCEEDED
    again, events = await told(tmp_path, job_id)
    assert again == result
    kinds = [event.type for event in events]
    assert (kinds.count("action.required"), kinds.count("action.resolved")) == (1, 1)


@pytest.mark.long
async def test_workers_leave_foreground_runs_to_their_own_processes(tmp_path: Path) -> None:
    agent_file(tmp_path)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(process("worker", url(tmp_path), tmp_path, "stay"))
            for _ in range(WORKERS)
        ]
        for each in workers:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        running = [
            stack.enter_context(process("runs", url(tmp_path), tmp_path, FOREGROUND // 2))
            for _ in range(2)
        ]
        for each in running:
            out, err = each.communicate(timeout=3 * PATIENCE)
            assert out.split() == ["succeeded"] * (FOREGROUND // 2), err
        for each in workers:
            each.send_signal(signal.SIGTERM)
        printed = [each.communicate(timeout=PATIENCE)[0] for each in workers]
    assert printed == [""] * WORKERS
    pids = Counter(map(int, (tmp_path / "pids").read_text().split()))
    assert pids == {each.pid: FOREGROUND // 2 for each in running}


async def test_workers_share_what_is_queued_and_stop_when_told(tmp_path: Path) -> None:
    agent = agent_file(tmp_path)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(process("worker", url(tmp_path), tmp_path, "stay"))
            for _ in range(WORKERS)
        ]
        async with open_kernel(storage=url(tmp_path), registry=plugins()) as kernel:
            handles = [await kernel.submit(request(agent, runtime="stepwise")) for _ in range(40)]
            for handle in handles:
                assert (await handle.result()).status is JobStatus.SUCCEEDED
            assert {(await handle.job()).attempt for handle in handles} == {1}
        for each in workers:
            each.send_signal(signal.SIGTERM)
        for each in workers:
            each.communicate(timeout=PATIENCE)
            assert each.returncode == 0
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 40
    assert set(map(int, pids)) <= {each.pid for each in workers}
