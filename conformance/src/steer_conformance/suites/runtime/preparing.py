"""Checks: preparing an agent, which does nothing but look at it."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from steer.agents import Agent, Variable
from steer.errors import AgentError, ConfigError
from steer.ports.options import PrepareOptions

from steer_conformance.checks import check, raises
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.props import Props, answering, calling
from steer_conformance.suites.runtime.surroundings import Surroundings, connections_to


@check("RT-38")
async def preparing_asks_nobody_and_starts_nothing(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        before = Surroundings.now()
        tools = [Props().look()] if case.capabilities.tools else []
        stage.prepare(stage.agent(tools=tools, instructions="Be brief."))
        before.check("having prepared an agent,")
        assert stage.provider.requests == ()
        assert connections_to(urlsplit(stage.provider.url).port or 0) == 0


@check("RT-38")
async def nothing_is_written_to_the_authors_objects(case: RuntimeCase) -> None:
    tooled = case.capabilities.tools
    turns = (calling("look", "here"), answering("Red.")) if tooled else (answering("Red."),)
    async with case.stage(*turns) as stage:
        agent = stage.agent(
            tools=[Props().look()] if tooled else [],
            instructions="Speak {language}.",
            variables={"language": Variable(default="French")},
        )
        before = _written_down(agent)
        await stage.run(agent)
    assert _written_down(agent) == before


def _written_down(agent: Agent) -> Any:
    """Everything that an author said, copied, so that a change of it can be seen."""
    fields = {name: getattr(agent, name) for name in Agent.__slots__ if name != "__weakref__"}
    return copy.deepcopy(
        {
            **{name: value for name, value in fields.items() if name not in {"tools", "output"}},
            "tools": [
                (tool.name, tool.description, tool.input_schema, tool.effect, tool.timeout)
                for tool in agent.tools
            ],
        }
    )


@check("RT-39")
async def what_is_no_agent_is_refused(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        for stranger in (object(), 17, "agent"):
            with raises(AgentError):
                stage.runtime.prepare(stranger, PrepareOptions())


@check("RT-39")
async def an_agent_that_needs_more_than_the_runtime_can_is_refused(case: RuntimeCase) -> None:
    can = case.capabilities
    async with case.stage() as stage:
        other = stage.agent("other")
        needy = {
            "tools": stage.agent(tools=[Props().look()]),
            "schema": stage.agent(output_type=dict[str, int]),
            "handoffs": stage.agent(handoffs=[other]),
        }
        for name, agent in needy.items():
            if not getattr(can, name):
                with raises(AgentError):
                    stage.prepare(agent)


@check("RT-39")
async def variables_that_nobody_declares_are_refused(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        with raises(AgentError, ConfigError):
            stage.prepare(variables={"unheard_of": "x"})


@check("RT-45")
async def what_is_prepared_says_what_it_is(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        prepared = stage.prepare(stage.agent("greeter"))
        assert prepared.agent == "greeter"
        assert prepared.capabilities.exceeding(case.capabilities) == ()
        assert prepared.current
        assert prepared.model == case.setup.model


@check("RT-45")
async def a_fingerprint_is_that_of_what_was_fixed(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        agent = stage.agent(instructions="Be brief.")
        one = stage.prepare(agent).fingerprint
        assert stage.prepare(agent).fingerprint == one
        assert stage.prepare(agent, api_key=SecretStr("another")).fingerprint == one
        others = [stage.prepare(stage.agent(instructions="Be long.")).fingerprint]
        if case.capabilities.temperature:
            others.append(stage.prepare(agent, temperature=0.5).fingerprint)
        if case.capabilities.tools:
            tooled = stage.agent(instructions="Be brief.", tools=[Props().look()])
            others.append(stage.prepare(tooled).fingerprint)
        assert one not in others, "two agents that behave differently look the same"
        assert len(set(others)) == len(others)


@check("RT-54")
async def a_setting_that_nobody_knows_is_refused(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        with raises(ConfigError):
            stage.prepare(config={"unheard_of": 1})
        with raises(ConfigError, AgentError):
            stage.prepare(stage.agent(runtime_config={"unheard_of": 1}))
