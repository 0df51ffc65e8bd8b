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

    A lone text stays one because input guardrails are given whatever the run was given. The
    conversation is one that an ``ExecutionRequest`` accepts.
    """
    match messages:
        case [Message(role=Role.USER, content=(TextPart(text=text),))]:
            return text
    return [item for message in messages for item in _items(message)]


def _items(message: Message) -> Iterator[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    spoken: list[Part] = []
    for part in message.content:
        match part:
            case ToolCallPart(call_id=call_id, tool=tool, arguments=arguments):
                calls.append(
                    {
                        "type": "function_call",
                        "call_id": call_id,
                        "name": tool,
                        "arguments": arguments,
                    }
                )
            case ToolResultPart(call_id=call_id, content=content):
                yield {"type": "function_call_output", "call_id": call_id, "output": content}
            case _:
                spoken.append(part)
    if spoken:
        yield {"role": message.role.value, "content": _content(message.role, spoken)}
    # After the words: Chat has no order between the two, and refuses words between a call and
    # its result.
    yield from calls


def _content(role: Role, parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    # Of an assistant, Responses takes a list only of what it said itself, with ids.
    if len(texts) == len(parts) and (len(texts) == 1 or role is Role.ASSISTANT):
        return "".join(texts)
    return [_content_part(part) for part in parts]


def _content_part(part: Part) -> dict[str, Any]:
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
