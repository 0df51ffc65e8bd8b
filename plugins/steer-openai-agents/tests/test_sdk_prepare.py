"""Preparing: options that take effect or are refused, and an author's objects left as they are."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from agents import (
    Agent,
    AgentHooks,
    FileSearchTool,
    GuardrailFunctionOutput,
    HostedMCPTool,
    InputGuardrail,
    ModelSettings,
    RunContextWrapper,
    ShellTool,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.models.interface import Model
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.models.openai_responses import OpenAIResponsesModel
from openai import AsyncOpenAI
from pydantic import SecretStr
from sdk_runs import (
    MODEL,
    finish,
    open_bare,
    open_kernel,
    options_for,
    request_for,
    run_bare,
    run_in_kernel,
)
from steer import PrepareOptions
from steer.errors import AgentError, ConfigError, PolicyDenied
from steer.ports.policy import ToolKind
from steer.values import JobStatus
from steer_conformance.provider import Provider, Script, ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, BareRun
from steer_openai_agents.plugin import CAPABILITIES

pytestmark = pytest.mark.anyio


def plain(**fields: Any) -> Agent[Any]:
    return Agent(name="plain", **({"model": MODEL} | fields))


def fixed_model() -> OpenAIResponsesModel:
    return OpenAIResponsesModel(
        model="fixed", openai_client=AsyncOpenAI(api_key="sk-own", base_url="http://localhost:9")
    )


async def prepared_with(agent: object, **given: Any) -> Any:
    async with open_bare() as runtime:
        return runtime.prepare(agent, PrepareOptions(**given))


def snapshot(thing: Any, seen: dict[int, Any] | None = None) -> Any:
    """Everything that can be reached from an object, with the identity of each part."""
    seen = {} if seen is None else seen
    if id(thing) in seen or isinstance(thing, str | int | float | bool | bytes | type(None) | type):
        return id(thing) if id(thing) in seen else thing
    seen[id(thing)] = thing
    if isinstance(thing, dict):
        return {str(key): snapshot(item, seen) for key, item in thing.items()}
    if isinstance(thing, list | tuple):
        return id(thing), [snapshot(item, seen) for item in thing]
    members = dict(getattr(thing, "__dict__", {}))
    # The SDK notes this on an author's agent by itself, in a run without steer as well.
    members.pop("_function_approval_identity", None)
    if type(thing).__module__.startswith("agents") or isinstance(thing, Agent):
        return type(thing), id(thing), {k: snapshot(v, seen) for k, v in members.items()}
    return type(thing), id(thing)


async def test_nothing_is_written_to_the_authors_objects() -> None:
    async def check(_context: Any, _agent: Any, _input: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)

    @function_tool
    def look() -> str:
        return "red"

    @function_tool(timeout=5)
    async def wait() -> str:
        return "ok"

    inner = plain(instructions="Think.", tools=[look])
    agent = plain(
        instructions=lambda _context, _agent: "Be brief.",
        tools=[look, wait, inner.as_tool("inner", "")],
        hooks=AgentHooks(),
        input_guardrails=[InputGuardrail(guardrail_function=check)],
        model_settings=ModelSettings(temperature=0.5, extra_body={"a": 1}),
        output_type=None,
    )
    other = plain(handoffs=[agent])
    agent.handoffs = [other, handoff(inner, tool_name_override="over")]
    agent.model = OpenAIResponsesModel(model="m", openai_client=AsyncOpenAI(api_key="sk-own"))
    agents = [agent, inner, other]
    before = [snapshot(each) for each in agents]

    turns = [
        Turn(ToolCall("look"), ToolCall("wait"), ToolCall("inner", {"input": "go"})),
        Turn("In."),
        Turn(ToolCall("over", {})),
        Turn("Done."),
    ]
    async with Provider(Script(turns)) as provider:
        await run_bare(
            agent,
            provider,
            model=MODEL,
            instructions="Other.",
            temperature=0.0,
            max_output_tokens=9,
            parallel_tool_calls=False,
            tool_choice="auto",
        )
        provider.assert_used_up()
    assert [snapshot(each) for each in agents] == before


async def test_an_object_that_is_no_agent_is_refused() -> None:
    with pytest.raises(AgentError, match=r"builtins\.dict"):
        await prepared_with({})


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "http://localhost:1/v1"},
        {"api_key": SecretStr("sk-x")},
    ],
)
async def test_how_to_reach_models_is_refused_where_the_author_fixed_the_model(
    given: dict[str, Any],
) -> None:
    with pytest.raises(ConfigError, match="cannot take effect"):
        await prepared_with(plain(model=fixed_model()), **given)
    # Naming a model instead of the object makes sense of it.
    prepared = await prepared_with(plain(model=fixed_model()), model="named", **given)
    assert prepared.model == "named"


async def test_a_configuration_for_all_agents_need_not_concern_this_one() -> None:
    prepared = await prepared_with(
        plain(model=fixed_model()), config={"base_url": "http://localhost:1/v1"}
    )
    assert prepared.model == "fixed"


async def test_an_agent_that_contradicts_itself_is_refused_before_it_runs() -> None:
    with pytest.raises(AgentError, match="strict"):
        await prepared_with(plain(output_type=dict[str, int]))


async def test_variables_are_refused_for_an_agent_that_has_none() -> None:
    with pytest.raises(ConfigError, match="no variables"):
        await prepared_with(plain(), variables={"city": "Ulm"})


async def test_an_output_schema_is_refused_where_another_agent_may_answer() -> None:
    with pytest.raises(ConfigError, match="output_schema cannot take effect"):
        await prepared_with(plain(handoffs=[plain()]), output_schema={"type": "object"})


async def test_an_output_schema_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="output_schema"):
        await prepared_with(plain(), output_schema={"type": "array"})


class Opaque(Model):
    """A model of the author's own, of which nothing is known."""

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError


async def test_a_seed_is_refused_where_nobody_knows_what_becomes_of_it() -> None:
    agent = plain(model=Opaque())
    assert not (await prepared_with(agent)).capabilities.seed
    with pytest.raises(ConfigError, match="seed"):
        await prepared_with(agent, seed=0)
    chat = OpenAIChatCompletionsModel(
        model="fixed", openai_client=AsyncOpenAI(api_key="sk-own", base_url="http://localhost:9")
    )
    assert (await prepared_with(plain(model=chat), seed=0)).capabilities.seed


async def test_what_is_prepared_claims_no_more_than_the_plugin() -> None:
    for model in (MODEL, None, fixed_model(), Opaque()):
        prepared = await prepared_with(plain(model=model))
        assert prepared.capabilities.exceeding(CAPABILITIES) == ()


async def test_a_wrong_setting_says_which_ones_there_are() -> None:
    with pytest.raises(ConfigError, match="Known settings: api, base_url"):
        await prepared_with(plain(), config={"bsae_url": "x"})


async def test_a_dynamic_instruction_can_be_replaced() -> None:
    agent = plain(instructions=lambda _context, _agent: "Dynamic.")
    async with Provider(Script([Turn("Hi.")])) as provider:
        await run_bare(agent, provider, instructions="Fixed.")
        assert provider.requests[0].body["instructions"] == "Fixed."


async def test_the_model_is_known_before_it_runs() -> None:
    for model, name, provider in (
        (MODEL, MODEL, "openai"),
        ("openai/gpt-5", "gpt-5", "openai"),
        (fixed_model(), "fixed", "openai"),
        (Opaque(), "Opaque", "opaque"),
    ):
        prepared = await prepared_with(plain(model=model))
        assert (prepared.agent, prepared.model, prepared.provider) == ("plain", name, provider)


async def test_the_fingerprint_is_that_of_the_behaviour() -> None:
    def make(text: str = "Be brief.") -> Agent[Any]:
        @function_tool
        def look(at: str) -> str:
            """Look at something."""
            return at

        inner = plain(instructions="Think.")
        return plain(instructions=text, tools=[look, inner.as_tool("inner", "")], handoffs=[inner])

    first = (await prepared_with(make())).fingerprint
    assert first == (await prepared_with(make())).fingerprint
    same = await prepared_with(
        make(), base_url="http://localhost:1/v1", api_key=SecretStr("sk"), config={"timeout": 3}
    )
    assert same.fingerprint == first, "where it is asked changes nothing"
    for agent, given in (
        (make("Be long."), {}),
        (make(), {"model": "other"}),
        (make(), {"temperature": 0.0}),
        (make(), {"parallel_tool_calls": False}),
        (make(), {"config": {"api": "chat_completions"}}),
    ):
        assert (await prepared_with(agent, **given)).fingerprint != first


async def test_tools_that_escape_the_gate_are_listed() -> None:
    inner = plain(tools=[WebSearchTool()])
    mcp = HostedMCPTool(
        tool_config={
            "type": "mcp",
            "server_label": "books",
            "server_url": "https://example.com",
            "require_approval": "never",
        }
    )
    agent = plain(
        tools=[
            FileSearchTool(vector_store_ids=["vs"]),
            mcp,
            ShellTool(environment={"type": "container_auto"}),
            inner.as_tool("inner", ""),
        ],
        prompt={"id": "pmpt_1"},
    )
    prepared = await prepared_with(agent)
    found = {(tool.name, tool.kind, tool.server) for tool in prepared.ungated}
    assert found == {
        ("file_search", ToolKind.HOSTED, None),
        ("hosted_mcp", ToolKind.HOSTED, "books"),
        ("shell", ToolKind.HOSTED, None),
        ("prompt of plain", ToolKind.HOSTED, None),
        ("web_search", ToolKind.HOSTED, None),
    }


async def test_a_run_with_a_hosted_tool_is_refused_unless_policy_names_it() -> None:
    agent = plain(tools=[WebSearchTool()])
    async with Provider(Script([Turn("Hi.")])) as provider:
        with pytest.raises(PolicyDenied, match="web_search"):
            await run_in_kernel(agent, provider)
        assert provider.requests == ()


async def test_a_tool_past_the_gate_that_appears_while_the_run_runs_is_refused() -> None:
    agent = plain()

    @function_tool
    def unlock() -> str:
        agent.tools.append(WebSearchTool())
        return "unlocked"

    agent.tools.append(unlock)
    async with Provider(Script([Turn(ToolCall("unlock")), Turn("Hi.")])) as provider:
        result, _ = await run_in_kernel(agent, provider)
        assert len(provider.requests) == 1
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "policy_denied"


async def test_an_authors_own_client_is_used_with_its_own_key() -> None:
    async with Provider(Script([Turn("One."), Turn("Two.")])) as provider:
        for kind in (OpenAIResponsesModel, OpenAIChatCompletionsModel):
            client = AsyncOpenAI(
                api_key="sk-own", base_url=provider.openai_base_url, default_headers={"x-mine": "1"}
            )
            agent = plain(model=kind(model="mine", openai_client=client))
            async with open_bare() as runtime:
                gate = BareGate()
                await runtime.run(runtime.prepare(agent, PrepareOptions()), BareRun(gate=gate))
            assert len(gate.sent) == 1
            assert client.max_retries == 2, "the author's own client is as it was"
            await client.close()
        for request in provider.requests:
            assert request.headers["authorization"] == "Bearer sk-own"
            assert request.headers["x-mine"] == "1"


def test_a_runtime_serves_one_event_loop_after_the_other() -> None:
    """An author's client keeps its connections in the loop that first used it."""
    with Provider(Script([Turn("Hi.")], repeat=True)) as provider:
        client = AsyncOpenAI(api_key="sk-own", base_url=provider.openai_base_url)
        agent = plain(model=OpenAIResponsesModel(model="mine", openai_client=client))

        async def once() -> str:
            async with open_bare() as runtime:
                prepared = runtime.prepare(agent, PrepareOptions())
                return (await finish(runtime, prepared, BareRun(gate=BareGate()))).content

        assert [asyncio.run(once()) for _ in range(3)] == ["Hi."] * 3


async def test_connections_are_used_again() -> None:
    async with Provider(Script([Turn("Hi.")], repeat=True)) as provider, open_bare() as runtime:
        prepared = runtime.prepare(plain(), options_for(provider))
        for _ in range(3):
            await runtime.run(prepared, BareRun(gate=BareGate()))
        (clients,) = runtime._clients._loops.values()
        transport: Any = clients._own_http()._transport
        (connection,) = transport._pool.connections
        assert connection.is_idle()


async def test_copies_of_an_agent_are_still_gated() -> None:
    """A hook may replace the agent it is given; what the SDK copies must not slip away."""
    ran = []

    @function_tool
    def act() -> str:
        ran.append(1)
        return "acted"

    async with open_bare() as runtime:
        prepared = runtime.prepare(plain(tools=[act]), PrepareOptions())
        assert isinstance(prepared.start, Agent)
        again = prepared.start.clone(name="copy")
        other = copy.copy(prepared.start)
        for agent in (prepared.start, again, other):
            (tool,) = await agent.get_all_tools(RunContextWrapper(context=None))
            assert tool is not act
            assert [each.get_name() for each in tool.tool_input_guardrails] == ["steer"]  # type: ignore[union-attr]


async def test_an_agent_that_was_changed_between_two_runs_runs_as_it_is_now() -> None:
    agent = plain(instructions="Be brief.")
    changes: list[tuple[str, Any]] = [
        ("instructions", "Be long."),
        ("model_settings", ModelSettings(temperature=0.5)),
    ]
    async with Provider(Script([Turn("ok")], repeat=True)) as provider, open_kernel() as kernel:
        request = request_for(agent, provider)
        await (await kernel.execute(request)).result()
        for name, value in changes:
            setattr(agent, name, value)
            await (await kernel.execute(request)).result()
        agent.model_settings.temperature = 0.7
        await (await kernel.execute(request)).result()

    bodies = [sent.body for sent in provider.requests]
    assert [body["instructions"] for body in bodies] == ["Be brief.", *["Be long."] * 3]
    assert [body.get("temperature") for body in bodies] == [None, None, 0.5, 0.7]


async def test_an_agent_that_stayed_as_it_was_is_prepared_once() -> None:
    agent = plain(handoffs=[plain()])
    async with open_bare() as runtime:
        prepared = runtime.prepare(agent, PrepareOptions())
        assert prepared.current
        agent.handoffs.append(plain(instructions="new"))
        assert not prepared.current
