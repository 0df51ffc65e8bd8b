"""Chat Completions as the reference runtime reads and writes it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx2
from steer.errors import ErrorCategory, ProviderError
from steer.values import (
    FilePart,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

_CODES = {
    "rate_limit_exceeded": ErrorCategory.RATE_LIMIT,
    "server_error": ErrorCategory.SERVER_ERROR,
}


@dataclass(kw_only=True)
class Asked:
    """A tool call as the model wrote it."""

    call_id: str
    tool: str
    arguments: str = ""

    @property
    def decoded(self) -> Any:
        """The arguments, or their text where that is no JSON."""
        try:
            return json.loads(self.arguments)
        except ValueError:
            return self.arguments


@dataclass(kw_only=True)
class Spoken:
    """One part of a message."""

    kind: str
    text: str = ""


@dataclass(kw_only=True)
class Answer:
    """What a model answered, as far as it came."""

    parts: list[Spoken] = field(default_factory=list)
    calls: list[Asked] = field(default_factory=list)
    usage: Usage | None = None
    model: str | None = None
    response_id: str | None = None
    finish_reason: str = ""

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if part.kind != "reasoning")

    @property
    def message(self) -> dict[str, Any]:
        """The answer as later requests repeat it."""
        said: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.calls:
            said["tool_calls"] = [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {"name": call.tool, "arguments": call.arguments},
                }
                for call in self.calls
            ]
        return said

    def take_head(self, event: Mapping[str, Any]) -> None:
        self.model, self.response_id = event.get("model"), event.get("id")
        if (usage := event.get("usage")) is not None:
            of_input, of_output = usage["prompt_tokens_details"], usage["completion_tokens_details"]
            self.usage = Usage(
                requests=1,
                input_tokens=usage["prompt_tokens"],
                output_tokens=usage["completion_tokens"],
                cached_tokens=of_input["cached_tokens"],
                cache_write_tokens=of_input["cache_write_tokens"],
                reasoning_tokens=of_output["reasoning_tokens"],
            )

    def take_text(self, kind: str, text: str) -> int:
        """Add to the part that is being said, or begin one; return where the text stands."""
        if not self.parts or self.parts[-1].kind != kind:
            self.parts.append(Spoken(kind=kind))
        offset = len(self.parts[-1].text)
        self.parts[-1].text += text
        return offset

    def take_call(self, piece: Mapping[str, Any]) -> None:
        function = piece["function"]
        if piece["index"] == len(self.calls):
            self.calls.append(Asked(call_id=piece["id"], tool=function["name"]))
        self.calls[piece["index"]].arguments += function.get("arguments") or ""

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Answer:
        data = json.loads(encoded)
        usage = data.pop("usage")
        parts = [Spoken(**part) for part in data.pop("parts")]
        calls = [Asked(**call) for call in data.pop("calls")]
        return cls(
            parts=parts, calls=calls, usage=None if usage is None else Usage(**usage), **data
        )


async def events_in(response: httpx2.Response) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield the events of a stream up to its mark of the end, which has to come."""
    ended = False
    async with aclosing(lines_of(response)) as lines:
        async for line in lines:
            if line.startswith(b"data:"):
                event = read(line.removeprefix(b"data:").strip())
                if event is None:
                    # Read on: a connection whose answer was read to its end is used again.
                    ended = True
                else:
                    yield event
    if not ended:
        raise broken("it ended without its mark")


async def lines_of(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a stream. What else Unicode calls the end of a line is text there."""
    rest = b""
    pieces: Any = response.aiter_bytes()
    async with aclosing(pieces):
        async for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line


def read(said: bytes) -> Mapping[str, Any] | None:
    """Return one event, ``None`` for the mark of the end."""
    text = said.decode(errors="replace")
    if text == "[DONE]":
        return None
    try:
        event = json.loads(text)
    except ValueError as error:
        raise broken(f"it said {text[:40]!r}") from error
    if not isinstance(event, dict):
        raise broken(f"it said {text[:40]!r}")
    if (failure := event.get("error")) is not None:
        raise reported(failure)
    return event


def refused(response: httpx2.Response, body: bytes) -> ProviderError:
    """Return the error of a request that was answered with one."""
    said = body[:200].decode(errors="replace")
    return ProviderError.answered("reference", response.status_code, said, headers=response.headers)


def reported(failure: Mapping[str, Any]) -> ProviderError:
    """Return the error that came inside of a stream."""
    category = _CODES.get(str(failure.get("code")), ErrorCategory.SERVER_ERROR)
    return ProviderError(
        f"the provider failed in its answer: {failure.get('message')}",
        category=category,
        retryable=True,
        provider="reference",
    )


def broken(how: str) -> ProviderError:
    """Return the error of an answer that ended too early or arrived damaged."""
    return ProviderError(
        f"the answer broke off: {how}",
        category=ErrorCategory.NETWORK,
        retryable=True,
        provider="reference",
    )


def unreachable(error: Exception) -> ProviderError:
    """Return the error of a connection that was not made, or did not last."""
    return ProviderError(
        f"the connection failed: {error}",
        category=ErrorCategory.NETWORK,
        retryable=True,
        provider="reference",
    )


def encoded_messages(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """Yield a conversation as Chat Completions has it."""
    for message in messages:
        results = [part for part in message.content if isinstance(part, ToolResultPart)]
        for result in results:
            yield {"role": "tool", "tool_call_id": result.call_id, "content": result.content}
        calls = [part for part in message.content if isinstance(part, ToolCallPart)]
        spoken = [part for part in message.content if part not in calls and part not in results]
        if not spoken and not calls:
            continue
        role = Role.USER if message.role is Role.TOOL else message.role
        said: dict[str, Any] = {"role": role.value, "content": _content(spoken)}
        if calls:
            said["tool_calls"] = [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {"name": call.tool, "arguments": call.arguments},
                }
                for call in calls
            ]
        yield said


def _content(parts: Sequence[Part]) -> Any:
    if all(isinstance(part, TextPart) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, TextPart))
    return [_part(part) for part in parts]


def _part(part: Part) -> dict[str, Any]:
    match part:
        case ImagePart(url=url, detail=detail):
            return {"type": "image_url", "image_url": {"url": url, "detail": detail}}
        case FilePart(data=data, media_type=media_type, name=name):
            url = f"data:{media_type};base64,{data}"
            return {"type": "file", "file": {"filename": name, "file_data": url}}
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case _:
            raise AssertionError("calls and results are messages of their own")
