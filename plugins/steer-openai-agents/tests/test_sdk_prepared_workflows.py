"""What preparing a function sees of it: its agents, their tools, and when it has changed."""

from __future__ import annotations

from typing import Any

import pytest
from agents import (
    Agent,
    Runner,
    WebSearchTool,
)
from agents.models.openai_responses import OpenAIResponsesModel
from openai import AsyncOpenAI
from pydantic import SecretStr
from sdk_runs import MODEL, open_bare, options_for, run_bare, run_in_kernel
from small_agents import takes_items, takes_str
from steer import PrepareOptions
from steer.errors import ConfigError, PolicyDenied
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


def module_of(source: str, **variables: Any) -> Any:
    made: dict[str, Any] = {"__name__": "workflows", **variables}
    exec(source, made)  # noqa: S102 - a module of an author's
    return made["workflow"]


WORKFLOW = """
async def workflow(asked: str) -> None:
    await Runner.run(agent, asked)
"""


async def test_tools_past_the_gate_are_seen_among_the_globals() -> None:
    searcher: Agent[Any] = Agent(name="searcher", model=MODEL, tools=[WebSearchTool()])
    triage: Agent[Any] = Agent(name="triage", model=MODEL, handoffs=[searcher])
    workflow = module_of(WORKFLOW, Runner=Runner, agent=triage)
    async with open_bare() as runtime, Provider(Script([])) as provider:
        prepared = runtime.prepare(workflow, options_for(provider))
        assert [tool.name for tool in prepared.ungated] == ["web_search"]
        with pytest.raises(PolicyDenied, match="web_search"):
            await run_in_kernel(workflow, provider)
    assert provider.requests == ()


async def test_a_tool_past_the_gate_of_an_agent_made_in_a_function_is_refused() -> None:
    async def workflow(asked: str) -> None:
        await Runner.run(Agent(name="s", model=MODEL, tools=[WebSearchTool()]), asked)

    async with Provider(Script([])) as provider:
        with pytest.raises(PolicyDenied, match="web_search"):
            await run_bare(workflow, provider)


async def test_a_prepared_function_is_current_until_an_agent_in_sight_changes() -> None:
    agent: Agent[Any] = Agent(name="a", model=MODEL)
    workflow = module_of(WORKFLOW, Runner=Runner, agent=agent)
    async with open_bare() as runtime, Provider(Script([Turn("Hi.")])) as provider:
        prepared = runtime.prepare(workflow, options_for(provider))
        await runtime.run(prepared, BareRun(gate=BareGate()))
        current = [prepared.current]
        agent.instructions = "Changed."
        current.append(prepared.current)
        again = runtime.prepare(workflow, options_for(provider))
        current.append(again.current)
        workflow.__globals__["agent"] = Agent(name="b", model=MODEL)
        current.append(again.current)
    assert current == [True, False, True, False]


async def test_the_fingerprint_of_a_function_is_that_of_its_code_and_its_agents() -> None:
    agent: Agent[Any] = Agent(name="a", model=MODEL)
    other: Agent[Any] = Agent(name="b", model=MODEL)
    changed = WORKFLOW.replace("agent, asked", "agent, asked + '!'")
    async with open_bare() as runtime, Provider(Script([])) as provider:

        def fingerprint(source: str, agent: Agent[Any], **given: Any) -> str:
            workflow = module_of(source, Runner=Runner, agent=agent)
            return runtime.prepare(workflow, options_for(provider, **given)).fingerprint

        first = fingerprint(WORKFLOW, agent)
        assert first == fingerprint(WORKFLOW, agent)
        assert len({first, fingerprint(changed, agent), fingerprint(WORKFLOW, other)}) == 3
        assert first != fingerprint(WORKFLOW, agent, temperature=0.0)


async def test_what_is_prepared_of_a_function_claims_what_its_input_allows() -> None:
    theirs = OpenAIResponsesModel(model="m", openai_client=AsyncOpenAI(api_key="sk-x"))
    async with open_bare() as runtime, Provider(Script([])) as provider:
        text = runtime.prepare(takes_str, options_for(provider))
        items = runtime.prepare(takes_items, options_for(provider))
        seeded = runtime.prepare(
            module_of(WORKFLOW, Runner=Runner, agent=Agent(name="a", model=theirs)),
            PrepareOptions(config={"models": {"m": {"responses": {"seed": True}}}}, seed=0),
        )
    assert (text.agent, text.model, text.capabilities.images) == ("takes_str", None, False)
    assert items.capabilities.images
    assert not items.capabilities.schema
    assert seeded.capabilities.seed


@pytest.mark.parametrize(
    "given", [{"base_url": "http://localhost:1/v1"}, {"api_key": SecretStr("sk-x")}]
)
async def test_how_to_reach_models_is_refused_where_all_agents_in_sight_have_theirs(
    given: dict[str, Any],
) -> None:
    theirs = OpenAIResponsesModel(model="m", openai_client=AsyncOpenAI(api_key="sk-x"))
    fixed: Agent[Any] = Agent(name="fixed", model=theirs)
    named: Agent[Any] = Agent(name="named", model=MODEL)
    async with open_bare() as runtime:
        with pytest.raises(ConfigError, match="cannot take effect: the author of agent 'fixed'"):
            runtime.prepare(
                module_of(WORKFLOW, Runner=Runner, agent=fixed), PrepareOptions(**given)
            )
        for variables in ({"agent": fixed, "other": named}, {}):
            workflow = module_of(WORKFLOW, Runner=Runner, **variables)
            assert runtime.prepare(workflow, PrepareOptions(**given)).agent == "workflow"
