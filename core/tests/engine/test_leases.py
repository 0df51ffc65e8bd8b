from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from dying import DyingRuntime
from held import HeldStorage
from kernels import Moment, TurnedClock, all_events, noting, open_kernel, request
from stalled import Stalled, without_heartbeat
from steer import ExecutionHandle
from steer._engine.leases import LEASE_SECONDS, gone, this_process
from steer.errors import StorageError
from steer.events import Event
from steer.memory import open_memory
from steer.plugins import PluginRegistry
from steer.ports.changes import Change, EffectIntended
from steer.ports.gate import EffectRun
from steer.ports.storage import Committed
from steer.values import Effect, JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio


def agent_file(folder: Path) -> str:
    file = folder / "agent.toml"
    file.write_text('name = "x"\ninstructions = "x"\n')
    return str(file)


async def test_a_lease_is_extended_while_the_job_runs(tmp_path: Path) -> None:
    clock, place = TurnedClock(), Moment("asked:0")
    async with open_kernel(storage=f"sqlite:///{tmp_path}/runs.db", clock=clock) as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text="x"),), reach=place)))
        await place.arrive()
        for _ in range(10):
            await clock.somebody_sleeps()
            before = await _lease_end(handle)
            clock.turn(LEASE_SECONDS / 3)
            with anyio.fail_after(20):
                while await _lease_end(handle) == before:
                    await anyio.lowlevel.checkpoint()
        place.go.set()
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def _lease_end(handle: ExecutionHandle) -> datetime | None:
    return (await handle.job()).lease_expires_at


async def test_a_stalled_owner_loses_its_job_and_begins_no_effect(tmp_path: Path) -> None:
    """Its lease ran out, another kernel finished the job, then it wakes up."""
    clock = TurnedClock()
    notes: list[object] = []
    seen: list[Event] = []
    stall = Moment("answered:0")
    url = f"sqlite:///{tmp_path}/runs.db"

    def plugins(reach: Any) -> Any:
        turns = (Turn(text="One.", calls=(Call(tool="note"),)), Turn(text="Two."))
        tools = {"note": ToolSpec(run=noting(notes))}
        return registry(DyingRuntime(Stepwise(turns=turns, tools=tools, reach=reach)))

    async with (
        without_heartbeat(storage=url, clock=clock, registry=plugins(stall)) as stalled,
        open_kernel(storage=url, clock=clock, registry=plugins(None)) as other,
    ):
        asked = request(agent_file(tmp_path), runtime="stepwise")
        handle = await stalled.execute(asked)
        await stall.arrive()
        async with anyio.create_task_group() as group:
            group.start_soon(_read, handle, seen)
            clock.turn(LEASE_SECONDS + 1)
            taken = await (await other.resume(handle.job_id)).result()
            assert taken.status is JobStatus.SUCCEEDED
            stall.go.set()
            assert replace(await handle.result(), run_id="") == replace(taken, run_id="")
        events = await all_events(await other.attach(handle.job_id))
        assert seen[-1] == events[-1]

    assert len(notes) == 1
    assert sum(event.terminal for event in events) == 1


async def _read(handle: ExecutionHandle, seen: list[Event]) -> None:
    seen.extend(await all_events(handle))


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_process_that_was_stalled_goes_on_with_a_job_that_nobody_took(
    tmp_path: Path, kind: str
) -> None:
    """The process stood still as it recorded that the tool is about to run."""
    clock, notes = TurnedClock(), list[object]()
    url = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/runs.db"
    stalled = Stalled(PluginRegistry.discover().open_storage(url, clock))
    storage = HeldStorage(stalled, intends)
    turns = (Turn(calls=(Call(tool="note"),)), Turn(text="Done."))
    agent = Stepwise(turns=turns, tools={"note": ToolSpec(run=noting(notes))})
    async with open_kernel(storage=storage, clock=clock) as kernel:
        handle = await kernel.execute(request(agent))
        await storage.arrive()
        clock.turn(LEASE_SECONDS + 1)
        await anyio.wait_all_tasks_blocked()
        stalled.jobs.awake = True
        storage.go.set()
        assert (await handle.result()).status is JobStatus.SUCCEEDED
    await storage.aclose()
    assert (len(notes), stalled.jobs.renewed) == (1, 1)


async def test_a_process_that_was_stalled_begins_nothing_once_another_one_took_the_job(
    tmp_path: Path,
) -> None:
    """It wakes up after its commit: its intent counts, and it may not run what that is of."""
    clock, notes = TurnedClock(), list[object]()
    url = f"sqlite:///{tmp_path}/runs.db"
    asleep = Stalled(PluginRegistry.discover().open_storage(url, clock))
    storage = HeldStorage(asleep, intends, after=True)
    turns = (Turn(calls=(Call(tool="note"),)), Turn(text="Done."))
    agent = Stepwise(turns=turns, tools={"note": ToolSpec(run=noting(notes))})
    plugins = registry(DyingRuntime(agent))
    async with (
        open_kernel(storage=storage, clock=clock, registry=plugins) as stalled,
        open_kernel(storage=url, clock=clock, registry=plugins) as other,
    ):
        handle = await stalled.execute(request(agent_file(tmp_path), runtime="stepwise"))
        await storage.arrive()
        clock.turn(LEASE_SECONDS + 1)
        taken = await (await other.resume(handle.job_id)).result()
        asleep.jobs.awake = True
        storage.go.set()
        assert (await handle.result()).error == taken.error
    await storage.aclose()
    assert taken.error is not None
    assert (taken.error.code, notes) == ("outcome_unknown", [])


def intends(changes: Sequence[Change]) -> bool:
    return any(isinstance(change, EffectIntended) for change in changes)


class Failing:
    """A storage whose disk is full from the n-th commit on."""

    def __init__(self, inner: Any, after: int) -> None:
        self._inner = inner
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change], /
    ) -> Committed:
        if self._left == 0:
            raise StorageError("the disk is full")
        self._left -= 1
        committed: Committed = await self._inner.commit(scope_id, job_id, fence, changes)
        return committed


async def test_a_job_that_cannot_be_written_is_not_called_done() -> None:
    notes: list[object] = []
    agent = Stepwise(
        turns=(Turn(calls=(Call(tool="note"),)), Turn(text="Done.")),
        tools={"note": ToolSpec(run=noting(notes))},
    )
    storage = Failing(open_memory(), after=1)
    async with open_kernel(storage=storage) as kernel:
        handle = await kernel.execute(request(agent))
        with pytest.raises(StorageError, match="the disk is full"):
            await handle.result()
    assert notes == []


async def test_admission_that_cannot_be_written_starts_nothing() -> None:
    storage = Failing(open_memory(), after=0)
    async with open_kernel(storage=storage) as kernel:
        with pytest.raises(StorageError, match="the disk is full"):
            await kernel.execute(request())


async def test_the_gate_answers_from_another_event_loop_in_another_thread() -> None:
    """An author's sync tool may run a second agent in a loop of its own."""
    notes: list[object] = []

    async def nested(run: EffectRun) -> str:
        return await anyio.to_thread.run_sync(lambda: anyio.run(note, run))

    async def note(run: EffectRun) -> str:
        notes.append(run.key)
        return "noted"

    class Threaded(DyingRuntime):
        async def run(self, prepared: Any, run: Any, /) -> Any:
            inside = super().run
            return await anyio.to_thread.run_sync(lambda: anyio.run(inside, prepared, run))

    agent = Stepwise(
        turns=(
            Turn(text="a", calls=(Call(tool="note"), Call(tool="nested"))),
            Turn(text="b"),
        ),
        tools={
            "note": ToolSpec(run=note),
            "nested": ToolSpec(run=nested, effect=Effect.IDEMPOTENT),
        },
    )
    async with open_kernel(registry=registry(Threaded(agent))) as kernel:
        handle = await kernel.execute(request(agent))
        events = await all_events(handle)
        result = await handle.result()

    assert (result.status, result.content, result.tools_invoked) == (JobStatus.SUCCEEDED, "b", 2)
    assert len(notes) == 2
    assert [event.seq for event in events if event.seq] == list(
        range(1, 1 + sum(event.seq is not None for event in events))
    )


async def test_a_late_result_is_refused_and_the_refusal_reported(tmp_path: Path) -> None:
    """The effect outlasts its lease: the new owner says unknown, the late outcome is dropped."""
    clock = TurnedClock()
    began, go_on = anyio.Event(), anyio.Event()
    url = f"sqlite:///{tmp_path}/runs.db"

    async def slow(_run: EffectRun) -> str:
        began.set()
        with anyio.CancelScope(shield=True):
            await go_on.wait()
        return "late"

    turns = (Turn(calls=(Call(tool="slow"),)), Turn(text="Done."))
    agent = Stepwise(turns=turns, tools={"slow": ToolSpec(run=slow)})
    plugins = registry(DyingRuntime(agent))
    async with (
        without_heartbeat(storage=url, clock=clock, registry=plugins) as stalled,
        open_kernel(storage=url, clock=clock, registry=plugins) as other,
    ):
        handle = await stalled.execute(request(agent_file(tmp_path), runtime="stepwise"))
        await began.wait()
        clock.turn(LEASE_SECONDS + 1)
        taken = await (await other.resume(handle.job_id)).result()
        go_on.set()
        seen = await handle.result()
        events = await all_events(await other.attach(handle.job_id))
    assert taken.error is not None
    assert taken.error.code == "outcome_unknown"
    assert seen.error == taken.error
    assert "late" not in repr(events)


def test_a_process_that_has_ended_is_gone_and_a_running_one_is_not() -> None:
    here = this_process()
    assert not gone(here, seen_from=here)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        start = Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
        owner = replace(here, pid=child.pid, started=int(start))
        assert not gone(owner, seen_from=here)
        assert gone(replace(owner, started=owner.started + 1), seen_from=here)
    assert gone(owner, seen_from=here)


def test_a_process_before_the_last_boot_is_gone_and_one_elsewhere_cannot_be_judged() -> None:
    here = this_process()
    assert gone(replace(here, boot_id="another"), seen_from=here)
    assert not gone(replace(here, host="elsewhere", pid=1), seen_from=here)
    assert here.pid == os.getpid()
