"""How a run begins: what the CLI is asked, and what its models read of what was said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steer.ports.runtime import Run

from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.history.content import ApiMessage
from steer_claude_code.history.session_items import conversation_of
from steer_claude_code.models.opening import PROMPT
from steer_claude_code.names import Names

__all__ = ["Beginning", "beginning"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """What one run begins with, in the API's form.

    ``question`` is what the CLI is asked, and ``opening`` the conversation that the endpoint puts
    in its place. Where there is no endpoint ``opening`` is empty, and the CLI resumes ``history``,
    in which tools have its own names for them.
    """

    question: Sequence[Mapping[str, Any]]
    opening: Sequence[ApiMessage] = ()
    history: Sequence[ApiMessage] = ()


def beginning(prepared: ClaudeCodePrepared, run: Run) -> Beginning:
    """Return how a run of an agent begins.

    Raises ``ConfigError`` for a picture or file that no model of Anthropic's reads.
    """
    conversation = conversation_of(run)
    if prepared.asks_endpoint:
        return Beginning(question=[{"type": "text", "text": PROMPT}], opening=conversation)
    start = len(conversation)
    while start and _is_question(conversation[start - 1]):
        start -= 1
    names = prepared.asking.names
    return Beginning(
        question=[block for message in conversation[start:] for block in message["content"]],
        history=[_for_cli(message, names) for message in conversation[:start]],
    )


def _is_question(message: ApiMessage) -> bool:
    results = any(block.get("type") == "tool_result" for block in message["content"])
    return message["role"] == "user" and not results


def _for_cli(message: ApiMessage, names: Names) -> ApiMessage:
    content = [
        {**block, "name": names.for_cli(block["name"])}
        if block.get("type") == "tool_use"
        else block
        for block in message["content"]
    ]
    return {**message, "content": content}
