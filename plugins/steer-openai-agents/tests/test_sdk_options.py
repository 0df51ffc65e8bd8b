"""Options reach the models that take them, and are refused where a model does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import Agent, Handoff, ModelSettings, RunConfig, Runner, function_tool
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from openai import AsyncOpenAI
from openai.types.shared import Reasoning
from sdk_runs import MODEL, open_bare, run_bare, run_in_kernel
from steer import PrepareOptions
from steer.agents import Agent as SteerAgent
from steer.agents import ModelSettings as SteerSettings
from steer.errors import ConfigError
from steer.values import JobStatus
from steer_conformance.provider import Provider, Script, ToolCall, Turn

pytestmark = pytest.mark.anyio

CHAT = {"api": "chat_completions"}


@function_tool
def look() -> str:
    return "red"


def agent(model: Any = MODEL, **fields: Any) -> Agent[Any]:
    return Agent(name="first", model=model, **({"tools": [look]} | fields))


async def body_of(asked: object, **given: Any) -> dict[str, Any]:
    async with Provider(Script([Turn("{}")])) as provider:
        await run_bare(asked, provider, **given)
        body: dict[str, Any] = json.loads(provider.requests[0].raw)
        return body


async def prepared_with(asked: object, **given: Any) -> Any:
    async with open_bare() as runtime:
        return runtime.prepare(asked, PrepareOptions(**given))


@pytest.mark.parametrize(
    ("model", "given", "problem"),
    [
        ("gpt-4.1", {"seed": 0}, r"gpt-4.1 of agent 'first' \(through Responses\)"),
        ("gpt-4.1", {"reasoning_effort": "low"}, "does not take it"),
        ("o4-mini", {"temperature": 0.0}, "does not take it"),
        ("o3", {"parallel_tool_calls": False}, "does not take it"),
        ("o3", {"parallel_tool_calls": False, "config": CHAT}, r"\(through Chat\)"),
        ("gpt-5-mini", {"top_p": 0.0}, "does not take it"),
        ("GPT-5", {"reasoning_effort": "none"}, "minimal, low, medium, high, not 'none'"),
        ("openai/o1", {"temperature": 1.0}, "o1 of agent 'first'"),
        ("ft:gpt-4o-mini:acme::1", {"reasoning_effort": "low"}, "does not take it"),
        ("gpt-5.1", {"temperature": 0.0, "reasoning_effort": "high"}, "and is asked for high"),
        ("gpt-4", {"output_schema": {"type": "object"}}, "knows no structured output"),
    ],
)
async def test_what_a_model_does_not_take_is_refused(
    model: str, given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigError, match=f"cannot take effect: the model .*{problem}") as caught:
        await prepared_with(agent(model), **given)
    assert "or name another model" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        ("gpt-4.1", {"temperature": 0.0}, {"temperature": 0.0}),
        ("gpt-5.1", {"temperature": 0.0}, {"temperature": 0.0}),
        ("gpt-5.1", {"top_p": 0.0, "reasoning_effort": "none"}, {"top_p": 0.0}),
        ("gpt-5", {"reasoning_effort": "minimal"}, {"reasoning": {"effort": "minimal"}}),
        ("o3", {"max_output_tokens": 9}, {"max_output_tokens": 9}),
        ("o3", {"max_output_tokens": 9, "config": CHAT}, {"max_completion_tokens": 9}),
        ("gpt-4o", {"max_output_tokens": 9, "config": CHAT}, {"max_tokens": 9}),
        ("o3", {"seed": 0, "config": CHAT}, {"seed": 0}),
        ("o3", {"reasoning_effort": "low", "config": CHAT}, {"reasoning_effort": "low"}),
        ("my-own", {"reasoning_effort": "huge"}, {"reasoning": {"effort": "huge"}}),
        ("my-own", {"temperature": 0.0, "top_p": 0.0}, {"temperature": 0.0, "top_p": 0.0}),
        ("gpt-4o", {"parallel_tool_calls": True}, {"parallel_tool_calls": True}),
    ],
)
async def test_what_a_model_takes_reaches_it(
    model: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    body = await body_of(agent(model), **given)
    assert {name: body[name] for name in expected} == expected
    limits = {"max_tokens", "max_completion_tokens", "max_output_tokens"} & body.keys()
    assert limits <= expected.keys()


async def test_an_option_goes_before_what_an_author_says_in_any_place() -> None:
    settings = ModelSettings(
        temperature=0.7,
        max_tokens=500,
        reasoning=Reasoning(effort="high", summary="auto"),
        extra_args={"seed": 7, "user": "u"},
        extra_body={"top_p": 0.9, "mine": 1},
    )
    body = await body_of(
        agent("my-own", model_settings=settings),
        temperature=0.0,
        top_p=0.0,
        reasoning_effort="low",
        seed=0,
        max_output_tokens=9,
        config={**CHAT, "models": {"my-*": {"max_completion_tokens": True}}},
    )
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.0, 0.0, 0)
    assert (body["user"], body["mine"], body["reasoning_effort"]) == ("u", 1, "low")
    assert (body["max_completion_tokens"], "max_tokens" in body) == (9, False)


async def test_an_effort_keeps_what_else_an_author_says_of_reasoning() -> None:
    settings = ModelSettings(reasoning=Reasoning(effort="high", summary="auto"))
    body = await body_of(agent("gpt-5", model_settings=settings), reasoning_effort="low")
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert settings.reasoning == Reasoning(effort="high", summary="auto")


async def test_instructions_may_be_taken_from_an_agent() -> None:
    body = await body_of(agent(instructions="Be brief."), instructions="")
    assert not body.get("instructions")


async def test_an_authors_own_settings_are_never_touched() -> None:
    settings = ModelSettings(temperature=0.5, extra_args={"seed": 7})
    body = await body_of(agent("gpt-5", model_settings=settings), parallel_tool_calls=False)
    assert (body["temperature"], body["seed"], body["parallel_tool_calls"]) == (0.5, 7, False)


async def test_an_agent_of_steers_own_takes_options_over_its_settings() -> None:
    mine = SteerAgent(
        name="mine",
        instructions="Be brief.",
        model="my-own",
        settings=SteerSettings(temperature=0.5, reasoning_effort="high"),
    )
    body = await body_of(mine, temperature=0.0)
    assert (body["temperature"], body["reasoning"]) == (0.0, {"effort": "high"})


async def test_each_agent_of_the_run_must_take_an_option() -> None:
    thinker = agent("o3")
    thinker.name = "thinker"
    nested = agent(tools=[thinker.as_tool("think", "")])
    handing = agent(handoffs=[agent(handoffs=[thinker])])
    for first in (nested, handing):
        with pytest.raises(ConfigError, match="the model o3 of agent 'thinker'"):
            await prepared_with(first, temperature=0.0)
        assert not (await prepared_with(first)).capabilities.temperature
        # One model for all of them is another matter.
        assert (await prepared_with(first, model=MODEL, temperature=0.0)).capabilities.temperature


async def test_an_override_of_the_model_decides_what_is_taken() -> None:
    with pytest.raises(ConfigError, match="the model o3 of agent 'first'"):
        await prepared_with(agent(MODEL), model="o3", temperature=0.0)
    assert (await body_of(agent("o3"), model=MODEL, temperature=0.0))["temperature"] == 0.0


async def test_an_agent_that_appears_while_the_run_runs_is_held_to_the_options_too() -> None:
    @function_tool
    async def think() -> str:
        thinker: Agent[Any] = Agent(name="thinker", model="o3")
        return str((await Runner.run(thinker, "Think", run_config=RunConfig())).final_output)

    async with Provider(Script([Turn(ToolCall("think")), Turn("Done.")])) as provider:
        result, _ = await run_in_kernel(
            agent(tools=[think]), provider, options={"temperature": 0.0}
        )
        assert len(provider.requests) == 1
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert "temperature cannot take effect: the model o3 of agent 'thinker'" in result.error.message


async def test_an_agent_that_only_a_handoff_knows_is_held_to_the_options_too() -> None:
    async def hand_over(_context: Any, _arguments: str) -> Agent[Any]:
        return Agent(name="thinker", model="o3")

    unseen: Handoff[Any, Any] = Handoff(
        tool_name="to_thinker",
        tool_description="",
        input_json_schema={"type": "object", "properties": {}, "additionalProperties": False},
        on_invoke_handoff=hand_over,
        agent_name="thinker",
    )
    async with Provider(Script([Turn(ToolCall("to_thinker", {})), Turn("Done.")])) as provider:
        result, _ = await run_in_kernel(
            agent(handoffs=[unseen]), provider, options={"temperature": 0.0}
        )
        assert len(provider.requests) == 1
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "config"
    assert "the model o3 of agent 'thinker'" in result.error.message


async def test_the_object_of_an_author_is_known_by_its_name_and_its_interface() -> None:
    client = AsyncOpenAI(api_key="sk-own", base_url="http://localhost:9")
    chat = OpenAIChatCompletionsModel(model="gpt-5", openai_client=client)
    assert (await prepared_with(agent(chat), seed=0)).capabilities.seed
    with pytest.raises(ConfigError, match=r"the model gpt-5 of agent 'first' \(through Chat\)"):
        await prepared_with(agent(chat), temperature=0.0)


async def test_a_configuration_says_what_other_models_take() -> None:
    rows = {
        "my-*": {"temperature": False, "responses": {"seed": True}},
        "my-fine-*": {"temperature": True},
        "gpt-5*": {"temperature": True},
    }
    config = {"models": rows}
    with pytest.raises(ConfigError, match="the model my-small"):
        await prepared_with(agent("my-small"), temperature=0.0, config=config)
    body = await body_of(agent("my-fine-one"), temperature=0.0, seed=0, config=config)
    assert (body["temperature"], body["seed"]) == (0.0, 0)
    assert (await body_of(agent("gpt-5"), temperature=0.0, config=config))["temperature"] == 0.0


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ({"my-*": {"temprature": True}}, r"models\.my-\*\.temprature"),
        ({"my-*": {"chat": {}}}, r"models\.my-\*\.chat"),
        ({"my-*": {"seed": "yes, please"}}, r"models\.my-\*\.seed"),
    ],
)
async def test_a_wrong_row_is_refused_by_its_place(rows: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        await prepared_with(agent(), config={"models": rows})


@pytest.mark.parametrize(
    ("model", "api", "expected"),
    [
        ("gpt-4.1", "responses", {"temperature": 0.0, "parallel_tool_calls": False}),
        (
            "gpt-4.1",
            "chat_completions",
            {"temperature": 0.0, "parallel_tool_calls": False, "seed": 0},
        ),
        ("gpt-5", "responses", {"parallel_tool_calls": False}),
        ("o3", "chat_completions", {"seed": 0}),
        ("gpt-5.1", "responses", {"temperature": 0.0, "parallel_tool_calls": False}),
    ],
)
async def test_deterministic_asks_for_as_little_chance_as_the_model_lets_one(
    model: str, api: str, expected: dict[str, Any]
) -> None:
    body = await body_of(agent(model), deterministic=True, config={"api": api})
    asked = {"temperature", "parallel_tool_calls", "seed"} & body.keys()
    assert {name: body[name] for name in asked} == expected


async def test_deterministic_keeps_the_seed_that_is_given() -> None:
    body = await body_of(agent(), deterministic=True, seed=7, config=CHAT)
    assert (body["seed"], body["temperature"]) == (7, 0.0)
    with pytest.raises(ConfigError, match="seed cannot take effect"):
        await prepared_with(agent(), deterministic=True, seed=7)


async def test_deterministic_is_refused_where_a_model_lets_nothing_be_fixed() -> None:
    with pytest.raises(ConfigError, match=r"deterministic .* the model o3 .* takes neither"):
        await prepared_with(agent("o3"), deterministic=True)


@pytest.mark.parametrize(
    ("fields", "given", "problem"),
    [
        ({"tools": []}, {"parallel_tool_calls": False}, "'first' has no tools"),
        ({"tools": []}, {"tool_choice": "required"}, "'first' has no tools"),
        ({}, {"tool_choice": "lok"}, "'first' has the tools look. Choose auto, none"),
    ],
)
async def test_an_option_about_tools_is_refused_where_there_are_none(
    fields: dict[str, Any], given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        await prepared_with(agent(**fields), **given)


async def test_a_handoff_can_be_chosen_by_its_name() -> None:
    first = agent(handoffs=[Agent(name="Other one", model=MODEL)])
    prepared = await prepared_with(first, tool_choice="transfer_to_other_one")
    assert prepared.start.model_settings.tool_choice == "transfer_to_other_one"


async def test_a_schema_is_strict_where_it_can_be_unless_told_otherwise() -> None:
    loose: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
    free: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}

    async def strict(schema: dict[str, Any], **given: Any) -> Any:
        body = await body_of(agent(), output_schema=schema, **given)
        return body["text"]["format"]["strict"]

    assert not await strict(loose, output_strict=False)
    assert not await strict(free)
    with pytest.raises(ConfigError, match="output_schema: "):
        await prepared_with(agent(), output_schema=free, output_strict=True)
    assert await strict({"type": "object", "additionalProperties": False})


@pytest.mark.parametrize(
    ("model", "images", "files"),
    [("gpt-4.1", True, True), ("o3-mini", False, False), ("gpt-3.5-turbo", False, False)],
)
async def test_what_a_model_sees_is_in_its_capabilities(
    model: str, *, images: bool, files: bool
) -> None:
    capabilities = (await prepared_with(agent(model))).capabilities
    assert (capabilities.images, capabilities.files) == (images, files)
    # An agent that is a tool is not given the conversation; one that is handed over to is.
    nested = agent(tools=[agent(model).as_tool("other", "")])
    assert (await prepared_with(nested)).capabilities.images
    handing = agent(handoffs=[agent(model)])
    assert (await prepared_with(handing)).capabilities.images == images
