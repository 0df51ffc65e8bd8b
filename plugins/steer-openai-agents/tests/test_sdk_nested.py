"""Handoffs, agents as tools, and runs that an author's tool starts: one run, gated throughout."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    RunConfig,
    Runner,
    function_tool,
)
from agents.models.openai_responses import OpenAIResponsesModel
from openai import AsyncOpenAI
from sdk_runs import MODEL, PATIENCE, finish, open_bare, options_for, run_bare, run_in_kernel
from small_agents import worker
from steer import BudgetSpec
from steer.errors import ErrorCategory, PolicyDenied, ProviderError
from steer.events import AgentDone, AgentStarted, ModelToken
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.ports.policy import ToolKind
from steer.values import Effect, JobStatus, user_message
from steer_conformance.provider import Failure, Provider, Reply, Rule, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


async def test_an_agent_as_a_tool_is_live_and_gated_on_its_own_path() -> None:
    outer: Agent[Any] = Agent(
        name="outer", model=MODEL, tools=[worker().as_tool("inner", "Does it.")]
    )
    turns = [
        Turn(Call("inner", {"input": "go"}, id="c1")),
        Turn("Inner works.", Call("act", id="c2")),
        Turn("Inner is done."),
        Turn("All done."),
    ]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(outer, provider)
        provider.assert_used_up()
        assert all(request.stream for request in provider.requests)
    assert finished.content == "All done."
    assert [(call.tool, call.path, call.message, call.kind) for call in run.gate.asked] == [
        ("inner", (), 0, ToolKind.AGENT),
        ("act", ("c1",), 0, ToolKind.FUNCTION),
    ]
    assert run.gate.asked[0].effect is Effect.NONE
    assert [request.path for request in run.gate.requests] == [(), ("c1",), ("c1",), ()]
    assert [request.agent for request in run.gate.requests] == ["outer", "inner", "inner", "outer"]
    inner = "".join(token.text for token in run.told(ModelToken, ("c1",)))
    assert inner == "Inner works.Inner is done."
    assert [each.name for each in run.told(AgentStarted, ("c1",))] == ["inner"]
    assert [each.name for each in run.told(AgentDone)] == ["inner", "outer"]


async def test_agents_within_agents_have_longer_paths() -> None:
    middle = Agent(name="middle", model=MODEL, tools=[worker().as_tool("inner", "")])
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[middle.as_tool("middle", "")])
    turns = [
        Turn(Call("middle", {"input": "go"}, id="a")),
        Turn(Call("inner", {"input": "go"}, id="b")),
        Turn(Call("act", id="c")),
        Turn("One."),
        Turn("Two."),
        Turn("Three."),
    ]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(outer, provider)
    assert [call.path for call in run.gate.asked] == [(), ("a",), ("a", "b")]


async def test_a_denied_tool_of_a_nested_agent_never_runs() -> None:
    ran = []

    @function_tool
    def harm() -> str:
        ran.append(1)
        return "done"

    inner: Agent[Any] = Agent(name="inner", model=MODEL, tools=[harm])
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[inner.as_tool("inner", "")])

    def no_harm(call: ToolCall) -> Decision | None:
        return Decision(outcome=GateOutcome.DENY, reason="No.") if call.tool == "harm" else None

    turns = [
        Turn(Call("inner", {"input": "go"})),
        Turn(Call("harm")),
        Turn("Then not."),
        Turn("Done."),
    ]
    async with Provider(Script(turns)) as provider:
        await run_bare(outer, provider, gate=BareGate(verdict=no_harm))
        provider.assert_used_up()
    assert ran == []


@pytest.mark.parametrize("how", ["run", "run_streamed", "run_sync"])
async def test_a_run_that_a_tool_starts_belongs_to_this_one(how: str) -> None:
    inner = worker()

    @function_tool
    async def delegate() -> str:
        if how == "run":
            return str((await Runner.run(inner, "go")).final_output)
        streamed = Runner.run_streamed(inner, "go")
        texts = [
            event.data.delta
            async for event in streamed.stream_events()
            if event.type == "raw_response_event"
            and event.data.type == "response.output_text.delta"
        ]
        return "".join(texts)

    @function_tool(name_override="delegate")
    def delegate_sync() -> str:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return str(Runner.run_sync(inner, "go").final_output)
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    tool = delegate_sync if how == "run_sync" else delegate
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[tool])
    turns = [
        Turn(Call("delegate", id="c1")),
        Turn(Call("act", id="c2")),
        Turn("Inner is done."),
        Turn("All done."),
    ]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(outer, provider)
        provider.assert_used_up()
        assert {request.headers["authorization"] for request in provider.requests} == {
            "Bearer sk-scripted"
        }
    assert finished.content == "All done."
    assert [(call.tool, call.path) for call in run.gate.asked] == [
        ("delegate", ()),
        ("act", ("c1",)),
    ]
    assert "Inner is done." in "".join(token.text for token in run.told(ModelToken, ("c1",)))
    assert [each.name for each in run.told(AgentDone, ("c1",))] == ["inner"]
    assert run.gate.running == {}


async def test_an_unknown_agent_made_in_a_tool_is_gated_too() -> None:
    @function_tool
    async def delegate() -> str:
        result = await Runner.run(worker("made"), "go", run_config=RunConfig(model="other"))
        return str(result.final_output)

    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[delegate])
    turns = [Turn(Call("delegate", id="c1")), Turn(Call("act")), Turn("In."), Turn("Out.")]
    async with Provider(Script(turns)) as provider:
        _, run = await run_bare(outer, provider)
        assert [request.model for request in provider.requests] == [MODEL, "other", "other", MODEL]
    assert [call.path for call in run.gate.asked] == [(), ("c1",)]


async def test_an_authors_own_server_in_a_nested_run_stays_the_authors() -> None:
    async with Provider(Script([Turn("From there.")])) as theirs:
        client = AsyncOpenAI(api_key="sk-theirs", base_url=theirs.openai_base_url)
        inner: Agent[Any] = Agent(
            name="inner", model=OpenAIResponsesModel(model="mine", openai_client=client)
        )

        @function_tool
        async def delegate() -> str:
            return str((await Runner.run(inner, "go")).final_output)

        outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[delegate])
        async with Provider(Script([Turn(Call("delegate")), Turn("Out.")])) as provider:
            _, run = await run_bare(outer, provider)
        assert theirs.requests[0].headers["authorization"] == "Bearer sk-theirs"
        await client.close()
    assert len(run.gate.sent) == 3


async def test_a_failing_nested_model_is_words_for_the_outer_one_as_in_the_sdk() -> None:
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[worker().as_tool("inner", "")])
    turns: list[Reply] = [Turn(Call("inner", {"input": "go"})), Failure(500), Turn("A pity.")]
    async with Provider(Script(turns)) as provider:
        finished, run = await run_bare(outer, provider)
    assert finished.content == "A pity."
    assert run.gate.outcomes[0].error is not None


async def test_a_failing_nested_model_that_fails_the_run_comes_out_as_itself() -> None:
    tool = worker().as_tool("inner", "", failure_error_function=None)
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[tool])
    turns: list[Reply] = [Turn(Call("inner", {"input": "go"})), Failure(429, retry_after=2)]
    async with Provider(Script(turns)) as provider:
        with pytest.raises(ProviderError) as raised:
            await run_bare(outer, provider)
    assert raised.value.category is ErrorCategory.RATE_LIMIT
    assert raised.value.retry_after == 2


async def test_a_stop_of_the_gate_inside_a_nested_agent_ends_the_run() -> None:
    """The SDK makes words for the outer model of whatever a nested run raises."""

    class Strict(BareGate):
        async def authorize(self, call: ToolCall, /) -> Decision:
            if call.path:
                raise PolicyDenied("that was one denial too many")
            return await super().authorize(call)

    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[worker().as_tool("inner", "")])
    turns = [Turn(Call("inner", {"input": "go"})), Turn(Call("act")), Turn("I go on.")]
    async with Provider(Script(turns)) as provider:
        with pytest.raises(PolicyDenied, match="one denial too many"):
            await run_bare(outer, provider, gate=Strict())


async def test_a_budget_is_shared_with_nested_agents() -> None:
    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[worker().as_tool("inner", "")])
    turns = [Turn(Call("inner", {"input": "go"})), Turn(Call("act"), Call("act"))]
    async with Provider(Script(turns, repeat=True)) as provider:
        result, events = await run_in_kernel(outer, provider, budgets=BudgetSpec(max_tool_calls=2))
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "budget_exceeded"
    assert sum(event.terminal for event in events) == 1


async def test_runs_of_others_are_left_alone_while_a_runtime_is_open() -> None:
    async with Provider(Script([Turn("Hello.")], repeat=True)) as provider, open_bare():
        client = AsyncOpenAI(api_key="sk-own", base_url=provider.openai_base_url)
        agent: Agent[Any] = Agent(
            name="own", model=OpenAIResponsesModel(model=MODEL, openai_client=client)
        )
        result = await Runner.run(agent, "Hello?", run_config=RunConfig(tracing_disabled=True))
        await client.close()
    assert result.final_output == "Hello."
    assert result.last_agent is agent


async def test_sixty_runs_of_one_prepared_agent_do_not_mix() -> None:
    inner: Agent[Any] = Agent(name="inner", instructions="I am inner.", model=MODEL)

    @function_tool
    async def look(name: str) -> str:
        await asyncio.sleep(0)
        return f"saw {name}"

    outer: Agent[Any] = Agent(
        name="outer",
        instructions="I am outer.",
        model=MODEL,
        tools=[look, inner.as_tool("inner", "Thinks.")],
    )

    def answer(request: Any) -> Turn:
        name = request.last_user_text
        if request.body["instructions"] == "I am inner.":
            return Turn(f"inner of {name}")
        if not request.tool_results:
            return Turn(
                f"for {name}",
                Call("look", {"name": name}, id="same"),
                Call("inner", {"input": name}, id="also"),
            )
        return Turn(f"{name}: " + ", ".join(result.text for result in request.tool_results))

    script = Script(rules=[Rule(lambda _request: True, answer)])
    async with Provider(script) as provider, open_bare() as runtime:
        # Sixty connections at once take longer than the client's 5 s on a busy machine.
        patient = options_for(provider, config={"timeout": PATIENCE})
        prepared = runtime.prepare(outer, patient)
        runs = [
            BareRun(gate=BareGate(), input=(user_message(f"n{number}"),), user_context=number)
            for number in range(60)
        ]
        results = await asyncio.gather(*(finish(runtime, prepared, run) for run in runs))
    for number, (run, result) in enumerate(zip(runs, results, strict=True)):
        assert result.content == f"n{number}: saw n{number}, inner of n{number}"
        assert {str(call.arguments) for call in run.gate.ran} == {
            f"{{'name': 'n{number}'}}",
            f"{{'input': 'n{number}'}}",
        }
        text = "".join(token.text for token in run.told(ModelToken, ("also",)))
        assert text == f"inner of n{number}"
