"""An agent's fields are checked against each other when it is made."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from typing import Any

import pytest
from pydantic import BaseModel
from steer.agents import (
    Agent,
    McpHttp,
    McpServer,
    McpStdio,
    ModelSettings,
    Variable,
    native_agent,
    tool,
)
from steer.errors import AgentError


class Answer(BaseModel):
    text: str


class VendorAgent:
    """Stands for the agent object of some SDK."""

    def __init__(self, name: object) -> None:
        self.name = name


@tool
def look(place: str) -> str:
    """Look."""
    return place


@tool(name="look")
def look_twice(place: str) -> str:
    """Look twice."""
    return place


def test_an_agent_holds_what_it_was_given() -> None:
    billing = Agent(name="billing")
    agent = Agent(
        name="support",
        instructions='Serve {city}. Answer as {"text": ...}.',
        variables={"city": Variable(description="where the shop is")},
        model="some-model",
        settings=ModelSettings(temperature=0, seed=0, tool_choice="look"),
        tools=[look],
        output_type=Answer,
        handoffs=[billing],
        mcp_servers=[McpStdio(name="files", command="serve", args=["--root", "."])],
        runtime="llm",
        runtime_config={"retries": 0},
    )
    assert agent.tools == (look,)
    assert agent.handoffs == (billing,)
    assert agent.output is not None
    assert agent.output.name == "Answer"
    assert agent.instructions_with({"city": "Bonn"}) == 'Serve Bonn. Answer as {"text": ...}.'


def test_an_agent_without_instructions_has_none_to_render() -> None:
    assert Agent(name="plain").instructions_with({}) is None
    assert Agent(name="plain", instructions="").instructions_with({}) == ""


def test_an_agent_cannot_be_changed_and_does_not_follow_its_arguments() -> None:
    tools, config = [look], {"retries": 0}
    agent = Agent(name="a", tools=tools, runtime_config=config)
    tools.clear()
    config.clear()
    assert (agent.tools, agent.runtime_config) == ((look,), {"retries": 0})
    with pytest.raises(dataclasses.FrozenInstanceError):
        agent.name = "b"  # type: ignore[misc]


def test_a_changed_copy_is_checked_anew() -> None:
    agent = Agent(name="a", output_type=Answer)
    copy = dataclasses.replace(agent, output_type=None)
    assert copy.output is None
    with pytest.raises(AgentError, match="never use"):
        dataclasses.replace(agent, variables={"city": Variable()})


def test_agents_are_told_apart_by_identity_and_can_be_referenced_weakly() -> None:
    agent = Agent(name="a")
    assert agent != Agent(name="a")
    assert {agent: 1}[agent] == 1
    alive = weakref.ref(agent)
    del agent
    gc.collect()
    assert alive() is None


def undecorated(place: str) -> str:
    return place


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": " "}, "an agent needs a name. Set name= to a text that is not empty"),
        (
            {"tools": [look, look_twice]},
            "agent 'a' has two tools named 'look'. Give one of them another name",
        ),
        (
            {"tools": [undecorated]},
            (
                "agent 'a' has a tool that is a function: undecorated. "
                "Decorate the function with @tool"
            ),
        ),
        (
            {"handoffs": [Agent(name="b"), Agent(name="b")]},
            "agent 'a' has two handoffs named 'b'. Give one of them another name",
        ),
        ({"handoffs": ["b"]}, "agent 'a' hands off to a str. Give it an Agent"),
        (
            {"mcp_servers": [McpStdio(name="m", command="x"), McpHttp(name="m", url="http://x")]},
            "agent 'a' has two MCP servers named 'm'. Give one of them another name",
        ),
        (
            {"mcp_servers": ["m"]},
            "agent 'a' has an MCP server that is a str. Use McpStdio or McpHttp",
        ),
        (
            {"settings": ModelSettings(tool_choice="listen"), "tools": [look]},
            (
                "agent 'a' has the tool_choice 'listen', which is none of its tools. "
                "Use auto, none, required or the name of a tool"
            ),
        ),
        (
            {"output_type": dict[str, int], "output_strict": True},
            (
                "agent 'a': the output accepts free keys, which strict decoding does not allow. "
                "Name every field, for example in a pydantic model, or do without strict"
            ),
        ),
        (
            {"variables": {"city": Variable()}, "instructions": "Hello"},
            (
                "agent 'a' declares the variable 'city', but its instructions never use {city}. "
                "Use it there, or drop the declaration"
            ),
        ),
        (
            {"native": VendorAgent("v"), "instructions": "x", "tools": [look], "model": "m"},
            (
                "agent 'a' wraps a VendorAgent and sets instructions, model, tools. "
                "Set these on the vendor's own object"
            ),
        ),
    ],
)
def test_a_definition_that_contradicts_itself_is_refused(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(AgentError) as caught:
        Agent(**{"name": "a", **fields})
    assert str(caught.value) == message


def test_a_tool_of_an_mcp_server_may_be_chosen_by_name() -> None:
    server = McpHttp(name="docs", url="https://example.org/mcp")
    Agent(name="a", settings=ModelSettings(tool_choice="search"), mcp_servers=[server])


@pytest.mark.parametrize(
    ("name", "expected"), [("Triage", "Triage"), ("", "fallback"), (None, "fallback")]
)
def test_a_vendors_agent_keeps_its_name_where_it_has_one(name: object, expected: str) -> None:
    vendor = VendorAgent(name)
    agent = native_agent(vendor, runtime="openai-agents", default_name="fallback")
    assert (agent.name, agent.runtime) == (expected, "openai-agents")
    assert agent.native is vendor


def test_settings_tell_zero_from_unset() -> None:
    settings = ModelSettings(temperature=0.0, seed=0, parallel_tool_calls=False)
    assert settings.given() == {"temperature": 0.0, "seed": 0, "parallel_tool_calls": False}
    assert ModelSettings().given() == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": -0.1}, "temperature is -0.1, it must lie between 0 and 2"),
        ({"top_p": 1.5}, "top_p is 1.5, it must lie between 0 and 1"),
        ({"max_output_tokens": 0}, "max_output_tokens is 0, it must be at least 1"),
    ],
)
def test_settings_that_no_vendor_accepts_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(AgentError) as caught:
        ModelSettings(**fields)
    assert str(caught.value) == message


def test_a_server_that_cannot_be_reached_is_refused() -> None:
    with pytest.raises(AgentError, match="has the url 'ftp://x'"):
        McpHttp(name="m", url="ftp://x")
    with pytest.raises(AgentError, match="needs a name and a command"):
        McpStdio(name="m", command="")


def test_secrets_of_servers_are_not_shown() -> None:
    servers: list[McpServer] = [
        McpHttp(name="m", url="https://x", headers={"Authorization": "Bearer s3cret"}),
        McpStdio(name="n", command="x", env={"TOKEN": "s3cret"}),
    ]
    assert "s3cret" not in repr(Agent(name="a", mcp_servers=servers))
