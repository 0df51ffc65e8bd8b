"""Checks: runs of one prepared agent at the same time."""

from __future__ import annotations

import asyncio
import re

from hypothesis import strategies as st
from steer.events import ModelToken
from steer.ports.runtime import Finished
from steer.values import Usage, user_message

from steer_conformance.checks import check
from steer_conformance.provider import Hold, Request, Rule, Script, ToolCall, Turn
from steer_conformance.provider import Usage as Spent
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.props import Props
from steer_conformance.suites.runtime.stage import PATIENCE

_MOST = 8
_SECONDS_EACH = 4.0
_OWN = re.compile(r"run-(\d+)")


@check("RT-1", seconds=300)
def runs_at_the_same_time_do_not_mix(case: RuntimeCase) -> None:
    count = min(case.capabilities.max_concurrency or _MOST, _MOST)

    @case.profile.for_all(st.permutations(range(count)), share=0.2)
    def law(order: list[int]) -> None:
        case.run(_interleaved(case, order))


async def _interleaved(case: RuntimeCase, order: list[int]) -> None:
    """Begin as many runs as there are places, and let them go on in this order."""
    tooled = case.capabilities.tools

    def reply(request: Request) -> Turn:
        own = _OWN.findall(request.last_user_text)[-1]
        # Held before the answer that each run ends with, so that all are there at a time.
        if tooled and not request.tool_results:
            return Turn(ToolCall("look", {"at": f"place-{own}"}, id="c1"), usage=_spent(own))
        return Turn(f"Answer {own}.", Hold(f"hold-{own}", after=1), chunk_size=4, usage=_spent(own))

    async with case.stage(script=Script(rules=[Rule(lambda _: True, reply)])) as stage:
        props = Props()
        prepared = stage.prepare(stage.agent(tools=[props.look()] if tooled else []))
        runs = [stage.begin(input=(user_message(f"run-{number}"),)) for number in range(len(order))]
        tasks = [stage.begun(prepared, run) for run in runs]
        # They share the machine: each may be a process that has to start.
        stage.be_patient(more=len(order) * _SECONDS_EACH)
        for number in order:
            await stage.provider.reached(
                f"hold-{number}", timeout=PATIENCE + len(order) * _SECONDS_EACH
            )
        for number in order:
            stage.provider.release(f"hold-{number}")
            await asyncio.wait({tasks[number]})
        outcomes = [task.result() for task in tasks]
    for number, (run, outcome) in enumerate(zip(runs, outcomes, strict=True)):
        assert isinstance(outcome, Finished)
        assert outcome.content == f"Answer {number}."
        assert "".join(token.text for token in run.told(ModelToken)) == f"Answer {number}."
        assert [call.arguments for call in run.gate.asked] == (
            [{"at": f"place-{number}"}] if tooled else []
        )
        if case.capabilities.usage == "provider":
            assert set(run.gate.usages) == {
                Usage(requests=1, input_tokens=100 + number, output_tokens=5)
            }


def _spent(own: str) -> Spent:
    return Spent(input_tokens=100 + int(own), output_tokens=5)
