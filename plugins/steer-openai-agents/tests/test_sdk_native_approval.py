"""What an author wants approved of the SDK's own tools, and what an author approves in code."""

from __future__ import annotations

from typing import Any

import pytest
from native_hands import CASES, Hands, agent_with, custom, patching, script_of, shell
from sdk_runs import run_bare
from steer_conformance.provider import Provider
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio

APPROVING = {"shell": shell, "apply_patch": patching, "sql": custom}


@pytest.mark.parametrize("name", APPROVING)
async def test_what_the_author_wants_approved_is_part_of_the_question(name: str) -> None:
    seen: list[Any] = []

    async def wanted(context: Any, what: Any, call_id: str) -> bool:
        seen.append((context.context, what, call_id))
        return True

    item = CASES[name][1]
    hands = Hands()
    async with Provider(script_of(item)) as provider:
        run = BareRun(gate=BareGate(), user_context="mine")
        finished, _ = await run_bare(
            agent_with(APPROVING[name](hands, needs_approval=wanted)), provider, run=run
        )
    assert finished.content == "Done."
    assert [call.needs_approval for call in run.gate.asked] == [True]
    ((context, _, call_id),) = seen
    assert (context, call_id) == ("mine", "c1")


@pytest.mark.parametrize("name", APPROVING)
@pytest.mark.parametrize("answer", [True, False, None])
async def test_an_authors_own_answer_settles_what_the_author_wants(
    name: str, answer: bool | None
) -> None:
    seen: list[Any] = []

    async def on_approval(_context: Any, item: Any) -> Any:
        seen.append(item.agent)
        return {} if answer is None else {"approve": answer, "reason": "The author says no."}

    hands, gate = Hands(), BareGate()
    tool = APPROVING[name](hands, needs_approval=True, on_approval=on_approval)
    agent = agent_with(tool)
    async with Provider(script_of(CASES[name][1])) as provider:
        await run_bare(agent, provider, gate=gate)
        last = provider.requests[1].body["input"][-1]
    assert seen == [agent]
    if answer is False:
        assert (hands.did, gate.asked) == ([], [])
        assert "The author says no." in str(last["output"])
    else:
        assert [call.needs_approval for call in gate.asked] == [answer is None]
        assert len(hands.did) == 1


@pytest.mark.parametrize("name", APPROVING)
async def test_an_approval_for_good_is_no_way_past_the_gate(name: str) -> None:
    def for_good(context: Any, item: Any) -> Any:
        context.approve_tool(item, always_approve=True)
        return {}

    hands, gate = Hands(), BareGate()
    first = CASES[name][1]
    second = first | {"call_id": "c2", "id": "second"}
    tool = APPROVING[name](hands, needs_approval=True, on_approval=for_good)
    async with Provider(script_of(first, second)) as provider:
        await run_bare(agent_with(tool), provider, gate=gate)
        last = provider.requests[2].body["input"][-1]
    assert [call.call_id for call in gate.asked] == ["c1"]
    assert len(hands.did) == 1
    assert "without a verdict" in str(last["output"])
