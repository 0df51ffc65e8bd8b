"""A conversation in steer's words, as the SDK's input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, assert_never

from steer.values import (
    FilePart,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

__all__ = ["sdk_input"]


def sdk_input(messages: Sequence[Message]) -> str | list[Any]:
    """Return the input of ``Runner.run``: the text of a lone question, else a list of items.

    A lone text stays one because input guardrails are given whatever the run was given.
    """
    match messages:
        case [Message(role=Role.USER, content=(TextPart(text=text),))]:
            return text
    return [item for message in messages for item in _items(message)]


def _items(message: Message) -> Iterator[dict[str, Any]]:
    spoken: list[Part] = []
    for part in message.content:
        match part:
            case ToolCallPart(call_id=call_id, tool=tool, arguments=arguments):
                yield from _spoken(message.role, spoken)
                spoken = []
                yield {
                    "type": "function_call",
                    "call_id": call_id,
                    "name": tool,
                    "arguments": arguments,
                }
            case ToolResultPart(call_id=call_id, content=content):
                yield from _spoken(message.role, spoken)
                spoken = []
                yield {"type": "function_call_output", "call_id": call_id, "output": content}
            case _:
                spoken.append(part)
    yield from _spoken(message.role, spoken)


def _spoken(role: Role, parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    if not parts:
        return
    # A tool says nothing but results; whatever else it holds is shown to the model as the user's.
    name = Role.USER if role is Role.TOOL else role
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    if len(texts) == len(parts) and (len(texts) == 1 or role is Role.ASSISTANT):
        yield {"role": name.value, "content": "".join(texts)}
    else:
        yield {"role": name.value, "content": [_content(part) for part in parts]}


def _content(part: Part) -> dict[str, Any]:
    match part:
        case TextPart(text=text):
            return {"type": "input_text", "text": text}
        case ImagePart(url=url, detail=detail):
            return {"type": "input_image", "image_url": url, "detail": detail}
        case FilePart(data=data, media_type=media_type, name=name):
            return {
                "type": "input_file",
                "filename": name,
                "file_data": f"data:{media_type};base64,{data}",
            }
        case ToolCallPart() | ToolResultPart():
            raise AssertionError("calls and results are items of their own")
        case _:
            assert_never(part)
