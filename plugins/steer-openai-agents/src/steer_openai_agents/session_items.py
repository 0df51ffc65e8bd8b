"""What runs add to a session: the SDK's own items, and the same in steer's words."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents import RunItem, ToolApprovalItem
from pydantic_core import to_json, to_jsonable_python
from steer.ports.runtime import PastRun, Run
from steer.values import JsonValue, Message, Part, Role, TextPart, ToolCallPart, ToolResultPart

from steer_openai_agents.call_ids import told_apart
from steer_openai_agents.conversation import sdk_input

__all__ = ["items_of", "run_input", "said_in"]

_VERSION = 1

# What a provider did by itself has no output of its own in the conversation.
_BY_PROVIDER = "done by the provider"
_PICTURE = "a picture of the screen"
# What only the vendor's own models can read, or what nobody said.
_SILENT = frozenset(
    {
        "compaction",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_list_tools",
        "reasoning",
        "tool_search_output",
    }
)


def run_input(run: Run) -> str | list[Any]:
    """Return what the SDK's runner is given: the session's earlier runs, then what is asked."""
    if not run.past:
        return sdk_input(run.asked)
    before = [item for past in run.past for item in _past_items(past)]
    return told_apart([*before, *_listed(run.asked)])


def items_of(asked: Sequence[Message], new: Sequence[RunItem]) -> JsonValue:
    """Return all that a run adds, as the SDK would send it in its next request."""
    return {"v": _VERSION, "items": [*_listed(asked), *_added(new)]}


def said_in(new: Sequence[RunItem]) -> tuple[Message, ...]:
    """Return what a run says and does, in messages that any runtime understands.

    What only the vendor could read is left out: reasoning, and lists of tools.
    """
    items = _added(new)
    # In their order, because ids are used again.
    results: dict[str, deque[str]] = {}
    for item in items:
        if (told := _result(item)) is not None:
            results.setdefault(told[0], deque()).append(told[1])
    messages: list[Message] = []
    parts: list[Part] = []
    for number, item in enumerate(items, start=1):
        if not _is_output(item):
            parts.extend(_parts(item))
        if parts and (number == len(items) or _is_output(items[number])):
            messages.append(Message(role=Role.ASSISTANT, content=tuple(parts)))
            if read := tuple(_results(parts, results)):
                messages.append(Message(role=Role.TOOL, content=read))
            parts = []
    return tuple(messages)


def _added(new: Sequence[RunItem]) -> list[dict[str, Any]]:
    items = [item.to_input_item() for item in new if not isinstance(item, ToolApprovalItem)]
    return [to_jsonable_python(item, fallback=str) for item in items]


def _listed(messages: Sequence[Message]) -> list[Any]:
    given = sdk_input(messages)
    return given if isinstance(given, list) else [{"role": "user", "content": given}]


def _past_items(past: PastRun) -> list[Any]:
    kept = past.items
    if isinstance(kept, dict) and kept.get("v") == _VERSION:
        return list(kept["items"])
    return _listed(past.messages)


def _is_output(item: Mapping[str, Any]) -> bool:
    return str(item.get("type", "")).endswith("_call_output") and bool(item.get("call_id"))


def _parts(item: Mapping[str, Any]) -> Iterator[Part]:
    kind = item.get("type", "message")
    if kind in _SILENT:
        return
    if kind == "message":
        text = _text(item.get("content"))
        if text:
            yield TextPart(text=text)
    elif kind == "function_call":
        yield ToolCallPart(
            call_id=str(item["call_id"]), tool=str(item["name"]), arguments=str(item["arguments"])
        )
    elif kind == "mcp_call":
        yield ToolCallPart(
            call_id=str(item["id"]), tool=str(item["name"]), arguments=str(item["arguments"])
        )
    else:
        yield _native_call(item, str(kind))


def _native_call(item: Mapping[str, Any], kind: str) -> ToolCallPart:
    """Return the call of a tool of the vendor's own, with all that it says of itself."""
    call_id = item.get("call_id") or item.get("id") or kind
    plain = {
        name: value
        for name, value in item.items()
        if name not in {"id", "call_id", "type", "status"} and value is not None
    }
    name = item.get("name") or kind.removesuffix("_call")
    return ToolCallPart(call_id=str(call_id), tool=str(name), arguments=to_json(plain).decode())


def _results(parts: Sequence[Part], results: Mapping[str, deque[str]]) -> Iterator[ToolResultPart]:
    for part in parts:
        if isinstance(part, ToolCallPart):
            told = results.get(part.call_id)
            yield ToolResultPart(
                call_id=part.call_id, content=told.popleft() if told else _BY_PROVIDER
            )


def _result(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return which call an item tells the result of, and that."""
    if item.get("type") == "mcp_call":
        # The provider tells of its call, and of what came of it, in one.
        return str(item["id"]), _text(item.get("output") or item.get("error"))
    if not _is_output(item):
        return None
    if item["type"] == "computer_call_output":
        return str(item["call_id"]), _PICTURE
    output = item.get("output")
    text = output if isinstance(output, str) else _text(output) or to_json(output).decode()
    return str(item["call_id"]), text


def _text(content: Any) -> str:
    """Return the words of a message or an output, joined."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    said = (part.get("text") or part.get("refusal") for part in content if isinstance(part, dict))
    return "".join(text for text in said if isinstance(text, str))
