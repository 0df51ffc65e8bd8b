"""The conversation of a request: what of it counts, and what the CLI only adds to it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from steer.values import well_formed

from steer_claude_code.calls import Told

__all__ = ["Block", "blocks_of", "digest", "newest_results", "newest_said", "without_reminders"]

Block = dict[str, Any]

# Where the CLI keeps this conversation: it tells a model after it has had one summed up. A word is
# looked at from its beginning alone, or a long one would take the square of its length.
_TRANSCRIPT = re.compile(
    r"(?<!\S)\S*?/projects/[^\s/]+/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl"
)

_BILLING = "x-anthropic-billing-header:"
_LEFT = re.compile(r"<total_tokens>[^<]*</total_tokens>")

_COUNT = re.compile(
    r"<system-reminder>\n<total_tokens>\d+ tokens left</total_tokens>\n</system-reminder>\Z"
)

_OPENS, _CLOSES = "<system-reminder>", "</system-reminder>"
_THOUGHT = frozenset({"thinking", "redacted_thinking"})


def digest(body: Mapping[str, Any]) -> str:
    """Return what names a request under replay.

    It covers the model, its instructions, and what user and assistant say to each other. Left out
    is what differs from process to process: the CLI's reminders, the name of its transcript, marks
    of the cache, and the order of the results of one message, which is the order in which the calls
    ended. Thinking is the provider's to keep or drop.
    """
    turns: list[tuple[str, list[Any]]] = []
    for message in body["messages"]:
        role = message["role"]
        if role == "system":
            continue
        parts = [_compared(block) for block in blocks_of(message)]
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        else:
            turns.append((role, parts))
    compared = [
        (role, sorted((part for part in parts if part is not None), key=_place))
        for role, parts in turns
    ]
    told = [body["model"], _instructions(body), compared]
    # Half of a surrogate pair is replaced in every record, and so in what a replay tells.
    text = well_formed(json.dumps(told, ensure_ascii=False))
    return hashlib.sha256(text.encode()).hexdigest()


def _instructions(body: Mapping[str, Any]) -> list[str]:
    """Return what the agent is instructed, without what the CLI counts there."""
    texts = (block.get("text", "") for block in blocks_of({"content": body.get("system")}))
    return [_LEFT.sub("", text).strip() for text in texts if not text.startswith(_BILLING)]


def _place(part: Any) -> str:
    """Put results first, by call, and leave all else in its order."""
    return part[1] if part[0] == "tool_result" else "\U0010ffff"


def _compared(block: Block) -> list[Any] | None:
    """Return what counts of a block, ``None`` where nothing does."""
    kind = block.get("type")
    if kind in _THOUGHT:
        return None
    if kind == "text":
        text = _TRANSCRIPT.sub("transcript", without_reminders(block["text"]).strip())
        return ["text", text] if text else None
    if kind == "tool_use":
        return ["tool_use", block["id"], block["name"], _sorted(block["input"])]
    if kind == "tool_result":
        parts = (_compared(each) for each in blocks_of(block))
        said = [part for part in parts if part is not None]
        return ["tool_result", block["tool_use_id"], bool(block.get("is_error")), said]
    rest = {name: value for name, value in block.items() if name != "cache_control"}
    return [str(kind), _sorted(rest)]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def blocks_of(holder: Mapping[str, Any]) -> list[Block]:
    """Return the content of a message or a tool result as blocks."""
    content = holder.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def without_reminders(text: str) -> str:
    """Return a text without the reminders that the CLI puts at its end, or that are all of it."""
    end = len(text)
    while (bare := _stripped(text, end)) and text.endswith(_CLOSES, 0, bare):
        start = text.rfind(_OPENS, 0, bare)
        if start < 0:
            break
        end = _stripped(text, start)
    return text[:end]


def _stripped(text: str, end: int) -> int:
    """Return where a text ends that is ``end`` letters long, without the space at its end."""
    while end and text[end - 1].isspace():
        end -= 1
    return end


def _said_by_user(message: Mapping[str, Any]) -> list[Block]:
    """Return what a message of the user says without what the CLI adds."""
    return [each for block in blocks_of(message) if (each := _kept(block)) is not None]


def _kept(block: Block) -> Block | None:
    kept = {name: value for name, value in block.items() if name != "cache_control"}
    match kept.get("type"):
        case "text":
            kept["text"] = without_reminders(kept["text"])
            return kept if kept["text"].strip() else None
        case "tool_result":
            content = kept.get("content")
            if isinstance(content, str):
                kept["content"] = _without_count(content)
            elif isinstance(content, list):
                kept["content"] = [each for inner in content if (each := _told(inner)) is not None]
            return kept
        case _:
            return kept


def _told(block: Block) -> Block | None:
    """Return a block of a tool's result; a reminder in there may be the tool's own words."""
    kept = {name: value for name, value in block.items() if name != "cache_control"}
    if kept.get("type") == "text":
        kept["text"] = _without_count(kept["text"])
        return kept if kept["text"].strip() else None
    return kept


def _without_count(text: str) -> str:
    """Return what a tool has said, without the count that the CLI adds to it."""
    found = _COUNT.search(text)
    return text if found is None else text[: found.start()].removesuffix("\n\n")


def newest_results(body: Mapping[str, Any]) -> dict[str, Told]:
    """Return the results of the calls of the last message of the assistant, by call."""
    return {
        block["tool_use_id"]: Told(
            content=block.get("content", ""), is_error=bool(block.get("is_error"))
        )
        for block in newest_said(body)
        if block.get("type") == "tool_result"
    }


def newest_said(body: Mapping[str, Any]) -> list[Block]:
    """Return what the user says after the last message of the assistant, nothing without one."""
    said: list[Block] | None = None
    for message in body["messages"]:
        if message["role"] == "assistant":
            said = []
        elif message["role"] == "user" and said is not None:
            said += _said_by_user(message)
    return said or []
