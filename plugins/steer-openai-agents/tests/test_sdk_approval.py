"""What an author wants a person to approve: a part of the gate's question, and no interruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agents import Agent, RunContextWrapper, Runner, function_tool
from sdk_runs import MODEL, run_bare, run_in_kernel
from steer.errors import RuntimeFailure
from steer.events import PolicyDecided
from steer.ports.policy import Question, ToolQuestion, Verdict
from steer.values import JobStatus
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


def paying(needs_approval: bool | Callable[..., Any], paid: list[int]) -> Agent[Any]:
    @function_tool(needs_approval=needs_approval)
    def pay(amount: int) -> str:
        paid.append(amount)
        return f"paid {amount}"

    return Agent(name="payer", model=MODEL, tools=[pay])


async def asked_about(
    needs_approval: bool | Callable[..., Any], arguments: Any, run: BareRun | None = None
) -> BareRun:
    turns = [Turn(Call("pay", arguments, id="c1")), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        agent = paying(needs_approval, [])
        _, run = await run_bare(agent, provider, run=run or BareRun(gate=BareGate()))
        provider.assert_used_up()
    return run


async def test_the_gate_is_told_what_the_author_wants() -> None:
    for needs_approval in (True, False):
        run = await asked_about(needs_approval, {"amount": 5})
        assert [call.needs_approval for call in run.gate.asked] == [needs_approval]
        assert [call.tool for call in run.gate.ran] == ["pay"]


async def test_an_authors_check_decides_call_by_call_with_what_the_sdk_gives_it() -> None:
    seen: list[Any] = []

    async def above_ten(context: RunContextWrapper[Any], params: Any, call_id: str) -> bool:
        seen.append((context.context, params, call_id))
        return bool(params["amount"] > 10)

    for amount in (5, 50):
        run = BareRun(gate=BareGate(), user_context="mine")
        await asked_about(above_ten, {"amount": amount}, run)
        assert [call.needs_approval for call in run.gate.asked] == [amount > 10]
    assert seen == [("mine", {"amount": 5}, "c1"), ("mine", {"amount": 50}, "c1")]


async def test_arguments_that_an_authors_check_cannot_judge_need_a_person() -> None:
    def never(_context: Any, _params: Any, _call_id: str) -> bool:
        raise AssertionError

    run = await asked_about(never, '{"amount": ')
    assert [call.needs_approval for call in run.gate.asked] == [True]


async def test_an_authors_check_that_raises_ends_the_run_and_nothing_is_asked() -> None:
    def broken(_context: Any, _params: Any, _call_id: str) -> bool:
        raise LookupError("no such customer")

    paid: list[int] = []
    gate = BareGate()
    async with Provider(Script([Turn(Call("pay", {"amount": 5}))])) as provider:
        with pytest.raises(RuntimeFailure, match="no such customer"):
            await run_bare(paying(broken, paid), provider, gate=gate)
    assert (paid, gate.asked) == ([], [])


async def test_without_a_person_the_model_reads_that_one_is_needed() -> None:
    paid: list[int] = []
    turns = [Turn(Call("pay", {"amount": 5})), Turn("Then not.")]
    async with Provider(Script(turns)) as provider:
        result, events = await run_in_kernel(paying(True, paid), provider)
        output = provider.requests[1].body["input"][-1]["output"]
    assert result.status is JobStatus.SUCCEEDED
    assert paid == []
    assert "a person has to approve this" in output
    decided = [event.data for event in events if isinstance(event.data, PolicyDecided)]
    assert (decided[-1].outcome, decided[-1].rule) == ("ask", "needs approval")


async def test_policy_sees_what_the_author_wants() -> None:
    questions: list[ToolQuestion] = []

    class Noting:
        name = "noting"
        version = "1"

        def evaluate(self, question: Question, /) -> Verdict | None:
            if isinstance(question, ToolQuestion):
                questions.append(question)
            return Verdict.allow()

    turns = [Turn(Call("pay", {"amount": 5})), Turn("Then not.")]
    async with Provider(Script(turns)) as provider:
        await run_in_kernel(paying(True, []), provider, kernel={"policies": [Noting()]})
    assert [question.needs_approval for question in questions] == [True]


async def test_an_agent_as_a_tool_and_the_tools_inside_it_may_need_approval() -> None:
    inner = paying(True, [])
    outer = Agent[Any](
        name="outer", model=MODEL, tools=[inner.as_tool("payer", "", needs_approval=True)]
    )
    turns = [
        Turn(Call("payer", {"input": "go"}, id="c1")),
        Turn(Call("pay", {"amount": 5}, id="c2")),
        Turn("Paid."),
        Turn("Done."),
    ]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(outer, provider)
    assert finished.content == "Done."
    asked = [(call.tool, call.path, call.needs_approval) for call in run.gate.asked]
    assert asked == [("payer", (), True), ("pay", ("c1",), True)]


async def test_a_run_that_a_tool_starts_is_never_interrupted() -> None:
    interruptions: list[Any] = []

    @function_tool
    async def delegate() -> str:
        result = await Runner.run(paying(True, []), "go")
        interruptions.extend(result.interruptions)
        return str(result.final_output)

    outer = Agent[Any](name="outer", model=MODEL, tools=[delegate])
    turns = [Turn(Call("delegate")), Turn(Call("pay", {"amount": 5})), Turn("In."), Turn("Out.")]
    async with Provider(Script(turns)) as provider:
        await run_bare(outer, provider)
        provider.assert_used_up()
    assert interruptions == []
