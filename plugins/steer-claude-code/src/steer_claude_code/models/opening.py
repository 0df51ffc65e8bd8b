"""What models read first: the whole conversation, in the place of what the CLI was asked.

The CLI is given one and the same prompt in every run. It would write notes into a question that
holds a picture, act on words in it, and answer for the model where a history does not end with
one. So what people and models have said so far never passes through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steer.ports.policy import ToolKind

from steer_claude_code.models.conversation import Block, blocks_of, without_reminders
from steer_claude_code.names import Names

__all__ = ["PROMPT", "opened", "without_surroundings"]

PROMPT = "Go on with the conversation."
"""What the CLI is asked. A model reads it only where the CLI has summed up all that came before."""

_Body = dict[str, Any]


def opened(body: _Body, conversation: Sequence[Mapping[str, Any]]) -> _Body:
    """Return a request that begins with the conversation; unchanged if it does not with PROMPT.

    What the CLI tells besides its prompt stays, before the last message of the user.
    """
    first, *rest = body["messages"] or [{}]
    blocks = blocks_of(first)
    prompt = next((block for block in blocks if block.get("text") == PROMPT), None)
    if not conversation or first.get("role") != "user" or prompt is None:
        return body
    *before, last = ({**message, "content": [*blocks_of(message)]} for message in conversation)
    reminders = [block for block in blocks if block is not prompt]
    if last["role"] == "user":
        # Results of tools come first in a message.
        results = sum(block.get("type") == "tool_result" for block in last["content"])
        last["content"][results:results] = reminders
    if "cache_control" in prompt:
        last["content"][-1] = {**last["content"][-1], "cache_control": prompt["cache_control"]}
    return {**body, "messages": [*before, last, *rest]}


def without_surroundings(body: _Body, names: Names) -> _Body:
    """Return a request without what the CLI tells of machine, folder and day in its beginning.

    Where the model is offered tools of the CLI's own it needs to know, and the request stays.
    """
    tools = (str(tool.get("name")) for tool in body.get("tools") or ())
    kinds = {names.behind(names.for_cli(tool)).kind for tool in tools}
    if kinds & {ToolKind.NATIVE, ToolKind.AGENT} or not body["messages"]:
        return body
    first, *rest = body["messages"]
    if first.get("role") != "user":
        return body
    kept = [block for block in blocks_of(first) if not _is_reminder(block)]
    while rest and rest[0].get("role") == "system":
        del rest[0]
    return {**body, "messages": [{**first, "content": kept or first["content"]}, *rest]}


def _is_reminder(block: Block) -> bool:
    return block.get("type") == "text" and not without_reminders(block["text"]).strip()
