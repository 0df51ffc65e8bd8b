"""What a model says in one turn, in words that belong to no vendor, and what it costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = ["Part", "Reasoning", "Refusal", "Text", "ToolCall", "Usage"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """The tokens of one turn, counted as OpenTelemetry counts them.

    ``input_tokens`` includes those read from a cache (``cached_tokens``) and those written to
    one (``cache_write_tokens``); ``output_tokens`` includes ``reasoning_tokens``.
    A dialect whose vendor counts otherwise (Anthropic's input excludes both) converts.
    """

    input_tokens: int = 10
    output_tokens: int = 5
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __post_init__(self) -> None:
        if min(self.output_tokens, self.cached_tokens, self.cache_write_tokens) < 0:
            raise ValueError("token counts cannot be negative")
        if self.cached_tokens + self.cache_write_tokens > self.input_tokens:
            raise ValueError("cached_tokens + cache_write_tokens are part of input_tokens")
        if not 0 <= self.reasoning_tokens <= self.output_tokens:
            raise ValueError("reasoning_tokens are part of output_tokens")

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
        )

    def until(self, delta: int, of: int) -> Usage:
        """The usage of a stream that was cut after ``delta`` of its ``of`` deltas.

        All of the input, and the output in proportion, rounded up.
        """
        if delta >= of:
            return self
        return Usage(
            input_tokens=self.input_tokens,
            output_tokens=-(-self.output_tokens * delta // of),
            cached_tokens=self.cached_tokens,
            cache_write_tokens=self.cache_write_tokens,
            reasoning_tokens=-(-self.reasoning_tokens * delta // of),
        )


@dataclass(frozen=True, slots=True)
class Text:
    """Words for the user. Two in a row are two blocks where the vendor's format has blocks."""

    text: str
    _: KW_ONLY
    type: Literal["text"] = field(default="text", repr=False)

    @property
    def wire(self) -> str:
        """What is cut into deltas."""
        return self.text


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Thinking shown to the caller: a reasoning summary, ``reasoning_content`` or a thinking block.

    ``signature`` vouches for a thinking block in the one dialect that has it (Messages).
    """

    text: str
    _: KW_ONLY
    signature: str = "c2NyaXB0ZWQ="
    type: Literal["reasoning"] = field(default="reasoning", repr=False)

    @property
    def wire(self) -> str:
        """What is cut into deltas."""
        return self.text


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model declines, in these words."""

    text: str
    _: KW_ONLY
    type: Literal["refusal"] = field(default="refusal", repr=False)

    @property
    def wire(self) -> str:
        """What is cut into deltas."""
        return self.text


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool.

    ``arguments`` given as a mapping become JSON; a string goes out as it is, so that a model
    that writes broken JSON can be scripted too. Without ``id`` the call gets one that is
    unique in the provider and the same in every run.
    """

    name: str
    arguments: Mapping[str, Any] | str = ""
    id: str | None = None
    _: KW_ONLY
    type: Literal["tool_call"] = field(default="tool_call", repr=False)

    @property
    def wire(self) -> str:
        """The arguments as the model wrote them: what is cut into deltas."""
        if isinstance(self.arguments, str):
            return self.arguments or "{}"
        return json.dumps(self.arguments, ensure_ascii=False)


Part: TypeAlias = Text | Reasoning | Refusal | ToolCall
