"""How the reference runtime goes on with a session, and what it adds to one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runtime_reference_wire import encoded_messages
from steer.ports.runtime import Run
from steer.values import JsonValue, Message, Part, Role, TextPart, ToolCallPart, ToolResultPart

__all__ = ["kept_by", "opening_of", "said_in"]


def opening_of(run: Run) -> list[dict[str, Any]]:
    """Return what the first request says: earlier runs as they were kept, then the question."""
    messages: list[dict[str, Any]] = []
    for past in run.past:
        kept: Any = past.items
        messages.extend(encoded_messages(past.messages) if kept is None else kept["messages"])
    return [*messages, *encoded_messages(run.asked)]


def kept_by(run: Run, added: Sequence[dict[str, Any]]) -> JsonValue:
    """Return all that a run adds, as its requests have it."""
    return {"messages": [*encoded_messages(run.asked), *added]}


def said_in(added: Sequence[dict[str, Any]]) -> tuple[Message, ...]:
    """Return the same in steer's words, without the question."""
    return tuple(
        Message(role=Role(each["role"]), content=content)
        for each in added
        if (content := tuple(_parts(each)))
    )


def _parts(said: dict[str, Any]) -> Iterator[Part]:
    if said["role"] == "tool":
        yield ToolResultPart(call_id=said["tool_call_id"], content=said["content"])
        return
    if said["content"]:
        yield TextPart(text=said["content"])
    for call in said.get("tool_calls", ()):
        function = call["function"]
        yield ToolCallPart(
            call_id=call["id"], tool=function["name"], arguments=function["arguments"]
        )
