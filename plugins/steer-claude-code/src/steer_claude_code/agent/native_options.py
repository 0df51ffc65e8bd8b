"""The SDK's own options as an agent: what of them stays, what steer takes over, what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from claude_agent_sdk.types import ClaudeAgentOptions
from steer.agents import OutputSpec, output_spec
from steer.errors import AgentError
from steer.ports.policy import ToolKind
from steer.ports.runtime import ToolInfo
from steer.values import JsonValue

from steer_claude_code.agent.authored import Authored, check_servers
from steer_claude_code.agent.native_tools import (
    AGENT_TOOL,
    DEFAULT_TOOLS,
    SKILL_TOOL,
    check_native,
)

__all__ = ["authored_options", "parts_of"]

_NAME = "claude-code"
_UNSET = ClaudeAgentOptions()

_SESSIONS = "steer keeps the conversation itself", "Run it in a session of steer's"
_STEERS = "steer reads what the CLI says, and tells it in events", "Read the events of the run"
_REFUSED: Mapping[str, tuple[str, str]] = {
    "can_use_tool": ("steer's policy says what may run", "Say it in a policy"),
    "continue_conversation": _SESSIONS,
    "enable_file_checkpointing": ("nothing of a run can be rewound", "Leave it out"),
    "extra_args": ("they could undo what steer sets", "Set what there is an option for"),
    "fallback_model": ("steer makes failed requests anew itself", "Leave it out"),
    "fork_session": _SESSIONS,
    "forward_subagent_text": _STEERS,
    "include_hook_events": _STEERS,
    "include_partial_messages": _STEERS,
    "max_budget_usd": ("steer keeps the budgets", "Give the request a budget of steer's"),
    "permission_prompt_tool_name": ("steer's policy says what may run", "Say it in a policy"),
    "resume": _SESSIONS,
    "resume_drops_turn": _SESSIONS,
    "resume_session_at": _SESSIONS,
    "session_id": _SESSIONS,
    "session_store": _SESSIONS,
    "user": ("steer starts the CLI's process as its own user", "Leave it out"),
}
"""Options that would undo the gate, or that nobody would see the effect of: why, and the fix."""

_MODES = frozenset({None, "default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"})


def authored_options(
    options: ClaudeAgentOptions, *, name: str | None, settings: Mapping[str, Any]
) -> Authored:
    """Return what the SDK's options say; they are read once, and never written to.

    Raises ``AgentError`` for what cannot take effect here, or would undo the gate.
    """
    name = name or _NAME
    _check(options, name)
    servers = options.mcp_servers
    if not isinstance(servers, Mapping):
        raise _error(name, "mcp_servers", "steer has to see which they are", "Give them as a dict")
    check_servers(servers, agent=name)
    tools = _tools(options)
    said = {
        "tools": tools,
        "permission_mode": options.permission_mode or "default",
        # The SDK's None reads all of them: a default that nobody asked for.
        "setting_sources": tuple(options.setting_sources or ()),
        **_given(
            cwd=options.cwd,
            add_dirs=tuple(options.add_dirs),
            max_turns=options.max_turns,
            cli_path=options.cli_path,
            environment=dict(options.env),
        ),
    }
    if clash := sorted(said.keys() & settings.keys()):
        raise AgentError(
            f"agent {name!r} is an object of the SDK, and {clash[0]} is set beside it",
            fix=f"Set {clash[0]} on the object",
        )
    return Authored(
        name=name,
        description=_described(options),
        instructions=options.system_prompt,
        model=options.model,
        effort=options.effort,
        output=_output(options, name),
        servers=dict(servers),
        settings={**settings, **said},
        options=options,
        native=True,
        ungated=tuple(_ungated(options)),
        parts=parts_of(options),
    )


def parts_of(options: ClaudeAgentOptions) -> tuple[object, ...]:
    """Return the very objects that make up what the author says."""
    parts: list[object] = []
    for each in fields(options):
        value = getattr(options, each.name)
        parts.append(value)
        if isinstance(value, list):
            parts.extend(value)
        elif isinstance(value, Mapping):
            parts.extend(value.keys())
            parts.extend(value.values())
    return tuple(parts)


def _check(options: ClaudeAgentOptions, name: str) -> None:
    for option, (why, fix) in _REFUSED.items():
        if getattr(options, option) != getattr(_UNSET, option):
            raise _error(name, option, why, fix)
    if options.permission_mode not in _MODES:
        raise _error(
            name,
            f"permission_mode={options.permission_mode!r}",
            "a model would be asked which calls may run, where steer's policy says so",
            "Use another mode, and say it in a policy",
        )
    for each, agent in (options.agents or {}).items():
        if agent.background:
            raise _error(name, f"background of {each!r}", "a run waits for all of it", "Drop it")
        if agent.permissionMode not in _MODES - {"bypassPermissions"}:
            raise _error(
                name,
                f"permissionMode={agent.permissionMode!r} of {each!r}",
                "the mode is that of the whole run",
                "Set permission_mode of the options",
            )
        native = (tool for tool in agent.tools or () if not tool.startswith("mcp__"))
        check_native((tool for tool in native if tool != AGENT_TOOL), agent=f"{name}/{each}")


def _tools(options: ClaudeAgentOptions) -> tuple[str, ...]:
    given = options.tools
    if not isinstance(given, list):
        # The SDK's None and its preset: the usual tools, less those that escape a run.
        return DEFAULT_TOOLS
    # "Task" is the older word for Agent, which is there where there are subagents.
    subagents = {AGENT_TOOL, "Task"} if options.agents else set()
    tools = [tool for tool in given if tool not in subagents]
    if options.skills and SKILL_TOOL not in tools:
        tools.append(SKILL_TOOL)
    return tuple(dict.fromkeys(tools))


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value}


def _output(options: ClaudeAgentOptions, name: str) -> OutputSpec | None:
    if options.output_format is None:
        return None
    schema = options.output_format.get("schema")
    if options.output_format.get("type") != "json_schema" or not isinstance(schema, Mapping):
        raise _error(name, "output_format", "it is no JSON schema", "Give type and schema")
    return output_spec(schema)


def _ungated(options: ClaudeAgentOptions) -> Iterator[ToolInfo]:
    """Return what of the options brings in hooks, commands or files that no call shows."""
    agents = (options.agents or {}).values()
    for name, there in (
        ("settings", options.settings is not None),
        ("plugins", bool(options.plugins)),
        (SKILL_TOOL, bool(options.skills) or any(agent.skills for agent in agents)),
        ("memory", any(agent.memory for agent in agents)),
    ):
        if there:
            yield ToolInfo(name=name, kind=ToolKind.UNGATED)


def _error(agent: str, what: str, why: str, fix: str) -> AgentError:
    return AgentError(f"agent {agent!r} sets {what} of the SDK's options: {why}", fix=fix)


def _described(options: ClaudeAgentOptions) -> JsonValue:
    return {
        each.name: _named(getattr(options, each.name))
        for each in fields(options)
        # They hold secrets, or say nothing of what the agent does.
        if each.name not in {"env", "debug_stderr", "stderr", "client_app"}
    }


def _named(value: Any) -> JsonValue:
    """Return JSON as it is, and anything live by a name that another process knows it by."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            quiet = {"env", "headers", "instance"}
            return {str(key): _named(item) for key, item in value.items() if key not in quiet}
        case list() | tuple():
            return [_named(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {each.name: _named(getattr(value, each.name)) for each in fields(value)}
        case _:
            named = value if hasattr(value, "__qualname__") else type(value)
            return f"{named.__module__}.{named.__qualname__}"
