"""How an agent's models are to be asked: what the endpoint adds to what the CLI writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steer.values import JsonValue

from steer_claude_code.names import Names

__all__ = ["PROVIDER", "Asking"]

PROVIDER = "anthropic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """What author and options say of the requests of one prepared agent.

    ``agent`` is the outermost agent's name. ``max_output_tokens`` bounds every answer.
    ``output_schema`` is the JSON schema that the outermost agent's answer has to fit, where the
    API is to enforce it. ``delegated`` are the CLI's names of tools that only subagents have: the
    requests of the outermost agent do not name them. ``surroundings`` says whether models read what
    the CLI tells of the machine, the folder and the day.
    """

    agent: str
    names: Names = field(default_factory=Names)
    max_output_tokens: int | None = None
    output_schema: Mapping[str, JsonValue] | None = None
    delegated: frozenset[str] = frozenset()
    surroundings: bool = False
