"""What of a run is worth a word to somebody who looks on: a pure function of its events."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from steer.cli.terminal.amounts import duration_text
from steer.cli.terminal.printable import call_text, json_text, one_line, shortened
from steer.errors import ErrorInfo
from steer.events import (
    ActionCancelled,
    ActionExpiredEvent,
    ActionRequired,
    ActionResolved,
    AgentHandoff,
    ArtifactCreated,
    ArtifactUpdated,
    BudgetDegraded,
    BudgetWarning,
    Event,
    JobStatusChanged,
    ModelReasoning,
    ModelRetracted,
    ModelToken,
    Progress,
    ToolDenied,
    ToolEnded,
    ToolFailed,
    ToolStarted,
    ToolUnknown,
)
from steer.values import ActionType, JobStatus, JsonValue

__all__ = ["Kind", "Line", "Piece", "Said", "narrate", "retracted"]

_RESULT_LENGTH = 160
_REASON_LENGTH = 300
_WORTH_TELLING_MS = 100


class Kind(StrEnum):
    """What is said, which decides how it looks."""

    TEXT = "text"
    REASONING = "reasoning"
    CALL = "call"
    RESULT = "result"
    REFUSED = "refused"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Some running text. Pieces of one ``part`` go on in one line, those of another do not."""

    kind: Kind
    part: tuple[str, int]
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of its own. ``depth`` counts the tool calls around it."""

    kind: Kind
    text: str
    depth: int = 0


Said = Piece | Line


def narrate(event: Event, *, call: str | None = None) -> Said | None:
    """Return what to say of an event, ``None`` where it changes nothing for who looks on.

    ``call`` is what a tool call is called whose tool's name would not tell it from another.

    Of agents that run inside a tool call only the tool calls are told: their text is no part of
    the answer, and several may speak at once.
    """
    data, depth = event.data, len(event.path)
    match data:
        case ModelToken() | ModelReasoning():
            if depth:
                return None
            kind = Kind.TEXT if isinstance(data, ModelToken) else Kind.REASONING
            return Piece(kind=kind, part=(data.call, data.part), text=data.text)
        case ToolStarted() | ToolEnded() | ToolFailed() | ToolDenied() | ToolUnknown():
            return _of_tool(data, depth, call)
        case _:
            note = _note(event)
            return None if note is None else Line(kind=Kind.NOTE, text=note, depth=depth)


def retracted(data: ModelRetracted) -> Line:
    """Return what to say once text that was shown is asked for again."""
    text = f"what it said last does not count, it is asked again{_why(data.reason)}"
    return Line(kind=Kind.NOTE, text=text)


def _of_tool(
    data: ToolStarted | ToolEnded | ToolFailed | ToolDenied | ToolUnknown,
    depth: int,
    call: str | None,
) -> Line:
    name = call or one_line(data.tool)
    match data:
        case ToolStarted():
            text = f"\u2192 {call_text(data.tool, data.effective)}"
            if data.proposed != data.effective:
                text += f"  (the model asked for {call_text(data.tool, data.proposed)})"
            return Line(kind=Kind.CALL, text=text, depth=depth)
        case ToolEnded():
            text = f"\u2190 {name}: {_result(data.result)}{_took(data.elapsed_ms)}"
            return Line(kind=Kind.RESULT, text=text, depth=depth)
        case ToolFailed():
            text = f"\u2717 {name} failed: {_reason(data.error)}{_took(data.elapsed_ms)}"
        case ToolDenied():
            denied = shortened(data.reason, _REASON_LENGTH)
            text = f"\u2717 denied: {call_text(data.tool, data.proposed)}: {denied}"
        case _:
            text = f"\u2717 {name}: nobody knows how it ended"
            text += _why(data.reason)
    return Line(kind=Kind.REFUSED, text=text, depth=depth)


def _note(event: Event) -> str | None:
    match event.data:
        case AgentHandoff(source=source, target=target):
            return f"\u21e2 {one_line(source)} hands over to {one_line(target)}"
        case JobStatusChanged() as data:
            return _moved(data)
        case BudgetWarning() | BudgetDegraded() as data:
            return _of_budget(data)
        case ModelRetracted(retry_in_ms=int(wait), reason=reason):
            return f"the model is asked again in {duration_text(wait)}{_why(reason)}"
        case Progress(message=message, fraction=fraction):
            share = "" if fraction is None else f"{fraction:.0%} "
            return f"{share}{shortened(message, _RESULT_LENGTH)}"
        case _:
            return _of_thing(event)


def _of_budget(data: BudgetWarning | BudgetDegraded) -> str:
    budget = "" if data.budget is None else one_line(data.budget)
    if isinstance(data, BudgetDegraded):
        return f"budget {budget} has no room: {one_line(data.degraded_to)} is asked instead"
    if not budget:
        return f"{data.limit} is near: {data.used} of {data.cap}"
    unit = data.limit.replace("_", " ")
    used, cap = (f"{Decimal(amount):,f}" for amount in (data.used, data.cap))
    return f"budget {budget}: {used} of {cap} {unit} are spent or reserved"


def _moved(data: JobStatusChanged) -> str:
    if data.retry_in_ms is not None:
        wait = duration_text(data.retry_in_ms)
        return f"the job is tried again in {wait}{_why(data.reason)}"
    word = "parked" if data.new is JobStatus.WAITING_ACTION else data.new.value
    return ": ".join(filter(None, [word, one_line(data.reason)]))


def _of_thing(event: Event) -> str | None:
    match event.data:
        case ArtifactCreated(name=name) | ArtifactUpdated(name=name):
            return f"{event.type.partition('.')[2]} {one_line(name)}"
        case ActionRequired():
            return _required(event.data)
        case ActionResolved(by=by, outcome=outcome):
            return ": ".join(filter(None, (f"{one_line(by)} answered", one_line(outcome))))
        case ActionExpiredEvent(action_id=action_id):
            return f"nobody answered {action_id} in time"
        case ActionCancelled(action_id=action_id):
            return f"{action_id} need not be answered any more"
        case _:
            return None


def _required(data: ActionRequired) -> str:
    """Return what is asked in a few words, and how it is answered."""
    match data.payload:
        case {"tool": str(tool), "arguments": arguments}:
            what = call_text(tool, arguments)
        case {"message": str(message)}:
            what = shortened(message, _RESULT_LENGTH)
        case _:
            what = data.action_type.value
    verb = "approve" if data.action_type is ActionType.APPROVAL else "resolve"
    return f"waiting for a person: {what} \u00b7 steer actions {verb} {data.action_id}"


def _result(value: JsonValue) -> str:
    if isinstance(value, str):
        return shortened(value, _RESULT_LENGTH) or "nothing"
    return "nothing" if value is None else json_text(value, _RESULT_LENGTH)


def _reason(error: ErrorInfo) -> str:
    return shortened(error.message, _REASON_LENGTH)


def _why(reason: str) -> str:
    return f": {shortened(reason, _REASON_LENGTH)}" if reason else ""


def _took(milliseconds: int | None) -> str:
    if milliseconds is None or milliseconds < _WORTH_TELLING_MS:
        return ""
    return f"  {duration_text(milliseconds)}"
