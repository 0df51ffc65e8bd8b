"""What happens inside a run: agents, model calls, tool calls, usage, progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Literal

from steer.errors import ErrorInfo
from steer.values import JsonValue, Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentStarted:
    """An agent took the floor on this path."""

    type: ClassVar[str] = "agent.started"
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentDone:
    """An agent gave up the floor."""

    type: ClassVar[str] = "agent.done"
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentHandoff:
    """One agent handed the conversation to another."""

    type: ClassVar[str] = "agent.handoff"
    source: str
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelStarted:
    """A request to a model was admitted. ``call`` names this one request within the job.

    ``input_bound`` is an upper bound of its input in tokens, ``max_output_tokens`` what the model
    may answer at most; ``None`` where there is no such bound. Should nobody learn what the request
    used, these are what is booked.
    """

    type: ClassVar[str] = "model.started"
    call: str
    model: str | None = None
    provider: str | None = None
    input_bound: int | None = None
    max_output_tokens: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelToken:
    """Some text of a message, from character ``offset`` of its part on."""

    type: ClassVar[str] = "model.token"
    call: str
    part: int
    offset: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReasoning:
    """Some text of the model's reasoning, from character ``offset`` of its part on."""

    type: ClassVar[str] = "model.reasoning"
    call: str
    part: int
    offset: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelBlockDone:
    """A part of a message is complete and stays: text, reasoning, a refusal, or a tool call.

    Text is not repeated here. A tool call has its id, its tool and the model's JSON text.
    """

    type: ClassVar[str] = "model.block_done"
    call: str
    part: int
    kind: Literal["text", "reasoning", "refusal", "tool_call"]
    call_id: str | None = None
    tool: str | None = None
    arguments: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelDone:
    """A model's response is complete and recorded.

    ``metadata`` is what else the provider says of it, in its own words: its id of the request,
    the tier that served it, the build of the model.
    """

    type: ClassVar[str] = "model.done"
    call: str
    model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRetracted:
    """Text of this request does not count.

    What ``model.block_done`` committed stays, unless ``blocks_too`` is set: then the whole
    response is withdrawn, because it was never recorded and will be asked for again.
    ``retry_in_ms`` is how long the run waits before it asks again; ``None`` where the request was
    cut off by something else than its own failure, or will not be made again.
    """

    type: ClassVar[str] = "model.retracted"
    call: str
    reason: str = ""
    blocks_too: bool = False
    retry_in_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolStarted:
    """An allowed tool call is about to run. ``proposed`` is what the model asked for."""

    type: ClassVar[str] = "tool.start"
    call_id: str
    tool: str
    proposed: JsonValue = None
    effective: JsonValue = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolEnded:
    """A tool call returned."""

    type: ClassVar[str] = "tool.end"
    call_id: str
    tool: str
    result: JsonValue = None
    elapsed_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolFailed:
    """A tool call failed, timed out or was cancelled; ``origin`` says where it went wrong."""

    type: ClassVar[str] = "tool.error"
    call_id: str
    tool: str
    origin: Literal["gate", "vendor", "tool"]
    error: ErrorInfo
    elapsed_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolDenied:
    """A tool call was refused; nothing of it ran. The model is told ``reason``."""

    type: ClassVar[str] = "tool.denied"
    call_id: str
    tool: str
    proposed: JsonValue = None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolUnknown:
    """A tool call began and nobody knows how it ended."""

    type: ClassVar[str] = "tool.unknown"
    call_id: str
    tool: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageReported:
    """The tokens of one model request. ``cost`` is in US dollars, ``None`` where unknown."""

    type: ClassVar[str] = "usage"
    call: str
    usage: Usage
    model: str | None = None
    provider: str | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far along a run says it is; ``fraction`` is between 0 and 1."""

    type: ClassVar[str] = "progress"
    message: str
    fraction: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactCreated:
    """A run made a document or a file."""

    type: ClassVar[str] = "artifact.created"
    artifact_id: str
    name: str
    media_type: str | None = None
    digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactUpdated:
    """A run changed a document or a file."""

    type: ClassVar[str] = "artifact.updated"
    artifact_id: str
    name: str
    media_type: str | None = None
    digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """Something a vendor said that steer has no word for; ``raw`` keeps it."""

    type: ClassVar[str] = "unknown"
    source: str
    name: str
    raw: JsonValue = None
