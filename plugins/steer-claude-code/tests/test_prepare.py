"""An agent in steer's words, prepared: what it is for the CLI, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from steer.agents import Agent, McpHttp, McpStdio, ModelSettings, Tool, Variable, tool
from steer.capabilities import ModelGate, Suspension, UsageSource
from steer.errors import AgentError, ConfigError, RuntimeFailure, SteerError
from steer.ports.options import PrepareOptions
from steer.ports.policy import ToolKind
from steer.ports.runtime import ToolInfo
from steer.values import Effect
from steer_claude_code.agent.native_tools import DEFAULT_TOOLS, NATIVE_TOOLS
from steer_claude_code.agent.prepared import ClaudeCodePrepared, prepare
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.plugin import CAPABILITIES
from steer_claude_code.testing import connect, nesting

_MODEL = "claude-sonnet-5"
_SUBAGENT = {"description": "d", "instructions": "i"}
_OPEN = {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}


class Colour(BaseModel):
    """What an agent of these tests answers."""

    name: str


@tool(effect=Effect.IDEMPOTENT)
async def look(at: str) -> str:
    """Look at a thing."""
    return at


def _named(name: str) -> Tool[..., Any]:
    return replace(look, name=name)


def _agent(**fields: Any) -> Agent:
    return Agent(**({"name": "a", "model": _MODEL} | fields))


def _prepared(
    agent: object = None, settings: dict[str, Any] | None = None, **options: Any
) -> ClaudeCodePrepared:
    """Prepare an agent, one that only talks unless one is given; ``settings`` are for all."""
    return prepare(
        _agent() if agent is None else agent,
        PrepareOptions(**options),
        config=ClaudeCodeConfig(**(settings or {})),
    )


# ---- what an agent is --------------------------------------------------------------------------


def test_a_plain_agent_has_nothing_that_it_was_not_given() -> None:
    prepared = _prepared()
    assert (prepared.agent, prepared.model, prepared.provider) == ("a", _MODEL, "anthropic")
    assert (prepared.instructions, prepared.output, prepared.effort) == (None, None, None)
    assert (prepared.tools, prepared.config.tools, prepared.servers) == ({}, (), {})
    assert prepared.ungated == ()
    assert prepared.current
    assert prepared.cwd == Path.cwd()


def test_an_agent_is_what_its_author_and_the_options_say() -> None:
    agent = _agent(
        instructions="Speak {language}.",
        variables={"language": Variable(default="French")},
        settings=ModelSettings(max_output_tokens=100, reasoning_effort="low"),
        tools=[look],
        output_type=Colour,
    )
    prepared = _prepared(agent, variables={"language": "Dutch"})
    assert prepared.instructions == "Speak Dutch."
    assert (prepared.effort, prepared.asking.max_output_tokens) == ("low", 100)
    assert (prepared.tools, prepared.asking.names.own) == ({"look": look}, ("look",))
    schema = prepared.asking.output_schema
    assert schema is not None
    assert (schema["required"], schema["additionalProperties"]) == (["name"], False)
    assert prepared.output_tool is None
    assert prepared.validated('{"name": "red"}') == {"name": "red"}
    with pytest.raises(RuntimeFailure, match="not a valid"):
        prepared.validated("red")
    over = _prepared(
        agent,
        model="claude-opus-5",
        instructions="No.",
        max_output_tokens=7,
        reasoning_effort="max",
        output_schema={"type": "object", "properties": {}},
    )
    assert (over.model, over.instructions, over.effort) == ("claude-opus-5", "No.", "max")
    assert over.asking.max_output_tokens == 7
    assert "name" not in str(over.asking.output_schema)


def test_each_setting_is_over_those_that_are_said_for_more() -> None:
    agent = _agent(runtime_config={"max_turns": 2, "timeout": 2})
    config = {"max_turns": 1, "timeout": 1, "spares": 1, "base_url": "http://one"}
    prepared = _prepared(agent, config, config={"timeout": 3}, base_url="http://two")
    settled = prepared.config
    assert (settled.spares, settled.max_turns, settled.timeout) == (1, 2, 3)
    assert settled.base_url == "http://two"
    assert _prepared(api_key=SecretStr("k")).config.api_key == SecretStr("k")


def test_a_tool_of_the_cli_is_known_by_what_it_does() -> None:
    servers = [McpHttp(name="far", url="https://example.com")]
    agent = _agent(
        tools=[look],
        mcp_servers=servers,
        runtime_config={"tools": ["Read", "Bash"], "subagents": {"inner": _SUBAGENT}},
    )
    prepared = _prepared(agent)
    effects = {
        "mcp__steer__look": Effect.IDEMPOTENT,
        "mcp__far__look": Effect.ONCE,
        "Read": Effect.NONE,
        "Bash": Effect.ONCE,
        "Agent": Effect.NONE,
        "Unheard": Effect.ONCE,
    }
    assert {name: prepared.effect_of(name) for name in effects} == effects
    for name in ("mcp__steer__look", "mcp__far__look", "Read", "Bash", "Agent"):
        assert prepared.declares(name), name
    for name in ("mcp__near__look", "Write", "StructuredOutput", "Unheard"):
        assert not prepared.declares(name), name
    assert not _prepared().declares("Agent")


def test_the_usual_tools_are_those_that_an_agent_can_have() -> None:
    prepared = _prepared(_agent(runtime_config={"tools": DEFAULT_TOOLS}))
    assert prepared.config.tools == DEFAULT_TOOLS
    refused = {name for name, entry in NATIVE_TOOLS.items() if entry.refused}
    assert refused.isdisjoint(DEFAULT_TOOLS)
    assert "Skill" not in DEFAULT_TOOLS


def test_a_subagent_alone_can_have_a_tool() -> None:
    prepared = _prepared(nesting(_MODEL, look).agent, dict(connect("http://127.0.0.1:9")))
    assert prepared.asking.delegated == {"mcp__steer__look"}
    assert prepared.declares("Agent")


def test_what_escapes_the_gate_is_named_so_that_a_policy_can_name_it_too() -> None:
    prepared = _prepared(
        _agent(
            runtime_config={
                "tools": ["Skill"],
                "permission_mode": "bypassPermissions",
                "setting_sources": ["project", "local"],
            }
        )
    )
    names = ("Skill", "bypassPermissions", "settings of the project", "settings of the local")
    assert prepared.ungated == tuple(ToolInfo(name=name, kind=ToolKind.UNGATED) for name in names)


# ---- what it can do ----------------------------------------------------------------------------


def test_less_is_claimed_where_the_cli_asks_models_by_itself() -> None:
    can = _prepared(settings={"max_processes": 3}).capabilities
    assert can.exceeding(CAPABILITIES) == ()
    assert (can.model_gate, can.suspend) == (ModelGate.ENDPOINT, Suspension.MANY)
    assert (can.max_concurrency, can.process_guard) == (3, sys.platform == "linux")
    for login in ("subscription", "bedrock", "vertex"):
        prepared = _prepared(settings={"login": login})
        assert prepared.provider == {"bedrock": "aws", "vertex": "google"}.get(login, "anthropic")
        less = prepared.capabilities
        assert less.exceeding(CAPABILITIES) == ()
        assert (less.model_gate, less.suspend) == (ModelGate.NONE, Suspension.NONE)
        assert less.usage is UsageSource.VENDOR
        assert not any((less.replay, less.retries, less.session_items, less.max_output_tokens))
        assert not prepared.asks_endpoint
        assert _prepared(_agent(output_type=Colour), {"login": login}).output_tool


def test_an_effort_is_claimed_where_the_model_knows_it() -> None:
    assert _prepared(model="claude-opus-4-5").capabilities.reasoning_effort
    assert not _prepared(model="claude-sonnet-4-5").capabilities.reasoning_effort
    assert not _prepared(model="claude-haiku-4-5-20251001").capabilities.reasoning_effort


# ---- the fingerprint ---------------------------------------------------------------------------


def test_a_fingerprint_is_that_of_what_was_fixed() -> None:
    servers = [McpStdio(name="s", command="c", env={"KEY": "hush"})]
    agent = _agent(instructions="Be brief.", tools=[look], mcp_servers=servers)
    one = _prepared(agent).fingerprint
    quiet = {"base_url": "http://x", "api_key": "k", "timeout": 1, "max_processes": 1, "spares": 0}
    assert _prepared(agent, quiet).fingerprint == one
    assert _prepared(agent, api_key=SecretStr("another")).fingerprint == one
    others = [
        _prepared(agent, {"tools": ["Read"]}).fingerprint,
        _prepared(agent, {"max_turns": 3}).fingerprint,
        _prepared(agent, instructions="Be long.").fingerprint,
        _prepared(agent, model="claude-opus-5").fingerprint,
        _prepared(_agent(instructions="Be brief.", tools=[look])).fingerprint,
        _prepared(_agent(instructions="Be brief.", mcp_servers=servers)).fingerprint,
    ]
    assert len({one, *others}) == 7


# ---- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "agent",
    [
        _agent(handoffs=[Agent(name="b")]),
        _agent(tools=[_named("Bash")]),
        _agent(tools=[_named("Task")]),
        _agent(mcp_servers=[McpHttp(name="steer", url="https://x.y")]),
        _agent(mcp_servers=[McpHttp(name="my.server", url="https://x.y")]),
        _agent(mcp_servers=[McpHttp(name="my__server", url="https://x.y")]),
        _agent(mcp_servers=[McpHttp(name="far", url="https://x.y", headers={"k": "${KEY}"})]),
        _agent(mcp_servers=[McpStdio(name="near", command="c", args=["${HOME}"])]),
        _agent(settings=ModelSettings(temperature=0)),
        _agent(settings=ModelSettings(top_p=0.5)),
        _agent(settings=ModelSettings(seed=0)),
        _agent(settings=ModelSettings(tool_choice="none")),
        _agent(settings=ModelSettings(parallel_tool_calls=False)),
        _agent(output_type=_OPEN, output_strict=False),
        object(),
        17,
        "agent",
    ],
    # What these look like in text holds addresses, which differ between processes.
    ids=[
        "handoffs",
        "named Bash",
        "named Task",
        "server steer",
        "server with a dot",
        "server with underscores",
        "variable in a header",
        "variable in an argument",
        "temperature",
        "top_p",
        "seed",
        "tool_choice",
        "parallel_tool_calls",
        "loose output",
        "object",
        "number",
        "text",
    ],
)
def test_an_agent_that_cannot_be_is_refused(agent: object) -> None:
    with pytest.raises(AgentError):
        _prepared(agent)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": 0.0}, "temperature cannot take effect"),
        ({"top_p": 0.5}, "top_p cannot"),
        ({"seed": 0}, "seed cannot"),
        ({"tool_choice": "auto"}, "tool_choice cannot"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls cannot"),
        ({"deterministic": True}, "deterministic cannot"),
        ({"model": "gpt-4.1"}, "none of Anthropic's"),
        ({"reasoning_effort": "extreme"}, "'extreme'"),
        ({"reasoning_effort": "low", "model": "claude-sonnet-4-5"}, "has none"),
        ({"output_schema": _OPEN, "output_strict": False}, "cannot enforce"),
        (
            {
                "output_schema": {"type": "object", "properties": {}},
                "output_strict": True,
                "config": {"output": "tool"},
            },
            "output_strict cannot",
        ),
        ({"config": {"unheard_of": 1}}, "'unheard_of'"),
        ({"config": {"thinking": 5000}}, "no bound of tokens"),
        ({"config": {"thinking": "off"}, "model": "opus"}, "always thinks"),
        ({"config": {"tools": ["Reed"]}}, "has no tool 'Reed'"),
        ({"config": {"tools": ["CronCreate"]}}, "after the run"),
        ({"config": {"tools": ["Agent"]}}, "subagents"),
        ({"config": {"tools": ["Read", "Read"]}}, "twice"),
        ({"config": {"delegated": ["Read"], "tools": ["Read"]}}, "none of its subagents"),
        ({"config": {"subagents": {"b": {**_SUBAGENT, "tools": ["Read"]}}}}, "has not"),
        ({"config": {"subagents": {"b": {**_SUBAGENT, "tools": ["Reed"]}}}}, "has no tool 'Reed'"),
        ({"config": {"subagents": {"b": {**_SUBAGENT, "model": "gpt-4.1"}}}}, "'gpt-4.1'"),
        ({"config": {"subagents": {"a b": _SUBAGENT}}}, "subagents"),
        ({"config": {"subagents": {"b": {"description": "d"}}}}, "instructions"),
        ({"config": {"login": "bedrock"}, "base_url": "http://x"}, "base_url cannot"),
        ({"config": {"login": "vertex"}, "api_key": SecretStr("k")}, "api_key cannot"),
        ({"config": {"login": "subscription"}, "max_output_tokens": 1}, "max_output_tokens cannot"),
        ({"variables": {"unheard_of": "x"}}, "unheard_of"),
        ({"output_schema": {"type": "no such type"}}, "schema"),
        ({"base_url": ""}, "base_url"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SteerError) as refused:
        _prepared(**options)
    assert isinstance(refused.value, ConfigError | AgentError)
    assert said in refused.value.message


def test_a_server_of_ones_own_has_whatever_models_it_likes() -> None:
    assert _prepared(model="gpt-4.1", base_url="http://127.0.0.1:9").model == "gpt-4.1"
    for model in ("sonnet", "opus[1m]", "us.anthropic.claude-x-v1:0", "arn:aws:bedrock:x"):
        assert _prepared(model=model).model == model


def test_an_agent_cannot_bound_the_processes_of_all() -> None:
    with pytest.raises(ConfigError, match="max_processes cannot be set for agent"):
        _prepared(_agent(runtime_config={"max_processes": 1}))
    with pytest.raises(ConfigError, match="max_processes cannot be set for agent"):
        _prepared(config={"max_processes": 1})
    same = {"max_processes": 3}
    assert _prepared(_agent(), same, config=same).config.max_processes == 3


def test_a_wrong_setting_is_said_in_plain_words() -> None:
    given = {"environment": {"ANTHROPIC_API_KEY": "k"}}
    with pytest.raises(ConfigError, match="'environment' is wrong: 'ANTHROPIC_API_KEY' may not be"):
        _prepared(config=given)
