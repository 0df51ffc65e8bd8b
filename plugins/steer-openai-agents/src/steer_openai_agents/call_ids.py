"""Ids of calls, each for one call: of items with one id the SDK sends only the last.

Servers that are compatible with OpenAI's use ids again, in each run the same.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from agents.models.fake_id import FAKE_RESPONSES_ID

__all__ = ["call_ids_in", "told_apart", "unlike_earlier"]

_ITEM_EVENTS = frozenset({"response.output_item.added", "response.output_item.done"})


def call_ids_in(given: object) -> frozenset[str]:
    """Return the ids of the calls in the SDK's input, which may as well be a lone text."""
    if not isinstance(given, list):
        return frozenset()
    return frozenset(item[name] for item in given if (name := _name_of_id(item)) is not None)


def told_apart(items: list[Any]) -> list[Any]:
    """Return items in which each call has an id of its own, and each output that of its call.

    What is used once stays as it is. An output belongs to the last call before it with its id.
    """
    taken, used = set(call_ids_in(items)), set[str]()
    now: dict[str, str] = {}

    def renamed(item: Any) -> Any:
        name = _name_of_id(item)
        if name is None:
            return item
        said = item[name]
        if not item["type"].endswith("_output"):
            now[said] = _unlike(said, taken) if said in used else said
            used.add(said)
            taken.add(now[said])
        return item if now.get(said, said) == said else {**item, name: now[said]}

    return list(map(renamed, items))


def unlike_earlier(event: Any, earlier: frozenset[str]) -> Any:
    """Return an event of a model's stream in which no call has the id of an ``earlier`` one.

    One id always becomes the same other one: what the SDK makes of an id that a run uses twice is
    the SDK's affair, and a run that goes on after a crash finds what it had.
    """
    if not earlier:
        return event
    if event.type in _ITEM_EVENTS:
        item = _renamed(event.item, earlier)
        return event if item is event.item else event.model_copy(update={"item": item})
    if event.type == "response.completed":
        response = event.response
        response.output = [_renamed(item, earlier) for item in response.output]
    return event


def _renamed(item: Any, earlier: frozenset[str]) -> Any:
    # In events that nobody needs, an item is a dict, as it was on the wire.
    ids = {each: getattr(item, each, None) for each in ("type", "call_id", "id")}
    name = _name_of_id(ids)
    if name is None or (said := str(ids[name])) not in earlier:
        return item
    return item.model_copy(update={name: _unlike(said, earlier)})


def _name_of_id(item: Any) -> str | None:
    """Return the field with the id of a call that an item makes or answers, ``None`` without one.

    Calls that the provider makes by itself have no other id than their item's.
    """
    if not isinstance(item, Mapping) or not isinstance(kind := item.get("type"), str):
        return None
    if isinstance(item.get("call_id"), str):
        return "call_id"
    own = item.get("id")
    by_provider = kind.endswith("_call") and isinstance(own, str) and own != FAKE_RESPONSES_ID
    return "id" if by_provider else None


def _unlike(call_id: str, used: Container[str]) -> str:
    name, number = call_id, 1
    while name in used:
        number += 1
        name = f"{call_id}-{number}"
    return name
