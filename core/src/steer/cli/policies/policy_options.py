"""The options that make a question to policy, in the groups that the help shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from steer.cli.options import names_of
from steer.plugin import PluginKind
from steer.ports.policy import ToolKind
from steer.values import ActionType, Effect

__all__ = [
    "Access",
    "Action",
    "Agent",
    "Approvers",
    "Args",
    "AskedBy",
    "Data",
    "EffectOf",
    "EveryRule",
    "Kind",
    "Model",
    "NeedsApproval",
    "Policies",
    "PolicyFiles",
    "Provider",
    "Run",
    "Runtime",
    "Server",
    "SomePolicyFiles",
    "Tool",
    "ToolCalls",
    "TurnToolCalls",
    "Turns",
    "Undeclared",
]

_TOOL, _ELSE, _ACTION, _FAR = (
    "A tool call",
    "A model, a run, data",
    "An answer to an action",
    "How far the run is",
)


def _option(panel: str, metavar: str | None, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, rich_help_panel=panel, **more)


PolicyFiles: TypeAlias = Annotated[list[Path], typer.Argument(metavar="FILE", help="Policy files.")]
SomePolicyFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE", help="Policy files. Left out, with --policy too: the configured ones."
    ),
]
Policies: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="NAME|FILE.toml",
        help="Ask this policy as well. Repeatable.",
        autocompletion=names_of(PluginKind.POLICY),
    ),
]
EveryRule: TypeAlias = Annotated[
    bool, typer.Option("--all", help="Show the rules about other things too.")
]

Tool: TypeAlias = Annotated[str | None, _option(_TOOL, "NAME", "May this tool run?")]
Args: TypeAlias = Annotated[str | None, _option(_TOOL, "JSON", "With these arguments.")]
Kind: TypeAlias = Annotated[
    str | None, _option(_TOOL, "WORD", f"{', '.join(ToolKind)}. Of data: what it is.")
]
EffectOf: TypeAlias = Annotated[
    Effect | None, _option(_TOOL, None, "What running it twice would do.", "--effect")
]
Undeclared: TypeAlias = Annotated[
    bool,
    typer.Option("--undeclared", rich_help_panel=_TOOL, help="The agent does not declare it."),
]
NeedsApproval: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--needs-approval", rich_help_panel=_TOOL, help="The agent's author wants it approved."
    ),
]
Server: TypeAlias = Annotated[
    str | None, _option(_TOOL, "NAME", "The MCP server the tool comes from.")
]
Agent: TypeAlias = Annotated[
    str | None, _option(_TOOL, "NAME", "The agent that calls the tool, asks the model or waits.")
]

Model: TypeAlias = Annotated[str | None, _option(_ELSE, "NAME", "May this model be asked?")]
Provider: TypeAlias = Annotated[str | None, _option(_ELSE, "NAME", "Whose model it is.")]
Run: TypeAlias = Annotated[str | None, _option(_ELSE, "AGENT", "May this agent be run?")]
Runtime: TypeAlias = Annotated[str | None, _option(_ELSE, "NAME", "On this runtime.")]
Data: TypeAlias = Annotated[str | None, _option(_ELSE, "NAME", "May this be read or written?")]
Access: TypeAlias = Annotated[str | None, _option(_ELSE, "WORD", "read or write; read.")]

Action: TypeAlias = Annotated[
    ActionType | None, _option(_ACTION, None, "May --principal answer an action of this type?")
]
AskedBy: TypeAlias = Annotated[
    str | None, _option(_ACTION, "NAME", "On whose behalf the job runs that waits.")
]
Approvers: TypeAlias = Annotated[
    list[str] | None,
    _option(_ACTION, "GLOB", "Whom the rule that asked names. Repeatable.", "--approver"),
]

Turns: TypeAlias = Annotated[
    int | None, _option(_FAR, "N", "Turns so far, this one included.", min=0)
]
ToolCalls: TypeAlias = Annotated[
    int | None, _option(_FAR, "N", "Tool calls before this one.", min=0)
]
TurnToolCalls: TypeAlias = Annotated[int | None, _option(_FAR, "N", "Those of this turn.", min=0)]
