"""The stream of one model request, as steer's events.

All models of the SDK stream in the form of OpenAI's Responses, whatever they speak on the wire
(https://platform.openai.com/docs/api-reference/responses-streaming).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from pydantic_core import to_json
from steer.events import ModelBlockDone, ModelReasoning, ModelToken, Unknown

from steer_openai_agents.frame import Frame

__all__ = ["PLAIN", "Narrator"]


# Where the calls of the SDK's own tools say what is to be done.
_ASKED = ("action", "actions", "operation", "operations")


class _Part:
    """A part of the message that is being written: its index, and how much was said of it."""

    __slots__ = ("index", "said")

    def __init__(self, index: int) -> None:
        self.index = index
        self.said = 0


class Narrator:
    """Tells what one request streams.

    Parts are numbered in the order in which they begin. What arrives without deltas is told when
    its item is done, so that the deltas always add up to the message.
    """

    __slots__ = ("_agent", "_call", "_done", "_frame", "_parts")

    def __init__(self, frame: Frame, call: str, agent: str | None) -> None:
        self._frame = frame
        self._call = call
        self._agent = agent
        self._parts: dict[Hashable, _Part] = {}
        self._done: set[int] = set()

    def tell(self, event: Any) -> None:
        """Tell one event of the stream."""
        handler = _HANDLERS.get(event.type, Narrator._strange)
        if handler is not None:
            handler(self, event)

    def finish(self, output: list[Any]) -> None:
        """Tell what a server that only sends the whole message said."""
        if not self._done:
            for index, item in enumerate(output):
                self._item(index, item)

    def _text(self, event: Any) -> None:
        self._say(ModelToken, (event.output_index, event.content_index), event.delta)

    def _summary(self, event: Any) -> None:
        self._say(ModelReasoning, (event.output_index, "summary", event.summary_index), event.delta)

    def _reasoning(self, event: Any) -> None:
        self._say(ModelReasoning, (event.output_index, "text", event.content_index), event.delta)

    def _say(self, kind: type[ModelToken | ModelReasoning], key: Hashable, text: str) -> _Part:
        part = self._part(key)
        if text:
            data = kind(call=self._call, part=part.index, offset=part.said, text=text)
            part.said += len(text)
            self._frame.emit(data, agent=self._agent)
        return part

    def _part(self, key: Hashable) -> _Part:
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = _Part(len(self._parts))
        return part

    def _item_done(self, event: Any) -> None:
        self._item(event.output_index, event.item)

    def _item(self, index: int, item: Any) -> None:
        self._done.add(index)
        match item.type:
            case "message":
                for place, content in enumerate(item.content):
                    kind = "refusal" if content.type == "refusal" else "text"
                    text = content.refusal if kind == "refusal" else content.text
                    self._close(ModelToken, kind, (index, place), text)
            case "reasoning":
                for place, summary in enumerate(item.summary or ()):
                    self._close(
                        ModelReasoning, "reasoning", (index, "summary", place), summary.text
                    )
                for place, content in enumerate(getattr(item, "content", None) or ()):
                    self._close(ModelReasoning, "reasoning", (index, "text", place), content.text)
            case "function_call":
                self._call_of(index, item.call_id, item.name, item.arguments)
            case "custom_tool_call":
                self._call_of(index, item.call_id, item.name, item.input)
            case "mcp_approval_request":
                self._call_of(index, item.id, item.name, item.arguments)
            case "shell_call" | "local_shell_call" | "apply_patch_call" | "computer_call" as kind:
                asked = item.model_dump(mode="json", exclude_unset=True, warnings=False)
                arguments = {name: asked[name] for name in _ASKED if asked.get(name) is not None}
                tool = kind.removesuffix("_call")
                self._call_of(index, item.call_id, tool, to_json(arguments).decode())
            case name:
                self._unknown(f"item.{name}", item)

    def _call_of(self, index: int, call_id: str, tool: str, arguments: str) -> None:
        part = self._part((index, "call"))
        self._block(part, "tool_call", call_id=call_id, tool=tool, arguments=arguments)

    def _close(
        self,
        saying: type[ModelToken | ModelReasoning],
        kind: str,
        key: Hashable,
        text: str,
    ) -> None:
        part = self._part(key)
        self._say(saying, key, text[part.said :])
        self._block(part, kind)

    def _block(self, part: _Part, kind: Any, **details: str) -> None:
        self._frame.emit(
            ModelBlockDone(call=self._call, part=part.index, kind=kind, **details),
            agent=self._agent,
        )

    def _strange(self, event: Any) -> None:
        self._unknown(event.type, event)

    def _unknown(self, name: str, raw: Any) -> None:
        data = Unknown(
            source="openai-agents", name=name, raw=raw.model_dump(mode="json", warnings=False)
        )
        self._frame.emit(data, agent=self._agent)


# ruff: noqa: SLF001 - the table belongs to the class above, and lies outside to be made once
# None is for what another event says again: beginnings, ends, and pieces of a call's arguments.
_HANDLERS: dict[str, Callable[[Narrator, Any], None] | None] = {
    "response.output_text.delta": Narrator._text,
    "response.refusal.delta": Narrator._text,
    "response.reasoning_summary_text.delta": Narrator._summary,
    "response.reasoning_text.delta": Narrator._reasoning,
    "response.output_item.done": Narrator._item_done,
    "response.created": None,
    "response.queued": None,
    "response.in_progress": None,
    "response.output_item.added": None,
    "response.content_part.added": None,
    "response.content_part.done": None,
    "response.output_text.done": None,
    "response.refusal.done": None,
    "response.reasoning_summary_part.added": None,
    "response.reasoning_summary_part.done": None,
    "response.reasoning_summary_text.done": None,
    "response.reasoning_text.done": None,
    "response.function_call_arguments.delta": None,
    "response.function_call_arguments.done": None,
    "response.custom_tool_call_input.delta": None,
    "response.custom_tool_call_input.done": None,
    "response.completed": None,
}

PLAIN = frozenset(
    name
    for name, handler in _HANDLERS.items()
    if name.endswith(".delta") or (handler is None and name != "response.completed")
)
"""Events of which no more is read than their type, or plain texts and numbers beside it."""
