"""Checks: a run that is parked for a person, and goes on when the answer is there."""

from __future__ import annotations

from steer.ports.runtime import Finished, Suspended

from steer_conformance.checks import check
from steer_conformance.provider import Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.props import (
    RED,
    Props,
    answering,
    calling,
    results_in,
    suspend,
    verdicts,
)


@check("RT-43", requires=("suspend", "tools"))
async def a_suspended_run_goes_on_with_the_call_it_waited_for(case: RuntimeCase) -> None:
    await _suspended(case, calling("look", "here"), waiting="c1")


@check("RT-43", requires=("suspend=many", "tools"))
async def what_ran_beside_a_suspended_call_does_not_run_again(case: RuntimeCase) -> None:
    await _suspended(case, calling("look", "a", "b", "c"), waiting="c2")


async def _suspended(case: RuntimeCase, turn: Turn, *, waiting: str) -> None:
    props = Props()
    asks = len(turn.parts)
    async with case.stage(turn, answering("Red.")) as stage:
        prepared = stage.prepare(stage.agent(tools=[props.look()]))
        first = stage.begin(BareGate(verdict=verdicts(**{waiting: suspend()})))
        outcome = await stage.play(prepared, first)
        assert isinstance(outcome, Suspended), f"it returned {outcome!r}"
        assert len(stage.provider.requests) == 1, "it went on without the answer"
        assert waiting not in {call.call_id for call in first.gate.ran}
        assert len(props.looked) == asks - 1

        second = stage.begin(BareGate(first.gate.records.until()), resume_state=outcome.state)
        finished = await stage.play(prepared, second)
        told = results_in(stage.provider.requests[-1])
    assert isinstance(finished, Finished)
    assert finished.content == "Red."
    assert [call.call_id for call in second.gate.ran] == [waiting]
    assert len(props.looked) == asks
    assert len(told) == asks
    assert all(RED in text for text in told.values()), told
