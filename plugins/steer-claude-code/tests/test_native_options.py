"""The SDK's own options as an agent: what stays of them, and what is refused."""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk import AgentDefinition, ClaudeAgentOptions, HookMatcher
from steer.agents import Agent
from steer.errors import AgentError, ConfigError
from steer.ports.options import PrepareOptions
from steer.ports.policy import ToolKind
from steer_claude_code.agent.native_tools import DEFAULT_TOOLS
from steer_claude_code.agent.prepared import ClaudeCodePrepared, prepare
from steer_claude_code.config import ClaudeCodeConfig

_MODEL = "claude-sonnet-5"


def _prepared(
    native: ClaudeAgentOptions | Agent, settings: dict[str, Any] | None = None, **options: Any
) -> ClaudeCodePrepared:
    return prepare(native, PrepareOptions(**options), config=ClaudeCodeConfig(**(settings or {})))


def test_what_the_author_says_stays() -> None:
    native = ClaudeAgentOptions(
        model=_MODEL,
        system_prompt={"type": "preset", "preset": "claude_code", "append": "Be brief."},
        tools=["Read", "Task"],
        agents={"inner": AgentDefinition(description="d", prompt="p", tools=["Read"])},
        cwd="/srv",
        add_dirs=["/usr"],
        permission_mode="plan",
        max_turns=3,
        effort="low",
        mcp_servers={"far": {"type": "http", "url": "https://x.y"}},
        output_format={"type": "json_schema", "schema": {"type": "object", "properties": {}}},
        env={"LOUD": "1"},
        disallowed_tools=["Read(/etc/**)"],
    )
    before = _written_down(native)
    prepared = _prepared(native, {"tools": ["Bash"], "cwd": "/"})
    assert (prepared.agent, prepared.model, prepared.effort) == ("claude-code", _MODEL, "low")
    assert prepared.instructions == native.system_prompt
    config = prepared.config
    assert (config.tools, config.permission_mode, config.max_turns) == (("Read",), "plan", 3)
    assert (prepared.cwd, config.add_dirs) == (Path("/srv"), (Path("/usr"),))
    assert dict(config.environment) == {"LOUD": "1"}
    assert prepared.servers == native.mcp_servers
    assert prepared.output is not None
    assert prepared.options.disallowed_tools == ["Read(/etc/**)"]
    assert prepared.declares("Agent")
    assert _written_down(native) == before


def _written_down(native: ClaudeAgentOptions) -> dict[str, Any]:
    """All that an author said, copied, so that a change of it can be seen."""
    return copy.deepcopy(
        {name: value for name, value in vars(native).items() if name != "debug_stderr"}
    )


def test_what_nobody_asked_for_is_not_read_and_the_usual_tools_are_there() -> None:
    prepared = _prepared(ClaudeAgentOptions(model=_MODEL))
    assert prepared.config.setting_sources == ()
    assert prepared.config.tools == DEFAULT_TOOLS
    assert prepared.ungated == ()
    assert _prepared(ClaudeAgentOptions(model=_MODEL, tools=[])).config.tools == ()


def test_a_definition_around_the_options_names_the_agent() -> None:
    native = ClaudeAgentOptions(model=_MODEL, max_turns=3)
    agent = Agent(name="a", native=native, runtime_config={"timeout": 9})
    prepared = _prepared(agent)
    assert (prepared.agent, prepared.config.timeout, prepared.config.max_turns) == ("a", 9, 3)
    with pytest.raises(AgentError, match="max_turns is set beside it"):
        _prepared(Agent(name="a", native=native, runtime_config={"max_turns": 2}))
    with pytest.raises(ConfigError, match="has no variables"):
        _prepared(native, variables={"x": "y"})


def test_a_change_of_the_options_is_seen() -> None:
    native = ClaudeAgentOptions(model=_MODEL, tools=["Read"])
    prepared = _prepared(native)
    before = prepared.current
    assert isinstance(native.tools, list)
    native.tools.append("Bash")
    assert (before, prepared.current) == (True, False)
    assert prepared.fingerprint != _prepared(native).fingerprint


def test_processes_of_an_agent_with_live_parts_are_not_alike() -> None:
    async def hook(*_args: object) -> Any:
        return {}

    assert _prepared(ClaudeAgentOptions(model=_MODEL)).alike
    live = (
        {"hooks": {"PreToolUse": [HookMatcher(hooks=[hook])]}},
        {"stderr": print},
        {"mcp_servers": {"here": {"type": "sdk", "name": "here", "instance": object()}}},
    )
    for each in live:
        assert not _prepared(ClaudeAgentOptions(model=_MODEL, **each)).alike


def test_what_escapes_the_gate_is_named() -> None:
    agents = {"inner": AgentDefinition(description="d", prompt="p", memory="user")}
    native = ClaudeAgentOptions(
        model=_MODEL,
        tools=[],
        settings="{}",
        plugins=[{"type": "local", "path": "/srv"}],
        skills="all",
        agents=agents,
        permission_mode="bypassPermissions",
        setting_sources=["project"],
    )
    ungated = _prepared(native).ungated
    assert {tool.kind for tool in ungated} == {ToolKind.UNGATED}
    assert [tool.name for tool in ungated] == [
        "settings",
        "plugins",
        "Skill",
        "memory",
        "bypassPermissions",
        "settings of the project",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"can_use_tool": print},
        {"continue_conversation": True},
        {"enable_file_checkpointing": True},
        {"extra_args": {"dangerously-skip-permissions": None}},
        {"fallback_model": "opus"},
        {"fork_session": True},
        {"forward_subagent_text": True},
        {"include_hook_events": True},
        {"include_partial_messages": True},
        {"max_budget_usd": 1.0},
        {"permission_prompt_tool_name": "ask"},
        {"resume": "x"},
        {"resume_drops_turn": "x"},
        {"resume_session_at": "x"},
        {"session_id": "x"},
        {"session_store": object()},
        {"user": "nobody"},
        {"permission_mode": "auto"},
        {"mcp_servers": "servers.json"},
        {"mcp_servers": {"steer": {"type": "http", "url": "https://x.y"}}},
        {"output_format": {"type": "json_schema"}},
        {"agents": {"b": AgentDefinition(description="d", prompt="p", background=True)}},
        {"agents": {"b": AgentDefinition(description="d", prompt="p", permissionMode="auto")}},
    ],
    ids=lambda fields: f"{next(iter(fields))}",
)
def test_what_would_undo_the_gate_or_have_no_effect_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(AgentError) as refused:
        _prepared(ClaudeAgentOptions(model=_MODEL, **fields))
    assert refused.value.fix


@pytest.mark.parametrize("tool", ["Agent", "CronCreate", "Reed"])
def test_a_tool_that_an_agent_cannot_have_is_refused(tool: str) -> None:
    with pytest.raises(ConfigError):
        _prepared(ClaudeAgentOptions(model=_MODEL, tools=[tool]))
    inner = AgentDefinition(description="d", prompt="p", tools=["Reed"])
    with pytest.raises(ConfigError):
        _prepared(ClaudeAgentOptions(model=_MODEL, agents={"inner": inner}))


# What steer sets itself, reads as the author's word, or passes on as it is.
_KNOWN = {
    "add_dirs", "agents", "allowed_tools", "betas", "can_use_tool", "cli_path", "client_app",
    "continue_conversation", "cwd", "debug_stderr", "disallowed_tools", "effort",
    "enable_file_checkpointing", "env", "extra_args", "fallback_model", "fork_session",
    "forward_subagent_text", "hooks", "include_hook_events", "include_partial_messages",
    "load_timeout_ms", "max_budget_usd", "max_buffer_size", "max_thinking_tokens", "max_turns",
    "mcp_servers", "model", "output_format", "permission_mode", "permission_prompt_tool_name",
    "plugins", "resume", "resume_drops_turn", "resume_session_at", "sandbox", "session_id",
    "session_store", "session_store_flush", "setting_sources", "settings", "skills", "stderr",
    "strict_mcp_config", "system_prompt", "task_budget", "thinking", "tools", "user",
    "verbatim_prompts",
}  # fmt: skip


def test_every_option_of_the_sdk_has_been_thought_of() -> None:
    there = {each.name for each in fields(replace(ClaudeAgentOptions()))}
    assert there <= _KNOWN, "the SDK has options of which nobody has said what becomes of them"
