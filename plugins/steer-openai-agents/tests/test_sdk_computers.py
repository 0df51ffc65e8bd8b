"""The SDK's computer: one question for a call, whose actions the SDK takes apart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import Agent, Computer, ComputerProvider, ComputerTool
from native_hands import CLICK, TYPE, Screen, agent_with, deny, script_of
from sdk_runs import open_bare, options_for, run_bare
from steer.errors import PolicyDenied
from steer.values import Effect, user_message
from steer_conformance.provider import Provider, Reply, Request, Rule, Script, Turn
from steer_conformance.suites.runtime import BareGate, BareRun
from wire_items import computer_call, said

pytestmark = pytest.mark.anyio


async def test_a_denied_computer_ends_the_run_and_says_what_was_denied() -> None:
    did: list[Any] = []
    async with Provider(script_of(computer_call("c1", CLICK))) as provider:
        with pytest.raises(PolicyDenied, match="computer_use_preview of agent worker") as raised:
            await run_bare(
                agent_with(ComputerTool(computer=Screen(did))),
                provider,
                gate=BareGate(verdict=deny),
            )
    assert "Not on a Sunday." in raised.value.message
    assert did == []


async def test_looking_at_a_screen_changes_nothing() -> None:
    did: list[Any] = []
    looks = computer_call("c1", {"type": "wait"}, {"type": "screenshot"})
    async with Provider(script_of(looks)) as provider:
        _, run = await run_bare(agent_with(ComputerTool(computer=Screen(did))), provider)
    assert did == ["wait", "screenshot"]
    assert [call.effect for call in run.gate.asked] == [Effect.NONE]


async def test_several_calls_of_a_computer_are_asked_about_one_by_one() -> None:
    did: list[Any] = []
    both = said(computer_call("c1", CLICK), computer_call("c2", TYPE))
    async with Provider(Script([both, Turn("Done.")])) as provider:
        _, run = await run_bare(agent_with(ComputerTool(computer=Screen(did))), provider)
    assert [call.arguments for call in run.gate.ran] == [
        {"actions": [CLICK]},
        {"actions": [TYPE]},
    ]


async def test_a_computer_made_for_each_run_is_gated_and_given_back() -> None:
    did: list[Any] = []
    screens: list[Any] = []

    async def create(*, run_context: Any) -> Computer:
        screens.append(Screen(did))
        screen: Computer = screens[-1]
        return screen

    def dispose(*, run_context: Any, computer: Any) -> None:
        did.append(("disposed", computer))

    tool = ComputerTool(computer=ComputerProvider(create=create, dispose=dispose))
    agent = agent_with(tool)
    for _ in range(2):
        did.clear()
        async with Provider(script_of(computer_call("c1", TYPE))) as provider:
            _, run = await run_bare(agent, provider)
        assert len(run.gate.asked) == 1
        assert did == [("type", "hello"), "screenshot", ("disposed", screens[-1])]
    assert len(screens) == 2
    assert isinstance(tool.computer, ComputerProvider)


async def test_a_safety_check_is_the_authors_and_part_of_the_question() -> None:
    seen: list[Any] = []
    agent: Agent[Any]

    def check(data: Any) -> bool:
        seen.append(data.agent)
        return True

    did: list[Any] = []
    warned = {"id": "s1", "code": "malicious", "message": "Careful."}
    agent = agent_with(ComputerTool(computer=Screen(did), on_safety_check=check))
    item = computer_call("c1", TYPE, pending_safety_checks=[warned])
    async with Provider(script_of(item)) as provider:
        _, run = await run_bare(agent, provider)
        last = provider.requests[1].body["input"][-1]
    assert seen == [agent]
    assert run.gate.asked[0].arguments == {"actions": [TYPE], "pending_safety_checks": [warned]}
    assert last["acknowledged_safety_checks"] == [warned]


async def test_runs_side_by_side_share_a_computer_and_no_call() -> None:
    def answer(request: Request) -> Reply:
        if "computer_call_output" in str(request.body):
            return Turn("Done.")
        return said(computer_call("c1", {"type": "type", "text": request.last_user_text}))

    did: list[Any] = []
    names = [f"run {number}" for number in range(12)]
    runs = [BareRun(gate=BareGate(), input=(user_message(name),)) for name in names]
    script = Script(rules=[Rule(lambda _request: True, answer)])
    async with Provider(script) as provider, open_bare() as runtime:
        agent = agent_with(ComputerTool(computer=Screen(did)))
        prepared = runtime.prepare(agent, options_for(provider))
        await asyncio.gather(*(runtime.run(prepared, run) for run in runs))
    for run, name in zip(runs, names, strict=True):
        typed = {"actions": [{"type": "type", "text": name}]}
        assert [call.arguments for call in run.gate.ran] == [typed]
    assert sorted(each[1] for each in did if each != "screenshot") == sorted(names)
