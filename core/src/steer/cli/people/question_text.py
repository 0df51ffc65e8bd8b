"""What a person is asked, as lines: who asks, what for, why, and until when.

All of it may come from a model. So each line begins with a bar, which no line of a prompt does, and
no character in it moves the cursor or hides.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from steer.actions import (
    ApplyChanges,
    Approval,
    Choose,
    Confirm,
    Custom,
    FileChange,
    Input,
    Question,
    Reauth,
    Upload,
)
from steer.cli.terminal.amounts import ahead_text
from steer.cli.terminal.printable import exact, exact_json
from steer.cli.terminal.telling import BAR
from steer.cli.terminal.value_lines import changed_lines, cut, value_lines
from steer.ports.records import ActionRecord
from steer.values import JsonValue

__all__ = [
    "Styled",
    "difference",
    "expiry_text",
    "question_body",
    "question_facts",
    "question_lines",
    "why_text",
]

_MOST_LINES = 24

Styled = tuple[str, str]
"""A style and a line of text."""


def question_lines(action: ActionRecord, question: Question, *, now: datetime) -> list[Styled]:
    """Return the whole question, shortened where it is long."""
    body = list(question_body(question))
    texts, hidden = cut([text for _, text in body], _MOST_LINES)
    lines = [("strong", _title(question))]
    lines += [(style, text) for (style, _), text in zip(body, texts, strict=False)]
    if hidden:
        what = "line is" if hidden == 1 else "lines are"
        lines.append(("faint", f"\u2026 {hidden} more {what} not shown, or not whole: s shows all"))
    lines += [
        ("faint", f"{name}: {text}") for name, text in question_facts(action, question, now=now)
    ]
    return [(style, f"{BAR}{text}") for style, text in lines]


def _title(question: Question) -> str:
    match question:
        case Approval(tool=tool, kind=kind, server=server):
            what = (
                "" if kind == "function" else f" ({kind}{f' of {exact(server)}' if server else ''})"
            )
            return f"may this run? {exact(tool)}{what}"
        case Confirm() | Choose() | Input() | Upload() | Reauth() | ApplyChanges():
            return _first_line(question.message)
        case Custom(kind=kind, message=message):
            return _first_line(message) or exact(kind)


def _first_line(text: str) -> str:
    return exact(text.strip().partition("\n")[0])


def question_body(question: Question) -> Iterator[Styled]:
    """Yield what is asked about, whole, below the title."""
    match question:
        case Approval():
            yield from _approval(question)
            return
        case Custom(message=message) | Confirm(message=message) | Choose(message=message):
            yield from _message(message)
        case Input(message=message) | Upload(message=message) | Reauth(message=message):
            yield from _message(message)
        case ApplyChanges(message=message):
            yield from _message(message)
    yield from _matter(question)


def _matter(question: Question) -> Iterator[Styled]:
    """Yield what belongs to a question besides its message."""
    match question:
        case Confirm(details=details):
            yield from _plain(details)
        case Choose():
            yield from _options(question)
        case Input(schema=dict() as schema):
            yield "faint", "as JSON that fits:"
            yield from (("", f"  {line}") for line in value_lines(schema))
        case Upload():
            yield from _files(question)
        case Reauth(provider=provider, url=url, scopes=scopes):
            yield "", f"sign in at {exact(provider)}{f': {exact(url)}' if url else ''}"
            if scopes:
                yield "", f"with leave for {', '.join(map(exact, scopes))}"
        case ApplyChanges():
            yield from _changes(question)
        case Custom(kind=kind, data=data):
            yield "faint", f"kind: {exact(kind)}"
            if data is not None:
                yield from (("", line) for line in value_lines(data))
        case _:
            pass


def _plain(text: str, indent: str = "") -> Iterator[Styled]:
    for line in text.splitlines():
        yield "", f"{indent}{exact(line)}"


def _options(question: Choose) -> Iterator[Styled]:
    for number, option in enumerate(question.options, start=1):
        label = option.label if option.label == option.id else f"{option.label} ({option.id})"
        yield "call", f"{number}. {exact(label)}"
        yield from _plain(option.description, "   ")
    fewest, most = question.min, question.max
    if (fewest, most) != (1, 1):
        bound = "any number" if most is None else f"at most {most}"
        yield "faint", f"choose at least {fewest}, {bound}"


def _files(question: Upload) -> Iterator[Styled]:
    files = "one file" if question.max_files == 1 else f"1 to {question.max_files} files"
    size = question.max_bytes
    bound = "" if size is None else f", at most {size:,} bytes each"
    yield "", f"{files} of {', '.join(map(exact, question.media_types))}{bound}"


def _changes(question: ApplyChanges) -> Iterator[Styled]:
    for number, change in enumerate(question.changes, start=1):
        yield "call", f"{number}. {change.kind} {exact(change.path)}"
        yield from _file_change(change)


def _message(message: str) -> Iterator[Styled]:
    """Yield what of a message the title has not."""
    for line in message.strip().splitlines()[1:]:
        yield "", exact(line)


def _approval(question: Approval) -> Iterator[Styled]:
    if question.arguments not in (None, {}):
        yield from (("call", line) for line in value_lines(question.arguments))
    if question.proposed is not None and question.proposed != question.arguments:
        yield "faint", "policy made this of what the model had asked for:"
        yield from difference(question.proposed, question.arguments)


def difference(old: JsonValue, new: JsonValue) -> Iterator[Styled]:
    """Yield what differs between two values, each line in its style."""
    styles = {"-": "failed", "+": "succeeded"}
    for line in changed_lines(old, new):
        yield styles.get(line[0], ""), line


def _file_change(change: FileChange) -> Iterator[Styled]:
    styles = {"-": "failed", "+": "succeeded", "@": "faint"}
    if change.diff is not None:
        for line in change.diff.splitlines():
            yield styles.get(line[:1], ""), f"   {exact(line)}"
    else:
        for style, line in difference(change.before or "", change.after or ""):
            yield style, f"   {line}"


def question_facts(
    action: ActionRecord, question: Question, *, now: datetime
) -> Iterator[tuple[str, str]]:
    """Yield what there is to know about the question: why, by whom, until when, which."""
    if isinstance(question, Approval):
        if why := why_text(question):
            yield "why", why
        if question.agent:
            yield "agent", exact(question.agent)
        if question.path:
            yield "inside", " / ".join(map(exact, question.path))
    if action.expires_at is not None:
        yield "until", expiry_text(action, now=now)
    yield "action", action.action_id


def why_text(question: Approval) -> str:
    """Return why a person is asked, and which rule of which policy says so."""
    reason = exact(question.reason)
    rule = exact(question.rule or "")
    source = " of ".join(filter(None, [rule and f"rule {rule}", exact(question.policy or "")]))
    if not source:
        return reason
    return f"{reason} ({source})" if reason else source


def expiry_text(action: ActionRecord, *, now: datetime) -> str:
    """Return when nobody can answer any more, and what holds then."""
    if action.expires_at is None:
        return "for ever"
    moment = f"{action.expires_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    then = {
        "deny": "it counts as denied",
        "fail": "the job fails",
        "default": f"it is answered with {exact_json(action.default)}",
    }[action.on_expiry]
    if action.expires_at <= now:
        return f"{moment}, which is over; {then}"
    return f"{moment}, {ahead_text(action.expires_at, now=now)}; then {then}"
