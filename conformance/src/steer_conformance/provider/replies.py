"""What a provider answers a request with: a turn, a failure, or literal bytes.

A turn says something and, on the way, things may happen to it: those are the marks. Their
place is counted in deltas, the pieces of ``chunk_size`` characters that text, reasoning and
tool arguments are streamed in, because deltas are the same in every dialect::

    Turn("The answer is 42.", Hold("midway", after=2), Drop(after=3), chunk_size=4)

A reply that is not streamed has no deltas. There a ``Hold`` holds the whole reply, a ``Drop``
loses the connection after the head, ``Garbage`` replaces the body and a ``StreamError`` is an
ordinary HTTP error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, TypeAlias

from steer_conformance.provider.parts import Part, Refusal, Text, ToolCall, Usage

__all__ = [
    "Drop",
    "Failure",
    "Garbage",
    "Hold",
    "Mark",
    "Raw",
    "Reply",
    "Stop",
    "StreamError",
    "Truncate",
    "Turn",
    "brief",
]

Stop: TypeAlias = Literal[
    "end",
    "tool_calls",
    "max_tokens",
    "content_filter",
    "refusal",
    "stop_sequence",
    "pause",
    "context_window",
    "failed",
]
"""Why a turn ended. ``failed`` is the model failing in mid-answer: a ``response.failed`` where
the format has one, an error in the stream (or HTTP 500) where it has not."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An HTTP error in the shape of whichever dialect was spoken.

    ``type``, ``code`` and ``message`` default to what the vendor sends with this status;
    ``retry_after`` (seconds) becomes the header; ``body`` replaces the vendor's JSON.
    """

    status: int
    _: KW_ONLY
    code: str | None = None
    message: str | None = None
    error_type: str | None = None
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    latency: float = 0.0
    type: Literal["failure"] = field(default="failure", repr=False)

    def __post_init__(self) -> None:
        if self.status not in range(400, 600):
            raise ValueError(f"a failure has a status from 400 to 599, not {self.status}")
        _check_seconds(latency=self.latency)


@dataclass(frozen=True, slots=True)
class Hold:
    """The stream waits here until the test calls ``provider.release(name)``.

    ``after=None`` waits before anything is sent. All requests that meet the same name wait at
    one gate, and once it was released nobody waits there again.
    """

    name: str
    after: int | None = 0
    _: KW_ONLY
    type: Literal["hold"] = field(default="hold", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """The connection is lost, the body unfinished: ``after`` deltas, or ``after_bytes`` bytes.

    With neither, it is lost before anything is sent.
    """

    after: int | None = None
    after_bytes: int | None = None
    type: Literal["drop"] = field(default="drop", repr=False)

    def __post_init__(self) -> None:
        if self.after is not None and self.after_bytes is not None:
            raise ValueError("a drop is placed by deltas or by bytes, not by both")


@dataclass(frozen=True, kw_only=True, slots=True)
class Truncate:
    """The body ends cleanly after so many bytes, as if that had been all of it."""

    after_bytes: int
    type: Literal["truncate"] = field(default="truncate", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Garbage:
    """Bytes that are not what the format promises, between two events of the stream."""

    after: int = 0
    data: bytes = b'event: garbage\ndata: {"cut": \n\n'
    type: Literal["garbage"] = field(default="garbage", repr=False)


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error that comes inside a stream whose status was already 200; the stream ends with it."""

    failure: Failure
    after: int = 0
    _: KW_ONLY
    type: Literal["stream_error"] = field(default="stream_error", repr=False)


Mark: TypeAlias = Hold | Drop | Truncate | Garbage | StreamError


@dataclass(frozen=True, init=False, slots=True)
class Turn:
    """One answer of the model: ``Turn("Let me see.", ToolCall("add", {"a": 2, "b": 2}))``.

    Parts are said in their order; a plain string is a ``Text``. Marks may stand anywhere among
    them, their place being counted in deltas. ``chunk_size`` is in characters per delta;
    ``latency`` (before the first byte) and ``gap`` (between deltas) are in seconds. Without
    ``stop`` the turn ends for the reason its parts suggest.
    """

    parts: tuple[Part, ...]
    marks: tuple[Mark, ...]
    usage: Usage
    stop: Stop
    chunk_size: int
    latency: float
    gap: float

    def __init__(
        self,
        *said: Part | Mark | str,
        usage: Usage | None = None,
        stop: Stop | None = None,
        chunk_size: int = 16,
        latency: float = 0.0,
        gap: float = 0.0,
    ) -> None:
        parts: list[Part] = []
        marks: list[Mark] = []
        for each in said:
            if isinstance(each, str):
                parts.append(Text(each))
            elif isinstance(each, Part):
                parts.append(each)
            elif isinstance(each, Mark):
                marks.append(each)
            else:
                raise TypeError(f"{each!r} is neither said in a turn nor does it happen to one")
        if chunk_size < 1:
            raise ValueError(f"chunk_size is at least one character, not {chunk_size}")
        _check_seconds(latency=latency, gap=gap)
        values = {
            "parts": tuple(parts),
            "marks": tuple(marks),
            "usage": usage or Usage(),
            "stop": stop or _natural_stop(parts),
            "chunk_size": chunk_size,
            "latency": latency,
            "gap": gap,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        _check_places(self)

    @property
    def deltas(self) -> int:
        """How many deltas the turn is streamed in, in every dialect."""
        return sum(-(-len(part.wire) // self.chunk_size) for part in self.parts)

    def pieces(self, text: str) -> list[str]:
        """A text cut into the turn's deltas."""
        size = self.chunk_size
        return [text[start : start + size] for start in range(0, len(text), size)]


@dataclass(frozen=True, slots=True)
class Raw:
    """Literal bytes in place of everything a dialect would write."""

    body: bytes
    _: KW_ONLY
    content_type: str = "text/event-stream"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    latency: float = 0.0
    type: Literal["raw"] = field(default="raw", repr=False)

    def __post_init__(self) -> None:
        if self.status not in range(200, 600):
            raise ValueError(f"a final status is from 200 to 599, not {self.status}")
        _check_seconds(latency=self.latency)


Reply: TypeAlias = Turn | Failure | Raw


def brief(reply: Reply) -> str:
    """A reply in a few words, for messages to people."""
    match reply:
        case Turn(parts=parts):
            said = [
                f"call of {part.name}" if isinstance(part, ToolCall) else repr(part.wire[:40])
                for part in parts
            ]
            return f"Turn({', '.join(said)})"
        case Failure(status=status):
            return f"Failure({status})"
        case Raw(body=body):
            return f"Raw({len(body)} bytes)"


def _natural_stop(parts: list[Part]) -> Stop:
    if any(isinstance(part, ToolCall) for part in parts):
        return "tool_calls"
    if any(isinstance(part, Refusal) for part in parts):
        return "refusal"
    return "end"


def _check_seconds(**waits: float) -> None:
    for name, seconds in waits.items():
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"{name} is a number of seconds from 0, not {seconds}")


def _check_places(turn: Turn) -> None:
    """Refuse a mark that would never be met: the test that relies on it would prove nothing."""
    for mark in turn.marks:
        place = None if isinstance(mark, Truncate) else mark.after
        if place is not None and not 0 <= place <= turn.deltas:
            raise ValueError(
                f"{mark} stands after delta {place}, but the turn has {turn.deltas} "
                f"(chunk_size is {turn.chunk_size})"
            )
        size = mark.after_bytes if isinstance(mark, Drop | Truncate) else None
        if size is not None and size < 0:
            raise ValueError(f"{mark} stands at a negative byte")
