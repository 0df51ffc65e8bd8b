"""Reading the JSON of a request, which may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steer_conformance.provider.request import Message, Role, Unacceptable

__all__ = ["as_message", "as_text", "objects", "required"]

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


def required(body: Mapping[str, Any], *names: str) -> None:
    """Refuse a request that leaves out what the vendor insists on.

    Raises:
        Unacceptable: naming the first field that is missing.
    """
    for name in names:
        if body.get(name) is None:
            raise Unacceptable(f"Missing required parameter: '{name}'.")


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in a list, in order; anything else has none."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))


def as_text(content: Any) -> str:
    """The text of a content field: a string, or the texts of its blocks joined."""
    if isinstance(content, str):
        return content
    blocks: Iterable[Mapping[str, Any]] = objects(content)
    return "".join(text for block in blocks if isinstance(text := block.get("text"), str))


def as_message(item: Mapping[str, Any]) -> Message | None:
    """A message of the conversation, or None for an item that is something else."""
    role = _ROLES.get(str(item.get("role")))
    return Message(role, as_text(item.get("content"))) if role else None
