"""Agents of steer's own, run by the SDK."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from pydantic import BaseModel
from sdk_runs import PATIENCE, open_bare, options_for, run_bare, run_in_kernel
from steer.agents import Agent, ModelSettings, ToolContext, Variable, tool
from steer.errors import AgentError
from steer.values import Effect, EffectStatus, JobStatus
from steer_conformance.provider import Provider, Script, ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


class Weather(BaseModel):
    city: str
    degrees: int


@tool
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


def agent_with(**fields: Any) -> Agent:
    return Agent(**({"name": "mine", "model": "gpt-4.1"} | fields))


async def body_of(agent: Agent, **given: Any) -> dict[str, Any]:
    async with Provider(Script([Turn('{"city": "Ulm", "degrees": 7}')])) as provider:
        await run_bare(agent, provider, **given)
        body: dict[str, Any] = json.loads(provider.requests[0].raw)
        return body


async def test_the_definition_is_what_the_model_sees() -> None:
    agent = agent_with(
        instructions="You live in {city}. {braces} stay.",
        variables={"city": Variable(default="Ulm")},
        tools=[add],
        settings=ModelSettings(
            temperature=0.0,
            top_p=0.5,
            max_output_tokens=50,
            seed=0,
            tool_choice="add",
            parallel_tool_calls=False,
        ),
    )
    body = await body_of(agent, variables={"city": "Bonn"})
    assert body["instructions"] == "You live in Bonn. {braces} stay."
    assert (body["temperature"], body["top_p"], body["max_output_tokens"]) == (0.0, 0.5, 50)
    assert body["seed"] == 0
    assert body["parallel_tool_calls"] is False
    assert body["tool_choice"] == {"type": "function", "name": "add"}
    (sent,) = body["tools"]
    assert (sent["name"], sent["description"]) == ("add", "Add two numbers.")
    assert sent["strict"] is True
    assert set(sent["parameters"]["properties"]) == {"a", "b"}


async def test_variables_that_no_agent_declares_are_refused() -> None:
    agent = agent_with(handoffs=[agent_with(name="other")])
    with pytest.raises(AgentError, match="no variable 'ctiy'"):
        await body_of(agent, variables={"ctiy": "Ulm"})


async def test_a_variable_reaches_the_agent_that_declares_it() -> None:
    other = agent_with(name="other", instructions="In {city}.", variables={"city": Variable()})
    agent = agent_with(handoffs=[other])
    turns = [Turn(ToolCall("transfer_to_other", {})), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        await run_bare(agent, provider, variables={"city": "Ulm"})
        assert provider.requests[1].body["instructions"] == "In Ulm."


async def test_structured_output_is_checked_and_given_as_json() -> None:
    agent = agent_with(output_type=Weather)
    async with Provider(Script([Turn('{"city": "Ulm", "degrees": 7}')])) as provider:
        result, _ = await run_in_kernel(agent, provider, runtime="openai-agents")
    assert result.output == {"city": "Ulm", "degrees": 7}
    assert result.output_as(Weather) == Weather(city="Ulm", degrees=7)


async def test_tools_run_under_the_gate_with_their_declared_effect() -> None:
    @tool(effect="idempotent")
    def look(at: str) -> dict[str, Any]:
        return {"seen": at}

    turns = [Turn(ToolCall("look", {"at": "it"}), ToolCall("add", {"a": 2})), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(agent_with(tools=[look, add]), provider)
        read = [item for item in provider.requests[1].body["input"] if "output" in item]
    assert [(call.tool, call.effect) for call in run.gate.asked] == [
        ("look", Effect.IDEMPOTENT),
        ("add", Effect.ONCE),
    ]
    assert sorted(item["output"] for item in read) == ["3", '{"seen":"it"}']
    assert {"seen": "it"} in [outcome.value for outcome in run.gate.outcomes]


async def test_wrong_arguments_go_back_to_the_model_as_a_failure() -> None:
    turns = [Turn(ToolCall("add", {"a": "x"})), Turn("Done.")]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(agent_with(tools=[add]), provider)
        output = provider.requests[1].body["input"][-1]["output"]
    assert output.startswith("The arguments of add do not fit its schema:")
    assert run.gate.outcomes[0].status is EffectStatus.FAILED


async def test_what_an_exception_says_is_not_told_to_the_model() -> None:
    @tool
    def act() -> str:
        raise ValueError("password hunter2 is wrong")

    async with Provider(Script([Turn(ToolCall("act")), Turn("Done.")])) as provider:
        _, run = await run_bare(agent_with(tools=[act]), provider)
        assert provider.requests[1].body["input"][-1]["output"] == "act failed: ValueError"
    assert run.gate.outcomes[0].status is EffectStatus.FAILED


async def test_a_tool_is_given_its_context() -> None:
    seen: list[ToolContext] = []

    @tool
    def act(context: ToolContext) -> str:
        seen.append(context)
        return "acted"

    async with Provider(Script([Turn(ToolCall("act", id="c1")), Turn("Done.")])) as provider:
        run = BareRun(gate=BareGate(), user_context="mine")
        await run_bare(agent_with(tools=[act]), provider, run=run)
    (context,) = seen
    assert (context.job_id, context.call_id, context.user_context) == ("job-1", "c1", "mine")
    assert context.effect_key.startswith("job/")


async def test_a_tool_that_takes_too_long_counts_as_timed_out() -> None:
    @tool(timeout=0.05)
    async def act() -> str:
        await anyio.sleep_forever()
        return "never"

    async with Provider(Script([Turn(ToolCall("act")), Turn("Done.")])) as provider:
        _, run = await run_bare(agent_with(tools=[act]), provider)
        output = provider.requests[1].body["input"][-1]["output"]
    assert "timed out" in output
    assert run.gate.outcomes[0].status is EffectStatus.TIMED_OUT


async def test_an_abandoned_thread_is_named_until_it_ends() -> None:
    began, let_go = threading.Event(), threading.Event()
    gate = BareGate()

    @tool
    def block() -> str:
        began.set()
        let_go.wait(PATIENCE)
        return "late"

    async with Provider(Script([Turn(ToolCall("block", id="c9"))])) as provider:
        async with open_bare() as runtime, anyio.create_task_group() as group:
            prepared = runtime.prepare(agent_with(tools=[block]), options_for(provider))
            run: Callable[[], Any] = lambda: runtime.run(prepared, BareRun(gate=gate))  # noqa: E731
            group.start_soon(run)
            await anyio.to_thread.run_sync(began.wait, PATIENCE)
            group.cancel_scope.cancel()
        assert list(gate.running.values()) == ["tool block (c9)"]
        let_go.set()
        with anyio.fail_after(PATIENCE):
            await gate.ended.wait()
    assert gate.running == {}


async def test_results_and_failures_read_the_same_on_a_replay() -> None:
    @tool
    def odd() -> Any:
        return {1, 2}, Weather(city="Ulm", degrees=7)

    @tool
    def fail() -> str:
        raise ValueError("no")

    turns = [Turn(ToolCall("odd"), ToolCall("fail"), ToolCall("add", {})), Turn("Done.")]
    agent = agent_with(tools=[odd, fail, add])
    async with Provider(Script(turns)) as provider:
        finished, first = await run_bare(agent, provider)
        again, second = await run_bare(agent, provider, gate=BareGate(first.gate.records.until()))
    assert again == finished
    assert second.gate.ran == []


async def test_what_the_runtime_cannot_do_is_refused() -> None:
    with pytest.raises(AgentError, match=r"builtins\.dict|a dict"):
        await body_of(Agent(name="strange", native={}))


async def test_an_agent_from_a_file_runs(tmp_path: Any) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nmodel = "gpt-4.1"\nruntime = "openai-agents"\n'
        'instructions = "Be brief."\n'
        "[settings]\ntemperature = 0.0\n"
    )
    async with Provider(Script([Turn("Hi.")])) as provider:
        result, _ = await run_in_kernel(str(tmp_path / "mine.toml"), provider)
        assert provider.requests[0].body["temperature"] == 0.0
    assert result.status is JobStatus.SUCCEEDED
