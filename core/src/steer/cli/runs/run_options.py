"""The options of ``steer run`` that no other command has, in the groups that its help shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer

from steer.cli.options import names_of, session_names, stored_agents
from steer.cli.runs.approvals_option import Approvals as WhoIsAsked
from steer.plugin import PluginKind

__all__ = [
    "AgentName",
    "AnswerWithin",
    "ApiKeyEnv",
    "Approvals",
    "BaseUrl",
    "Delay",
    "Detach",
    "Deterministic",
    "Files",
    "IdempotencyKey",
    "JobRetries",
    "MaxCost",
    "MaxOutputTokens",
    "MaxSeconds",
    "MaxTokens",
    "MaxToolCalls",
    "MaxTurns",
    "Messages",
    "Model",
    "ParallelToolCalls",
    "ParkAfter",
    "Policy",
    "Prompt",
    "Queue",
    "ReasoningEffort",
    "Retries",
    "Runtime",
    "Schema",
    "Seed",
    "Session",
    "SessionBusy",
    "SessionWait",
    "SetPairs",
    "StrictSchema",
    "System",
    "Team",
    "Temperature",
    "ToolChoice",
    "TopP",
    "Variables",
]

_INPUT, _MODEL, _ANSWER, _LIMITS = "Input", "Model", "Answer and tools", "Limits"
_PEOPLE = "People"
_THE_JOB = "The job"


def _option(panel: str, metavar: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, rich_help_panel=panel, **more)


AgentName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="AGENT",
        help="FILE.py, FILE.py:NAME, package.module:NAME, FILE.toml or FILE.json; of those that are"
        " stored, @NAME or NAME@VERSION",
        autocompletion=stored_agents,
    ),
]
Prompt: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="PROMPT",
        help="What to ask it. Standard input where it is -, or it and --messages are left out.",
    ),
]

Files: TypeAlias = Annotated[
    list[Path] | None,
    _option(_INPUT, "PATH", "Send an image, a document or a text with it. Repeatable.", "--file"),
]
Messages: TypeAlias = Annotated[
    Path | None,
    _option(_INPUT, "FILE", "Go on with this conversation, a JSON list of messages."),
]
System: TypeAlias = Annotated[
    str | None, _option(_INPUT, "TEXT", "Instructions in place of the agent's.")
]
Variables: TypeAlias = Annotated[
    list[str] | None,
    _option(_INPUT, "NAME=TEXT", "A variable of the instructions. Repeatable.", "--var"),
]

Model: TypeAlias = Annotated[
    str | None, _option(_MODEL, "NAME", "Ask this model, not the agent's own.")
]
BaseUrl: TypeAlias = Annotated[
    str | None,
    _option(_MODEL, "URL", "The provider, as its own clients write it: with /v1."),
]
ApiKeyEnv: TypeAlias = Annotated[
    str | None, _option(_MODEL, "NAME", "The environment variable that holds the key.")
]
ReasoningEffort: TypeAlias = Annotated[
    str | None, _option(_MODEL, "WORD", "How much to think: low, high, what the model knows.")
]
Temperature: TypeAlias = Annotated[
    float | None, _option(_MODEL, "N", "How much chance, 0 to 2; not every model takes it.")
]
TopP: TypeAlias = Annotated[
    float | None, _option(_MODEL, "N", "The share of likely words to choose from, 0 to 1.")
]
Seed: TypeAlias = Annotated[
    int | None, _option(_MODEL, "N", "Where chance starts; few models take it.")
]
Deterministic: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--deterministic",
        rich_help_panel=_MODEL,
        help="As little chance as the model lets one ask for.",
    ),
]

Schema: TypeAlias = Annotated[
    Path | None, _option(_ANSWER, "FILE", "Answer in JSON that fits this JSON schema.")
]
StrictSchema: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--strict-schema/--no-strict-schema",
        rich_help_panel=_ANSWER,
        help="Have the vendor enforce it. Left out: where it can.",
    ),
]
ToolChoice: TypeAlias = Annotated[
    str | None, _option(_ANSWER, "NAME", "auto, none, required, or the tool to call first.")
]
ParallelToolCalls: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--parallel-tool-calls/--no-parallel-tool-calls",
        rich_help_panel=_ANSWER,
        help="Whether one message may call several tools.",
    ),
]

MaxCost: TypeAlias = Annotated[
    str | None, _option(_LIMITS, "DOLLARS", "What the whole run may cost: 0.50")
]
MaxTokens: TypeAlias = Annotated[
    int | None, _option(_LIMITS, "N", "Tokens, in and out, of the whole run.")
]
MaxTurns: TypeAlias = Annotated[int | None, _option(_LIMITS, "N", "Messages of the model.")]
MaxToolCalls: TypeAlias = Annotated[
    int | None, _option(_LIMITS, "N", "Tool calls that are allowed.")
]
MaxSeconds: TypeAlias = Annotated[float | None, _option(_LIMITS, "N", "Time for all of it.")]
MaxOutputTokens: TypeAlias = Annotated[int | None, _option(_LIMITS, "N", "Tokens of one message.")]
Retries: TypeAlias = Annotated[
    int,
    _option(
        _LIMITS, "N", "How often a failed request is made again; fewer where the author chose so."
    ),
]

Approvals: TypeAlias = Annotated[
    WhoIsAsked | None,
    _option(
        _PEOPLE,
        "ask|park|deny",
        "What needs a person: ask here, let the job wait, or refuse. Left out: ask, or park"
        " where there is nobody to ask.",
    ),
]
ParkAfter: TypeAlias = Annotated[
    float | None,
    _option(_PEOPLE, "N", "Seconds with a question before the job waits without its process."),
]
AnswerWithin: TypeAlias = Annotated[
    float | None,
    _option(_PEOPLE, "N", "Seconds that a question stands; then a call is denied. 7 days."),
]

Runtime: TypeAlias = Annotated[
    str | None,
    _option(
        _THE_JOB,
        "NAME",
        "What runs it, if not what fits the agent.",
        autocompletion=names_of(PluginKind.RUNTIME),
    ),
]
SetPairs: TypeAlias = Annotated[
    list[str] | None,
    _option(_THE_JOB, "KEY=VALUE", "A setting of the runtime. Repeatable.", "--set"),
]
Policy: TypeAlias = Annotated[
    list[str] | None,
    _option(
        _THE_JOB,
        "NAME|FILE.toml",
        "Rules to run under. May be repeated.",
        autocompletion=names_of(PluginKind.POLICY),
    ),
]
Team: TypeAlias = Annotated[
    str | None, _option(_THE_JOB, "NAME", "On whose account it runs, as budgets know it.")
]
Session: TypeAlias = Annotated[
    str | None,
    _option(
        _THE_JOB,
        "NAME",
        "Go on with this conversation, or begin it.",
        autocompletion=session_names,
    ),
]
SessionBusy: TypeAlias = Annotated[
    Literal["conflict", "wait"] | None,
    _option(
        _THE_JOB,
        "WORD",
        "While another job has the session: conflict refuses, wait waits. [default: conflict]",
    ),
]
SessionWait: TypeAlias = Annotated[
    float | None,
    _option(_THE_JOB, "SECONDS", "With --session-busy wait: how long. [default: 60]"),
]
IdempotencyKey: TypeAlias = Annotated[
    str | None, _option(_THE_JOB, "KEY", "Run once: asking again shows the same job.")
]
Detach: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--detach",
        rich_help_panel=_THE_JOB,
        help="Queue it for steer worker, print the job's id and end.",
    ),
]
Queue: TypeAlias = Annotated[
    str, _option(_THE_JOB, "NAME", "Where it waits for a worker, now or after its process is gone.")
]
Delay: TypeAlias = Annotated[
    float | None, _option(_THE_JOB, "SECONDS", "With --detach: let no worker take it before.")
]
JobRetries: TypeAlias = Annotated[
    int,
    _option(
        _LIMITS, "N", "How often the whole job is tried again later, after a failure that passes."
    ),
]
