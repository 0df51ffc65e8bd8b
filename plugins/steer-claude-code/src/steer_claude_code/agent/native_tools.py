"""The CLI's own tools: what each does, and which an agent cannot have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from steer.errors import ConfigError
from steer.ports.policy import ToolKind
from steer.values import Effect

__all__ = [
    "AGENT_TOOL",
    "DEFAULT_TOOLS",
    "NATIVE_TOOLS",
    "OUTPUT_TOOL",
    "SKILL_TOOL",
    "NativeTool",
    "check_native",
    "effect_of",
]

AGENT_TOOL = "Agent"
"""What models call to give a task to a subagent; the CLI's first message calls it ``Task``."""

OUTPUT_TOOL = "StructuredOutput"
"""What hands in an answer that has to fit a schema, where the API is not asked to see to that."""

SKILL_TOOL = "Skill"

_OUTLIVES = "what it starts goes on after the run, where nobody is asked"
_REACHES_OUT = "it reaches agents and sessions that are not of the run"
_RESOURCES = "an agent has the tools of its servers, and nothing else of them"
_MOVES = "it moves the agent to another folder than the one it was given"


class NativeTool(NamedTuple):
    """What steer knows of a tool of the CLI.

    ``refused`` says why an agent cannot have it, ``None`` where it can.
    """

    effect: Effect = Effect.ONCE
    kind: ToolKind = ToolKind.NATIVE
    refused: str | None = None


NATIVE_TOOLS: Mapping[str, NativeTool] = {
    AGENT_TOOL: NativeTool(
        # Entered again on a replay: what happens in there has records of its own.
        Effect.NONE,
        ToolKind.AGENT,
        refused="an agent has it where it has subagents, and they are named in subagents",
    ),
    "Bash": NativeTool(),
    "CronCreate": NativeTool(refused=_OUTLIVES),
    "CronDelete": NativeTool(refused=_OUTLIVES),
    "CronList": NativeTool(Effect.NONE, refused=_OUTLIVES),
    "Edit": NativeTool(),
    "EnterWorktree": NativeTool(refused=_MOVES),
    "ExitWorktree": NativeTool(refused=_MOVES),
    "Glob": NativeTool(Effect.NONE),
    "Grep": NativeTool(Effect.NONE),
    "ListAgents": NativeTool(Effect.NONE, refused=_REACHES_OUT),
    "ListMcpResourcesTool": NativeTool(Effect.NONE, refused=_RESOURCES),
    "Monitor": NativeTool(refused=_OUTLIVES),
    "NotebookEdit": NativeTool(),
    "Read": NativeTool(Effect.NONE),
    "ReadMcpResourceDirTool": NativeTool(Effect.NONE, refused=_RESOURCES),
    "ReadMcpResourceTool": NativeTool(Effect.NONE, refused=_RESOURCES),
    "ReportFindings": NativeTool(Effect.NONE),
    "ScheduleWakeup": NativeTool(refused=_OUTLIVES),
    "SendMessage": NativeTool(refused=_REACHES_OUT),
    # Its commands run shells that no hook hears of.
    SKILL_TOOL: NativeTool(kind=ToolKind.UNGATED),
    OUTPUT_TOOL: NativeTool(
        Effect.NONE, refused="an agent has it where its output is asked for by a tool"
    ),
    # A list in the memory of the CLI's process: a replay, in another process, writes it anew.
    "TaskCreate": NativeTool(Effect.NONE),
    "TaskGet": NativeTool(Effect.NONE),
    "TaskList": NativeTool(Effect.NONE),
    "TaskStop": NativeTool(refused="nothing of a run is in the background, so nothing is to stop"),
    "TaskUpdate": NativeTool(Effect.NONE),
    "ToolSearch": NativeTool(
        Effect.NONE, refused="the model is told of all tools at once, so none is to be found"
    ),
    # Nothing is changed by asking again; but what is asked leaves this machine.
    "WebFetch": NativeTool(Effect.IDEMPOTENT),
    "WebSearch": NativeTool(Effect.IDEMPOTENT),
    "Workflow": NativeTool(refused="it starts agents from a script, which nobody is asked about"),
    "Write": NativeTool(),
}
"""Every tool that the CLIs of the SDK's range have, by the name that models and policies read."""

DEFAULT_TOOLS = tuple(
    name
    for name, tool in NATIVE_TOOLS.items()
    if tool.refused is None and tool.kind is ToolKind.NATIVE
)
"""What an agent has that is to have the CLI's usual tools."""


def effect_of(name: str) -> Effect:
    """Return what running a tool of the CLI a second time would do; the worst where unknown."""
    tool = NATIVE_TOOLS.get(name)
    return Effect.ONCE if tool is None else tool.effect


def check_native(names: Iterable[str], *, agent: str) -> None:
    """Refuse native tools that there are not, or that an agent cannot have.

    Raises ``ConfigError``.
    """
    for name in names:
        tool = NATIVE_TOOLS.get(name)
        if tool is None:
            known = (each for each, entry in NATIVE_TOOLS.items() if entry.refused is None)
            raise ConfigError(
                f"agent {agent!r}: the CLI has no tool {name!r}",
                fix=f"Its tools: {', '.join(known)}",
            )
        if tool.refused is not None:
            raise ConfigError(
                f"agent {agent!r} cannot have the CLI's tool {name}: {tool.refused}",
                fix=f"Leave {name} out of the agent's tools",
            )
