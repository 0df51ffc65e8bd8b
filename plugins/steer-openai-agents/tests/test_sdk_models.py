"""Models and tools of an author's own kind: custom models, retries, time-outs, MCP, defaults."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import agents
import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    ModelProvider,
    ModelRetryBackoffSettings,
    ModelRetrySettings,
    ModelSettings,
    RunConfig,
    Runner,
    function_tool,
    retry_policies,
)
from agents.mcp import MCPServerStdio
from agents.models import _openai_shared
from agents.models.interface import Model
from agents.models.openai_responses import OpenAIResponsesModel
from agents.run import AgentRunner, get_default_agent_runner, set_default_agent_runner
from openai import AsyncOpenAI
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseOutputMessage,
    ResponseOutputText,
)
from pydantic import BaseModel
from sdk_runs import MODEL, finish, open_bare, options_for, run_bare, run_in_kernel
from steer import PrepareOptions
from steer.errors import ErrorCategory, ProviderError, RuntimeFailure
from steer.events import ModelToken
from steer.ports.policy import ToolKind
from steer_conformance.provider import Failure, Hold, Provider, Script, ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


class Echo(Model):
    """A model of the author's own that needs no server."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self.asked.append(kwargs["model_settings"].max_tokens)
        text = f"You said: {kwargs['input'][-1]['content']}"
        message = ResponseOutputMessage(
            id="m1",
            type="message",
            role="assistant",
            status="completed",
            content=[ResponseOutputText(type="output_text", text=text, annotations=[])],
        )
        response = Response(
            id="r1",
            created_at=0,
            model="echo",
            object="response",
            output=[message],
            parallel_tool_calls=False,
            tool_choice="auto",
            tools=[],
        )
        yield ResponseCompletedEvent(
            type="response.completed", response=response, sequence_number=0
        )


async def run_echo(gate: BareGate, model: Model) -> tuple[str, BareRun]:
    run = BareRun(gate=gate)
    async with open_bare() as runtime:
        prepared = runtime.prepare(Agent(name="echo", model=model), PrepareOptions())
        return (await finish(runtime, prepared, run)).content, run


async def test_a_model_of_the_authors_own_is_gated_recorded_and_replayed() -> None:
    model = Echo()
    said, first = await run_echo(BareGate(granted=12), model)
    assert said == "You said: Hello?"
    assert model.asked == [12]
    assert first.gate.requests[0].provider == "echo"
    assert [token.text for token in first.told(ModelToken)] == ["You said: Hello?"]
    again, second = await run_echo(BareGate(first.gate.records.until()), model)
    assert again == said
    assert second.gate.sent == []
    assert model.asked == [12]


async def test_a_kind_of_responses_model_of_the_authors_own_sees_the_clients_own_events() -> None:
    seen: list[Any] = []

    class Looking(OpenAIResponsesModel):
        async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async for event in super().stream_response(*args, **kwargs):
                seen.append(event)
                yield event

    async with Provider(Script([Turn("Hello.")])) as provider:
        client = AsyncOpenAI(base_url=provider.openai_base_url, api_key="sk-x")
        agent: Agent[Any] = Agent(name="looking", model=Looking(MODEL, client))
        finished, run = await run_bare(agent, provider, base_url=None, api_key=None)
    assert finished.content == "Hello."
    assert "".join(token.text for token in run.told(ModelToken)) == "Hello."
    assert {"response.created", "response.output_text.delta"} <= {event.type for event in seen}
    assert all(isinstance(event, BaseModel) for event in seen)


async def test_who_follows_a_stream_sees_the_clients_own_events() -> None:
    seen: list[Any] = []

    async def workflow(asked: str) -> Any:
        streamed = Runner.run_streamed(Agent(name="a", model=MODEL), asked)
        seen.extend(
            [
                event.data
                async for event in streamed.stream_events()
                if event.type == "raw_response_event"
            ]
        )
        return streamed

    async with Provider(Script([Turn("Hello.")])) as provider:
        finished, _ = await run_bare(workflow, provider)
    assert finished.content == "Hello."
    assert {"response.created", "response.output_text.delta"} <= {event.type for event in seen}
    assert all(isinstance(event, BaseModel) for event in seen)


async def test_a_provider_that_a_nested_run_chooses_is_the_one_it_uses() -> None:
    model = Echo()

    class Own(ModelProvider):
        def get_model(self, model_name: str | None) -> Model:
            assert model_name == "mine"
            return model

    @function_tool
    async def delegate() -> str:
        inner: Agent[Any] = Agent(name="inner", model="mine")
        result = await Runner.run(inner, "go", run_config=RunConfig(model_provider=Own()))
        return str(result.final_output)

    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[delegate])
    async with Provider(Script([Turn(ToolCall("delegate", id="c1")), Turn("Done.")])) as provider:
        _, run = await run_bare(outer, provider)
        output = provider.requests[1].body["input"][-1]["output"]
    assert output == "You said: go"
    assert [request.path for request in run.gate.sent] == [(), ("c1",), ()]


async def test_a_runner_that_an_author_sets_does_not_open_a_way_past_the_gate() -> None:
    @function_tool
    async def delegate() -> str:
        inner: Agent[Any] = Agent(name="inner", model=MODEL)
        return str((await Runner.run(inner, "go")).final_output)

    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[delegate])
    turns = [Turn(ToolCall("delegate")), Turn("In."), Turn("Out.")]
    gate, before = BareGate(), get_default_agent_runner()
    async with Provider(Script(turns)) as provider:
        async with open_bare() as runtime:
            prepared = runtime.prepare(outer, options_for(provider))
            own = AgentRunner()
            set_default_agent_runner(own)
            await runtime.run(prepared, BareRun(gate=gate))
        assert get_default_agent_runner() is own
    set_default_agent_runner(before)
    assert len(gate.sent) == 3


async def test_an_authors_retries_are_asked_for_one_by_one() -> None:
    settings = ModelSettings(
        retry=ModelRetrySettings(
            max_retries=2,
            policy=retry_policies.http_status([500]),
            backoff=ModelRetryBackoffSettings(initial_delay=0.0, jitter=False),
        )
    )
    agent: Agent[Any] = Agent(name="a", model=MODEL, model_settings=settings)
    async with Provider(Script([Failure(500), Failure(500), Turn("At last.")])) as provider:
        finished, run = await run_bare(agent, provider)
    assert finished.content == "At last."
    assert len(run.gate.sent) == 3
    assert [error.category for error, _, _ in run.gate.failures] == [ErrorCategory.SERVER_ERROR] * 2


async def test_an_authors_time_out_for_the_model_is_one() -> None:
    # Long enough for the request to leave on a busy machine.
    agent: Agent[Any] = Agent(name="a", model=MODEL, model_settings=ModelSettings(timeout=2.0))
    async with Provider(Script([Turn("Late.", Hold("never", after=0))])) as provider:
        with pytest.raises(ProviderError) as raised:
            await run_bare(agent, provider)
        await provider.wait_for_disconnect()
    assert raised.value.category is ErrorCategory.TIMEOUT


async def test_a_guardrail_that_trips_stops_the_model_too() -> None:
    seen = asyncio.Event()

    async def trip(_context: Any, _agent: Any, _input: Any) -> GuardrailFunctionOutput:
        await asyncio.wait_for(seen.wait(), 10)
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    agent: Agent[Any] = Agent(
        name="a", model=MODEL, input_guardrails=[InputGuardrail(guardrail_function=trip)]
    )
    turn = Turn("One two three.", Hold("midway", after=1), chunk_size=4)
    async with Provider(Script([turn])) as provider:

        async def release() -> None:
            await provider.reached("midway")
            seen.set()

        watching = asyncio.create_task(release())
        with pytest.raises(RuntimeFailure, match="guardrail 'trip'") as raised:
            await run_bare(agent, provider)
        await watching
        await provider.wait_for_disconnect()
    assert raised.value.category is ErrorCategory.CONTENT_FILTER


async def test_structured_output_of_a_native_agent_is_given_as_json() -> None:
    class Answer(BaseModel):
        city: str

    agent: Agent[Any] = Agent(name="a", model=MODEL, output_type=Answer)
    async with Provider(Script([Turn('{"city": "Ulm"}')])) as provider:
        result, _ = await run_in_kernel(agent, provider)
    assert result.output == {"city": "Ulm"}
    assert result.content == '{"city": "Ulm"}'


async def test_what_an_authors_file_sets_for_the_sdk_holds() -> None:
    async with Provider(Script([Turn("Hi.")])) as provider:
        client = AsyncOpenAI(api_key="sk-default", base_url=provider.openai_base_url)
        agents.set_default_openai_client(client, use_for_tracing=False)
        agents.set_default_openai_api("chat_completions")
        try:
            async with open_bare() as runtime:
                prepared = runtime.prepare(Agent(name="a", model=MODEL), PrepareOptions())
                await runtime.run(prepared, BareRun(gate=BareGate()))
        finally:
            _openai_shared.set_default_openai_client(None)  # type: ignore[arg-type]
            agents.set_default_openai_api("responses")
            await client.close()
        (request,) = provider.requests
    assert request.headers["authorization"] == "Bearer sk-default"
    assert request.dialect == "chat"


SERVER = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("books")

@server.tool()
def find(title: str) -> str:
    return f"found {title}"

server.run()
"""


async def test_tools_of_an_mcp_server_are_gated(tmp_path: Path) -> None:
    file = tmp_path / "server.py"
    file.write_text(SERVER)
    params: Any = {"command": sys.executable, "args": [str(file)]}
    async with MCPServerStdio(
        params=params, name="books", client_session_timeout_seconds=20
    ) as server:
        agent: Agent[Any] = Agent(name="a", model=MODEL, mcp_servers=[server])
        turns = [Turn(ToolCall("find", {"title": "Emma"})), Turn("Done.")]
        async with Provider(Script(turns)) as provider:
            _, run = await run_bare(agent, provider)
            output = provider.requests[1].body["input"][-1]["output"]
    (call,) = run.gate.asked
    assert (call.tool, call.kind, call.server) == ("find", ToolKind.MCP, "books")
    assert "found Emma" in str(output)
    assert run.gate.outcomes[0].status == "succeeded"


async def test_the_copies_of_agents_in_sight_are_made_once() -> None:
    @function_tool
    def act() -> str:
        return "acted"

    inner: Agent[Any] = Agent(name="inner", model=MODEL, tools=[act])
    outer: Agent[Any] = Agent(name="outer", model=MODEL, handoffs=[inner])
    async with Provider(Script([])) as provider, open_bare() as runtime:
        prepared = runtime.prepare(outer, options_for(provider))
    assert prepared.clones.clone(inner) is prepared.clones.clone(inner)
    assert prepared.clones.clone(outer) is prepared.start
