"""The conversation that each request repeats: in steer's words, in Acme's, and on record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from steer.errors import RuntimeFailure
from steer.values import JsonValue, Message, Role, TextPart, ToolCallPart, ToolResultPart

__all__ = ["Answer", "Asked", "encoded_messages"]


@dataclass(kw_only=True)
class Asked:
    """A tool call as the model wrote it."""

    id: str
    tool: str
    arguments: str = ""

    @property
    def decoded(self) -> JsonValue:
        """The arguments, or their text where that is no JSON."""
        try:
            return json.loads(self.arguments)
        except (ValueError, RecursionError):
            return self.arguments


@dataclass(kw_only=True)
class Answer:
    """An answer of the model: what later requests repeat of it, and what a replay needs."""

    text: str = ""
    calls: list[Asked] = field(default_factory=list)
    reason: str = ""

    def encode(self) -> bytes:
        """Return the answer as it is recorded."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, recorded: bytes) -> Answer:
        """Return the answer that was recorded."""
        data = json.loads(recorded)
        return cls(**data | {"calls": [Asked(**call) for call in data["calls"]]})

    def message(self) -> dict[str, Any]:
        """Return the answer as the next request repeats it."""
        return _by_agent(self.text, [asdict(call) for call in self.calls])


def encoded_messages(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """Yield a conversation in Acme's words. Raises ``RuntimeFailure`` for what Acme cannot read."""
    for message in messages:
        calls: list[dict[str, Any]] = []
        for part in message.content:
            match part:
                case ToolResultPart():
                    yield {"role": "tool", "request": part.call_id, "text": part.content}
                case ToolCallPart(call_id=call_id, tool=tool, arguments=arguments):
                    calls.append({"id": call_id, "tool": tool, "arguments": arguments})
                case TextPart():
                    pass
                case _:
                    raise RuntimeFailure(
                        f"acme reads text only, and was given a part of type {part.type}"
                    )
        if message.role is Role.ASSISTANT:
            yield _by_agent(message.text, calls)
        elif message.text:
            role = "system" if message.role is Role.SYSTEM else "user"
            yield {"role": role, "text": message.text}


def _by_agent(text: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "agent", "text": text}
    return said | {"tool_requests": calls} if calls else said
