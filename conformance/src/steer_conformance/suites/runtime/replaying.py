"""Checks: a run that is made again from its records. What was done is not done again."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from steer.agents import Agent
from steer.errors import Diverged, OutcomeUnknown
from steer.events import ModelBlockDone, ModelToken

from steer_conformance.checks import check
from steer_conformance.provider import Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.props import Props, answering, calling
from steer_conformance.suites.runtime.stage import Stage

# What the model says in a turn, and how many tools it calls there.
_TURN = st.tuples(st.text("ab c", max_size=6), st.integers(1, 3))


def _turns(case: RuntimeCase) -> Sequence[Turn]:
    if not case.capabilities.tools:
        return (answering("All is said."),)
    return (
        calling("look", "a", "b", said="I look.", first="x"),
        calling("look", "c", first="y"),
        answering("All is said."),
    )


def _agent(case: RuntimeCase, stage: Stage, props: Props) -> Agent:
    return stage.agent(tools=[props.look()] if case.capabilities.tools else [])


@check("RT-40", requires="replay")
async def a_run_that_is_all_recorded_asks_nobody_and_runs_nothing(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(*_turns(case)) as stage:
        agent = _agent(case, stage, props)
        finished, first = await stage.run(agent)
        asked, looked = len(stage.provider.requests), list(props.looked)
        again, second = await stage.run(agent, gate=BareGate(first.gate.records.until()))
        assert len(stage.provider.requests) == asked, "a recorded response was asked for again"
    assert props.looked == looked, "a recorded effect was repeated"
    assert second.gate.sent == []
    assert second.gate.ran == []
    assert again == finished
    assert second.told(ModelToken) == [], "what was said before is said again"
    assert second.told(ModelBlockDone) == []


@check("RT-41", requires="replay", seconds=300)
async def a_run_goes_on_wherever_its_records_end(case: RuntimeCase) -> None:
    async with case.stage(*_turns(case)) as stage:
        finished, first = await stage.run(_agent(case, stage, Props()))
    log = first.gate.records.log
    for count in range(len(log)):
        records = first.gate.records.until(count)
        known = set(records.effects)
        async with case.stage(*_turns(case)[records.responses :]) as stage:
            again, run = await stage.run(_agent(case, stage, Props()), gate=BareGate(records))
        where = f"with {count} of {len(log)} records"
        assert again == finished, where
        assert not known & {call.key for call in run.gate.ran}, f"{where} an effect was repeated"
        assert {call.key for call in run.gate.ran} | known == set(first.gate.records.effects), where


@check("RT-41", requires=("replay", "tools"), seconds=300)
def any_conversation_goes_on_from_any_record(case: RuntimeCase) -> None:
    @case.profile.for_all(st.lists(_TURN, max_size=3), st.integers(0, 1000), share=0.4)
    def law(drawn: list[tuple[str, int]], place: int) -> None:
        turns = [
            calling(
                "look",
                *(f"{number}-{call}" for call in range(calls)),
                said=said,
                first=f"turn{number}-",
            )
            for number, (said, calls) in enumerate(drawn)
        ]
        case.run(_taken_up(case, [*turns, answering("All is said.")], place))


async def _taken_up(case: RuntimeCase, turns: Sequence[Turn], place: int) -> None:
    """Play a conversation, and go on with it from some place among its records."""
    props = Props()
    async with case.stage(*turns) as stage:
        finished, first = await stage.run(stage.agent(tools=[props.look()]))
    looked = sorted(props.looked)
    assert looked == sorted(call.arguments["at"] for call in first.gate.asked)
    records = first.gate.records.until(place % (len(first.gate.records.log) + 1))
    known = set(records.effects)
    props.looked.clear()
    async with case.stage(*turns[records.responses :]) as stage:
        again, second = await stage.run(stage.agent(tools=[props.look()]), gate=BareGate(records))
    assert again == finished
    assert not known & {call.key for call in second.gate.ran}, "an effect was repeated"
    assert len(props.looked) == len(looked) - len(known)


@check("RT-42", requires="replay")
async def another_question_than_before_diverges(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello.")) as stage:
        _, first = await stage.run(stage.agent(instructions="Greet."))
        gate = BareGate(first.gate.records.until())
        error, _ = await stage.failure(stage.agent(instructions="Say nothing."), gate=gate)
        assert len(stage.provider.requests) == 1, "the other question was asked"
    assert isinstance(error, Diverged), repr(error)


@check("RT-42", requires=("replay", "tools"))
async def an_effect_that_nobody_knows_the_end_of_ends_the_run(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "a"), answering("Red.")) as stage:
        agent = stage.agent(tools=[props.look()])
        _, first = await stage.run(agent)
        records = first.gate.records.until(1)
        records.begun = {call.key for call in first.gate.ran}
        props.looked.clear()
        error, _ = await stage.failure(agent, gate=BareGate(records))
        assert len(stage.provider.requests) == 2, "the model was told something all the same"
    assert isinstance(error, OutcomeUnknown), repr(error)
    assert props.looked == []
