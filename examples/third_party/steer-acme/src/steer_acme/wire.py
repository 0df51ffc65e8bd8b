"""What Acme says on the wire.

A turn is asked for by ``POST /v1/turns`` with a JSON object: ``model``, ``persona`` or ``prompt``,
``messages``, ``tools``, ``answer_schema``, ``temperature``, ``max_tokens``. The answer is a line of
JSON for each event, and an ``end`` or an ``error`` comes last. Tools run on this side: the next
request repeats the conversation, with their results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import BaseModel
from steer.values import JsonValue, Usage

__all__ = [
    "Ended",
    "Event",
    "Failed",
    "Said",
    "Started",
    "Strange",
    "ToolArguments",
    "ToolRequested",
    "decoded",
]


class Started(BaseModel):
    """The service began to answer, under this id and with this model."""

    turn: str
    model: str


class Said(BaseModel):
    """Some more of what the model says or thinks, or of why it declines."""

    event: Literal["text", "thought", "refusal"]
    text: str


class ToolRequested(BaseModel):
    """The model wants a tool; its arguments follow."""

    id: str
    tool: str


class ToolArguments(BaseModel):
    """Some more of the arguments, as JSON text."""

    id: str
    text: str


class Tokens(BaseModel):
    """What a turn cost. ``input`` includes ``cached``, ``output`` includes ``thought``."""

    input: int
    output: int
    cached: int = 0
    thought: int = 0

    def usage(self) -> Usage:
        """The same in steer's words."""
        return Usage(
            requests=1,
            input_tokens=self.input,
            output_tokens=self.output,
            cached_tokens=self.cached,
            reasoning_tokens=self.thought,
        )


class Ended(BaseModel):
    """The answer is whole."""

    reason: str
    tokens: Tokens | None = None


class Failed(BaseModel):
    """The answer will never be whole. ``retry_after`` is in seconds."""

    code: str
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Strange:
    """An event of a name that is not known here: no error, since Acme may invent more of them."""

    name: str
    raw: JsonValue


Event: TypeAlias = Started | Said | ToolRequested | ToolArguments | Ended | Failed | Strange

_KNOWN: Mapping[str, type[Started | Said | ToolRequested | ToolArguments | Ended | Failed]] = {
    "start": Started,
    "text": Said,
    "thought": Said,
    "refusal": Said,
    "tool_request": ToolRequested,
    "tool_arguments": ToolArguments,
    "end": Ended,
    "error": Failed,
}


def decoded(line: bytes) -> Event:
    """Return the event of one line. Raises ``ValueError`` for what is none."""
    try:
        said = json.loads(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    match said:
        case {"event": str(name)} if name in _KNOWN:
            return _KNOWN[name].model_validate(said)
        case {"event": str(name)}:
            return Strange(name=name, raw=said)
        case _:
            raise ValueError("it names no event")
