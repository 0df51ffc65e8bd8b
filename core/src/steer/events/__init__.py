"""The one event stream: every event type, their envelope, and the codec.

A runtime emits what it sees (``RuntimeData``); the gate emits the model and tool events that must
be committed together with their records; the kernel alone emits the rest. See ``EventData``.

Durable events carry ``seq``, contiguous from 1 within a job. Live deltas (``model.token`` and
``model.reasoning`` with ``seq`` ``None``) come at once; the journal holds the same text coalesced.
A delta's place is ``(call, part, offset)``: offsets count characters of that part.
"""

from __future__ import annotations

from steer.events._codec import (
    CODEC_VERSION,
    RUNTIME_TYPES,
    TERMINAL_TYPES,
    Event,
    EventData,
    RuntimeData,
    UnrecognisedData,
    decode,
    encode,
)
from steer.events._content import without_content
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

__all__ = [
    "CODEC_VERSION",
    "RUNTIME_TYPES",
    "TERMINAL_TYPES",
    "ActionCancelled",
    "ActionExpiredEvent",
    "ActionRequired",
    "ActionResolved",
    "AgentDone",
    "AgentHandoff",
    "AgentStarted",
    "ArtifactCreated",
    "ArtifactUpdated",
    "BudgetDegraded",
    "BudgetExceededEvent",
    "BudgetWarning",
    "Event",
    "EventData",
    "FinalError",
    "FinalResult",
    "JobCancelled",
    "JobCompleted",
    "JobFailed",
    "JobStarted",
    "JobStatusChanged",
    "JobTimedOut",
    "ModelBlockDone",
    "ModelDone",
    "ModelReasoning",
    "ModelRetracted",
    "ModelStarted",
    "ModelToken",
    "PolicyDecided",
    "Progress",
    "RuntimeData",
    "ToolDenied",
    "ToolEnded",
    "ToolFailed",
    "ToolStarted",
    "ToolUnknown",
    "Unknown",
    "UnrecognisedData",
    "UsageReported",
    "decode",
    "encode",
    "without_content",
]
