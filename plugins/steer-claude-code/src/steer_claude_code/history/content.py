"""A conversation in steer's words and in the API's own form."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from pydantic_core import from_json
from steer.errors import ConfigError
from steer.values import (
    FilePart,
    ImagePart,
    JsonValue,
    Message,
    Part,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    encode_json,
)

__all__ = ["ApiMessage", "api_messages", "neutral_messages", "text_in"]

ApiMessage: TypeAlias = dict[str, Any]
"""A message as the API takes it: ``role``, and ``content`` as blocks."""

_PICTURES = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})
_DATA_URL = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)
# What the API takes in ids of calls and names of tools; other vendors write them otherwise.
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_NO_RESULT = "there is no result of this call"
_BY_PROVIDER = "done by the provider"
_NOT_TEXT = {"image": "a picture", "document": "a document"}


# ---- to the API --------------------------------------------------------------------------------


def api_messages(messages: Sequence[Message]) -> list[ApiMessage]:
    """Return a conversation in the API's form, tools by the names that models know.

    The API has no message of the system among others: its words become the user's, marked.
    Raises ``ConfigError`` for a picture or file that no model of Anthropic's reads.
    """
    found = []
    for message in messages:
        # The API refuses texts that are empty.
        blocks = [block for block in _blocks(message) if block.get("text") != ""]
        if blocks:
            role = "assistant" if message.role is Role.ASSISTANT else "user"
            found.append({"role": role, "content": blocks})
    return found


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    for part in message.content:
        block = _block(part)
        if message.role is Role.SYSTEM and block["type"] == "text" and block["text"]:
            block["text"] = f"[Message of the system]\n{block['text']}"
        yield block


def _block(part: Part) -> dict[str, Any]:
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImagePart(url=url):
            return {"type": "image", "source": _picture(url)}
        case FilePart():
            return _document(part)
        case ToolCallPart(call_id=call_id, tool=tool, arguments=arguments):
            return {
                "type": "tool_use",
                "id": _FOREIGN.sub("_", call_id),
                "name": _FOREIGN.sub("_", tool),
                "input": _input(arguments),
            }
        case ToolResultPart(call_id=call_id, content=content, is_error=is_error):
            return {
                "type": "tool_result",
                "tool_use_id": _FOREIGN.sub("_", call_id),
                "content": content,
                **({"is_error": True} if is_error else {}),
            }
        case _:
            assert_never(part)


def _picture(url: str) -> dict[str, str]:
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    found = _DATA_URL.fullmatch(url)
    if found is None or found[1] not in _PICTURES:
        what = found[1] if found else "no base64"
        raise ConfigError(
            f"a picture of the conversation is {what or 'of no type'}, which Claude cannot read",
            fix=f"Give it as one of {', '.join(sorted(_PICTURES))}",
        )
    return {"type": "base64", "media_type": found[1], "data": found[2]}


def _document(part: FilePart) -> dict[str, Any]:
    source: dict[str, str]
    if part.media_type == "application/pdf":
        source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    elif part.media_type.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _text_of(part)}
    else:
        raise ConfigError(
            f"the file {part.name!r} is {part.media_type}, which Claude cannot read",
            fix="Give it as a PDF or as text",
        )
    return {"type": "document", "source": source, "title": part.name}


def _text_of(part: FilePart) -> str:
    try:
        return base64.b64decode(part.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the file {part.name!r} is said to be {part.media_type}, and is no text: {error}",
            fix="Give it in UTF-8, as base64",
        ) from error


def _input(arguments: str) -> dict[str, Any]:
    try:
        value = from_json(arguments)
    except ValueError:
        value = arguments
    # The API takes nothing but an object, and a model may have written anything.
    return value if isinstance(value, dict) else {"arguments": value}


# ---- from the API ------------------------------------------------------------------------------


def neutral_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Return what the model said and was told, in messages that any runtime understands.

    What only the vendor can read is left out, and so is what the CLI itself tells the model.
    """
    said: list[Message] = []
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        blocks = _listed(message["content"])
        parts = tuple(part for block in blocks if (part := _part(block)) is not None)
        if not parts:
            continue
        said.append(Message(role=Role.ASSISTANT, content=parts))
        results = _results(messages[number + 1 :])
        told = tuple(
            results.get(part.call_id) or _missing(part.call_id, blocks)
            for part in parts
            if isinstance(part, ToolCallPart)
        )
        if told:
            said.append(Message(role=Role.TOOL, content=told))
    return tuple(said)


def _part(block: Mapping[str, Any]) -> Part | None:
    match block:
        case {"type": "text", "text": str(text)} if text:
            return TextPart(text=text)
        case {"type": "tool_use" | "server_tool_use", "id": call_id, "name": name}:
            arguments = encode_json(block.get("input", {})).decode()
            return ToolCallPart(call_id=call_id, tool=name, arguments=arguments)
        case _:
            return None


def _results(following: Sequence[Mapping[str, Any]]) -> dict[str, ToolResultPart]:
    """Return what the user's messages before the next one of the assistant tell of calls."""
    found: dict[str, ToolResultPart] = {}
    for message in following:
        if message["role"] == "assistant":
            break
        for block in _listed(message["content"]):
            if block.get("type") == "tool_result":
                call_id = block["tool_use_id"]
                found[call_id] = ToolResultPart(
                    call_id=call_id,
                    content=text_in(block.get("content")),
                    is_error=block.get("is_error") is True,
                )
    return found


def _missing(call_id: str, blocks: Sequence[Mapping[str, Any]]) -> ToolResultPart:
    served = any(
        block.get("type") == "server_tool_use" and block.get("id") == call_id for block in blocks
    )
    return ToolResultPart(call_id=call_id, content=_BY_PROVIDER if served else _NO_RESULT)


def text_in(content: JsonValue) -> str:
    """Return the words of a message or a tool result; of what else is there, that it is there."""
    texts = []
    for block in _listed(content):
        text = block.get("text")
        if isinstance(text, str):
            texts.append(text)
        elif (kind := block.get("type")) != "text":
            texts.append(f"[{_NOT_TEXT.get(str(kind), str(kind))}]")
    return "\n".join(texts)


def _listed(content: JsonValue) -> list[Mapping[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or () if isinstance(block, Mapping)]
