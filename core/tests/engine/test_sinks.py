from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest
from kernels import Moment, all_events, open_kernel, request
from steer._engine import sinks
from steer.events import Event
from stepwise import Stepwise, Turn

pytestmark = pytest.mark.anyio


class Keeping:
    """Keeps what it is given; holds or fails where told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed = False
        self.failing = False
        self.held: anyio.Event | None = None

    async def write(self, events: Sequence[Event], /) -> None:
        if self.held is not None:
            await self.held.wait()
        if self.failing:
            raise OSError("the other side hung up")
        self.events.extend(events)

    async def aclose(self) -> None:
        self.closed = True


async def test_a_sink_gets_every_committed_event_in_order() -> None:
    sink = Keeping()
    async with open_kernel(content_sinks={"keep": sink}) as kernel:
        handle = await kernel.execute(request())
        await handle.result()
        journal = await all_events(handle, live=False)
    assert sink.events == journal
    assert sink.closed


async def test_a_sink_gets_no_content_unless_it_is_opened_for_it() -> None:
    sink = Keeping()
    async with open_kernel(sinks={"keep": sink}) as kernel:
        await (await kernel.execute(request())).result()
    assert "Hello" not in repr(sink.events)
    assert [event.type for event in sink.events].count("job.completed") == 1


async def test_a_sink_never_gets_what_was_not_committed() -> None:
    sink = Keeping()
    place = Moment("token:0:3")
    agent = Stepwise(turns=(Turn(text="Hello."),), reach=place)
    async with open_kernel(content_sinks={"keep": sink}) as kernel:
        handle = await kernel.execute(request(agent))
        await place.arrive()
        stored = await kernel.storage.journal.events(handle.scope_id, handle.job_id)
        assert len(sink.events) <= len(stored)
        place.go.set()
        await handle.result()


async def test_a_sink_that_fails_harms_neither_the_run_nor_other_sinks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad, good = Keeping(), Keeping()
    bad.failing = True
    async with open_kernel(content_sinks={"bad": bad, "good": good}) as kernel:
        result = await (await kernel.execute(request())).result()
        assert result.content == "Hello."
        await kernel.aclose()
        reports = {report.name: report for report in kernel.sink_reports()}
    assert good.events
    assert reports["bad"].failed == len(good.events)
    assert reports["bad"].delivered == 0
    assert "sink bad failed" in caplog.text


async def test_a_sink_that_hangs_slows_nobody_and_its_losses_are_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sinks, "QUEUE_SIZE", 5)
    slow = Keeping()
    slow.held = anyio.Event()
    async with open_kernel(content_sinks={"slow": slow}) as kernel:
        for _ in range(5):
            await (await kernel.execute(request())).result()
        assert kernel.sink_reports()[0].dropped > 0
        slow.held.set()
    assert "too slow" in caplog.text
