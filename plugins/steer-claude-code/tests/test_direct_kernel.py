"""The messages of a CLI that asks models by itself, through a real kernel."""

from __future__ import annotations

import anyio
import pytest
from direct_runs import delegating, subagent_rules
from direct_runtime import direct_registry
from steer import ExecutionRequest, RuntimeKernel
from steer.agents import Agent
from steer.events import Event, Unknown
from steer.ports.policy import ModelQuestion, Outcome, Question, Verdict
from steer.values import JobStatus, RunResult
from steer_conformance.provider import Provider, Script, ToolCall, Turn, Usage

pytestmark = pytest.mark.anyio

ADD = "mcp__steer__add"


class NoModels:
    """Allows everything but models."""

    name = "no-models"
    version = "1"

    def evaluate(self, question: Question, /) -> Verdict | None:
        denied = isinstance(question, ModelQuestion)
        return Verdict(outcome=Outcome.DENY if denied else Outcome.ALLOW, reason="no models")


async def run(provider: Provider, *policies: NoModels) -> tuple[RunResult, list[Event]]:
    """Run an agent in a kernel of its own; return the result and all events."""
    with anyio.fail_after(60):
        async with RuntimeKernel(registry=direct_registry(provider), policies=policies) as kernel:
            handle = await kernel.execute(
                ExecutionRequest(agent=Agent(name="main"), runtime="direct", prompt="Go on.")
            )
            result = await handle.result()
            return result, [event async for event in handle.events()]


async def test_the_result_is_the_fold_of_the_events_and_its_usage_is_the_bill() -> None:
    script = Script(
        [delegating("I ask."), Turn("All done.", chunk_size=4)],
        rules=subagent_rules(
            Turn("I add.", ToolCall(ADD, {"a": 1, "b": 2}), usage=Usage(output_tokens=7)),
            Turn("Three.", usage=Usage(output_tokens=9)),
        ),
    )
    with Provider(script) as provider:
        result, events = await run(provider)
    bill = provider.bill.total
    assert (result.status, result.content) == (JobStatus.SUCCEEDED, "All done.")
    assert (result.usage.input_tokens, result.usage.output_tokens) == (
        bill.input_tokens, bill.output_tokens,
    )  # fmt: skip
    assert (result.usage.requests, result.turns, result.tools_invoked) == (4, 2, 2)
    durable = [event.type for event in events if event.seq is not None and not event.path]
    assert durable.index("model.done") < durable.index("tool.start")
    assert durable[-2:] == ["final.result", "job.completed"]


async def test_a_model_that_policy_forbids_ends_the_job_and_leaves_what_it_cost() -> None:
    with Provider(Script([Turn("Hello.")], repeat=True)) as provider:
        result, events = await run(provider, NoModels())
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "policy_denied"
    assert len(provider.requests) == 1
    assert not [event for event in events if event.type == "model.token"]
    [overrun] = [event.data for event in events if isinstance(event.data, Unknown)]
    assert (overrun.name, overrun.raw["usage"]["input_tokens"]) == ("overrun", 10)
