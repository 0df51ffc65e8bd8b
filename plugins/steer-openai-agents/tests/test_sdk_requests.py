"""What goes over the wire: the same bytes as without steer, and every option in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import Agent, HandoffInputData, ModelSettings, function_tool, handoff
from pydantic import BaseModel
from sdk_runs import MODEL, run_bare, run_in_kernel, run_without_steer
from steer import BudgetSpec
from steer.values import ImagePart, JobStatus, Message, Role, TextPart
from steer_conformance.provider import Provider, Reasoning, Script, Text, ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, BareRun
from steer_openai_agents.survey import reachable

pytestmark = pytest.mark.anyio

APIS = ("responses", "chat_completions")


class Answer(BaseModel):
    city: str
    degrees: int


def adder() -> Any:
    @function_tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return add


def plain() -> Agent[Any]:
    return Agent(name="plain", instructions="Be brief.", model=MODEL)


def calculator(**settings: Any) -> Agent[Any]:
    return Agent(
        name="calculator",
        instructions="Be brief.",
        model=MODEL,
        tools=[adder()],
        model_settings=ModelSettings(**settings),
    )


def typed() -> Agent[Any]:
    return Agent(name="typed", model=MODEL, output_type=Answer)


def triage() -> Agent[Any]:
    billing = Agent(name="billing", handoff_description="Money", model=MODEL, tools=[adder()])
    first: Agent[Any] = Agent(
        name="triage", model=MODEL, handoffs=[handoff(billing, tool_name_override="to_billing")]
    )
    billing.handoffs.append(first)
    return first


def filtering() -> Agent[Any]:
    """A handoff with all that an author can attach to one."""

    def questions_only(data: HandoffInputData) -> HandoffInputData:
        return data.clone(new_items=())

    billing = Agent[Any](name="billing", model=MODEL)
    way = handoff(billing, on_handoff=lambda _context: None, input_filter=questions_only)
    archive = handoff(Agent[Any](name="archive", model=MODEL), nest_handoff_history=True)
    billing.handoffs.append(archive)
    return Agent(name="triage", model=MODEL, handoffs=[way])


def dynamic() -> Agent[Any]:
    def instructions(_context: Any, agent: Agent[Any]) -> str:
        return f"You are {agent.name}."

    return Agent(name="dynamic", instructions=instructions, model=None)


CASES: dict[str, tuple[Any, list[Turn]]] = {
    "plain": (plain, [Turn("Hello.")]),
    "tool": (
        calculator,
        [
            Turn(Reasoning("Hm."), "Let me see.", ToolCall("add", {"a": 2, "b": 3})),
            Turn(ToolCall("add", {"a": 5, "b": 5}), ToolCall("add", {"a": 1, "b": 1})),
            Turn("Ten."),
        ],
    ),
    "settings": (
        lambda: calculator(temperature=0.0, top_p=0.5, max_tokens=77, parallel_tool_calls=False),
        [Turn("Hello.")],
    ),
    "typed": (typed, [Turn('{"city": "Ulm", "degrees": 7}')]),
    "handoffs": (
        triage,
        [
            Turn(ToolCall("to_billing", {})),
            Turn("Adding.", ToolCall("add", {"a": 2, "b": 3})),
            Turn(ToolCall("transfer_to_triage", {})),
            Turn("Done."),
        ],
    ),
    "filtered handoffs": (
        filtering,
        [
            Turn(ToolCall("transfer_to_billing", {})),
            Turn(ToolCall("transfer_to_archive", {})),
            Turn("Done."),
        ],
    ),
    "dynamic instructions": (dynamic, [Turn("Hello.")]),
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("case", CASES)
async def test_the_requests_are_those_of_the_bare_sdk_byte_for_byte(case: str, api: str) -> None:
    make, turns = CASES[case]
    if api == "chat_completions":
        # Without steer, the SDK asks a Chat server other than OpenAI's for no count of tokens.
        bare_agent = make()
        for agent in (bare_agent, *_targets(bare_agent)):
            agent.model_settings = agent.model_settings.resolve(ModelSettings(include_usage=True))
    else:
        bare_agent = make()
    output, expected = await run_without_steer(bare_agent, "Hello?", Script(turns), api=api)

    async with Provider(Script(turns)) as provider:
        finished, _ = await run_bare(make(), provider, config={"api": api})
        sent = [request.raw for request in provider.requests]
        provider.assert_used_up()

    assert sent == expected
    assert finished.content == (output if isinstance(output, str) else turns[-1].parts[0].wire)


def _targets(agent: Agent[Any]) -> list[Agent[Any]]:
    return [each for each in reachable(agent) if each is not agent]


async def body_of(agent: object, **given: Any) -> dict[str, Any]:
    async with Provider(Script([Turn(Text('{"city": "Ulm", "degrees": 7}'))])) as provider:
        await run_bare(agent, provider, **given)
        body: dict[str, Any] = json.loads(provider.requests[0].raw)
        return body


async def test_options_reach_responses() -> None:
    body = await body_of(
        calculator(temperature=1.0),
        model="other",
        instructions="Sing.",
        temperature=0.0,
        top_p=0.25,
        max_output_tokens=9,
        parallel_tool_calls=False,
        tool_choice="add",
    )
    assert body["model"] == "other"
    assert body["instructions"] == "Sing."
    assert (body["temperature"], body["top_p"], body["max_output_tokens"]) == (0.0, 0.25, 9)
    assert body["parallel_tool_calls"] is False
    assert body["tool_choice"] == {"type": "function", "name": "add"}


async def test_options_reach_chat() -> None:
    body = await body_of(
        calculator(extra_args={"user": "u1"}),
        config={"api": "chat_completions"},
        temperature=0.0,
        max_output_tokens=9,
        seed=0,
        tool_choice="required",
    )
    assert (body["temperature"], body["max_tokens"], body["seed"]) == (0.0, 9, 0)
    assert body["user"] == "u1"
    assert body["tool_choice"] == "required"
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("api", APIS)
async def test_an_output_schema_is_asked_for_and_the_answer_is_its_json(api: str) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
        "additionalProperties": False,
    }
    async with Provider(Script([Turn('{"city": "Ulm", "degrees": 7}')])) as provider:
        finished, _ = await run_bare(plain(), provider, output_schema=schema, config={"api": api})
        body = json.loads(provider.requests[0].raw)
    asked = body["text"]["format"] if api == "responses" else body["response_format"]["json_schema"]
    assert asked["schema"] == schema
    assert asked["strict"] is True
    assert finished.output == {"city": "Ulm", "degrees": 7}
    assert finished.content == '{"city": "Ulm", "degrees": 7}'


async def test_a_model_that_goes_by_its_implied_settings_gets_those_of_the_new_one() -> None:
    agent: Agent[Any] = Agent(name="plain")  # the SDK's default model reasons
    assert "reasoning" in await body_of(agent)
    assert "reasoning" not in await body_of(agent, model="gpt-4.1")


async def test_a_smaller_grant_than_asked_bounds_the_request() -> None:
    for api, name in (("responses", "max_output_tokens"), ("chat_completions", "max_tokens")):
        async with Provider(Script([Turn("Hi")])) as provider:
            agent = calculator(max_tokens=500)
            await run_bare(agent, provider, gate=BareGate(granted=20), config={"api": api})
            request = provider.requests[0]
        assert json.loads(request.raw)[name] == 20
        assert int(request.headers["content-length"]) == len(request.raw)


async def test_a_grant_bounds_a_request_that_asked_for_no_bound() -> None:
    for api, name in (
        ("responses", "max_output_tokens"),
        ("chat_completions", "max_completion_tokens"),
    ):
        async with Provider(Script([Turn("Hi")])) as provider:
            await run_bare(plain(), provider, gate=BareGate(granted=20), config={"api": api})
            assert json.loads(provider.requests[0].raw)[name] == 20


async def test_a_model_named_for_openai_loses_the_prefix_on_the_wire() -> None:
    assert (await body_of(plain(), model="openai/gpt-4.1-mini"))["model"] == "gpt-4.1-mini"


async def test_a_server_of_ones_own_may_call_its_models_as_it_likes() -> None:
    assert (await body_of(plain(), model="meta/llama-4"))["model"] == "meta/llama-4"


@pytest.mark.parametrize("api", APIS)
async def test_a_budget_of_tokens_bounds_each_answer(api: str) -> None:
    async with Provider(Script([Turn("Hi.")])) as provider:
        result, _ = await run_in_kernel(
            plain(), provider, budgets=BudgetSpec(max_tokens=5000), options={"config": {"api": api}}
        )
        (request,) = provider.requests
    body = json.loads(request.raw)
    bound = body["max_output_tokens" if api == "responses" else "max_completion_tokens"]
    assert result.status is JobStatus.SUCCEEDED
    assert 4000 < bound < 5000


async def test_a_budget_refuses_a_request_before_it_is_sent() -> None:
    for input_, budget in (("Hello " * 100, 100), ("Hello?", 1)):
        async with Provider(Script([Turn("Hi.")])) as provider:
            result, _ = await run_in_kernel(
                plain(), provider, prompt=input_, budgets=BudgetSpec(max_tokens=budget)
            )
            assert provider.requests == ()
        assert result.error is not None
        assert result.error.code == "budget_exceeded"


async def test_a_picture_has_no_bound_in_tokens() -> None:
    picture = ImagePart(url="data:image/png;base64,iVBORw0KGgo=")
    said = (Message(role=Role.USER, content=(TextPart(text="What is this?"), picture)),)
    async with Provider(Script([Turn("Hi.")])) as provider:
        gate = BareGate()
        await run_bare(plain(), provider, run=BareRun(gate=gate, input=said))
        content = provider.requests[0].body["input"][0]["content"]
    assert [part["type"] for part in content] == ["input_text", "input_image"]
    assert gate.requests[0].input_bound is None


async def test_the_bytes_of_a_request_bound_its_tokens() -> None:
    async with Provider(Script([Turn("Hi.")])) as provider:
        _, run = await run_bare(calculator(), provider)
        assert run.gate.requests[0].input_bound == len(provider.requests[0].raw)
