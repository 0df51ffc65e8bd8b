"""What runs add to a session: messages in the API's own form, and the same in steer's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_jsonable_python
from steer.ports.runtime import PastRun, Run
from steer.values import JsonValue, Message

from steer_claude_code.history.content import ApiMessage, api_messages, neutral_messages

__all__ = ["conversation_of", "said_and_items"]

_VERSION = 1
_THOUGHT = frozenset({"thinking", "redacted_thinking"})


def conversation_of(run: Run) -> list[ApiMessage]:
    """Return all that a run's model is to read at first: earlier runs, and what is asked.

    Tools have the names that models know. An id that was used before is written otherwise, since
    the API takes each only once. Raises ``ConfigError`` for a picture or file that no model of
    Anthropic's reads.
    """
    messages = [message for past in run.past for message in _past_messages(past)]
    return _told_apart([*messages, *api_messages(run.asked)])


def said_and_items(
    run: Run, spoken: Sequence[Mapping[str, Any]]
) -> tuple[tuple[Message, ...], JsonValue]:
    """Return what a run adds to its session after its question, and all that it adds.

    ``spoken`` is what the model said and was told, in the API's form.
    """
    items = {"v": _VERSION, "messages": [*api_messages(run.asked), *spoken]}
    return neutral_messages(spoken), to_jsonable_python(items, fallback=str)


def _past_messages(past: PastRun) -> list[ApiMessage]:
    kept = past.items
    if isinstance(kept, dict) and kept.get("v") == _VERSION:
        said = map(_without_thinking, kept["messages"])
        return [message for message in said if message["content"]]
    return api_messages(past.messages)


def _without_thinking(message: ApiMessage) -> ApiMessage:
    """Return a message of an earlier run without what only the model that wrote it may read."""
    content = [block for block in message["content"] if block.get("type") not in _THOUGHT]
    return {**message, "content": content}


def _told_apart(messages: Sequence[ApiMessage]) -> list[ApiMessage]:
    """Return messages in which each call has an id of its own."""
    used: set[str] = set()
    now: dict[str, str] = {}

    def renamed(block: Any) -> Any:
        match block:
            case {"type": "tool_use" | "server_tool_use", "id": str(call_id)}:
                now[call_id] = _unused(call_id, used)
                used.add(now[call_id])
                return {**block, "id": now[call_id]}
            case {"tool_use_id": str(call_id)}:
                return {**block, "tool_use_id": now.get(call_id, call_id)}
            case _:
                return block

    return [{**message, "content": list(map(renamed, message["content"]))} for message in messages]


def _unused(call_id: str, used: set[str]) -> str:
    name, number = call_id, 1
    while name in used:
        number += 1
        name = f"{call_id}-{number}"
    return name
