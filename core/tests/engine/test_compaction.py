"""A long history is made shorter when a job takes its session, once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kernels import PATIENCE, Moment, noting, open_kernel
from queueing import agent_file
from steer.errors import RuntimeFailure
from steer.ports.runtime import PastRun
from steer.sessions import Compacted, KeepLast
from steer.values import JobStatus, Message, Role, ToolResultPart
from stepwise import Call, Stepwise, ToolSpec, Turn
from talking import Shown, kept, lines, said, saying, talk

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.mark.parametrize("queued", [False, True])
async def test_runs_are_shown_the_newest_part_and_the_whole_stays_readable(
    url: str, queued: bool, tmp_path: Path
) -> None:
    shown, agent = Shown(saying("Yes")), agent_file(tmp_path)
    async with open_kernel(
        storage=url, registry=shown.plugins, compaction=KeepLast(messages=4)
    ) as kernel:
        for number in range(4):
            ask = kernel.submit if queued else kernel.execute
            handle = await ask(talk(str(number), agent))
            if queued:
                await kernel.work(until_idle=True, drain=PATIENCE)
            await handle.result()
        session = await kernel.session("talk")
    assert [run[::2] for run in shown.runs] == [
        ["user: 0"],
        ["user: 0", "user: 1"],
        ["user: 0", "user: 1", "user: 2"],
        ["user: 2", "user: 3"],
    ]
    assert [isinstance(item, Compacted) for item in session.items] == [False] * 3 + [True, False]
    assert lines(said(session.past))[::2] == ["user: 2", "user: 3"]
    whole = [item.run for item in session.items if not isinstance(item, Compacted)]
    assert lines(said(whole))[::2] == [f"user: {number}" for number in range(4)]


class Changing:
    """Keeps one message, another one each time."""

    def __init__(self) -> None:
        self.times = 0

    async def compact(self, past: Sequence[PastRun], /) -> Sequence[PastRun]:
        self.times += 1
        return [PastRun(messages=(past[-1].messages[-1],), runtime=str(self.times))]


async def test_a_job_that_is_begun_again_is_shown_what_it_was_shown_first(
    tmp_path: Path,
) -> None:
    url, agent, place = f"sqlite:///{tmp_path}/jobs.db", agent_file(tmp_path), Moment("asked:1")
    notes: list[Any] = []
    turns = (Turn(text="One", calls=(Call(tool="note"),)), Turn(text="Two"))
    tools = {"note": ToolSpec(run=noting(notes))}
    first = Shown(Stepwise(turns=turns, tools=tools, reach=place))
    async with open_kernel(storage=url, registry=Shown().plugins) as kernel:
        await (await kernel.execute(talk("Before", agent))).result()
    async with open_kernel(storage=url, registry=first.plugins, compaction=Changing()) as kernel:
        handle = await kernel.execute(talk("Now", agent))
        await place.arrive()
    second, again = Shown(Stepwise(turns=turns, tools=tools)), Changing()
    async with open_kernel(storage=url, registry=second.plugins, compaction=again) as kernel:
        resumed = await kernel.resume(handle.job_id)
        assert (await resumed.result()).status is JobStatus.SUCCEEDED
        assert (await kernel.session("talk")).version == 3
    assert first.pasts == second.pasts
    assert second.runs == [["assistant: Hello.", "user: Now"]]
    assert (len(notes), again.times) == (1, 0)


class Broken:
    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    async def compact(self, _past: Sequence[PastRun], /) -> Sequence[PastRun]:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return [PastRun(messages=self._outcome)]


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (ValueError("no tokens left"), "raised ValueError: no tokens left"),
        ((Message(role=Role.TOOL, content=(ToolResultPart(call_id="c", content="x"),)),), "'c'"),
    ],
)
async def test_a_compaction_that_fails_fails_the_request(
    url: str, outcome: Any, why: str, tmp_path: Path
) -> None:
    agent = agent_file(tmp_path)
    async with open_kernel(
        storage=url, registry=Shown().plugins, compaction=Broken(outcome)
    ) as kernel:
        await (await kernel.execute(talk("One", agent))).result()
        with pytest.raises(RuntimeFailure, match="the compaction Broken") as failed:
            await kernel.execute(talk("Two", agent))
        assert why in str(failed.value)
        assert len((await kernel.jobs()).items) == 1
        queued = await kernel.submit(talk("Three", agent))
        await kernel.work(until_idle=True, drain=PATIENCE)
        result = await queued.result()
        assert result.status is JobStatus.FAILED
        assert result.error is not None
        assert why in result.error.message
        assert await kept(kernel) == ["user: One", "assistant: Hello."]
