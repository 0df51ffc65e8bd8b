from __future__ import annotations

import itertools
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernels import Moment, all_events, open_kernel, request, texts, types
from steer import ExecutionHandle
from steer.events import Event, ModelToken, decode
from steer.fold import Cursor
from stepwise import Stepwise, Turn

pytestmark = pytest.mark.anyio

LONG = "".join(random.Random(7).choices("abcdefghij \n", k=5000))


def contiguous(events: list[Event]) -> bool:
    numbers = [event.seq for event in events if event.seq is not None]
    return numbers == list(range(1, len(numbers) + 1))


class Pauses:
    """Lets other tasks run now and then while the model talks, and tells how far it is."""

    def __init__(self) -> None:
        self.tokens = 0
        self._moved = anyio.Event()

    async def __call__(self, name: str) -> None:
        if name.startswith("token"):
            self.tokens += 1
            if self.tokens % 7 == 0:
                moved, self._moved = self._moved, anyio.Event()
                moved.set()
                await anyio.lowlevel.checkpoint()

    async def past(self, tokens: int) -> None:
        while self.tokens < tokens:
            await self._moved.wait()


async def read_slowly(handle: ExecutionHandle, every: int) -> list[Event]:
    events = []
    async for event in handle.events():
        events.append(event)
        if len(events) % every == 0:
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
    return events


@pytest.mark.parametrize("storage", ["memory://", "sqlite"])
async def test_fifty_readers_that_join_at_random_moments_all_read_the_same(
    storage: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/runs.db" if storage == "sqlite" else storage
    pauses = Pauses()
    seen: list[list[Event]] = []

    async def join(handle: ExecutionHandle, at: int, every: int) -> None:
        await pauses.past(at)
        seen.append(await read_slowly(handle, every))

    chance = random.Random(11)
    agent = Stepwise(turns=(Turn(text=LONG),), reach=pauses)
    async with open_kernel(storage=url) as kernel:
        handle = await kernel.execute(request(agent))
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(join, handle, chance.randrange(4900), chance.choice([1, 5, 4000]))
        result = await handle.result()

    assert len(seen) == 50
    assert result.content == LONG
    assert all(texts(events) == LONG for events in seen)
    assert all(contiguous(events) for events in seen)
    assert all(types(events) == types(seen[0]) for events in seen)


FOLLOWER = """
import asyncio, sys
from steer import RuntimeKernel
from steer.events import encode

async def main(url, job_id):
    async with RuntimeKernel(storage=url) as kernel:
        handle = await kernel.attach(job_id)
        async for event in handle.events():
            print(encode(event).decode(), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_readers_in_another_process_read_the_same(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    start = Moment("asked:0")
    agent = Stepwise(turns=(Turn(text=LONG),), reach=start)
    async with open_kernel(storage=url) as kernel:
        handle = await kernel.execute(request(agent))
        await start.arrive()
        command = [sys.executable, "-c", FOLLOWER, url, handle.job_id]
        async with await anyio.open_process(command, stderr=None) as process:
            assert process.stdout is not None
            out = b"" + await process.stdout.receive()
            start.go.set()
            result = await handle.result()
            async for piece in process.stdout:
                out += piece
        here = await all_events(handle, live=False)

    events = [decode(line) for line in out.splitlines()]
    assert texts(events) == result.content == LONG
    assert contiguous(events)
    assert events == here


async def test_a_reader_goes_on_where_another_one_stopped() -> None:
    middle = Moment("token:0:2500")
    agent = Stepwise(turns=(Turn(text=LONG),), reach=middle)
    cursor = Cursor()
    first: list[Event] = []
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        await middle.arrive()
        async for event in handle.events():
            first.append(event)
            cursor.take(event)
            if len(texts(first)) >= 1000:
                break
        middle.go.set()
        rest = await all_events(handle, after=cursor.position)

    assert texts(first) + texts(rest) == LONG
    assert contiguous(first + rest)


async def test_durable_readers_get_no_live_deltas() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text=LONG),))))
        events = await all_events(handle, live=False)
    assert all(event.seq is not None for event in events)
    assert texts(events) == LONG


async def test_history_grows_with_the_text_and_not_with_the_tokens() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text=LONG),))))
        events = await all_events(handle, live=False)
    assert sum(1 for event in events if event.type == "model.token") < 20


async def test_a_job_that_has_ended_can_still_be_read() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request())
        await handle.result()
        again = await kernel.attach(handle.job_id)
        assert texts(await all_events(again)) == "Hello."
        assert await again.result() == await handle.result()


@given(
    text=st.text(min_size=1, max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=8),
    joins=st.lists(st.integers(0, 60), max_size=4),
)
def test_overlapping_views_of_a_text_give_it_once(
    text: str, cuts: list[int], joins: list[int]
) -> None:
    """Live deltas cut anywhere, and durable pieces cut elsewhere, in any overlap."""
    cursor = Cursor()
    taken: list[str] = []
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    live = [_delta(text, start, end, None) for start, end in itertools.pairwise(edges)]
    edges = sorted({0, len(text), *(join for join in joins if join < len(text))})
    pairs = itertools.pairwise(edges)
    durable = [_delta(text, start, end, n + 1) for n, (start, end) in enumerate(pairs)]
    for event in cursor.fresh([*live[: len(live) // 2], *durable, *live]):
        assert isinstance(event.data, ModelToken)
        taken.append(event.data.text)
    assert "".join(taken) == text
    assert cursor.seq == len(durable)


def _delta(text: str, start: int, end: int, seq: int | None) -> Event:
    return Event(
        job_id="j",
        data=ModelToken(call="1.1", part=0, offset=start, text=text[start:end]),
        time=datetime.now(UTC),
        seq=seq,
    )
