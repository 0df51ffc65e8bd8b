"""An action as people and as programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime

from pydantic_core import to_json

from steer.actions import Approval, Custom, Question, question_of, shown_resolution
from steer.cli.job_names import SHORT_ID
from steer.cli.people.question_text import (
    Styled,
    expiry_text,
    question_body,
    question_facts,
    why_text,
)
from steer.cli.terminal.amounts import age_text
from steer.cli.terminal.printable import call_text, exact, one_line, shortened
from steer.cli.terminal.value_lines import value_lines
from steer.errors import InvalidQuestion
from steer.policies.verdicts import approvers_text
from steer.ports.records import ActionRecord
from steer.values import ActionStatus, ActionType, JsonValue

__all__ = [
    "ROW_HEAD",
    "action_body",
    "action_facts",
    "action_json",
    "action_row",
    "answer_lines",
    "answered_text",
    "how_to_answer",
    "question_in",
    "what_text",
]

ROW_HEAD = ("ACTION", "STATUS", "TYPE", "WHAT", "JOB", "ASKED", "UNTIL")
_WHAT_LENGTH = 60
# What only the engine needs, or whoever holds it could answer with.
_HIDDEN = frozenset({"token_hash", "binding"})


def question_in(action: ActionRecord) -> Question | None:
    """Return what is asked, ``None`` where it is nothing that this version knows how to ask."""
    try:
        return question_of(action.type, action.payload)
    except InvalidQuestion:
        return None


def what_text(action: ActionRecord, length: int = _WHAT_LENGTH) -> str:
    """Return in a few words what is asked."""
    match question_in(action):
        case None:
            return f"a question of type {action.type}"
        case Approval(tool=tool, arguments=arguments):
            return shortened(call_text(tool, arguments), length)
        case Custom(kind=kind, message=message):
            return shortened(message or kind, length)
        case question:
            return shortened(question.message, length)


def action_row(action: ActionRecord, *, now: datetime) -> tuple[str, ...]:
    """Return the cells of an action in a list; ``ROW_HEAD`` names them."""
    pending = action.status is ActionStatus.PENDING
    until = expiry_text(action, now=now).partition(", ")[2].partition(";")[0]
    return (
        action.action_id[-SHORT_ID:],
        action.status.value,
        action.type.value,
        what_text(action),
        action.job_id[-SHORT_ID:],
        age_text(action.created_at, now=now),
        until if pending and action.expires_at is not None else "",
    )


def action_facts(action: ActionRecord, *, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what there is to know of an action but what is asked about, as names and values."""
    question = question_in(action)
    yield "action", action.action_id
    yield "status", action.status.value
    yield "type", action.type.value
    if isinstance(question, Approval):
        yield "tool", exact(question.tool)
        yield "why", why_text(question)
    elif question is not None:
        yield "message", what_text(action, length=10_000)
    if question is not None:
        yield from (
            fact
            for fact in question_facts(action, question, now=now)
            if fact[0] in {"agent", "inside"}
        )
    yield "job", action.job_id
    yield "asked for", one_line(action.asked_by)
    yield "asked", f"{_moment(action.created_at)} ({age_text(action.created_at, now=now)})"
    yield "may answer", one_line(approvers_text(action.approvers)) or "whom policy allows"
    if action.status is ActionStatus.PENDING:
        yield "until", expiry_text(action, now=now)
    yield from _ending(action)


def _ending(action: ActionRecord) -> Iterator[tuple[str, str]]:
    if action.status is ActionStatus.PENDING:
        return
    if action.resolved_at is not None:
        yield "ended", _moment(action.resolved_at)
    if action.resolved_by:
        yield "by", one_line(action.resolved_by)
    if action.resolved_via:
        yield "via", one_line(action.resolved_via)


def action_body(action: ActionRecord) -> list[Styled]:
    """Return what is asked about, whole."""
    question = question_in(action)
    if question is None:
        return [("", line) for line in value_lines(action.payload)]
    return list(question_body(question))


def answer_lines(action: ActionRecord) -> list[str]:
    """Return what was answered, as lines; a secret is hidden."""
    resolution = _shown(action)
    return [] if resolution is None else value_lines(resolution)


def answered_text(action: ActionRecord) -> str:
    """Return how a question ended, in one line: who did what."""
    by = one_line(action.resolved_by or "somebody")
    match action.status:
        case ActionStatus.RESOLVED:
            return f"{by} answered{_outcome(action)}"
        case ActionStatus.EXPIRED:
            return "nobody answered in time"
        case ActionStatus.CANCELLED:
            return "it need not be answered any more"
        case ActionStatus.PENDING:
            return "it waits for an answer"


def how_to_answer(action: ActionRecord) -> str:
    """Return the sentence that tells how a question is answered from another terminal."""
    verb = "approve" if action.type is ActionType.APPROVAL else "resolve"
    return f"to answer: steer actions {verb} {action.action_id}"


def _outcome(action: ActionRecord) -> str:
    match action.resolution:
        case {"decision": str(decision)}:
            return f": {one_line(decision)}"
        case _:
            return ""


def action_json(action: ActionRecord) -> bytes:
    """Return the action as one line of JSON, without what answers it or a secret answer."""
    row = {
        field.name: getattr(action, field.name)
        for field in fields(action)
        if field.name not in _HIDDEN
    }
    default = shown_resolution(action.type, action.payload, action.default)
    return to_json({**row, "resolution": _shown(action), "default": default})


def _shown(action: ActionRecord) -> JsonValue:
    return shown_resolution(action.type, action.payload, action.resolution)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
