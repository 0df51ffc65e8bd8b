"""The union of all events, their envelope, and the codec."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import ClassVar, TypeAlias, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from steer.errors import EventDecodeError
from steer.events._kernel import (
    ActionCancelled,
    ActionExpiredEvent,
    ActionRequired,
    ActionResolved,
    BudgetDegraded,
    BudgetExceededEvent,
    BudgetWarning,
    FinalError,
    FinalResult,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobStarted,
    JobStatusChanged,
    JobTimedOut,
    PolicyDecided,
)
from steer.events._run import (
    AgentDone,
    AgentHandoff,
    AgentStarted,
    ArtifactCreated,
    ArtifactUpdated,
    ModelBlockDone,
    ModelDone,
    ModelReasoning,
    ModelRetracted,
    ModelStarted,
    ModelToken,
    Progress,
    ToolDenied,
    ToolEnded,
    ToolFailed,
    ToolStarted,
    ToolUnknown,
    Unknown,
    UsageReported,
)
from steer.values import JsonValue, encode_json

CODEC_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class UnrecognisedData:
    """An event of a type, or in a codec version, that this version of steer does not know.

    ``encode`` gives back exactly the bytes it was decoded from.
    """

    type: ClassVar[str] = "unknown"
    type_name: str
    encoded: bytes = field(repr=False)


RuntimeData: TypeAlias = (
    AgentStarted
    | AgentDone
    | AgentHandoff
    | ModelToken
    | ModelReasoning
    | ModelBlockDone
    | ModelRetracted
    | Progress
    | ArtifactCreated
    | ArtifactUpdated
    | Unknown
)
"""What a runtime may emit."""

EventData: TypeAlias = (
    RuntimeData
    | ModelStarted
    | ModelDone
    | UsageReported
    | ToolStarted
    | ToolEnded
    | ToolFailed
    | ToolDenied
    | ToolUnknown
    | JobStarted
    | JobStatusChanged
    | PolicyDecided
    | BudgetWarning
    | BudgetExceededEvent
    | BudgetDegraded
    | ActionRequired
    | ActionResolved
    | ActionExpiredEvent
    | ActionCancelled
    | FinalResult
    | FinalError
    | JobCompleted
    | JobFailed
    | JobCancelled
    | JobTimedOut
)
"""Every event there is: the closed union of codec version 1."""

RUNTIME_TYPES = get_args(RuntimeData)
TERMINAL_TYPES = (JobCompleted, JobFailed, JobCancelled, JobTimedOut)
_BY_NAME: dict[str, type[EventData]] = {kind.type: kind for kind in get_args(EventData)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened in a job.

    ``seq`` is ``None`` for a live delta. ``path`` is the ids of the enclosing tool calls,
    outermost first: empty for the agent that was asked. ``turn`` counts the model's messages on
    that path from 1, and is 0 before the first. ``attempt`` counts the job's claims from 1.
    """

    job_id: str
    data: EventData | UnrecognisedData
    time: datetime
    seq: int | None = None
    attempt: int = 1
    path: tuple[str, ...] = ()
    turn: int = 0
    agent: str | None = None

    @property
    def type(self) -> str:
        """The name of the event's type, for example ``model.token``."""
        data = self.data
        return data.type_name if isinstance(data, UnrecognisedData) else data.type

    @property
    def id(self) -> str:
        """A name that is unique everywhere and the same whenever this event is delivered."""
        data = self.data
        if self.seq is None and isinstance(data, ModelToken | ModelReasoning):
            return f"{self.job_id}/{data.call}:{data.part}+{data.offset}"
        return f"{self.job_id}/{self.seq}"

    @property
    def terminal(self) -> bool:
        """Whether this is the last event of its job."""
        return isinstance(self.data, TERMINAL_TYPES)


def encode(event: Event) -> bytes:
    """Return the event as one line of JSON, without the line's end."""
    data = event.data
    if isinstance(data, UnrecognisedData):
        return data.encoded
    return encode_json(
        {
            "v": CODEC_VERSION,
            "id": event.id,
            "type": data.type,
            "job": event.job_id,
            "seq": event.seq,
            "attempt": event.attempt,
            "path": event.path,
            "turn": event.turn,
            "agent": event.agent,
            "time": event.time,
            "data": data,
        }
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Envelope:
    v: int
    type: str
    job: str
    time: datetime
    seq: int | None = None
    attempt: int = 1
    path: tuple[str, ...] = ()
    turn: int = 0
    agent: str | None = None
    data: JsonValue = None


@cache
def _adapter(kind: type[object]) -> TypeAdapter[object]:
    # Built on first use: forty adapters at import would double the time of `import steer`.
    return TypeAdapter(kind)


def decode(encoded: bytes) -> Event:
    """Return the event that ``encode`` wrote, also one of a later version of steer.

    A type or codec version that is not known gives an ``UnrecognisedData`` that encodes to the
    same bytes. Raises ``EventDecodeError`` for anything without a readable envelope, and for a
    known type whose fields do not fit.
    """
    try:
        envelope = _adapter(_Envelope).validate_python(from_json(encoded))
        assert isinstance(envelope, _Envelope)  # noqa: S101 - what the adapter promises, for mypy
        kind = _BY_NAME.get(envelope.type) if envelope.v == CODEC_VERSION else None
        data = (
            UnrecognisedData(type_name=envelope.type, encoded=encoded)
            if kind is None
            else _adapter(kind).validate_python(envelope.data)  # type: ignore[arg-type]  # a class is hashable
        )
    except (ValueError, ValidationError) as error:
        raise EventDecodeError(f"not an event of steer: {encoded[:80]!r}") from error
    return Event(
        job_id=envelope.job,
        data=data,  # type: ignore[arg-type]  # the adapter of `kind` returns a `kind`
        time=envelope.time.astimezone(UTC),
        seq=envelope.seq,
        attempt=envelope.attempt,
        path=envelope.path,
        turn=envelope.turn,
        agent=envelope.agent,
    )
