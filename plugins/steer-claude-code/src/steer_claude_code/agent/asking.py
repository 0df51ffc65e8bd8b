"""How an agent's models are to be asked: what the endpoint adds to what the CLI writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steer.values import JsonValue

from steer_claude_code.names import Names

__all__ = ["PROVIDER", "Asking"]

PROVIDER = "anthropic"

_CUT = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})
"""Why a message ends before its model had come to an end: no call of it is made."""

_LAST = _CUT | {"end_turn", "stop_sequence"}
"""Why a message ends that asks for no further one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """What author and options say of the requests of one prepared agent.

    ``agent`` is the outermost agent's name. ``max_output_tokens`` bounds every answer.
    ``output_schema`` is the JSON schema that the outermost agent's answer has to fit, where the
    API is to enforce it. ``delegated`` are the CLI's names of tools that only subagents have: the
    requests of the outermost agent do not name them. ``goes_on`` says that the CLI decides when the
    run is over, because hooks or a tool for the answer may have it go on.
    """

    agent: str
    names: Names = field(default_factory=Names)
    max_output_tokens: int | None = None
    output_schema: Mapping[str, JsonValue] | None = None
    delegated: frozenset[str] = frozenset()
    goes_on: bool = False

    def ends_with(self, message: Mapping[str, Any]) -> bool:
        """Whether a message of the outermost agent is the last of the run.

        The CLI itself would have the model go on where an answer was cut, refused or empty.
        """
        if self.goes_on or message.get("stop_reason") not in _LAST:
            return False
        blocks = message["content"]
        calls = any(block.get("type") == "tool_use" for block in blocks)
        # Some providers call this an end although the model waits for its calls.
        return not calls or message.get("stop_reason") in _CUT
