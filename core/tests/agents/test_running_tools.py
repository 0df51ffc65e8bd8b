"""Tools that run: in the caller's task or a thread, failing, cancelled and abandoned."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from steer.agents import ParsedArguments, Tool, ToolContext, tool
from steer.errors import RuntimeFailure

pytestmark = pytest.mark.anyio

NONE = ParsedArguments({})


who: ContextVar[str] = ContextVar("who")


def nobody(outcome: Future[Any]) -> None:
    pytest.fail("no call of this test is to be abandoned")


async def test_an_async_tool_runs_in_the_callers_task(call_context: ToolContext) -> None:
    @tool
    async def where() -> object:
        await checkpoint()
        return asyncio.current_task()

    assert not where.runs_in_thread
    assert await where.run(NONE, call_context, abandoned=nobody) is asyncio.current_task()


async def test_a_sync_tool_runs_in_a_thread_and_sees_the_callers_context_variables(
    call_context: ToolContext,
) -> None:
    @tool
    def where() -> tuple[int, str]:
        return threading.get_ident(), who.get()

    who.set("ada")
    assert where.runs_in_thread
    result = await where.run(NONE, call_context, abandoned=nobody)
    assert isinstance(result, tuple)
    assert result[0] != threading.get_ident()
    assert result[1] == "ada"


async def test_the_loop_goes_on_while_a_sync_tool_works(call_context: ToolContext) -> None:
    go = threading.Event()

    @tool
    def wait() -> bool:
        return go.wait(timeout=10)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(functools.partial(wait.run, NONE, call_context, abandoned=nobody))
        await checkpoint()
        go.set()


async def test_concurrent_calls_get_each_their_own_context() -> None:
    meet = threading.Barrier(4)

    @tool
    def mine(context: ToolContext) -> str:
        meet.wait(timeout=10)
        return context.call_id

    def context(call: str) -> ToolContext:
        return ToolContext(
            job_id="j", scope_id="s", principal_id="p", call_id=call, effect_key=f"key {call}"
        )

    got: dict[str, object] = {}

    async def one(call: str) -> None:
        got[call] = await mine.run(NONE, context(call), abandoned=nobody)

    async with anyio.create_task_group() as tasks:
        for call in "abcd":
            tasks.start_soon(one, call)
    assert got == {call: call for call in "abcd"}


async def test_what_a_tool_raises_passes_through(call_context: ToolContext) -> None:
    @tool
    def fails() -> None:
        raise KeyError("gone")

    @tool
    async def fails_async() -> None:
        raise KeyError("gone")

    for failing in (fails, fails_async):
        with pytest.raises(KeyError, match="gone"):
            await failing.run(NONE, call_context, abandoned=nobody)


async def test_a_tool_that_exits_does_not_end_the_process(call_context: ToolContext) -> None:
    @tool
    def leave() -> None:
        raise SystemExit(3)

    @tool
    async def leave_async() -> None:
        raise SystemExit(3)

    for leaving in (leave, leave_async):
        with pytest.raises(RuntimeFailure) as caught:
            await leaving.run(NONE, call_context, abandoned=nobody)
        assert str(caught.value) == (
            f"tool '{leaving.name}' called sys.exit(3). Raise an exception instead"
        )


async def test_a_sync_function_may_return_an_awaitable(call_context: ToolContext) -> None:
    async def later() -> str:
        await checkpoint()
        return "done"

    @tool
    def unmarked() -> Any:
        return later()

    assert await unmarked.run(NONE, call_context, abandoned=nobody) == "done"


async def test_a_cancelled_async_tool_is_cancelled(call_context: ToolContext) -> None:
    started, ended = anyio.Event(), anyio.Event()

    @tool
    async def hang() -> None:
        try:
            started.set()
            await anyio.sleep_forever()
        finally:
            ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(functools.partial(hang.run, NONE, call_context, abandoned=nobody))
        await started.wait()
        tasks.cancel_scope.cancel()
    assert ended.is_set()


@dataclass
class Slow:
    """A sync tool that waits, in its thread, until it is let go."""

    began: threading.Event
    go: threading.Event
    tool: Tool[..., Any]


@pytest.fixture
def slow() -> Iterator[Slow]:
    began, go = threading.Event(), threading.Event()

    @tool
    def work() -> str:
        began.set()
        go.wait(timeout=10)
        return "late"

    yield Slow(began=began, go=go, tool=work)
    go.set()


async def test_an_abandoned_thread_is_handed_over_at_once_and_its_outcome_arrives(
    slow: Slow, call_context: ToolContext
) -> None:
    abandoned: list[Future[Any]] = []
    ended = threading.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            functools.partial(slow.tool.run, NONE, call_context, abandoned=abandoned.append)
        )
        await anyio.to_thread.run_sync(slow.began.wait, 10)
        tasks.cancel_scope.cancel()

    [outcome] = abandoned
    assert not outcome.done()
    outcome.add_done_callback(lambda _: ended.set())
    slow.go.set()
    assert await anyio.to_thread.run_sync(ended.wait, 10)
    assert outcome.result() == "late"


async def test_a_task_that_asyncio_cancels_hands_its_thread_over_too(
    slow: Slow, call_context: ToolContext
) -> None:
    abandoned: list[Future[Any]] = []
    call = asyncio.create_task(slow.tool.run(NONE, call_context, abandoned=abandoned.append))
    await anyio.to_thread.run_sync(slow.began.wait, 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    slow.go.set()
    assert abandoned[0].result(timeout=10) == "late"


async def test_a_call_that_is_cancelled_before_its_thread_begins_never_begins(
    slow: Slow, call_context: ToolContext
) -> None:
    abandoned: list[Future[Any]] = []
    limiter = anyio.CapacityLimiter(1)
    other = threading.Event()

    @tool
    def second() -> None:
        other.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            functools.partial(slow.tool.run, NONE, call_context, abandoned=nobody, limiter=limiter)
        )
        await anyio.to_thread.run_sync(slow.began.wait, 10)
        with anyio.move_on_after(0):
            await second.run(NONE, call_context, abandoned=abandoned.append, limiter=limiter)
        slow.go.set()
    assert abandoned == []
    assert not other.is_set()
