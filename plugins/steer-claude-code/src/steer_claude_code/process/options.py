"""A prepared agent as the options that the SDK starts a CLI process with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from claude_agent_sdk.types import (
    AgentDefinition,
    ClaudeAgentOptions,
    HookCallback,
    HookContext,
    HookEvent,
    HookInput,
    HookJSONOutput,
    HookMatcher,
    McpSdkServerConfig,
    McpServerConfig,
    SystemPromptFile,
    ThinkingConfig,
)
from mcp.server.lowlevel import Server

from steer_claude_code.agent.native_tools import AGENT_TOOL, SKILL_TOOL
from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.config import ClaudeCodeConfig, Subagent
from steer_claude_code.names import OWN_SERVER
from steer_claude_code.process.quarters import Quarters

__all__ = ["cli_options"]

_LINE_BYTES = 256 * 1024 * 1024
"""The longest line that the CLI may say: a tool's result is one, with its pictures."""

_REWRITTEN = (
    "a hook of the agent's author rewrote the arguments of this call, which nobody was asked about"
)
_DENIED: Mapping[str, HookJSONOutput] = {
    "PreToolUse": {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": _REWRITTEN,
        }
    },
    # The CLI has an opinion of some files, whatever the hooks before a call say.
    "PermissionRequest": {
        "hookSpecificOutput": {
            "hookEventName": "PermissionRequest",
            "decision": {"behavior": "deny", "message": _REWRITTEN},
        }
    },
}

_INSTRUCTIONS = "instructions.txt"
_SERVERS = "mcp-servers.json"


def cli_options(
    prepared: ClaudeCodePrepared,
    *,
    quarters: Quarters,
    server: Server[Any] | None,
    hooks: Mapping[HookEvent, Sequence[HookMatcher]],
    resume: str | None = None,
    stderr: Callable[[str], None] | None = None,
) -> ClaudeAgentOptions:
    """Return the options of one CLI process; writes what it is to read into its quarters.

    ``server`` has the agent's function tools. ``hooks`` come before those of the agent's author.
    ``resume`` is the session whose transcript is there already.
    """
    folder = quarters.root
    _write_files(prepared, folder)
    config, author = prepared.config, prepared.options
    servers = {name: each for name, each in prepared.servers.items() if _in_process(each)}
    if server is not None:
        servers[OWN_SERVER] = McpSdkServerConfig(type="sdk", name=OWN_SERVER, instance=server)
    arguments: dict[str, str | None] = {}
    if not _has_skills(prepared):
        arguments["disable-slash-commands"] = None
    if _external(prepared.servers):
        # The SDK would write them into the arguments.
        arguments["mcp-config"] = str(folder / _SERVERS)
    return replace(
        author,
        system_prompt=_system_prompt(prepared, folder),
        model=prepared.model,
        effort=prepared.effort,
        thinking=_thinking(config) or author.thinking,
        tools=_tools(prepared),
        mcp_servers=servers,
        strict_mcp_config=True,
        agents=_subagents(prepared) or None,
        permission_mode=config.permission_mode,
        setting_sources=list(config.setting_sources),
        verbatim_prompts=True,
        max_turns=config.max_turns,
        output_format=_output_format(prepared),
        cwd=prepared.cwd,
        add_dirs=list(config.add_dirs),
        cli_path=quarters.cli_path,
        env=dict(quarters.environment),
        extra_args=arguments,
        hooks=_hooks(hooks, author.hooks or {}),
        resume=resume,
        include_partial_messages=not prepared.asks_endpoint,
        forward_subagent_text=not prepared.asks_endpoint,
        max_buffer_size=max(_LINE_BYTES, author.max_buffer_size or 0),
        stderr=_both(stderr, author.stderr),
    )


def _system_prompt(prepared: ClaudeCodePrepared, folder: Path) -> Any:
    if isinstance(prepared.instructions, str):
        return SystemPromptFile(type="file", path=str(folder / _INSTRUCTIONS))
    # None is the SDK's word for an empty one; the vendor's preset is there if it was asked for.
    return prepared.instructions


def _tools(prepared: ClaudeCodePrepared) -> list[str]:
    subagents = prepared.config.subagents or prepared.options.agents
    return [*prepared.config.tools, *([AGENT_TOOL] if subagents else [])]


def _has_skills(prepared: ClaudeCodePrepared) -> bool:
    subagents = prepared.config.subagents.values()
    named = (name for each in subagents for name in each.tools or ())
    return SKILL_TOOL in {*prepared.config.tools, *named} or bool(prepared.options.skills)


def _subagents(prepared: ClaudeCodePrepared) -> dict[str, AgentDefinition]:
    ours = {name: _subagent(each, prepared) for name, each in prepared.config.subagents.items()}
    return {**(prepared.options.agents or {}), **ours}


def _subagent(subagent: Subagent, prepared: ClaudeCodePrepared) -> AgentDefinition:
    names = prepared.asking.names
    return AgentDefinition(
        description=subagent.description,
        prompt=subagent.instructions,
        tools=None if subagent.tools is None else list(map(names.for_cli, subagent.tools)),
        model=subagent.model,
        maxTurns=subagent.max_turns,
    )


def _thinking(config: ClaudeCodeConfig) -> ThinkingConfig | None:
    match config.thinking:
        case None:
            return None
        case "adaptive":
            return {"type": "adaptive"}
        case "off":
            return {"type": "disabled"}
        case tokens:
            return {"type": "enabled", "budget_tokens": tokens}


def _output_format(prepared: ClaudeCodePrepared) -> dict[str, Any] | None:
    if prepared.output is None or prepared.output_tool is None:
        return None
    return {"type": "json_schema", "schema": prepared.output.schema}


def _hooks(
    ours: Mapping[HookEvent, Sequence[HookMatcher]],
    authors: Mapping[HookEvent, Sequence[HookMatcher]],
) -> dict[HookEvent, list[HookMatcher]]:
    events = dict.fromkeys((*ours, *authors))
    return {
        event: [*ours.get(event, ()), *map(_guarded, authors.get(event, ()))] for event in events
    }


def _guarded(matcher: HookMatcher) -> HookMatcher:
    """Return the author's hooks, which may forbid a call but not make another one of it.

    All hooks of a call are asked at once: what one rewrites, the gate has not been asked about.
    """

    def guarded(hook: HookCallback) -> HookCallback:
        async def ask(
            event: HookInput, call_id: str | None, context: HookContext
        ) -> HookJSONOutput:
            said = await hook(event, call_id, context)
            rewrites = _rewrites(said.get("hookSpecificOutput"))
            return _DENIED.get(event["hook_event_name"], said) if rewrites else said

        return ask

    return replace(matcher, hooks=[guarded(hook) for hook in matcher.hooks])


def _rewrites(said: object) -> bool:
    """Whether a hook makes other arguments of those of a call."""
    return isinstance(said, Mapping) and ("updatedInput" in said or _rewrites(said.get("decision")))


def _both(
    ours: Callable[[str], None] | None, authors: Callable[[str], None] | None
) -> Callable[[str], None] | None:
    if ours is None or authors is None:
        return ours or authors

    def both(line: str) -> None:
        ours(line)
        authors(line)

    return both


def _write_files(prepared: ClaudeCodePrepared, folder: Path) -> None:
    """Write what the CLI is to read from ``folder``, for the eyes of this user only.

    The arguments of a process are for everybody to read, and have a bound: so neither what is
    said to a model nor the secrets of MCP servers are among them.
    """
    if isinstance(prepared.instructions, str):
        _write(folder / _INSTRUCTIONS, prepared.instructions)
    if external := _external(prepared.servers):
        _write(folder / _SERVERS, json.dumps({"mcpServers": external}))


def _in_process(server: McpServerConfig) -> bool:
    return server.get("type") == "sdk"


def _external(servers: Mapping[str, McpServerConfig]) -> dict[str, McpServerConfig]:
    return {name: server for name, server in servers.items() if not _in_process(server)}


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
