"""The output items of a Responses answer, and the events that each is streamed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from steer_conformance.provider.parts import Part, Reasoning, Refusal, Text, ToolCall
from steer_conformance.provider.replies import Turn
from steer_conformance.provider.request import Request

__all__ = ["Item", "Section", "items"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A run of deltas inside an item: the names of its events, and what they carry.

    ``added`` and ``ended`` frame it where the format has such events (arguments have none).
    ``place`` says where in the item it stands; the whole ``text`` is repeated when it is done,
    under the name ``repeated_as``.
    """

    text: str
    delta: str
    done: str
    repeated_as: str
    added: str = ""
    ended: str = ""
    place: Mapping[str, int] = field(default_factory=dict)
    opened: Mapping[str, Any] = field(default_factory=dict)
    closed: Mapping[str, Any] = field(default_factory=dict)
    delta_fields: Mapping[str, Any] = field(default_factory=dict)
    done_fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """An output item, as it is when it opens and when it is done."""

    id: str
    opened: Mapping[str, Any]
    closed: Mapping[str, Any]
    sections: tuple[Section, ...]


def items(turn: Turn, request: Request) -> Iterator[Item]:
    """The items of a turn: one message for neighbouring texts and refusals, one item for others."""
    # The last item of an answer that was cut short is itself incomplete.
    whole = turn.stop not in {"max_tokens", "content_filter", "context_window", "failed"}
    groups = [list(parts) for _, parts in groupby(enumerate(turn.parts), _group)]
    calls = 0
    for index, numbered in enumerate(groups):
        status = "completed" if whole or index < len(groups) - 1 else "incomplete"
        number = f"{request.index}_{index + 1}"
        parts = [part for _, part in numbered]
        first = parts[0]
        if isinstance(first, ToolCall):
            calls += 1
            call_id = first.id or f"call_{request.index}_{calls}"
            yield _function_call(first, f"fc_{number}", call_id, status)
        elif isinstance(first, Reasoning):
            yield _reasoning(first, f"rs_{number}", request)
        else:
            yield _message(parts, f"msg_{number}", status)


def _group(numbered: tuple[int, Part]) -> int:
    """Texts and refusals share a group with their neighbours; anything else stands alone."""
    position, part = numbered
    return -1 if isinstance(part, Text | Refusal) else position


def _message(parts: list[Part], item_id: str, status: str) -> Item:
    sections = tuple(_content(part, index) for index, part in enumerate(parts))
    fields = {"id": item_id, "type": "message", "role": "assistant"}
    return Item(
        id=item_id,
        opened=fields | {"status": "in_progress", "content": []},
        closed=fields | {"status": status, "content": [section.closed for section in sections]},
        sections=sections,
    )


def _content(part: Part, index: int) -> Section:
    if isinstance(part, Refusal):
        return Section(
            added="response.content_part.added",
            ended="response.content_part.done",
            text=part.text,
            delta="response.refusal.delta",
            done="response.refusal.done",
            repeated_as="refusal",
            place={"content_index": index},
            opened={"type": "refusal", "refusal": ""},
            closed={"type": "refusal", "refusal": part.text},
        )
    text = {"type": "output_text", "annotations": [], "logprobs": []}
    return Section(
        added="response.content_part.added",
        ended="response.content_part.done",
        text=part.wire,
        delta="response.output_text.delta",
        done="response.output_text.done",
        repeated_as="text",
        place={"content_index": index},
        opened=text | {"text": ""},
        closed=text | {"text": part.wire},
        delta_fields={"logprobs": []},
        done_fields={"logprobs": []},
    )


def _function_call(call: ToolCall, item_id: str, call_id: str, status: str) -> Item:
    fields = {"id": item_id, "type": "function_call", "call_id": call_id, "name": call.name}
    return Item(
        id=item_id,
        opened=fields | {"arguments": "", "status": "in_progress"},
        closed=fields | {"arguments": call.wire, "status": status},
        sections=(
            Section(
                text=call.wire,
                delta="response.function_call_arguments.delta",
                done="response.function_call_arguments.done",
                repeated_as="arguments",
                done_fields={"name": call.name},
            ),
        ),
    )


def _reasoning(part: Reasoning, item_id: str, request: Request) -> Item:
    summary = {"type": "summary_text", "text": part.text}
    fields: dict[str, Any] = {"id": item_id, "type": "reasoning"}
    if "reasoning.encrypted_content" in (request.body.get("include") or ()):
        fields["encrypted_content"] = part.signature
    return Item(
        id=item_id,
        opened=fields | {"summary": []},
        closed=fields | {"summary": [summary]},
        sections=(
            Section(
                text=part.text,
                added="response.reasoning_summary_part.added",
                delta="response.reasoning_summary_text.delta",
                done="response.reasoning_summary_text.done",
                ended="response.reasoning_summary_part.done",
                repeated_as="text",
                place={"summary_index": 0},
                opened=summary | {"text": ""},
                closed=summary,
            ),
        ),
    )
