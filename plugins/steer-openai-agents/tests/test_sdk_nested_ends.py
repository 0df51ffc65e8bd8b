"""Runs that an author's code starts and leaves, or follows elsewhere: nothing of them stays."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import Any

import pytest
from agents import Agent, Runner, function_tool
from sdk_runs import MODEL, open_bare, options_for, run_bare
from steer_conformance.provider import Hold, Provider, Rule, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


def worker() -> Agent[Any]:
    @function_tool
    def act() -> str:
        return "acted"

    return Agent(name="inner", model=MODEL, tools=[act])


async def test_a_streamed_run_in_a_thread_of_its_own_closes_its_connections() -> None:
    async def stream() -> str:
        result = Runner.run_streamed(worker(), "go")
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    @function_tool
    def delegate() -> str:
        return asyncio.run(stream())

    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[delegate])
    turns = [Turn(Call("delegate")), Turn(Call("act")), Turn("In."), Turn("Out.")]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        async with Provider(Script(turns)) as provider:
            finished, run = await run_bare(outer, provider)
        gc.collect()
    assert finished.content == "Out."
    assert run.gate.outcomes[-1].value == "In."
    assert [str(each.message) for each in told] == []


async def test_a_streamed_run_that_a_thread_gives_up_closes_its_connections() -> None:
    async with Provider(Script([Turn(Call("delegate")), Turn(Hold("midway"), "In.")])) as provider:

        async def stream() -> str:
            result = Runner.run_streamed(worker(), "go")
            await provider.reached("midway")
            result.cancel()
            async for _ in result.stream_events():
                pass
            return "given up"

        @function_tool(failure_error_function=None)
        def delegate() -> str:
            return asyncio.run(stream())

        outer: Agent[Any] = Agent(
            name="outer", model=MODEL, tools=[delegate], tool_use_behavior="stop_on_first_tool"
        )
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", ResourceWarning)
            finished, _ = await run_bare(outer, provider)
            await provider.wait_for_disconnect()
            gc.collect()
    assert finished.content == "given up"
    assert [str(each.message) for each in told] == []


async def test_a_run_that_a_tool_leaves_behind_is_cancelled() -> None:
    left: list[asyncio.Task[Any]] = []
    script = Script(
        rules=[
            Rule(lambda request: request.last_user_text == "go", Turn("In.", Hold("on", after=1))),
            Rule(lambda request: not request.tool_results, Turn(Call("delegate"))),
            Rule(lambda _request: True, Turn("Out.")),
        ]
    )
    async with Provider(script) as provider:

        @function_tool
        async def delegate() -> str:
            left.append(asyncio.create_task(Runner.run(worker(), "go")))
            await provider.reached("on")
            return "begun"

        outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[delegate])
        finished, run = await run_bare(outer, provider)
        await provider.wait_for_disconnect()
    assert finished.content == "Out."
    assert left[0].cancelled()
    assert run.gate.named == []


async def test_a_tool_of_a_cancelled_run_may_clean_up() -> None:
    began, cleaned = asyncio.Event(), []

    @function_tool
    async def slow() -> str:
        began.set()
        try:
            return str(await asyncio.Event().wait())
        finally:
            for _ in range(50):
                await asyncio.sleep(0)
            cleaned.append(1)

    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[slow])
    async with Provider(Script([Turn(Call("slow"))])) as provider, open_bare() as runtime:
        prepared = runtime.prepare(outer, options_for(provider))
        running = asyncio.create_task(runtime.run(prepared, BareRun(gate=BareGate())))
        await began.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert cleaned == [1]
