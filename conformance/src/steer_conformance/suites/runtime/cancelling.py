"""Checks: cancelling, at any moment; and closing. Nothing is left that nobody named."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from steer.agents import Agent
from steer.events import ModelToken
from steer.values import EffectStatus, JobStatus

from steer_conformance.checks import check
from steer_conformance.profiles import NIGHTLY, PULL_REQUEST
from steer_conformance.provider import Hold, Rule, Script, Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.props import Props, answering, calling
from steer_conformance.suites.runtime.stage import PATIENCE, Stage
from steer_conformance.suites.runtime.surroundings import Surroundings, connections_to

# More loop turns than any closing of a socket takes, and far fewer than anybody notices.
_LOOP_TURNS = 100


def _dialogue(case: RuntimeCase) -> Script:
    """A script for any number of runs: a tool first where there are tools, then an answer."""
    if not case.capabilities.tools:
        return Script([answering("Red, I think.")], repeat=True)
    return Script(
        rules=[
            Rule(lambda request: not request.tool_results, calling("look", "a", said="I look.")),
            Rule(lambda request: bool(request.tool_results), answering("Red, I think.")),
        ]
    )


def _agent(case: RuntimeCase, stage: Stage, props: Props) -> Agent:
    return stage.agent(tools=[props.look()] if case.capabilities.tools else [])


@check("RT-4", seconds=300)
async def a_run_can_be_cancelled_at_any_moment(case: RuntimeCase) -> None:
    async with case.stage(script=_dialogue(case)) as stage:
        prepared = stage.prepare(_agent(case, stage, Props()))
        moments: list[str] = []
        await stage.run(prepared=prepared, gate=BareGate(reach=moments.append))
        few = case.profile.examples < PULL_REQUEST.examples
        step = max(1, len(moments) // (5 if few else 12))
        if case.profile.examples >= NIGHTLY.examples:
            step = 1
        for number in range(0, len(moments), step):
            await _cancelled_at(stage, prepared, number, moments[number])


async def _cancelled_at(stage: Stage, prepared: object, number: int, moment: str) -> None:
    before = Surroundings.now()
    left = number

    def reach(_moment: str) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            loop.call_soon_threadsafe(task.cancel)

    loop = asyncio.get_running_loop()
    run = stage.begin(BareGate(reach=reach))
    task = stage.begun(prepared, run)  # type: ignore[arg-type]  # what prepare() returned
    await asyncio.wait({task})
    if left >= 0:
        # Reached in another order this time; the run was over before that many moments.
        task.result()
        return
    if not task.cancelled():
        # The last moments of a run are too late to be stopped at; an error never is an answer.
        assert task.exception() is None, f"cancelled at {moment!r}, it raised {task.exception()!r}"
        over = not _still_to_come(run.gate)
        assert over, f"cancelled at {moment!r}, it went on: {task.result()!r}"
    before.check(f"cancelled at {moment!r},")


def _still_to_come(gate: BareGate) -> bool:
    """Whether an answer without calls, the last thing there is to wait for, was still missing."""
    return gate.narration.heard != "agent.done"


@check("RT-4")
async def cancelling_closes_the_connection(case: RuntimeCase) -> None:
    for after in (None, 0, 2):
        turn = Turn("One two three.", Hold("midway", after=after), chunk_size=4)
        async with case.stage(turn) as stage:
            prepared = stage.prepare()
            before = Surroundings.now()
            run = stage.begin()
            task = stage.begun(prepared, run)
            await stage.provider.reached("midway", timeout=PATIENCE)
            task.cancel()
            await asyncio.wait({task})
            before.check("cancelled in its stream,")
            request = await stage.provider.wait_for_disconnect()
        assert task.cancelled(), f"it ended as {task!r}"
        assert not request.finished
        assert run.gate.usages == [], "a request that was cut short was recorded as complete"


@check("RT-4", requires="tools")
async def cancelling_stops_a_tool_before_the_run_returns(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("dawdle", "here")) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.dawdle()]))
        before = Surroundings.now()
        run = stage.begin()
        task = stage.begun(prepared, run)
        await props.began.wait()
        task.cancel()
        await asyncio.wait({task})
        assert props.stopped.is_set(), "the run returned before its tool had ended"
        before.check("cancelled in a tool,")
    assert task.cancelled()
    assert [outcome.status for outcome in run.gate.outcomes] == [EffectStatus.CANCELLED]


@check("RT-4", requires="tools")
async def cancelling_ends_the_wait_for_a_verdict(case: RuntimeCase) -> None:
    props = Props()
    asked = asyncio.Event()

    async def verdict(_call: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with case.stage(calling("look", "here")) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.look()]))
        before = Surroundings.now()
        task = stage.begun(prepared, stage.begin(BareGate(verdict=verdict)))
        await asked.wait()
        task.cancel()
        await asyncio.wait({task})
        before.check("cancelled while it waited for a verdict,")
    assert task.cancelled()
    assert props.looked == []


@check("RT-4")
async def a_cancelled_job_disconnects_and_ends_once(case: RuntimeCase) -> None:
    turn = Turn("One two three.", Hold("midway", after=2), chunk_size=4)
    async with case.stage(turn) as stage, stage.kernel() as kernel:
        handle = await kernel.execute(stage.request())
        await stage.provider.reached("midway", timeout=PATIENCE)
        await handle.cancel(reason="enough")
        result = await handle.result()
        await stage.provider.wait_for_disconnect()
        events = [event async for event in handle.events()]
    assert result.status is JobStatus.CANCELLED
    assert result.still_running == ()
    assert sum(event.terminal for event in events) == 1
    assert not [e for e in events if isinstance(e.data, ModelToken) and "three" in e.data.text]


@check("RT-55")
async def closing_a_runtime_leaves_nothing(case: RuntimeCase) -> None:
    async with case.stage(script=_dialogue(case)) as stage:
        before = Surroundings.now()
        port = urlsplit(stage.provider.url).port or 0
        runtime = case.open(stage.provider.url)
        stage.runtime, there = runtime, stage.runtime
        try:
            agent = _agent(case, stage, Props())
            for _ in range(3):
                await stage.run(agent)
        finally:
            stage.runtime = there
            await runtime.aclose()
        for _ in range(_LOOP_TURNS):
            if not connections_to(port):
                break
            await asyncio.sleep(0)
        assert connections_to(port) == 0, "a connection to the provider is still open"
        before.check("closed,")
