"""Functions that run agents themselves, in the form in which Agent Builder exports them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    AgentUpdatedStreamEvent,
    ModelSettings,
    RunConfig,
    RunItemStreamEvent,
    Runner,
    TResponseInputItem,
    function_tool,
    set_tracing_disabled,
    trace,
)
from agents.models.multi_provider import MultiProvider
from agents.tracing import TracingProcessor, add_trace_processor, set_trace_processors
from openai import AsyncOpenAI
from pydantic import BaseModel
from sdk_runs import MODEL, open_bare, options_for, run_bare, run_in_kernel
from small_agents import takes_str
from steer.errors import ConfigError, RuntimeFailure
from steer.events import AgentDone, AgentStarted
from steer.values import FinishReason, JobStatus
from steer_conformance.provider import Hold, Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


class WorkflowInput(BaseModel):
    input_as_text: str


@function_tool
def look_up(order: int) -> str:
    """Look an order up."""
    return f"order {order} is on its way"


class Kind(BaseModel):
    kind: str


classify: Agent[Any] = Agent(name="Classify", model=MODEL, output_type=Kind)
answer: Agent[Any] = Agent(name="Answer", model=MODEL, tools=[look_up])


async def run_workflow(workflow_input: WorkflowInput) -> dict[str, Any]:
    with trace("Support"):
        history: list[TResponseInputItem] = [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": workflow_input.input_as_text}],
            }
        ]
        config = RunConfig(trace_metadata={"__trace_source__": "agent-builder"})
        classified = await Runner.run(classify, input=history, run_config=config)
        history.extend(classified.to_input_list())
        kind = classified.final_output_as(Kind).kind
        if kind != "order":
            return {"output_text": f"nothing for {kind}"}
        answered = await Runner.run(answer, input=[*history], run_config=config)
        return {"output_text": answered.final_output_as(str), "kind": kind}


TURNS = [
    Turn('{"kind": "order"}'),
    Turn(Call("look_up", {"order": 7}, id="c1")),
    Turn("It is on its way."),
]


async def test_an_exported_workflow_runs_under_the_gate_as_one_run() -> None:
    async with Provider(Script(TURNS)) as provider:
        finished, run = await run_bare(run_workflow, provider)
        provider.assert_used_up()
    assert finished.content == "It is on its way."
    assert finished.output == {"output_text": "It is on its way.", "kind": "order"}
    assert finished.finish_reason is FinishReason.STOP
    assert [(call.tool, call.path, call.agent) for call in run.gate.asked] == [
        ("look_up", (), "Answer")
    ]
    assert [request.agent for request in run.gate.sent] == ["Classify", "Answer", "Answer"]
    assert [each.name for each in run.told(AgentStarted, ())] == ["Classify", "Answer"]
    assert [each.name for each in run.told(AgentDone, ())] == ["Classify", "Answer"]


async def test_a_workflow_is_one_job_with_its_own_name() -> None:
    async with Provider(Script(TURNS)) as provider:
        result, events = await run_in_kernel(run_workflow, provider, prompt="Where is order 7?")
        assert provider.requests[0].last_user_text == "Where is order 7?"
    assert result.status is JobStatus.SUCCEEDED
    assert (result.agent, result.turns, result.tools_invoked) == ("run_workflow", 3, 1)
    assert result.content == "It is on its way."
    assert result.output == {"output_text": "It is on its way.", "kind": "order"}
    assert sum(event.terminal for event in events) == 1


async def test_a_workflow_goes_on_wherever_its_records_end() -> None:
    async with Provider(Script(TURNS)) as provider:
        finished, first = await run_bare(run_workflow, provider)
    log = first.gate.records.log
    for count in range(len(log) + 1):
        records = first.gate.records.until(count)
        asked = sum(not isinstance(each, tuple) for each in log[:count])
        async with Provider(Script(TURNS[asked:])) as provider:
            again, run = await run_bare(run_workflow, provider, gate=BareGate(records))
            provider.assert_used_up()
        assert again == finished, f"with {count} records"
        assert len(run.gate.ran) == (count < 3)


class Summary(BaseModel):
    title: str
    words: int


@pytest.mark.parametrize(
    ("returned", "content", "output"),
    [
        ("Mine.", "Mine.", None),
        (None, "From the model.", None),
        (Summary(title="T", words=3), "From the model.", {"title": "T", "words": 3}),
        ({"output_text": "Said.", "n": 1}, "Said.", {"output_text": "Said.", "n": 1}),
        ({"output_text": {"no": "text"}}, "From the model.", {"output_text": {"no": "text"}}),
        ([1, 2], "From the model.", [1, 2]),
        (False, "From the model.", False),
    ],
)
async def test_what_the_function_returns_is_the_result(
    returned: Any, content: str, output: Any
) -> None:
    async def workflow(asked: str) -> Any:
        await Runner.run(Agent(name="a", model=MODEL), asked)
        return returned

    async with Provider(Script([Turn("From the model.")])) as provider:
        finished, _ = await run_bare(workflow, provider)
    assert (finished.content, finished.output) == (content, output)


async def test_a_function_that_returns_a_result_of_the_sdk_gives_that_one() -> None:
    async def workflow(asked: str) -> Any:
        first = await Runner.run(classify, asked)
        await Runner.run(Agent(name="a", model=MODEL), asked)
        return first

    async with Provider(Script([Turn('{"kind": "x"}'), Turn("Later.")])) as provider:
        finished, _ = await run_bare(workflow, provider)
    assert (finished.content, finished.output) == ('{"kind": "x"}', {"kind": "x"})


async def test_a_function_that_returns_nothing_gives_the_output_of_the_last_agent() -> None:
    async def workflow(asked: str) -> None:
        await Runner.run(Agent(name="a", model=MODEL), asked)
        streamed = Runner.run_streamed(classify, asked)
        async for _ in streamed.stream_events():
            pass

    async with Provider(Script([Turn("First."), Turn('{"kind": "x"}')])) as provider:
        finished, _ = await run_bare(workflow, provider)
    assert (finished.content, finished.output) == ('{"kind": "x"}', {"kind": "x"})


async def test_a_function_that_runs_nothing_gives_what_it_returns() -> None:
    async def workflow(asked: str) -> str | None:
        return None

    async with Provider(Script([])) as provider:
        finished, run = await run_bare(workflow, provider)
    assert (finished.content, finished.output) == ("", None)
    assert run.told(AgentStarted) == []


async def test_a_function_that_leaves_its_stream_alone_is_told_so() -> None:
    async def workflow(asked: str) -> Any:
        return Runner.run_streamed(Agent(name="a", model=MODEL), asked)

    async with Provider(Script([Turn("Never read.")])) as provider:
        with pytest.raises(RuntimeFailure, match="returned before the run was over"):
            await run_bare(workflow, provider)


async def test_runs_that_a_function_leaves_behind_are_cancelled() -> None:
    left: list[asyncio.Task[Any]] = []

    async with Provider(Script([Turn("Too late.", Hold("midway", after=1))])) as provider:

        async def workflow(asked: str) -> str:
            run = Runner.run(Agent(name="a", model=MODEL), asked)
            left.append(asyncio.create_task(run))
            await provider.reached("midway")
            return "Mine."

        finished, run = await run_bare(workflow, provider)
        await provider.wait_for_disconnect()
    assert finished.content == "Mine."
    assert left[0].cancelled()
    assert run.gate.running == {}


async def test_runs_that_a_function_leaves_behind_are_cancelled_where_it_raises_too() -> None:
    left: list[asyncio.Task[Any]] = []

    async with Provider(Script([Turn("Too late.", Hold("midway", after=1))])) as provider:

        async def workflow(asked: str) -> str:
            run = Runner.run(Agent(name="a", model=MODEL), asked)
            left.append(asyncio.create_task(run))
            await provider.reached("midway")
            raise LookupError("no such order")

        run = BareRun(gate=BareGate())
        with pytest.raises(RuntimeFailure, match="no such order"):
            await run_bare(workflow, provider, run=run)
        await provider.wait_for_disconnect()
    assert left[0].cancelled()
    assert run.gate.running == {}


async def test_what_a_function_raises_fails_the_run_with_its_name() -> None:
    async def workflow(asked: str) -> None:
        raise LookupError("no such order")

    async with Provider(Script([])) as provider:
        with pytest.raises(RuntimeFailure, match="LookupError: no such order"):
            await run_bare(workflow, provider)


async def test_runs_side_by_side_in_a_function_are_all_of_the_run() -> None:
    async def workflow(asked: str) -> str:
        agents = [Agent(name=f"a{n}", instructions=f"{n}", model=MODEL) for n in range(5)]
        results = await asyncio.gather(*(Runner.run(agent, asked) for agent in agents))
        return ", ".join(str(result.final_output) for result in results)

    async with Provider(Script([Turn("Same.")], repeat=True)) as provider:
        finished, run = await run_bare(workflow, provider)
    assert finished.content == "Same., Same., Same., Same., Same."
    assert len(run.gate.sent) == 5


@pytest.mark.parametrize(
    "given",
    [
        {"instructions": "Be brief."},
        {"output_schema": {"type": "object", "properties": {}}},
        {"tool_choice": "required"},
        {"variables": {"name": "Ann"}},
        {"instructions": ""},
        {"output_schema": {}},
    ],
    ids=str,
)
async def test_what_is_for_one_agent_is_refused_for_a_function(given: dict[str, Any]) -> None:
    async with open_bare() as runtime, Provider(Script([])) as provider:
        with pytest.raises(ConfigError, match=f"{next(iter(given))} cannot take effect"):
            runtime.prepare(run_workflow, options_for(provider, **given))


async def test_options_reach_every_agent_that_a_function_runs() -> None:
    async def workflow(asked: str) -> None:
        await Runner.run(Agent(name="a", model="theirs"), asked)
        config = RunConfig(model="theirs", model_settings=ModelSettings(temperature=1.0, top_p=0.5))
        await Runner.run(Agent(name="b"), asked, run_config=config)

    given: dict[str, Any] = {"model": "ours", "temperature": 0.0, "max_output_tokens": 9, "seed": 0}
    given["config"] = {"models": {"ours": {"responses": {"seed": True}}}}
    async with Provider(Script([Turn("1"), Turn("2")])) as provider:
        await run_bare(workflow, provider, **given)
        bodies = [request.body for request in provider.requests]
    assert [(body["model"], body["temperature"], body["seed"]) for body in bodies] == [
        ("ours", 0.0, 0)
    ] * 2
    assert [body["max_output_tokens"] for body in bodies] == [9, 9]
    assert bodies[1]["top_p"] == 0.5


async def test_a_model_that_is_asked_for_is_the_one_of_the_authors_own_provider() -> None:
    async with Provider(Script([Turn("From there.")])) as theirs, Provider(Script([])) as provider:
        client = AsyncOpenAI(api_key="sk-theirs", base_url=theirs.openai_base_url)
        config = RunConfig(model_provider=MultiProvider(openai_client=client))

        async def workflow(asked: str) -> None:
            await Runner.run(Agent(name="a", model="written"), asked, run_config=config)

        await run_bare(workflow, provider, model="asked-for")
        await client.close()
        assert [request.model for request in theirs.requests] == ["asked-for"]


async def test_a_context_of_the_callers_is_refused() -> None:
    async with Provider(Script([])) as provider:
        with pytest.raises(ConfigError, match="user_context cannot take effect"):
            await run_bare(takes_str, provider, run=BareRun(gate=BareGate(), user_context=object()))


class Traced(TracingProcessor):
    def __init__(self) -> None:
        self.names: list[str] = []

    def on_trace_start(self, trace: Any) -> None:
        self.names.append(trace.name)

    def on_trace_end(self, trace: Any) -> None: ...
    def on_span_start(self, span: Any) -> None: ...
    def on_span_end(self, span: Any) -> None: ...
    def shutdown(self) -> None: ...
    def force_flush(self) -> None: ...


@pytest.mark.parametrize("tracing", [True, False])
async def test_a_trace_that_a_function_begins_is_recorded_only_when_asked_for(
    tracing: bool,
) -> None:
    traced = Traced()
    set_tracing_disabled(False)
    set_trace_processors([])
    add_trace_processor(traced)
    try:
        async with Provider(Script(TURNS)) as provider:
            await run_bare(run_workflow, provider, config={"tracing": tracing})
        with trace("of somebody else"):
            pass
    finally:
        set_trace_processors([])
        set_tracing_disabled(True)
    assert traced.names == (["Support"] if tracing else []) + ["of somebody else"]


async def test_the_last_agent_of_a_result_is_the_authors_own() -> None:
    billing: Agent[Any] = Agent(name="billing", model=MODEL)
    triage: Agent[Any] = Agent(name="triage", model=MODEL, handoffs=[billing])
    seen: list[Any] = []

    async def workflow(asked: str) -> str:
        result = await Runner.run(triage, asked)
        seen.extend([result.last_agent, *(item.agent for item in result.new_items)])
        streamed = Runner.run_streamed(result.last_agent, result.to_input_list())
        async for event in streamed.stream_events():
            match event:
                case AgentUpdatedStreamEvent(new_agent=agent):
                    seen.append(agent)
                case RunItemStreamEvent(item=item):
                    seen.append(item.agent)
        seen.extend([streamed.last_agent, *(item.agent for item in streamed.new_items)])
        return str(streamed.final_output)

    turns = [Turn(Call("transfer_to_billing")), Turn("Paid."), Turn("Paid again.")]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(workflow, provider)
    assert finished.content == "Paid again."
    assert [request.agent for request in run.gate.sent] == ["triage", "billing", "billing"]
    assert seen[0] is billing
    assert all(any(agent is own for own in (billing, triage)) for agent in seen)
