"""Checks: one agent passes the conversation to another one."""

from __future__ import annotations

from steer.errors import PolicyDenied
from steer.events import AgentHandoff
from steer.ports.policy import ToolKind

from steer_conformance.checks import check
from steer_conformance.provider import Request, Rule, Script, ToolCall, Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.props import deny, results_in, verdicts

_COLLEAGUE = "colleague"


def _script() -> Script:
    """First the model passes on, by whatever tool there is for that; then somebody answers."""

    def pass_on(request: Request) -> Turn:
        tool = next(name for name in request.tools if _COLLEAGUE in name)
        return Turn(ToolCall(tool, {}, id="h1"))

    return Script(
        rules=[
            Rule(lambda request: not request.tool_results, pass_on, times=1),
            Rule(lambda request: bool(request.tool_results), Turn("I am here."), times=1),
        ]
    )


@check("RT-56", requires="handoffs")
async def a_handoff_is_asked_for_told_and_made(case: RuntimeCase) -> None:
    async with case.stage(script=_script()) as stage:
        colleague = stage.agent(_COLLEAGUE, instructions="You are the colleague.")
        first = stage.agent("first", instructions="You are the first.", handoffs=[colleague])
        finished, run = await stage.run(first)
        before, after = (str(request.body) for request in stage.provider.requests)
    assert finished.content == "I am here."
    assert run.told(AgentHandoff) == [AgentHandoff(source="first", target=_COLLEAGUE)]
    assert [call.kind for call in run.gate.asked] == [ToolKind.HANDOFF]
    assert "You are the first." in before
    assert "You are the colleague." in after
    assert "You are the first." not in after


@check("RT-56", requires="handoffs")
async def a_denied_handoff_is_not_made(case: RuntimeCase) -> None:
    async with case.stage(script=_script(), used_up=False) as stage:
        colleague = stage.agent(_COLLEAGUE, instructions="You are the colleague.")
        first = stage.agent("first", instructions="You are the first.", handoffs=[colleague])
        run = stage.begin(BareGate(verdict=verdicts(h1=deny("stay where you are"))))
        try:
            await stage.run(first, run=run)
        except PolicyDenied as error:
            # Some SDKs cannot go on with the agent that wanted to leave.
            told = error.message
        else:
            told = results_in(stage.provider.requests[1])["h1"]
        asked = [str(request.body) for request in stage.provider.requests]
    assert run.told(AgentHandoff) == []
    assert run.gate.ran == []
    assert "stay where you are" in told
    assert all("You are the first." in body for body in asked)
