"""Ids of calls that are used again: every call reaches the model, with its own result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from agents import Agent, Runner, function_tool
from sdk_runs import MODEL, open_kernel, request_for, run_bare
from steer.context import ExecutionContext
from steer.errors import RuntimeFailure
from steer.events import ModelBlockDone
from steer.ports.runtime import PastRun
from steer.values import (
    JobStatus,
    Message,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from steer_conformance.provider import Provider, Recorded, Script, ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio

both_apis = pytest.mark.parametrize("api", ["responses", "chat_completions"])


@function_tool
def look(at: str) -> str:
    """Look at a thing."""
    return f"{at} is red"


agent: Agent[Any] = Agent(name="Looker", model=MODEL, tools=[look])


def looking(at: str, *, id: str = "call_1") -> Turn:  # noqa: A002 - what is asked about
    return Turn(ToolCall("look", {"at": at}, id=id))


def by_another(*seen: str) -> PastRun:
    """A run of another runtime, whose model called every call ``call_1``."""
    said: list[Message] = []
    for at in seen:
        call = ToolCallPart(call_id="call_1", tool="look", arguments=f'{{"at": "{at}"}}')
        result = ToolResultPart(call_id="call_1", content=f"{at} is red")
        said.append(Message(role=Role.ASSISTANT, content=(call,)))
        said.append(Message(role=Role.TOOL, content=(result,)))
    return PastRun(
        messages=(
            user_message("Well?"),
            *said,
            Message(role=Role.ASSISTANT, content=(TextPart(text="So."),)),
        ),
        runtime="another",
    )


def following(*past: PastRun) -> BareRun:
    before = (message for run in past for message in run.messages)
    return BareRun(
        gate=BareGate(),
        input=(*before, user_message("And?")),
        past=past,
        context=ExecutionContext(job_id="job-1", run_id="run-1", session_id="talk"),
    )


def seen_in(request: Recorded) -> list[str]:
    """What was looked at, in order; each call has one result, and that is its own."""
    calls = {call.id: call.arguments for call in request.past_calls}
    results = {result.call_id: result.text for result in request.tool_results}
    assert len(calls) == len(request.past_calls) == len(request.tool_results)
    assert list(calls) == list(results)
    looked = [result.removesuffix(" is red") for result in results.values()]
    asked = [json.loads(arguments)["at"] for arguments in calls.values()]
    assert asked == looked
    return looked


def ids_in(request: Recorded) -> list[str]:
    return [call.id for call in request.past_calls]


async def ran(turns: Sequence[Turn], run: BareRun, api: str) -> list[Recorded]:
    async with Provider(Script(list(turns))) as provider:
        await run_bare(agent, provider, run=run, config={"api": api})
        return list(provider.requests)


@both_apis
async def test_runs_of_another_runtime_that_use_an_id_again(api: str) -> None:
    (asked,) = await ran([Turn("Done.")], following(by_another("a"), by_another("b", "c")), api)
    assert seen_in(asked) == ["a", "b", "c"]
    assert ids_in(asked)[0] == "call_1", "what is used once is as it was"


@both_apis
async def test_a_run_that_uses_the_id_of_an_earlier_one(api: str) -> None:
    turns = [looking("b"), Turn("Done.")]
    first, second = await ran(turns, following(by_another("a")), api)
    assert seen_in(first) == ["a"]
    assert seen_in(second) == ["a", "b"]


@both_apis
async def test_an_id_that_one_run_uses_twice_is_the_sdks_affair(api: str) -> None:
    turns = [looking("b"), looking("c")]
    for past in ((), (by_another("a"),)):
        with pytest.raises(RuntimeFailure, match="reused a completed tool call ID"):
            await ran(turns, following(*past), api)


@both_apis
async def test_a_session_of_runs_that_all_use_one_id(api: str) -> None:
    turns = [looking("a"), Turn("1"), looking("b"), Turn("2"), looking("c"), Turn("3")]
    async with Provider(Script(turns)) as provider, open_kernel() as kernel:
        for question in ("One?", "Two?", "Three?"):
            options = {"config": {"api": api}}
            handle = await kernel.execute(
                request_for(agent, provider, prompt=question, session_id="talk", options=options)
            )
            result = await handle.result()
            assert result.status is JobStatus.SUCCEEDED, result.error
        requests = list(provider.requests)
    assert [seen_in(request) for request in requests] == [
        [],
        ["a"],
        ["a"],
        ["a", "b"],
        ["a", "b"],
        ["a", "b", "c"],
    ]


async def test_a_workflow_is_given_a_session_in_which_each_call_has_an_id_of_its_own() -> None:
    async def workflow(items: list[Any]) -> str:
        return str((await Runner.run(agent, items)).final_output)

    run = following(by_another("a"), by_another("b"))
    async with Provider(Script([looking("c"), Turn("Done.")])) as provider:
        await run_bare(workflow, provider, run=run)
        assert seen_in(provider.requests[1]) == ["a", "b", "c"]


@both_apis
async def test_ids_that_are_used_once_are_left_as_they_are(api: str) -> None:
    turns = [looking("b", id="call_2"), looking("c", id="call_3"), Turn("Done.")]
    *_, last = await ran(turns, following(by_another("a")), api)
    assert ids_in(last) == ["call_1", "call_2", "call_3"]


@both_apis
async def test_a_run_whose_ids_were_told_apart_is_replayed(api: str) -> None:
    run = following(by_another("a"))
    async with Provider(Script([looking("b"), Turn("Done.")])) as provider:
        finished, first = await run_bare(agent, provider, run=run, config={"api": api})
        records = first.gate.records.until()
        again = replace(following(by_another("a")), gate=BareGate(records))
        replayed, second = await run_bare(agent, provider, run=again, config={"api": api})
        assert len(provider.requests) == 2
    assert replayed == finished
    assert second.gate.ran == []


@both_apis
async def test_a_call_is_told_by_the_id_that_its_result_has(api: str) -> None:
    run = following(by_another("a"))
    async with Provider(Script([looking("b"), Turn("Done.")])) as provider:
        finished, _ = await run_bare(agent, provider, run=run, config={"api": api})
        (_, asked) = provider.requests
    told = [block.call_id for block in run.told(ModelBlockDone) if block.kind == "tool_call"]
    said = [
        part.call_id
        for message in finished.said
        for part in message.content
        if isinstance(part, ToolCallPart | ToolResultPart)
    ]
    assert told == ids_in(asked)[1:]
    assert said == told * 2
