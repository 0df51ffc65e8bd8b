"""Checks: what a run adds to its session, and the run that goes on with it."""

from __future__ import annotations

from collections import deque

from pydantic_core import from_json, to_json
from steer import ExecutionRequest
from steer.context import ExecutionContext
from steer.errors import ConfigError
from steer.ports.runtime import Finished, PastRun
from steer.values import (
    Message,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)

from steer_conformance.checks import check
from steer_conformance.provider import Recorded
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.props import RED, Props, answering, calling
from steer_conformance.suites.runtime.stage import Stage

_IN_SESSION = ExecutionContext(job_id="job-1", run_id="run-1", session_id="talk")
# Said nowhere: a model that hears it was told the neutral messages beside or for the items.
_NEUTRAL = "<neutral>"


@check("RT-68")
async def what_a_run_says_of_itself_follows_its_question(case: RuntimeCase) -> None:
    async with case.stage(answering("I see.")) as stage:
        finished, _ = await stage.run(context=_IN_SESSION)
    assert _words(_said(finished)) == "I see."


@check("RT-68", requires="tools")
async def what_a_run_says_of_itself_holds_its_tool_calls(case: RuntimeCase) -> None:
    props = Props()
    turns = (calling("look", "a", "b", said="Well."), answering("Red."))
    async with case.stage(*turns) as stage:
        finished, _ = await stage.run(stage.agent(tools=[props.look()]), context=_IN_SESSION)
    if not finished.said:
        return
    said = _said(finished)
    parts = [part for message in said for part in message.content]
    calls = [part for part in parts if isinstance(part, ToolCallPart)]
    results = {part.call_id: part.content for part in parts if isinstance(part, ToolResultPart)}
    assert [(call.call_id, call.tool, from_json(call.arguments)) for call in calls] == [
        ("c1", "look", {"at": "a"}),
        ("c2", "look", {"at": "b"}),
    ]
    assert {name: RED in text for name, text in results.items()} == {"c1": True, "c2": True}
    assert _words(said) == "Well.Red."


@check("RT-69", requires="session_items")
async def a_run_goes_on_from_what_its_runtime_kept(case: RuntimeCase) -> None:
    turns = (answering("I see."), answering("So do I."), answering("Good."))
    async with case.stage(*turns) as stage:
        past: list[PastRun] = []
        for question in ("<1>", "<2>"):
            finished = await _go_on(stage, past, question)
            past.append(_kept(stage, finished))
        await _go_on(stage, past, "<3>")
        third = stage.provider.requests[2]
    assert _heard(third) == [
        ("user", "<1>"),
        ("assistant", "I see."),
        ("user", "<2>"),
        ("assistant", "So do I."),
        ("user", "<3>"),
    ]


@check("RT-69", requires=("session_items", "tools"))
async def a_run_goes_on_from_the_tool_calls_that_its_runtime_kept(case: RuntimeCase) -> None:
    props = Props()
    turns = (calling("look", "here"), answering("Red."), answering("Good."))
    async with case.stage(*turns) as stage:
        agent = stage.agent(tools=[props.look()])
        finished, _ = await stage.run(agent, context=_IN_SESSION)
        await _go_on(stage, [_kept(stage, finished)], "And?", agent)
        third = stage.provider.requests[2]
    assert [(call.id, call.name) for call in third.past_calls] == [("c1", "look")]
    assert [(each.call_id, RED in each.text) for each in third.tool_results] == [("c1", True)]
    assert [text for _, text in _heard(third) if text] == ["Hello?", "Red.", "And?"]
    assert props.looked == ["here"]


@check("RT-69", requires="session_items")
async def a_run_is_told_in_messages_what_another_runtime_did(case: RuntimeCase) -> None:
    said = Message(role=Role.ASSISTANT, content=(TextPart(text="I see."),))
    other = PastRun(messages=(user_message("<1>"), said), runtime="another")
    turns = (answering("So do I."), answering("Good."))
    async with case.stage(*turns) as stage:
        finished = await _go_on(stage, [other], "<2>")
        await _go_on(stage, [other, _kept(stage, finished)], "<3>")
        second = stage.provider.requests[1]
    heard = [text for _, text in _heard(second)]
    assert heard == ["<1>", "I see.", "<2>", "So do I.", "<3>"]


@check("RT-70", requires=("session_items", "tools"))
async def calls_of_several_runs_with_one_id_are_told_with_their_own_results(
    case: RuntimeCase,
) -> None:
    props = Props()
    turns = (calling("look", "c"), answering("Red."), calling("look", "d"), answering("Red."))
    async with case.stage(*turns) as stage:
        agent = stage.agent(tools=[props.look()])
        past = [_looked_by_another("a"), _looked_by_another("b")]
        finished = await _go_on(stage, past, "And c?", agent)
        past.append(_kept(stage, finished))
        await _go_on(stage, past, "And d?", agent)
        told = [_looked_at(request) for request in stage.provider.requests]
    assert told == [list("ab"), list("abc"), list("abc"), list("abcd")]


def _looked_by_another(at: str) -> PastRun:
    """Return a run of another runtime, whose call has the id that ``calling`` gives."""
    call = ToolCallPart(call_id="c1", tool="look", arguments=to_json({"at": at}).decode())
    result = ToolResultPart(call_id="c1", content=f"{at}: {RED}")
    messages = (
        user_message(f"And {at}?"),
        Message(role=Role.ASSISTANT, content=(call,)),
        Message(role=Role.TOOL, content=(result,)),
        Message(role=Role.ASSISTANT, content=(TextPart(text="Red."),)),
    )
    return PastRun(messages=messages, runtime="another")


def _looked_at(request: Recorded) -> list[str]:
    """Return where the calls looked that a model is told; each is to have its own result."""
    results: dict[str, deque[str]] = {}
    for result in request.tool_results:
        results.setdefault(result.call_id, deque()).append(result.text)
    places = [str(from_json(call.arguments)["at"]) for call in request.past_calls]
    for call, at in zip(request.past_calls, places, strict=True):
        told = results.get(call.id)
        assert told, f"the call at {at} is told without a result"
        assert f"{at}: {RED}" in told.popleft(), f"the call at {at} has the result of another"
    return places


def _said(finished: Finished) -> tuple[Message, ...]:
    """Return what a run says of itself, which has to be a conversation."""
    if not finished.said:
        return (Message(role=Role.ASSISTANT, content=(TextPart(text=finished.content),)),)
    assert all(each.role in {Role.ASSISTANT, Role.TOOL} for each in finished.said), (
        "a run adds what was said after its question, by the model and to it"
    )
    try:
        ExecutionRequest(agent="x", messages=(user_message("Hello?"), *finished.said))
    except ConfigError as error:
        raise AssertionError(f"what it says of itself is no conversation: {error}") from error
    return finished.said


def _words(said: tuple[Message, ...]) -> str:
    return "".join(message.text for message in said if message.role is Role.ASSISTANT)


def _kept(stage: Stage, finished: Finished) -> PastRun:
    """Return a run as its session keeps it; its messages say what nobody is to hear."""
    assert finished.items is not None, "it claims session_items, and kept none"
    said = Message(role=Role.ASSISTANT, content=(TextPart(text=_NEUTRAL),))
    return PastRun(
        messages=(user_message(_NEUTRAL), said),
        runtime=stage.name,
        items=from_json(to_json(finished.items)),
    )


async def _go_on(
    stage: Stage, past: list[PastRun], question: str, agent: object = None
) -> Finished:
    asked = (user_message(question),)
    before = (message for run in past for message in run.messages)
    finished, _ = await stage.run(
        agent, context=_IN_SESSION, input=(*before, *asked), past=tuple(past)
    )
    return finished


def _heard(request: Recorded) -> list[tuple[str, str]]:
    return [
        (message.role, message.text)
        for message in request.messages
        if message.role in {"user", "assistant"}
    ]
