"""A request of the CLI, and what becomes of it before it goes to the provider: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from steer.errors import RuntimeFailure
from steer.values import JsonValue

from steer_claude_code.agent.asking import Asking
from steer_claude_code.calls import Place, Told
from steer_claude_code.models.conversation import Block, blocks_of
from steer_claude_code.names import Names
from steer_claude_code.wire_json import read_json

__all__ = [
    "Body",
    "for_model",
    "formatted",
    "input_bound",
    "limited",
    "offered",
    "read_request",
    "with_ids",
    "with_told",
]

Body: TypeAlias = dict[str, Any]

_LEAST_THOUGHT = 1024
"""The least number of tokens that the API takes as a budget for thinking."""

_ADDED_TOKENS = 1024
"""What the API adds to a request at the most, to explain tools and schemas to the model."""

_PLAIN = frozenset({"text", "thinking", "redacted_thinking", "tool_use", "tool_result"})
# What makes the provider add something of its own to the request.
_KEPT_ELSEWHERE = ("mcp_servers", "container")


def read_request(content: bytes) -> Body:
    """Return the body of a request; ``RuntimeFailure`` where it is none for a message."""
    try:
        body = read_json(content)
    except ValueError:
        body = None
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("model"), str)
        or not isinstance(body.get("max_tokens"), int)
        or not isinstance(body.get("messages"), list)
        or not all(_is_message(message) for message in body["messages"])
    ):
        raise RuntimeFailure("the CLI asked a model for something that is no message")
    return body


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and isinstance(message.get("role"), str)
        and all(isinstance(block, dict) for block in blocks_of(message))
    )


def for_model(body: Body, names: Names) -> Body:
    """Return a request with the names of tools that models know."""
    changed = {**body, "messages": [_renamed(each, names) for each in body["messages"]]}
    if isinstance(tools := body.get("tools"), list):
        changed["tools"] = [_named(tool, names) for tool in tools]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        changed["tool_choice"] = _named(choice, names)
    return changed


def _named(thing: dict[str, Any], names: Names) -> dict[str, Any]:
    name = thing.get("name")
    return {**thing, "name": names.for_model(name)} if isinstance(name, str) else thing


def _renamed(message: dict[str, Any], names: Names) -> dict[str, Any]:
    if message["role"] != "assistant":
        return message
    return _with_blocks(
        message, lambda block: _named(block, names) if block.get("type") == "tool_use" else block
    )


def with_ids(body: Body, id_of: Callable[[str], str]) -> Body:
    """Return a request whose calls and results have other ids."""

    def renamed(block: Block) -> Block:
        match block:
            case {"type": "tool_use", "id": str(call_id)}:
                return {**block, "id": id_of(call_id)}
            case {"type": "tool_result", "tool_use_id": str(call_id)}:
                return {**block, "tool_use_id": id_of(call_id)}
            case _:
                return block

    return {**body, "messages": [_with_blocks(each, renamed) for each in body["messages"]]}


def with_told(body: Body, told: Callable[[str], Told | None]) -> Body:
    """Return a request in which models read of each call what they are to read of it.

    ``told`` returns what is to stand in the place of what the CLI says of a call, ``None`` where
    that stays.
    """

    def replaced(block: Block) -> Block:
        each = told(block["tool_use_id"]) if block.get("type") == "tool_result" else None
        if each is None:
            return block
        kept = {name: value for name, value in block.items() if name != "is_error"}
        return {**kept, "content": each.content, **({"is_error": True} if each.is_error else {})}

    return {**body, "messages": [_with_blocks(each, replaced) for each in body["messages"]]}


def _with_blocks(message: dict[str, Any], change: Callable[[Block], Block]) -> dict[str, Any]:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [change(block) for block in content]}


def offered(body: Body, asking: Asking, place: Place) -> Body:
    """Return a request that offers an agent no tool which only its subagents have."""
    tools = body.get("tools")
    if place.path or not asking.delegated or not isinstance(tools, list):
        return body
    delegated = {asking.names.for_model(name) for name in asking.delegated}
    return {**body, "tools": [tool for tool in tools if tool.get("name") not in delegated]}


def limited(body: Body, max_tokens: int) -> Body:
    """Return a request that asks for no longer an answer than this, thinking included."""
    changed = {**body, "max_tokens": max_tokens}
    thinking = body.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if not isinstance(budget, int) or not isinstance(thinking, dict) or budget < max_tokens:
        return changed
    if max_tokens > _LEAST_THOUGHT:
        changed["thinking"] = {**thinking, "budget_tokens": max_tokens - 1}
        return changed
    changed["thinking"] = {"type": "disabled"}
    management = body.get("context_management")
    if isinstance(management, dict) and isinstance(edits := management.get("edits"), list):
        # What is to become of thinking cannot be said where there is none.
        left = [edit for edit in edits if not str(edit.get("type")).startswith("clear_thinking")]
        changed["context_management"] = {**management, "edits": left}
        if not left:
            del changed["context_management"]
    return changed


def formatted(body: Body, schema: Mapping[str, JsonValue]) -> Body:
    """Return a request whose answer has to fit a JSON schema."""
    config = body.get("output_config")
    given = config if isinstance(config, dict) else {}
    asked = {"type": "json_schema", "schema": dict(schema)}
    return {**body, "output_config": {**given, "format": asked}}


def input_bound(body: Body, size: int) -> int | None:
    """Return an upper bound of the input of a request of so many bytes, in tokens.

    A token is at least a byte. There is no bound where the request holds a picture or a file,
    offers tools that the provider runs or describes by itself, or refers to what it keeps.
    """
    if any(body.get(name) for name in _KEPT_ELSEWHERE):
        return None
    tools = body.get("tools")
    if isinstance(tools, list) and any(tool.get("type", "custom") != "custom" for tool in tools):
        return None
    blocks = [block for message in body["messages"] for block in blocks_of(message)]
    if not all(_is_plain(block) for block in blocks):
        return None
    return size + _ADDED_TOKENS


def _is_plain(block: Block) -> bool:
    if block.get("type") == "tool_result":
        return all(_is_plain(each) for each in blocks_of(block))
    return block.get("type") in _PLAIN
