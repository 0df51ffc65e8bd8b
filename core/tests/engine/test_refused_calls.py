"""Calls that a vendor has refused by itself before anybody was asked: on record, and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from kernels import FixedPolicy, all_events, noting, open_kernel, request, types
from steer import ApprovalSpec
from steer.errors import ErrorInfo
from steer.events import Event
from steer.ports.gate import Decision, Gate, ModelRequest, ToolCall, ToolOutcome
from steer.ports.policy import Question, ToolQuestion, Verdict
from steer.ports.records import Grant
from steer.ports.runtime import Finished, Run
from steer.values import EffectStatus, JobStatus, RunResult, Usage
from stepwise import StepwiseRuntime, registry

pytestmark = pytest.mark.anyio

CALL = ToolCall(call_id="c", tool="edit", message=0, refused=True)
WORDS = ToolOutcome(
    status=EffectStatus.FAILED, error=ErrorInfo(code="tool_error", message="read the file first")
)

Then = Callable[[Gate, Grant], Awaitable[Any]]


async def report(gate: Gate, grant: Grant) -> None:
    """Record the vendor's refusal."""
    assert await gate.begin(CALL, grant) is None
    await gate.observe(CALL, grant, WORDS)


@dataclass
class Refusing(StepwiseRuntime):
    """A runtime whose vendor has refused a call that a model made; ``then`` goes on with it."""

    then: Then = report
    decisions: list[Decision] = field(default_factory=list)

    async def run(self, _prepared: object, run: Run, /) -> Finished:
        async with run.gate.model_call(ModelRequest(digest="d", model="m")) as call:
            call.complete(b"", Usage(requests=1))
        decision = await run.gate.authorize(CALL)
        self.decisions.append(decision)
        if decision.grant is not None:
            await self.then(run.gate, decision.grant)
        return Finished(content="done")


async def refused(
    runtime: Refusing, verdict: Verdict, **fields: Any
) -> tuple[RunResult, list[Event]]:
    """Run it to its end, under a policy that says this to each call."""

    def answer(question: Question) -> Verdict:
        return verdict if isinstance(question, ToolQuestion) else Verdict.allow()

    policies = [FixedPolicy(answer)]
    async with open_kernel(registry=registry(runtime), policies=policies) as kernel:
        handle = await kernel.execute(request(**fields))
        return await handle.result(), await all_events(handle)


@pytest.mark.parametrize("unattended", [False, True])
async def test_no_person_is_asked_about_a_call_that_is_refused_already(unattended: bool) -> None:
    asks = Verdict.ask("edits are looked at")
    result, events = await refused(Refusing(), asks, approvals=ApprovalSpec(unattended=unattended))
    assert result.status is JobStatus.SUCCEEDED
    assert "action.required" not in types(events)
    said = {event.type: event.data for event in events}
    assert said["policy.decided"].outcome == "ask"
    failed = said["tool.error"]
    assert (failed.origin, failed.error.message) == ("vendor", "read the file first")


async def test_what_policy_denies_stays_denied_though_it_is_refused_already() -> None:
    runtime = Refusing()
    _result, events = await refused(runtime, Verdict.deny("no edits"))
    assert [decision.reason for decision in runtime.decisions] == ["no edits"]
    assert "tool.denied" in types(events)
    assert "tool.error" not in types(events)


async def test_a_refused_call_can_neither_be_run_nor_have_succeeded() -> None:
    notes: list[object] = []

    async def run_it(gate: Gate, grant: Grant) -> None:
        await gate.call(CALL, grant, noting(notes))

    async def claim_it(gate: Gate, grant: Grant) -> None:
        await gate.begin(CALL, grant)
        await gate.observe(CALL, grant, ToolOutcome(status=EffectStatus.SUCCEEDED))

    for then in (run_it, claim_it):
        result, events = await refused(Refusing(then), Verdict.allow())
        assert result.error is not None
        assert result.error.code == "conflict"
        assert "tool.end" not in types(events)
    assert notes == []
