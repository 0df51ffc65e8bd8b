"""Checks: the tools that a model calls, and what it reads of them."""

from __future__ import annotations

import asyncio
import re

from steer.events import ModelBlockDone
from steer.ports.policy import ToolKind
from steer.values import Effect, EffectStatus

from steer_conformance.checks import check
from steer_conformance.provider import ToolCall, Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.props import (
    RED,
    Props,
    allow_with,
    answering,
    calling,
    deny,
    results_in,
    verdicts,
)


@check("RT-10", requires="tools")
async def a_tool_runs_and_the_model_reads_its_result(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here"), answering("Red.")) as stage:
        finished, run = await stage.run(stage.agent(tools=[props.look()]))
        second = stage.provider.requests[1]
    assert props.looked == ["here"]
    assert RED in results_in(second)["c1"]
    assert finished.content == "Red."
    assert [outcome.status for outcome in run.gate.outcomes] == [EffectStatus.SUCCEEDED]


@check("RT-10", requires="tools")
async def a_tool_call_is_told_as_the_model_wrote_it(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here", said="Well."), answering("Red.")) as stage:
        _, run = await stage.run(stage.agent(tools=[props.look()]))
    told = [block for block in run.told(ModelBlockDone) if block.kind == "tool_call"]
    assert [(b.call_id, b.tool, b.arguments) for b in told] == [("c1", "look", '{"at": "here"}')]


@check("RT-11", requires="tools")
async def the_gate_is_asked_for_each_call_as_it_was_proposed(case: RuntimeCase) -> None:
    props = Props()
    turns = (
        calling("look", "a", "b", first="x"),
        calling("look", "c", first="y"),
        answering("Red."),
    )
    async with case.stage(*turns) as stage:
        _, run = await stage.run(stage.agent("looker", tools=[props.look(Effect.IDEMPOTENT)]))
    asked = {call.call_id: call for call in run.gate.asked}
    assert list(asked) == ["x1", "x2", "y1"] or list(asked) == ["x2", "x1", "y1"]
    assert [asked[each].message for each in ("x1", "x2", "y1")] == [0, 0, 1]
    assert [asked[each].arguments for each in ("x1", "x2", "y1")] == [
        {"at": "a"},
        {"at": "b"},
        {"at": "c"},
    ]
    for call in asked.values():
        assert (call.tool, call.path, call.agent) == ("look", (), "looker")
        assert (call.kind, call.effect, call.declared) == (
            ToolKind.FUNCTION,
            Effect.IDEMPOTENT,
            True,
        )


@check("RT-12", requires="tools")
async def a_denied_tool_never_runs_and_the_model_reads_why(case: RuntimeCase) -> None:
    props = Props()
    turns = (calling("look", "here", "there"), answering("As you wish."))
    async with case.stage(*turns) as stage:
        gate = BareGate(verdict=verdicts(c1=deny("that place is private")))
        finished, run = await stage.run(stage.agent(tools=[props.look()]), gate=gate)
        told = results_in(stage.provider.requests[1])
    assert props.looked == ["there"], "only what was allowed may run"
    assert [call.call_id for call in run.gate.ran] == ["c2"]
    assert "that place is private" in told["c1"]
    assert RED in told["c2"]
    assert finished.content == "As you wish.", "a denial is a result, and the run goes on"


@check("RT-12", requires="tools")
async def a_tool_waits_for_its_verdict(case: RuntimeCase) -> None:
    props = Props()
    asked, decided = asyncio.Event(), asyncio.Event()

    async def verdict(_call: object) -> None:
        asked.set()
        await decided.wait()

    async with case.stage(calling("look", "here"), answering("Red.")) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.look()]))
        run = stage.begin(BareGate(verdict=verdict))
        task = stage.begun(prepared, run)
        await asked.wait()
        # Whatever else of the run is ready gets a chance to run.
        for _ in range(20):
            await asyncio.sleep(0)
        early = list(props.looked)
        decided.set()
        await task
    assert early == [], "the tool ran before the gate had answered"
    assert props.looked == ["here"]


@check("RT-14", requires="tools")
async def arguments_that_were_rewritten_are_the_ones_that_run(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here"), answering("Red.")) as stage:
        gate = BareGate(verdict=verdicts(c1=allow_with({"at": "elsewhere"})))
        await stage.run(stage.agent(tools=[props.look()]), gate=gate)
    assert props.looked == ["elsewhere"]


@check("RT-16", requires="parallel_tools")
async def tools_of_one_message_run_side_by_side(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("meet", "a", "b", "c"), answering("Met.")) as stage:
        await stage.run(stage.agent(tools=[props.meet(3)]))
        told = results_in(stage.provider.requests[1])
    assert {name: text.split(":")[0] for name, text in told.items()} == {
        "c1": "a",
        "c2": "b",
        "c3": "c",
    }


@check("RT-17", requires="tools")
async def a_tool_that_raises_has_failed_and_the_model_is_told(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("fail", "here"), answering("Sorry.")) as stage:
        finished, run = await stage.run(stage.agent(tools=[props.fail()]))
        told = results_in(stage.provider.requests[1])
    (outcome,) = run.gate.outcomes
    assert outcome.status is EffectStatus.FAILED
    assert props.looked == ["here"], "a tool that failed is not tried again"
    assert told["c1"]
    assert RED not in told["c1"]
    assert finished.content == "Sorry."


@check("RT-18", requires="tools")
async def a_tool_that_takes_too_long_is_stopped_and_counts_as_timed_out(
    case: RuntimeCase,
) -> None:
    props = Props()
    async with case.stage(calling("dawdle", "here"), answering("Too slow.")) as stage:
        finished, run = await stage.run(stage.agent(tools=[props.dawdle(seconds=0.05)]))
        assert props.stopped.is_set(), "it still runs"
        told = results_in(stage.provider.requests[1])
    (outcome,) = run.gate.outcomes
    assert outcome.status is EffectStatus.TIMED_OUT
    assert told["c1"]
    assert finished.content == "Too slow."


@check("RT-19", requires="tools")
async def arguments_that_do_not_fit_run_nothing_and_the_model_reads_why(
    case: RuntimeCase,
) -> None:
    props = Props()
    turns = (Turn(ToolCall("look", {"where": "here"}, id="c1")), answering("My mistake."))
    async with case.stage(*turns) as stage:
        finished, run = await stage.run(stage.agent(tools=[props.look()]))
        told = results_in(stage.provider.requests[1])
    assert props.looked == []
    assert re.search(r"\bat\b", told["c1"]), f"{told['c1']!r} does not name what is missing"
    assert EffectStatus.SUCCEEDED not in {outcome.status for outcome in run.gate.outcomes}
    assert finished.content == "My mistake."


@check("RT-19", requires="tools")
async def arguments_that_are_no_json_reach_the_gate_as_text(case: RuntimeCase) -> None:
    props = Props()
    turns = (Turn(ToolCall("look", '{"at": ', id="c1")), answering("My mistake."))
    async with case.stage(*turns) as stage:
        _, run = await stage.run(stage.agent(tools=[props.look()]))
    assert [call.arguments for call in run.gate.asked] in ([], ['{"at": '])
    assert props.looked == []


@check("RT-20", requires="tools")
async def a_thread_that_cannot_be_stopped_is_named_until_it_ends(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("toil", "here")) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.toil()]))
        run = stage.begin()
        task = stage.begun(prepared, run)
        try:
            await props.began.wait()
            task.cancel()
            await asyncio.wait({task})
            named = list(run.gate.running.values())
        finally:
            props.let_go.set()
        assert task.cancelled()
        assert len(named) == 1
        assert "toil" in named[0], f"{named[0]!r} does not say which tool runs on"
        while run.gate.running:
            await run.gate.ended.wait()
            run.gate.ended.clear()
