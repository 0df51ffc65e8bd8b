"""Runs that are parked in the middle of an author's own code: workflows, tools, hooks, sessions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    AgentHooks,
    GuardrailFunctionOutput,
    InputGuardrail,
    Runner,
    SQLiteSession,
    function_tool,
)
from sdk_runs import MODEL, open_bare, options_for, park, run_bare
from steer.errors import OutcomeUnknown, RuntimeFailure
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.ports.runtime import Suspended
from steer_conformance.provider import Provider, Request, Rule, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio

SUSPEND = Decision(outcome=GateOutcome.SUSPEND)


@function_tool
def look(at: str) -> str:
    return f"saw {at}"


looker: Agent[Any] = Agent(name="looker", model=MODEL, tools=[look])


def waiting(call: ToolCall) -> Decision | None:
    return SUSPEND if call.call_id == "c1" else None


def taken_up(run: BareRun) -> BareGate:
    return BareGate(run.gate.records.until())


def looking() -> Script:
    return Script([Turn(Call("look", {"at": "home"}, id="c1")), Turn("Seen.")])


async def test_a_workflow_takes_the_parking_for_no_failure_and_cleans_up() -> None:
    noted: list[str] = []

    async def workflow(question: str) -> str:
        try:
            result = await Runner.run(looker, question)
        except Exception:
            noted.append("failed")
            return "It failed."
        else:
            return f"It said: {result.final_output}"
        finally:
            noted.append("left")

    async with Provider(looking()) as provider:
        first = await park(workflow, provider, BareGate(verdict=waiting))
        assert noted == ["left"]
        finished, second = await run_bare(workflow, provider, gate=taken_up(first))
        provider.assert_used_up()
    assert finished.content == "It said: Seen."
    assert [call.call_id for call in second.gate.ran] == ["c1"]
    assert noted == ["left", "left"]


async def test_a_workflow_that_follows_a_stream_is_parked_in_it() -> None:
    async def workflow(question: str) -> str:
        result = Runner.run_streamed(looker, question)
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    async with Provider(looking()) as provider:
        first = await park(workflow, provider, BareGate(verdict=waiting))
        finished, _ = await run_bare(workflow, provider, gate=taken_up(first))
        provider.assert_used_up()
    assert finished.content == "Seen."


async def test_a_workflow_that_goes_on_whatever_happens_acts_no_more_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("steer_openai_agents.frame.SETTLE_SECONDS", 0.05)

    async def workflow(question: str) -> str:
        try:
            await Runner.run(looker, question)
        except BaseException:
            await Runner.run(looker, "once more")
        return "never"

    run = BareRun(gate=BareGate(verdict=waiting))
    script = Script([Turn(Call("look", {"at": "home"}, id="c1"))])
    async with Provider(script) as provider, open_bare() as runtime:
        prepared = runtime.prepare(workflow, options_for(provider))
        before = asyncio.all_tasks()
        assert isinstance(await runtime.run(prepared, run), Suspended)
        left = asyncio.all_tasks() - before
        assert len(provider.requests) == 1
        assert set(run.gate.running.values()) == {"task agent workflow"}
        for task in left:
            task.cancel()
        await asyncio.wait(left)


async def test_a_workflow_that_does_not_wait_for_the_call_comes_to_nothing() -> None:
    asked = asyncio.Event()

    def verdict(_call: ToolCall) -> Decision:
        asked.set()
        return SUSPEND

    async def workflow(question: str) -> str:
        running = asyncio.create_task(Runner.run(looker, question))
        await asked.wait()
        del running
        return "That takes too long."

    async with Provider(looking()) as provider:
        await park(workflow, provider, BareGate(verdict=verdict))


async def test_runs_side_by_side_in_a_workflow_are_parked_together() -> None:
    """Also where the models call two things by one id."""
    began, go_on = asyncio.Event(), asyncio.Event()

    @function_tool
    async def linger() -> str:
        began.set()
        await go_on.wait()
        return "lingered"

    lingerer: Agent[Any] = Agent(name="lingerer", model=MODEL, tools=[linger])

    async def workflow(question: str) -> str:
        async with asyncio.TaskGroup() as group:
            lingers = group.create_task(Runner.run(lingerer, question))
            await began.wait()
            looks = group.create_task(Runner.run(looker, question))
        return f"{lingers.result().final_output} {looks.result().final_output}"

    def verdict(call: ToolCall) -> Decision | None:
        if call.tool != "look":
            return None
        asyncio.get_running_loop().call_soon(go_on.set)
        return SUSPEND

    looks = Rule(
        lambda request: "look" in request.tools, Turn(Call("look", {"at": "home"}, id="c1"))
    )
    async with Provider(Script([Turn(Call("linger", id="c1"))], rules=[looks])) as provider:
        first = await park(workflow, provider, BareGate(verdict=verdict))
        assert len(provider.requests) == 2, "one of them was gone on with"
    assert [outcome.value for outcome in first.gate.outcomes] == ["lingered"]


async def _run(agent: Agent[Any]) -> Any:
    return await Runner.run(agent, "go")


def with_helper(how: str) -> tuple[Agent[Any], Script]:
    """An agent with a tool of the author's that runs another agent, beside a call that waits."""

    @function_tool(name_override="delegate")
    async def delegate() -> str:
        return str((await Runner.run(inner, "go")).final_output)

    @function_tool(name_override="delegate")
    def delegate_in_a_thread() -> str:
        return str(asyncio.run(_run(inner)).final_output)

    @function_tool
    def act() -> str:
        return "acted"

    inner: Agent[Any] = Agent(name="inner", model=MODEL, tools=[act])
    tool = delegate if how == "run" else delegate_in_a_thread
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[look, tool])
    calls = Turn(Call("look", {"at": "home"}, id="c1"), Call("delegate", id="d"))

    def is_inside(request: Request) -> bool:
        return "act" in request.tools

    script = Script(
        rules=[
            Rule(lambda r: is_inside(r) and not r.tool_results, Turn(Call("act", id="a")), times=1),
            Rule(is_inside, Turn("In."), times=1),
            Rule(lambda r: not r.tool_results, calls, times=1),
            Rule(lambda _: True, Turn("Out."), times=1),
        ]
    )
    return outer, script


@pytest.mark.parametrize("how", ["run", "threaded"])
async def test_an_effect_that_runs_an_agent_itself_comes_to_its_end(how: str) -> None:
    """The author's tool has begun and may not run twice, so what it asks for is still answered."""
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Watched(BareGate):
        def model_call(self, request: Any, /) -> Any:
            if request.path:
                loop.call_soon_threadsafe(began.set)
            return super().model_call(request)

    async def verdict(call: ToolCall) -> Decision | None:
        if call.tool != "look":
            return None
        await began.wait()
        return SUSPEND

    outer, script = with_helper(how)
    async with Provider(script) as provider:
        first = await park(outer, provider, Watched(verdict=verdict))
        assert sorted(key.call_id for key in first.gate.records.effects) == ["a", "d"]
        finished, second = await run_bare(outer, provider, gate=taken_up(first))
        provider.assert_used_up()
    assert finished.content == "Out."
    assert [call.call_id for call in second.gate.ran] == ["c1"]


async def test_what_is_suspended_inside_of_an_effect_leaves_that_unknown() -> None:
    """No gate does it, because the author's tool cannot be entered again; and if one does, why?"""

    def verdict(call: ToolCall) -> Decision | None:
        return SUSPEND if call.tool == "act" else None

    outer, script = with_helper("run")
    async with Provider(script) as provider:
        first = await park(outer, provider, BareGate(verdict=verdict), strict=False)
        gate = taken_up(first)
        gate.records.effects = {
            key: outcome for key, outcome in gate.records.effects.items() if key.call_id != "d"
        }
        gate.records.begun = {call.key for call in first.gate.ran if call.tool == "delegate"}
        with pytest.raises(OutcomeUnknown, match="delegate"):
            await run_bare(outer, provider, gate=gate)


async def test_hooks_hear_of_a_run_that_is_taken_up_from_its_beginning() -> None:
    heard: list[str] = []

    class Hooks(AgentHooks[Any]):
        async def on_start(self, context: Any, agent: Any) -> None:
            heard.append("starts")

        async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
            heard.append("said")

        async def on_tool_end(self, context: Any, agent: Any, tool: Any, result: Any) -> None:
            heard.append(f"{tool.name} ended")

    agent: Agent[Any] = Agent(name="looker", model=MODEL, tools=[look], hooks=Hooks())
    async with Provider(looking()) as provider:
        first = await park(agent, provider, BareGate(verdict=waiting))
        parked = list(heard)
        await run_bare(agent, provider, gate=taken_up(first))
    assert parked in (["starts"], ["starts", "said"])
    assert heard[len(parked) :] == ["starts", "said", "look ended", "said"]


async def test_a_session_is_given_nothing_by_a_run_that_is_parked() -> None:
    session = SQLiteSession("ann")

    async def workflow(question: str) -> str:
        return str((await Runner.run(looker, question, session=session)).final_output)

    async with Provider(looking()) as provider:
        first = await park(workflow, provider, BareGate(verdict=waiting))
        assert await session.get_items() == []
        await run_bare(workflow, provider, gate=taken_up(first))
    assert len(await session.get_items()) == 4
    session.close()


async def test_a_guardrail_that_trips_while_a_call_waits_fails_the_run() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def strict(_context: Any, _agent: Any, _input: Any) -> GuardrailFunctionOutput:
        await asked.wait()
        await go_on.wait()
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    @function_tool
    async def linger() -> str:
        asked.set()
        return str(await asyncio.Event().wait())

    async def verdict(call: ToolCall) -> Decision | None:
        if call.tool != "look":
            return None
        await asked.wait()
        asyncio.get_running_loop().call_soon(go_on.set)
        return SUSPEND

    agent: Agent[Any] = Agent(
        name="looker",
        model=MODEL,
        tools=[look, linger],
        input_guardrails=[InputGuardrail(strict)],
    )
    turn = Turn(Call("look", {"at": "home"}, id="c1"), Call("linger", id="l"))
    async with Provider(Script([turn])) as provider, open_bare() as runtime:
        prepared = runtime.prepare(agent, options_for(provider))
        with pytest.raises(RuntimeFailure, match="guardrail"):
            await runtime.run(prepared, BareRun(gate=BareGate(verdict=verdict)))
