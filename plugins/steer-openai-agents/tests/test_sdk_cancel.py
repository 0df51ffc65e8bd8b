"""Cancelling: the stream is closed, tools are stopped, and nothing is left but what was named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from agents import Agent, Runner, function_tool
from sdk_runs import MODEL, PATIENCE, open_bare, open_kernel, options_for, request_for
from steer.events import ModelRetracted
from steer.values import EffectStatus, JobStatus
from steer_conformance.provider import Failure, Hold, Provider, Script, ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


def plain() -> Agent[Any]:
    return Agent(name="plain", model=MODEL)


@asynccontextmanager
async def started(
    agent: Agent[Any], provider: Provider, gate: BareGate, **given: Any
) -> AsyncIterator[asyncio.Task[Any]]:
    """A run in a task; afterwards there must be no other task than before."""
    async with open_bare() as runtime:
        prepared = runtime.prepare(agent, options_for(provider, **given))
        before = asyncio.all_tasks()
        task = asyncio.create_task(runtime.run(prepared, BareRun(gate=gate)))
        yield task
        assert task.cancelled()
        assert asyncio.all_tasks() - {task} <= before


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_run_cancelled_in_a_tool_stops_the_tool() -> None:
    began, stopped = asyncio.Event(), asyncio.Event()

    @function_tool
    async def wait() -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # some cleaning up
            stopped.set()
        return "never"

    agent: Agent[Any] = Agent(name="waiter", model=MODEL, tools=[wait])
    gate = BareGate()
    turns = [Turn(ToolCall("wait"), ToolCall("wait"))]
    async with Provider(Script(turns)) as provider, started(agent, provider, gate) as task:
        await asyncio.wait_for(began.wait(), PATIENCE)
        await cancelled(task)
        assert stopped.is_set(), "the run returned before its tool did"
    assert {outcome.status for outcome in gate.outcomes} == {EffectStatus.CANCELLED}


@pytest.mark.parametrize("how", ["as_tool", "streamed", "threaded"])
async def test_a_run_cancelled_in_a_nested_stream_disconnects(how: str) -> None:
    inner = plain()

    @function_tool(name_override="inner")
    async def streamed() -> str:
        result = Runner.run_streamed(inner, "go")
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    @function_tool(name_override="inner")
    def threaded() -> str:
        return asyncio.run(_run(inner))

    tools = {"as_tool": inner.as_tool("inner", ""), "streamed": streamed, "threaded": threaded}
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[tools[how]])
    arguments = {"input": "go"} if how == "as_tool" else {}
    turns = [
        Turn(ToolCall("inner", arguments)),
        Turn("One two three.", Hold("midway", after=2), chunk_size=4),
    ]
    gate = BareGate()
    async with Provider(Script(turns)) as provider, started(outer, provider, gate) as task:
        await provider.reached("midway")
        await cancelled(task)
        await provider.wait_for_disconnect()
        while gate.running:
            await asyncio.wait_for(gate.ended.wait(), PATIENCE)
            gate.ended.clear()


async def _run(agent: Agent[Any]) -> str:
    return str((await Runner.run(agent, "go")).final_output)


async def test_a_run_cancelled_in_a_wait_before_a_retry_asks_no_more() -> None:
    async with (
        Provider(Script([Failure(429, retry_after=50)])) as provider,
        open_kernel() as kernel,
    ):
        before = asyncio.all_tasks()
        handle = await kernel.execute(request_for(plain(), provider))
        async for event in handle.events():
            if isinstance(event.data, ModelRetracted):
                assert event.data.retry_in_ms == 50_000
                await handle.cancel()
        assert (await handle.result()).status is JobStatus.CANCELLED
        assert len(provider.requests) == 1
        assert asyncio.all_tasks() <= before


async def test_a_stubborn_tool_is_named_and_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("steer_openai_agents.frame.SETTLE_SECONDS", 0.05)
    began, let_go = asyncio.Event(), asyncio.Event()

    @function_tool
    async def stubborn() -> str:
        began.set()
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return "at last"

    agent: Agent[Any] = Agent(name="waiter", model=MODEL, tools=[stubborn])
    gate = BareGate()
    async with Provider(Script([Turn(ToolCall("stubborn"))])) as provider, open_bare() as runtime:
        prepared = runtime.prepare(agent, options_for(provider))
        task = asyncio.create_task(runtime.run(prepared, BareRun(gate=gate)))
        await asyncio.wait_for(began.wait(), PATIENCE)
        with anyio.fail_after(PATIENCE):
            await cancelled(task)
        assert gate.running
        let_go.set()
        while gate.running:
            await asyncio.wait_for(gate.ended.wait(), PATIENCE)
            gate.ended.clear()
