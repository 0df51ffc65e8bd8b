"""Checks: a run that is parked for a person, and goes on when the answer is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from steer.events import AgentHandoff
from steer.ports.gate import Decision, ToolCall
from steer.ports.policy import ToolKind
from steer.ports.runtime import Finished, Prepared, Suspended
from steer.values import EffectStatus

from steer_conformance.checks import check
from steer_conformance.profiles import PULL_REQUEST
from steer_conformance.provider import Hold, Request, Rule, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.gate import BareGate, Verdict
from steer_conformance.suites.runtime.props import (
    RED,
    Props,
    allow_with,
    answering,
    calling,
    deny,
    results_in,
    suspend,
    verdicts,
)
from steer_conformance.suites.runtime.run import BareRun
from steer_conformance.suites.runtime.stage import PATIENCE, Stage

# More loop turns than a run takes to come to its next wait.
_LOOP_TURNS = 100
_COLLEAGUE = "colleague"
# What a person may say in the end; None is yes.
_ANSWERS: dict[str, Decision | None] = {
    "allowed": None,
    "denied": deny("not that one"),
    "edited": allow_with({"at": "elsewhere"}),
}


async def _parked(
    stage: Stage, prepared: Prepared, verdict: Verdict, before: BareRun | None = None
) -> BareRun:
    """Play a run that has to be parked, from what an earlier one left."""
    run = _taken_up(stage, before, verdict)
    outcome = await stage.play(prepared, run)
    assert isinstance(outcome, Suspended), f"it returned {outcome!r}"
    run.resume_state = outcome.state
    return run


async def _finished(
    stage: Stage, prepared: Prepared, before: BareRun, verdict: Verdict = lambda _call: None
) -> tuple[Finished, BareRun]:
    """Play a run that was parked to its end."""
    run = _taken_up(stage, before, verdict)
    outcome = await stage.play(prepared, run)
    assert isinstance(outcome, Finished), f"taken up, it returned {outcome!r}"
    return outcome, run


def _taken_up(stage: Stage, before: BareRun | None, verdict: Verdict) -> BareRun:
    if before is None:
        return stage.begin(BareGate(verdict=verdict))
    gate = BareGate(before.gate.records.until(), verdict=verdict)
    return stage.begin(gate, resume_state=before.resume_state)


def _names(calls: Sequence[ToolCall]) -> list[str]:
    return sorted(call.call_id for call in calls)


@check("RT-43", requires=("suspend", "tools"))
async def a_suspended_run_begins_nothing_more(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here"), used_up=False) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.look()]))
        run = await _parked(stage, prepared, verdicts(c1=suspend()))
        assert len(stage.provider.requests) == 1, "it went on without the answer"
    assert run.gate.ran == []
    assert props.looked == []


@check("RT-43", requires=("suspend", "tools"))
async def a_run_is_suspended_as_often_as_it_takes(case: RuntimeCase) -> None:
    props = Props()
    turns = (calling("look", "a", first="x"), calling("look", "b", first="y"), answering("Red."))
    async with case.stage(*turns) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.look()]))
        run = await _parked(stage, prepared, verdicts(x1=suspend()))
        for _ in range(2):
            run = await _parked(stage, prepared, verdicts(y1=suspend()), run)
            assert len(stage.provider.requests) == 2
            assert props.looked == ["a"]
        finished, run = await _finished(stage, prepared, run)
    assert finished.content == "Red."
    assert _names(run.gate.ran) == ["y1"]
    assert props.looked == ["a", "b"]


@check("RT-64", requires=("suspend", "tools"), seconds=300)
async def an_answer_is_worth_as_much_later_as_at_once(case: RuntimeCase) -> None:
    turns = (
        calling("look", "a", said="I look.", first="x"),
        calling("look", "b", first="y"),
        answering("All is said."),
    )
    few = case.profile.examples < PULL_REQUEST.examples
    for call_id in ("x1",) if few else ("x1", "y1"):
        for what, answer in _ANSWERS.items():
            verdict = verdicts(**({} if answer is None else {call_id: answer}))
            at_once = await _told(case, turns, verdict)
            later = await _told(case, turns, verdict, waiting=call_id)
            assert later == at_once, f"{call_id} was {what} after it had waited"


async def _told(
    case: RuntimeCase, turns: Sequence[Turn], verdict: Verdict, *, waiting: str | None = None
) -> tuple[object, ...]:
    """Return what a run comes to, what was done in it, and what the model was told."""
    props = Props()
    async with case.stage(*turns) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.look()]))
        if waiting is None:
            finished, _ = await stage.run(prepared=prepared, gate=BareGate(verdict=verdict))
        else:
            run = await _parked(stage, prepared, verdicts(**{waiting: suspend()}))
            finished, _ = await _finished(stage, prepared, run, verdict)
        requests = [results_in(request) for request in stage.provider.requests]
    return finished, props.looked, requests


@check("RT-63", requires=("suspend=many", "tools"), seconds=300)
async def wherever_a_call_waits_each_of_its_message_is_made_once(case: RuntimeCase) -> None:
    for waiting in ("c1", "c2", "c3"):
        props = Props()
        async with case.stage(calling("look", "a", "b", "c"), answering("Red.")) as stage:
            prepared = stage.prepare(stage.agent(tools=[props.look()]))
            first = await _parked(stage, prepared, verdicts(**{waiting: suspend()}))
            made = _names(first.gate.ran)
            assert waiting not in made
            assert len(props.looked) == len(made) == len(first.gate.records.effects)
            finished, second = await _finished(stage, prepared, first)
            told = results_in(stage.provider.requests[-1])
        assert finished.content == "Red."
        assert sorted([*made, *_names(second.gate.ran)]) == ["c1", "c2", "c3"]
        assert sorted(props.looked) == ["a", "b", "c"]
        assert len(told) == 3
        assert all(RED in text for text in told.values()), told


@check("RT-63", requires=("suspend=many", "tools", "parallel_tools"))
async def what_runs_beside_a_suspended_call_comes_to_its_end(case: RuntimeCase) -> None:
    props = Props()
    asked = asyncio.Event()

    async def verdict(call: ToolCall) -> Decision | None:
        if call.tool != "look":
            return None
        await props.began.wait()
        asked.set()
        return suspend()

    turn = Turn(Call("linger", {"at": "a"}, id="c1"), Call("look", {"at": "b"}, id="c2"))
    async with case.stage(turn, answering("Red.")) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.linger(), props.look()]))
        run = stage.begin(BareGate(verdict=verdict))
        task = stage.begun(prepared, run)
        await asked.wait()
        for _ in range(_LOOP_TURNS):
            await asyncio.sleep(0)
        assert not task.done(), f"it did not wait for what ran: {task!r}"
        props.go_on.set()
        outcome = await task
        assert isinstance(outcome, Suspended), f"it returned {outcome!r}"
        run.resume_state = outcome.state
        assert [each.status for each in run.gate.outcomes] == [EffectStatus.SUCCEEDED]
        finished, second = await _finished(stage, prepared, run)
        told = results_in(stage.provider.requests[-1])
    assert finished.content == "Red."
    assert _names(second.gate.ran) == ["c2"]
    assert props.looked == ["a", "b"]
    assert sorted(told) == ["c1", "c2"]


@check("RT-63", requires=("suspend=many", "tools"), seconds=300)
def any_conversation_can_wait_at_any_of_its_calls(case: RuntimeCase) -> None:
    @case.profile.for_all(
        st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(0, 1000), share=0.4
    )
    def law(calls: list[int], place: int) -> None:
        case.run(_waits_at(case, calls, place))


async def _waits_at(case: RuntimeCase, calls: Sequence[int], place: int) -> None:
    """Play a conversation with so many calls in each turn, one of which has to wait."""
    names = [[f"t{turn}-{call}" for call in range(1, count + 1)]
             for turn, count in enumerate(calls)]  # fmt: skip
    turns = [calling("look", *there, first=f"t{turn}-") for turn, there in enumerate(names)]
    every = [name for there in names for name in there]
    waiting = every[place % len(every)]
    props = Props()
    async with case.stage(*turns, answering("All is said.")) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.look()]))
        first = await _parked(stage, prepared, verdicts(**{waiting: suspend()}))
        finished, second = await _finished(stage, prepared, first)
    assert finished.content == "All is said."
    assert sorted([*_names(first.gate.ran), *_names(second.gate.ran)]) == sorted(every)
    assert sorted(props.looked) == sorted(every)


def _talk_of_two(
    case: RuntimeCase,
    calls: Mapping[str, str],
    inside: str,
    *,
    reply: Callable[[Request], Turn] | None = None,
) -> Script:
    """One agent has another one called, which calls a tool with the text that it is given.

    ``calls`` are these texts by the ids of the calls. ``reply`` is what that one does first.
    """
    arguments = case.nesting("", Props().look()).arguments

    def delegates(request: Request) -> Turn:
        (tool,) = request.tools
        return Turn(*(Call(tool, arguments(text), id=name) for name, text in calls.items()))

    def calls_inside(request: Request) -> Turn:
        return calling(inside, request.last_user_text, first=request.last_user_text)

    def is_inside(request: Request) -> bool:
        return inside in request.tools

    return Script(
        rules=[
            Rule(lambda r: not is_inside(r) and not r.tool_results, delegates, times=1),
            Rule(
                lambda r: is_inside(r) and not r.tool_results,
                reply or calls_inside,
                times=len(calls),
            ),
            Rule(is_inside, answering("Red."), times=len(calls) if reply is None else 1),
            Rule(lambda _: True, answering("It is red."), times=1),
        ]
    )


@check("RT-65", requires=("suspend_in_subagents", "suspend", "tools"))
async def a_call_of_an_agent_that_is_a_tool_suspends_the_whole_run(case: RuntimeCase) -> None:
    for what, answer in _ANSWERS.items():
        props = Props()
        script = _talk_of_two(case, {"n1": "x"}, "look")
        async with case.stage(script=script) as stage:
            prepared = stage.prepare(case.nesting(stage.model, props.look()).agent)
            first = await _parked(stage, prepared, verdicts(x1=suspend()))
            assert [call.path for call in first.gate.suspended] == [("n1",)]
            assert len(stage.provider.requests) == 2, "it went on without the answer"
            assert first.gate.outcomes == [], "an agent that waits is no tool that has ended"
            verdict = verdicts(**({} if answer is None else {"x1": answer}))
            finished, second = await _finished(stage, prepared, first, verdict)
            told = results_in(stage.provider.requests[-1])
        assert finished.content == "It is red."
        assert props.looked == {"allowed": ["x"], "denied": [], "edited": ["elsewhere"]}[what]
        assert set(_names(second.gate.ran)) <= {"n1", "x1"}
        assert [text for text in told.values() if "Red." in text], told


@check("RT-65", requires=("suspend_in_subagents", "suspend=many", "tools", "parallel_tools"))
async def agents_beside_one_that_waits_are_gone_on_with_where_they_were(case: RuntimeCase) -> None:
    props = Props()
    asked = asyncio.Event()

    async def verdict(call: ToolCall) -> Decision | None:
        if call.path != ("n1",):
            return None
        await props.began.wait()
        asked.set()
        return suspend()

    calls = {"n1": "x", "n2": "y"}
    async with case.stage(script=_talk_of_two(case, calls, "linger")) as stage:
        prepared = stage.prepare(case.nesting(stage.model, props.linger()).agent)
        run = stage.begin(BareGate(verdict=verdict))
        task = stage.begun(prepared, run)
        await asked.wait()
        props.go_on.set()
        outcome = await task
        assert isinstance(outcome, Suspended), f"it returned {outcome!r}"
        run.resume_state = outcome.state
        ended = [key.call_id for key, _ in _effects(run)]
        finished, second = await _finished(stage, prepared, run)
    assert ended == ["y1"]
    assert finished.content == "It is red."
    assert sorted(props.looked) == ["x", "y"]
    assert _names(second.gate.ran) == ["n1", "n2", "x1"]


@check("RT-65", requires=("suspend_in_subagents", "suspend=many", "tools", "parallel_tools"))
async def a_request_that_is_under_way_is_not_made_again(case: RuntimeCase) -> None:
    asked = asyncio.Event()

    async def verdict(call: ToolCall) -> Decision | None:
        if call.path != ("n1",):
            return None
        await stage.provider.reached("midway", timeout=PATIENCE)
        asked.set()
        return suspend()

    def reply(request: Request) -> Turn:
        if request.last_user_text == "y":
            return Turn("It is ", Hold("midway", after=1), "red.", chunk_size=4)
        return calling("look", "x", first="x")

    calls = {"n1": "x", "n2": "y"}
    async with case.stage(script=_talk_of_two(case, calls, "look", reply=reply)) as stage:
        prepared = stage.prepare(case.nesting(stage.model, Props().look()).agent)
        run = stage.begin(BareGate(verdict=verdict))
        task = stage.begun(prepared, run)
        await asked.wait()
        for _ in range(_LOOP_TURNS):
            await asyncio.sleep(0)
        assert not task.done(), f"it did not wait for the request: {task!r}"
        stage.provider.release("midway")
        outcome = await task
        assert isinstance(outcome, Suspended), f"it returned {outcome!r}"
        run.resume_state = outcome.state
        assert run.gate.records.responses == 3
        finished, _ = await _finished(stage, prepared, run)
        told = results_in(stage.provider.requests[-1])
    assert finished.content == "It is red."
    assert "It is red." in told["n2"]


def _effects(run: BareRun) -> list[Any]:
    return [record for record in run.gate.records.log if isinstance(record, tuple)]


def _talk_with_a_colleague() -> Script:
    """First the model passes on; then the other agent calls a tool, and answers."""

    def passes_on(request: Request) -> Turn:
        tool = next(name for name in request.tools if _COLLEAGUE in name)
        return Turn(Call(tool, {}, id="h1"))

    return Script(
        rules=[
            Rule(lambda r: not r.tool_results, passes_on, times=1),
            Rule(lambda r: len(r.tool_results) == 1, calling("look", "a", first="x"), times=1),
            Rule(lambda _: True, answering("I am here."), times=1),
        ]
    )


@check("RT-66", requires=("suspend", "handoffs", "tools"))
async def a_handoff_can_wait_and_so_can_what_comes_after_it(case: RuntimeCase) -> None:
    for waiting in ("h1", "x1"):
        props = Props()
        async with case.stage(script=_talk_with_a_colleague()) as stage:
            colleague = stage.agent(_COLLEAGUE, tools=[props.look()])
            prepared = stage.prepare(stage.agent("first", handoffs=[colleague]))
            first = await _parked(stage, prepared, verdicts(**{waiting: suspend()}))
            passed = bool(first.told(AgentHandoff))
            assert passed == (waiting == "x1"), "it passed on without the answer"
            assert props.looked == []
            finished, second = await _finished(stage, prepared, first)
        assert finished.content == "I am here."
        assert props.looked == ["a"]
        assert [call.kind for call in second.gate.asked] == [ToolKind.HANDOFF, ToolKind.FUNCTION]
        assert waiting in _names(second.gate.ran)
