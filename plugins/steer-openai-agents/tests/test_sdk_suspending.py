"""Runs that are parked for a person: every kind of call can wait, and is made once in the end."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from agents import Agent, HostedMCPTool, function_tool, handoff
from native_hands import CASES, Hands, agent_with, script_of
from sdk_runs import MODEL, finish, open_bare, options_for, park, run_bare
from steer.agents import Agent as SteerAgent
from steer.agents import McpStdio
from steer.errors import SteerError
from steer.events import AgentHandoff
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.values import EffectStatus
from steer_conformance.provider import Drop, Hold, Provider, Request, Rule, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun
from steer_conformance.suites.runtime.surroundings import Surroundings
from wire_items import approval_request, mcp_call, message, said

pytestmark = pytest.mark.anyio


def waiting(*call_ids: str) -> Callable[[ToolCall], Decision | None]:
    """A verdict: these calls have to wait."""

    def verdict(call: ToolCall) -> Decision | None:
        return Decision(outcome=GateOutcome.SUSPEND) if call.call_id in call_ids else None

    return verdict


def taken_up(run: BareRun, **fields: Any) -> BareGate:
    return BareGate(run.gate.records.until(), **fields)


@function_tool
def look(at: str) -> str:
    return f"saw {at}"


@pytest.mark.parametrize("name", CASES)
async def test_a_call_of_the_sdks_own_tools_can_wait(name: str) -> None:
    make, item, arguments, did = CASES[name]
    hands = Hands()
    agent = agent_with(make(hands))
    async with Provider(script_of(item)) as provider:
        first = await park(agent, provider, BareGate(verdict=waiting("c1")))
        assert (hands.did, first.gate.ran) == ([], [])
        finished, second = await run_bare(agent, provider, gate=taken_up(first))
        provider.assert_used_up()
    assert finished.content == "Done."
    assert hands.did == did
    assert [call.arguments for call in second.gate.ran] == [arguments]


async def test_a_call_of_an_mcp_server_can_wait_while_the_server_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "server.py"
    file.write_text(
        "from mcp.server.mcpserver import MCPServer\n"
        "server = MCPServer('books')\n"
        "@server.tool()\n"
        "def find(title: str) -> str:\n"
        "    return f'found {title}'\n"
        "server.run()\n"
    )
    server = McpStdio(name="books", command=sys.executable, args=[str(file)])
    agent = SteerAgent(name="reader", model=MODEL, mcp_servers=[server])
    turns = [Turn(Call("find", {"title": "Emma"}, id="c1")), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        before = Surroundings.now()
        first = await park(agent, provider, BareGate(verdict=waiting("c1")))
        before.check("parked,")
        _, second = await run_bare(agent, provider, gate=taken_up(first))
    assert [outcome.status for outcome in second.gate.outcomes] == [EffectStatus.SUCCEEDED]
    assert "found Emma" in str(second.gate.outcomes[0].value)


async def test_a_handoff_that_waits_is_heard_of_by_nobody() -> None:
    heard: list[str] = []
    way = handoff(
        Agent[Any](name="billing", model=MODEL), on_handoff=lambda _context: heard.append("passed")
    )
    triage: Agent[Any] = Agent(name="triage", model=MODEL, handoffs=[way])
    turns = [Turn(Call("transfer_to_billing", id="h1")), Turn("Paid.")]
    async with Provider(Script(turns)) as provider:
        first = await park(triage, provider, BareGate(verdict=waiting("h1")))
        assert (heard, first.told(AgentHandoff)) == ([], [])
        finished, _ = await run_bare(triage, provider, gate=taken_up(first))
    assert finished.content == "Paid."
    assert heard == ["passed"]


def with_books() -> Agent[Any]:
    config: Any = {
        "type": "mcp",
        "server_label": "books",
        "server_url": "https://example.com",
        "require_approval": "always",
    }
    return Agent(name="reader", model=MODEL, tools=[HostedMCPTool(tool_config=config)])


async def test_a_call_that_the_provider_was_not_told_to_make_has_not_begun() -> None:
    """The provider makes both calls with the next request, which is not sent while one waits."""
    asked = said(approval_request("r1", "find"), approval_request("r2", "lend"))
    calls = (mcp_call("r1", "find", output="1"), mcp_call("r2", "lend", output="2"))
    made = said(*calls, message("Done."), number=1)
    agent = with_books()
    async with Provider(Script([asked, made])) as provider:
        first = await park(agent, provider, BareGate(verdict=waiting("r2")))
        assert first.gate.ran == []
        _, second = await run_bare(agent, provider, gate=taken_up(first))
        answers = [each["approve"] for each in provider.requests[1].body["input"][-2:]]
    assert answers == [True, True]
    assert sorted(call.call_id for call in second.gate.ran) == ["r1", "r2"]
    assert [outcome.value for outcome in second.gate.outcomes] == ["1", "2"]


async def test_a_call_deep_inside_of_agents_suspends_the_whole_run() -> None:
    inner = Agent[Any](name="inner", model=MODEL, tools=[look])
    middle = Agent[Any](name="middle", model=MODEL, tools=[inner.as_tool("inner", "")])
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[middle.as_tool("middle", "")])
    turns = [
        Turn(Call("middle", {"input": "go"}, id="m")),
        Turn(Call("inner", {"input": "go"}, id="i")),
        Turn(Call("look", {"at": "home"}, id="c1")),
        Turn("One."),
        Turn("Two."),
        Turn("Three."),
    ]
    async with Provider(Script(turns)) as provider:
        first = await park(outer, provider, BareGate(verdict=waiting("c1")))
        assert [call.path for call in first.gate.suspended] == [("m", "i")]
        assert first.gate.outcomes == []
        finished, second = await run_bare(outer, provider, gate=taken_up(first))
    assert finished.content == "Three."
    assert [call.call_id for call in second.gate.ran] == ["m", "i", "c1"]


async def test_a_sync_tool_beside_a_call_that_waits_comes_to_its_end() -> None:
    began, go_on = threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    here = asyncio.Event()

    @function_tool
    def toil() -> str:
        loop.call_soon_threadsafe(here.set)
        began.set()
        go_on.wait(60)
        return "done"

    async def verdict(call: ToolCall) -> Decision | None:
        if call.tool != "look":
            return None
        await here.wait()
        loop.call_soon(go_on.set)
        return Decision(outcome=GateOutcome.SUSPEND)

    agent: Agent[Any] = Agent(name="worker", model=MODEL, tools=[toil, look])
    turns = [Turn(Call("toil", id="c1"), Call("look", {"at": "home"}, id="c2")), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        first = await park(agent, provider, BareGate(verdict=verdict))
        assert [outcome.value for outcome in first.gate.outcomes] == ["done"]
        assert first.gate.running == {}
        finished, second = await run_bare(agent, provider, gate=taken_up(first))
    assert finished.content == "Done."
    assert [call.call_id for call in second.gate.ran] == ["c2"]


def two_helpers(inside: Callable[[Request], Any], *tools: Any) -> tuple[Agent[Any], Script]:
    """An agent that has another one called with ``x`` and with ``y``, and what they all say."""
    inner = Agent[Any](name="inner", model=MODEL, tools=[look, *tools])
    outer = Agent[Any](name="outer", model=MODEL, tools=[inner.as_tool("inner", "")])
    calls = [Call("inner", {"input": text}, id=f"n{text}") for text in ("x", "y")]

    def is_inside(request: Request) -> bool:
        return "look" in request.tools

    script = Script(
        rules=[
            Rule(lambda r: not is_inside(r) and not r.tool_results, Turn(*calls), times=1),
            Rule(lambda r: is_inside(r) and not r.tool_results, inside),
            Rule(is_inside, Turn("In.")),
            Rule(lambda _: True, Turn("Out.")),
        ]
    )
    return outer, script


async def test_a_request_that_fails_beside_a_call_that_waits_is_made_by_the_next_attempt() -> None:
    tries: list[str] = []

    def inside(request: Request) -> Turn:
        if request.last_user_text == "x":
            return Turn(Call("look", {"at": "home"}, id="c1"))
        tries.append("y")
        if len(tries) > 1:
            return Turn("Said.")
        return Turn("Lost.", Hold("midway", after=1), Drop(after=2), chunk_size=1)

    async def verdict(call: ToolCall) -> Decision | None:
        if call.call_id != "c1":
            return None
        await provider.reached("midway")
        asyncio.get_running_loop().call_soon(provider.release, "midway")
        return Decision(outcome=GateOutcome.SUSPEND)

    outer, script = two_helpers(inside)
    async with Provider(script) as provider:
        first = await park(outer, provider, BareGate(verdict=verdict, retries=9))
        assert len(first.gate.failures) == 1
        assert tries == ["y"]
        finished, _ = await run_bare(outer, provider, gate=taken_up(first))
    assert finished.content == "Out."
    assert tries == ["y", "y"]


async def test_the_time_of_an_agent_that_waits_is_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[asyncio.Timeout] = []
    late = asyncio.Event()

    def timeout(seconds: float | None) -> asyncio.Timeout:
        limit = asyncio.timeout(seconds)
        if seconds is not None:
            limits.append(limit)
        return limit

    here = SimpleNamespace(timeout=timeout, CancelledError=asyncio.CancelledError)
    monkeypatch.setattr("steer_openai_agents.tools.asyncio", here)

    @function_tool
    async def linger() -> str:
        await late.wait()
        return "lingered"

    def too_late(_context: Any, _error: Any) -> str:
        late.set()
        return "too late"

    def verdict(call: ToolCall) -> Decision | None:
        if call.call_id != "c1":
            return None
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: limits[0].reschedule(loop.time()))
        return Decision(outcome=GateOutcome.SUSPEND)

    inner = Agent[Any](name="inner", model=MODEL, tools=[look])
    helper = dataclasses.replace(
        inner.as_tool("inner", ""), timeout_seconds=3600, timeout_error_function=too_late
    )
    agent: Agent[Any] = Agent(name="outer", model=MODEL, tools=[helper, linger])
    turns = [
        Turn(Call("inner", {"input": "go"}, id="n"), Call("linger", id="l")),
        Turn(Call("look", {"at": "home"}, id="c1")),
        Turn("In."),
        Turn("Out."),
    ]
    async with Provider(Script(turns)) as provider:
        first = await park(agent, provider, BareGate(verdict=verdict))
        assert [key.call_id for key in first.gate.records.effects] == ["l"]
        finished, second = await run_bare(agent, provider, gate=taken_up(first))
    assert finished.content == "Out."
    assert [call.call_id for call in second.gate.ran] == ["n", "c1"]


async def test_a_run_that_is_cancelled_while_it_is_being_parked_stops_what_runs() -> None:
    began = asyncio.Event()

    @function_tool
    async def linger() -> str:
        began.set()
        return str(await asyncio.Event().wait())

    async def verdict(call: ToolCall) -> Decision | None:
        if call.tool != "look":
            return None
        await began.wait()
        asyncio.get_running_loop().call_soon(task.cancel)
        return Decision(outcome=GateOutcome.SUSPEND)

    agent: Agent[Any] = Agent(name="worker", model=MODEL, tools=[linger, look])
    turn = Turn(Call("linger", id="c1"), Call("look", {"at": "home"}, id="c2"))
    run = BareRun(gate=BareGate(verdict=verdict))
    async with Provider(Script([turn])) as provider, open_bare() as runtime:
        prepared = runtime.prepare(agent, options_for(provider))
        before = asyncio.all_tasks()
        task = asyncio.create_task(runtime.run(prepared, run))
        await asyncio.wait({task})
        assert task.cancelled()
        assert asyncio.all_tasks() <= before
    assert [outcome.status for outcome in run.gate.outcomes] == [EffectStatus.CANCELLED]


async def test_a_refusal_that_comes_before_the_answer_is_no_failure() -> None:
    """What the gate refuses because a call waits may be heard before that call's answer is."""
    refused = asyncio.Event()

    class Early(BareGate):
        async def authorize(self, call: ToolCall, /) -> Decision:
            if call.call_id == "c2":
                refused.set()
                raise SteerError("the run is to be parked")
            await refused.wait()
            return await super().authorize(call)

    agent: Agent[Any] = Agent(name="worker", model=MODEL, tools=[look])
    turn = Turn(Call("look", {"at": "a"}, id="c1"), Call("look", {"at": "b"}, id="c2"))
    async with Provider(Script([turn])) as provider:
        await park(agent, provider, Early(verdict=waiting("c1")))


async def test_one_runtime_parks_one_run_and_goes_on_with_the_others() -> None:
    agent: Agent[Any] = Agent(name="worker", model=MODEL, tools=[look])
    script = Script(
        rules=[
            Rule(lambda request: bool(request.tool_results), Turn("Done.")),
            Rule(lambda _: True, Turn(Call("look", {"at": "home"}, id="c1"))),
        ]
    )
    async with Provider(script) as provider, open_bare() as runtime:
        prepared = runtime.prepare(agent, options_for(provider))
        parked = BareRun(gate=BareGate(verdict=waiting("c1")))
        others = [BareRun(gate=BareGate()) for _ in range(3)]
        await asyncio.gather(
            runtime.run(prepared, parked), *(finish(runtime, prepared, run) for run in others)
        )
    assert parked.gate.ran == []
    assert [len(run.gate.ran) for run in others] == [1, 1, 1]
