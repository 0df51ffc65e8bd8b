"""Many runs of one prepared agent at a time, of which each ends in its own way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from agents import Agent, RunContextWrapper, Runner, function_tool
from sdk_runs import MODEL, PATIENCE, events_of, request_for
from steer import RuntimeKernel
from steer.errors import ErrorCategory
from steer.events import Event, ModelStarted, ModelToken, ToolDenied, ToolEnded, ToolFailed
from steer.ports.policy import Question, ToolQuestion, Verdict
from steer.values import JobStatus, RunResult
from steer_conformance.provider import Failure, Provider, Reply, Rule, Script, Turn, Usage
from steer_conformance.provider import ToolCall as Call
from steer_openai_agents.prepared import prepare

pytestmark = pytest.mark.anyio

RUNS = 200
# How a run ends follows from its number.
FINE, NESTED, TOOL_FAILS, DENIED, PROVIDER_FAILS, CANCELLED = range(6)


def way_of(number: int) -> int:
    return number % 6


class NoDenied:
    """Denies the calls of those runs that are to be denied, with words of their own."""

    name = "no-denied"
    version = "1"

    def evaluate(self, question: Question, /) -> Verdict | None:
        if isinstance(question, ToolQuestion):
            number = int(question.arguments["number"])
            if way_of(number) == DENIED:
                return Verdict.deny(f"not for {number}")
        return Verdict.allow()


def reply(request: Any) -> Reply:
    """Answer a request by the number that its prompt names, and by nothing else."""
    (found,) = re.findall(r"number (\d+)", request.last_user_text)
    number = int(found)
    usage = Usage(input_tokens=1000 + number, output_tokens=number + 1)
    if request.body["instructions"] == "I am inner.":
        return Turn(f"inner of {number}", usage=usage)
    if not request.tool_results:
        return Turn(
            f"for {number}", Call("look", {"number": number}, id="same"), usage=usage, chunk_size=3
        )
    if way_of(number) == PROVIDER_FAILS:
        return Failure(400 if number % 4 else 403, message=f"no more for {number}")
    (result,) = request.tool_results
    return Turn(f"{number} read: {result.text}", usage=usage, chunk_size=3)


def looker(looking: dict[int, asyncio.Event]) -> Agent[Any]:
    """An agent whose one tool does, for each run, what that run is to end with."""
    inner: Agent[Any] = Agent(name="inner", instructions="I am inner.", model=MODEL)

    def told(_context: RunContextWrapper[Any], error: Exception) -> str:
        return f"failed: {error}"

    @function_tool(failure_error_function=told)
    async def look(context: RunContextWrapper[Any], number: int) -> str:
        assert context.context == {"mine": number}
        match way_of(number):
            case way if way == TOOL_FAILS:
                raise ValueError(f"nothing at {number}")
            case way if way == NESTED:
                return str((await Runner.run(inner, f"number {number}")).final_output)
            case way if way == CANCELLED:
                looking[number].set()
                await asyncio.Event().wait()
        return f"seen {number}"

    return Agent(name="looker", instructions="I look.", model=MODEL, tools=[look])


async def one_run(
    kernel: RuntimeKernel, number: int, ask: Callable[[int], Any], looking: asyncio.Event
) -> tuple[RunResult, list[Event]]:
    handle = await kernel.execute(ask(number))
    if way_of(number) == CANCELLED:
        await looking.wait()
        await handle.cancel(reason=f"enough of {number}")
    return await handle.result(), await events_of(handle)


async def test_two_hundred_runs_that_end_in_every_way_do_not_mix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared: list[Any] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        prepared.append(prepare(*arguments, **named))
        return prepared[-1]

    monkeypatch.setattr("steer_openai_agents.runtime.prepare", counted)
    looking = {number: asyncio.Event() for number in range(RUNS)}
    agent = looker(looking)
    script = Script(rules=[Rule(lambda _request: True, reply)])
    async with Provider(script) as provider, RuntimeKernel(policies=[NoDenied()]) as kernel:

        def ask(number: int) -> Any:
            return request_for(
                agent,
                provider,
                prompt=f"number {number}",
                user_context={"mine": number},
                # The client gives a connection five seconds, which are few for 200 at once.
                options={"config": {"timeout": 4 * PATIENCE}},
            )

        with anyio.fail_after(4 * PATIENCE):
            ended = await asyncio.gather(
                *(one_run(kernel, number, ask, looking[number]) for number in range(RUNS))
            )
    assert len(prepared) == 1
    for number, (result, events) in enumerate(ended):
        check(number, result, events)


def check(number: int, result: RunResult, events: list[Event]) -> None:
    """Compare all that a run tells with what its number alone says that it must."""
    told = [event.data for event in events]
    call = next(data.call for data in told if isinstance(data, ModelStarted))
    first = [data.text for data in told if isinstance(data, ModelToken) and data.call == call]
    assert "".join(first) == f"for {number}"
    assert sum(event.terminal for event in events) == 1
    assert {event.job_id for event in events} == {result.job_id}
    results = [data.result for data in told if isinstance(data, ToolEnded)]
    failures = [data.error.message for data in told if isinstance(data, ToolFailed)]
    denials = [data.reason for data in told if isinstance(data, ToolDenied)]
    requests = 1 if way_of(number) in {CANCELLED, PROVIDER_FAILS} else 2
    match way_of(number):
        case way if way == NESTED:
            assert result.content == f"{number} read: inner of {number}"
            assert results == [f"inner of {number}"]
            requests = 3
        case way if way == TOOL_FAILS:
            assert result.content == f"{number} read: failed: nothing at {number}"
            assert failures == [f"ValueError: nothing at {number}"]
        case way if way == DENIED:
            assert result.content == f"{number} read: not for {number}"
            assert denials == [f"not for {number}"]
        case way if way == PROVIDER_FAILS:
            assert result.error is not None
            kind = ErrorCategory.VALIDATION if number % 4 else ErrorCategory.PERMISSION_DENIED
            assert (result.error.category, result.error.provider) == (kind, "openai")
            assert f"no more for {number}" in result.error.message
        case way if way == CANCELLED:
            assert result.error is not None
            assert result.error.message == f"enough of {number}"
        case _:
            assert result.content == f"{number} read: seen {number}"
            assert results == [f"seen {number}"]
    status = {PROVIDER_FAILS: JobStatus.FAILED, CANCELLED: JobStatus.CANCELLED}
    assert result.status is status.get(way_of(number), JobStatus.SUCCEEDED)
    assert result.usage.requests == requests
    assert result.usage.input_tokens == requests * (1000 + number)
    assert result.usage.output_tokens == requests * (number + 1)
    assert len(denials) == (way_of(number) == DENIED)
