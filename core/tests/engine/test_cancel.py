from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from kernels import Moment, all_events, open_kernel, request, types
from steer.errors import InvalidTransition
from steer.events import Progress
from steer.ports.gate import EffectRun
from steer.ports.runtime import Finished, Run
from steer.values import JobStatus
from stepwise import Call, Stepwise, StepwiseRuntime, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("moment", ["asked:0", "token:0:3", "said:0", "answered:0"])
async def test_a_run_can_be_cancelled_at_any_moment(moment: str) -> None:
    place = Moment(moment)
    agent = Stepwise(turns=(Turn(text="Hello there."), Turn(text="More.")), reach=place)
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        await place.arrive()
        await handle.cancel(reason="enough", by="ada")
        result = await handle.result()
        events = await all_events(handle)

    assert result.status is JobStatus.CANCELLED
    assert result.error is not None
    assert (result.error.code, result.error.message) == ("cancelled", "enough")
    assert types(events)[-2:] == ["final.error", "job.cancelled"]
    assert (events[-1].data.reason, events[-1].data.by) == ("enough", "ada")


async def test_cancelling_reaches_a_tool_that_waits() -> None:
    began = anyio.Event()
    ended: list[str] = []

    async def wait(_run: EffectRun) -> None:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cancelled")

    agent = Stepwise(
        turns=(Turn(calls=(Call(tool="wait"),)), Turn(text="Never.")),
        tools={"wait": ToolSpec(run=wait)},
    )
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        await began.wait()
        await handle.cancel()
        result = await handle.result()
        events = await all_events(handle)

    assert ended == ["cancelled"]
    assert result.status is JobStatus.CANCELLED
    # Nobody can say whether a tool that was stopped in its middle has acted.
    assert "tool.unknown" in types(events)


async def test_cancelling_a_job_that_has_ended_says_so() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request())
        await handle.result()
        with pytest.raises(InvalidTransition, match="succeeded"):
            await handle.cancel()


async def test_of_two_cancellations_the_first_is_told() -> None:
    place = Moment("asked:0")
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text="x"),), reach=place)))
        await place.arrive()
        await handle.cancel(reason="first")
        await handle.cancel(reason="second")
        result = await handle.result()
    assert result.error is not None
    assert result.error.message == "first"


async def test_another_kernel_on_the_same_storage_can_cancel(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    place = Moment("asked:0")
    async with open_kernel(storage=url) as runs, open_kernel(storage=url) as other:
        handle = await runs.execute(request(Stepwise(turns=(Turn(text="x"),), reach=place)))
        await place.arrive()
        await other.cancel(handle.job_id, reason="from elsewhere", by="bob")
        result = await handle.result()
        seen_there = await (await other.attach(handle.job_id)).result()
    assert result.status is JobStatus.CANCELLED
    assert seen_there == result


class Threaded(StepwiseRuntime):
    """Names a thread that goes on until it is released."""

    def __init__(self) -> None:
        self.began = anyio.Event()
        self.release = threading.Event()
        self.thread: threading.Thread | None = None

    async def run(self, _prepared: object, run: Run, /) -> Finished:
        callbacks: list[Callable[[], None]] = []

        def work() -> None:
            self.release.wait(20)
            run.emit(Progress(message="too late"))
            for callback in callbacks:
                callback()

        run.gate.background("thread of work", callbacks.append)
        self.thread = threading.Thread(target=work)
        self.thread.start()
        self.began.set()
        await anyio.sleep_forever()
        raise AssertionError


async def test_a_thread_that_outlives_the_run_is_named_in_its_ending() -> None:
    runtime = Threaded()
    async with open_kernel(registry=registry(runtime)) as kernel:
        handle = await kernel.execute(request())
        await runtime.began.wait()
        await handle.cancel()
        result = await handle.result()
        runtime.release.set()
        assert runtime.thread is not None
        await anyio.to_thread.run_sync(runtime.thread.join, 20)
        events = await all_events(await kernel.attach(handle.job_id))

    assert result.still_running == ("thread of work",)
    assert events[-1].terminal
    assert "progress" not in types(events)


async def test_a_reader_that_goes_away_cancels_nothing() -> None:
    place = Moment("token:0:2")
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text="Hello."),), reach=place)))
        async for _ in handle.events():
            break
        await place.arrive()
        place.go.set()
        result = await handle.result()
    assert result.status is JobStatus.SUCCEEDED
