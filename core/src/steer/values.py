"""The words every part of steer shares: states, messages, usage, tool calls, results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeAlias, TypeVar

# By its own lazy door: TypeAdapter costs as much as all else that the program's help imports.
import pydantic
from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from steer.errors import ErrorInfo, InvalidTransition

__all__ = [
    "TERMINAL_STATUSES",
    "ActionStatus",
    "ActionType",
    "BudgetDecision",
    "Effect",
    "EffectStatus",
    "Expiry",
    "FilePart",
    "FinishReason",
    "ImagePart",
    "JobStatus",
    "JsonValue",
    "Message",
    "Part",
    "Role",
    "RunResult",
    "TextPart",
    "ToolCallPart",
    "ToolResultPart",
    "Usage",
    "check_transition",
    "digest_of",
    "encode_json",
    "user_message",
    "well_formed",
]

# Any, because a recursive alias makes every literal in an application a type error.
JsonValue: TypeAlias = Any
T = TypeVar("T")


class JobStatus(StrEnum):
    """Where a job stands. The last four are terminal."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING_ACTION = "waiting_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def terminal(self) -> bool:
        """Whether the job has ended and will never move again."""
        return self in TERMINAL_STATUSES


TERMINAL_STATUSES = frozenset(
    {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT}
)

_UNSUCCESSFUL = frozenset({JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT})
_TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: _UNSUCCESSFUL | {JobStatus.RUNNING},
    JobStatus.RUNNING: TERMINAL_STATUSES | {JobStatus.WAITING_ACTION, JobStatus.QUEUED},
    JobStatus.WAITING_ACTION: _UNSUCCESSFUL | {JobStatus.RUNNING, JobStatus.QUEUED},
}


def check_transition(old: JobStatus, new: JobStatus) -> None:
    """Raise ``InvalidTransition``, naming both states, where a job cannot move so."""
    if new not in _TRANSITIONS.get(old, frozenset()):
        raise InvalidTransition(f"a job that is {old} cannot become {new}")


class ActionStatus(StrEnum):
    """Where a question to a person stands."""

    PENDING = "pending"
    RESOLVED = "resolved"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ActionType(StrEnum):
    """What a person is asked for."""

    CONFIRM = "confirm"
    CHOOSE = "choose"
    INPUT = "input"
    UPLOAD = "upload"
    REAUTH = "reauth"
    APPLY_CHANGES = "apply_changes"
    APPROVAL = "approval"
    CUSTOM = "custom"


class Expiry(StrEnum):
    """What holds when nobody answers a question in time.

    ``deny``: as if it had been refused. ``fail``: the job fails. ``default``: the answer that the
    question names is taken.
    """

    DENY = "deny"
    FAIL = "fail"
    DEFAULT = "default"


class BudgetDecision(StrEnum):
    """What a budget says of the next call."""

    ALLOW = "allow"
    WARN = "warn"
    DENY = "deny"
    DEGRADE = "degrade"


class Effect(StrEnum):
    """What running a tool a second time would do.

    ``none``: the tool only computes or reads, so it is never recorded before it runs.
    ``idempotent``: a second run with the same key changes nothing more, so a crash reruns it.
    ``once``: it must not run twice; after a crash in its middle the outcome is unknown.
    """

    NONE = "none"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


class EffectStatus(StrEnum):
    """How a tool call ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class FinishReason(StrEnum):
    """Why a run produced no more."""

    STOP = "stop"
    TOOL_RESULT = "tool_result"
    MAX_OUTPUT_TOKENS = "max_output_tokens"
    LIMIT = "limit"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    ERROR = "error"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPart:
    """Plain text."""

    text: str
    type: Literal["text"] = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePart:
    """An image, by URL (``https:`` or ``data:``)."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"
    type: Literal["image"] = "image"


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePart:
    """A document, its bytes in base64."""

    data: str
    media_type: str
    name: str
    type: Literal["file"] = "file"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCallPart:
    """A tool call that an assistant message holds; ``arguments`` is the model's JSON text."""

    call_id: str
    tool: str
    arguments: str
    type: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolResultPart:
    """What a tool call came to, as the model is told."""

    call_id: str
    content: str
    is_error: bool = False
    type: Literal["tool_result"] = "tool_result"


Part = TextPart | ImagePart | FilePart | ToolCallPart | ToolResultPart


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message of a conversation, independent of any vendor's form."""

    role: Role
    content: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts of the message, joined."""
        return "".join(part.text for part in self.content if isinstance(part, TextPart))


def user_message(text: str) -> Message:
    """Return a message of the user that holds only text."""
    return Message(role=Role.USER, content=(TextPart(text=text),))


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens as the provider counted them, summed over ``requests`` model calls.

    ``input_tokens`` include those read from and written to a cache, ``output_tokens`` include
    those spent on reasoning. ``estimated`` is set where any part is not the provider's count.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        """Return the sum, estimated if either side is."""
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            estimated=self.estimated or other.estimated,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """What a run came to: the fold of its events.

    ``output`` is the structured output in JSON form, ``None`` where none was asked for.
    ``cost`` is in US dollars, ``None`` where a price is not known. ``ttft_ms`` is the time to
    the first token of text or reasoning. ``turns`` counts model calls on the outermost path.
    ``still_running`` names what could not be stopped when the run ended, for example a thread.
    """

    job_id: str
    run_id: str = ""
    scope_id: str = ""
    session_id: str | None = None
    status: JobStatus
    content: str = ""
    output: JsonValue = None
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = None
    agent: str | None = None
    model: str | None = None
    provider: str | None = None
    runtime: str | None = None
    finish_reason: FinishReason | None = None
    elapsed_ms: int = 0
    ttft_ms: int | None = None
    turns: int = 0
    tools_invoked: int = 0
    error: ErrorInfo | None = None
    still_running: tuple[str, ...] = ()

    def output_as(self, kind: type[T]) -> T:
        """Return ``output`` as ``kind``, for example the pydantic model the agent declares.

        Raises ``pydantic.ValidationError`` where it does not fit.
        """
        return pydantic.TypeAdapter(kind).validate_python(self.output)


def well_formed(text: str) -> str:
    """Return ``text`` with each lone surrogate replaced by U+FFFD; the length stays.

    Providers cut emoji in half, and half of one can be written neither to a file nor to JSON.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    return text


def encode_json(value: JsonValue) -> bytes:
    """Return ``value`` as JSON, dataclasses and dates included.

    What JSON cannot hold is replaced rather than refused, because a record that cannot be written
    would end a job for its content: lone surrogates as in ``well_formed``, unknown objects by
    their ``str``.
    """
    try:
        return to_json(value)
    except PydanticSerializationError:
        plain = to_jsonable_python(value, fallback=str)
        return well_formed(json.dumps(plain, separators=(",", ":"), ensure_ascii=False)).encode()


def digest_of(value: JsonValue) -> str:
    """Return the SHA-256, in hex, of ``value`` as JSON with sorted keys and no spaces."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=to_jsonable_python
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
