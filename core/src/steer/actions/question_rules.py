"""What must hold of a question besides the types of its fields."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from steer.actions.questions import (
    ApplyChanges,
    Approval,
    Choose,
    Custom,
    FileChange,
    Input,
    Question,
    Reauth,
    Remember,
    Upload,
)
from steer.actions.value_schema import BadSchema, check_schema

__all__ = ["problems_of_question", "short", "twice"]

# RFC 6838: a name of up to 127 of these; a star stands for any.
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_GLOB = re.compile(rf"\*/\*|{_NAME}/(?:\*|{_NAME})")
_TEXT_DEFAULTS = (0, 10_000)


def problems_of_question(question: Question) -> Iterator[str]:
    """Yield what is wrong with a question, each with the fix."""
    if not isinstance(question, Approval | Custom) and not question.message.strip():
        yield "message: it is empty; say what is asked"
    match question:
        case Choose():
            yield from _choose(question)
        case Input():
            yield from _input(question)
        case Upload():
            yield from _upload(question)
        case Reauth():
            yield from _reauth(question)
        case ApplyChanges():
            yield from _changes(question)
        case Approval():
            yield from _approval(question)
        case Custom():
            if not question.kind.strip():
                yield "kind: it is empty; name what is asked"
            yield from _schema(question.schema)
        case _:
            pass


def twice(names: Iterable[str]) -> str:
    """Return the names that occur more than once, in words; empty if none does."""
    return ", ".join(short(name) for name, count in Counter(names).items() if count > 1)


def _choose(question: Choose) -> Iterator[str]:
    if not question.options:
        yield "options: there is nothing to choose from; name at least one"
        return
    if again := twice(option.id for option in question.options):
        yield f"options: {again} is there more than once; give each its own id"
    for index, option in enumerate(question.options):
        for name in ("id", "label"):
            if not getattr(option, name).strip():
                yield f"options.{index}.{name}: it is empty; write one"
    count = len(question.options)
    most = count if question.max is None else question.max
    if not 0 <= question.min <= most or not 1 <= most <= count:
        yield (
            f"min, max: of {count} options nobody can choose {question.min} to {most}; "
            f"let 0 <= min <= max <= {count}, and max be 1 or more"
        )


def _input(question: Input) -> Iterator[str]:
    if question.schema is None:
        if not 0 <= question.min_length <= question.max_length or question.max_length < 1:
            yield (
                f"min_length, max_length: no text has {question.min_length} to "
                f"{question.max_length} characters; let 0 <= min_length <= max_length"
            )
        return
    yield from _schema(question.schema)
    if question.secret:
        yield "secret: only a text can be one; leave the schema out"
    if (question.min_length, question.max_length) != _TEXT_DEFAULTS:
        yield "min_length, max_length: they bound a text; put bounds into the schema instead"


def _schema(schema: Mapping[str, Any] | None) -> Iterator[str]:
    if schema is not None:
        try:
            check_schema(schema)
        except BadSchema as error:
            yield f"schema: {error}"


def _upload(question: Upload) -> Iterator[str]:
    if not question.media_types:
        yield "media_types: no file has none of any; name some, or leave it out for all"
    for index, glob in enumerate(question.media_types):
        if not _MEDIA_GLOB.fullmatch(glob):
            yield f"media_types.{index}: {short(glob)} is no type/subtype, type/* or */*"
    if question.max_files < 1:
        yield f"max_files: {question.max_files} is none; let it be 1 or more"
    if question.max_bytes is not None and question.max_bytes < 1:
        yield f"max_bytes: {question.max_bytes} is nothing; let it be 1 or more"


def _reauth(question: Reauth) -> Iterator[str]:
    if not question.provider.strip():
        yield "provider: it is empty; say where to sign in"
    if question.url is not None and not _safe_page(question.url):
        # Not shown: it may hold what it must not.
        yield "url: it must be an https page (http on this machine) without user or password"


def _safe_page(url: str) -> bool:
    if not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises for what is no number
    except ValueError:
        return False
    if not host or "@" in parts.netloc or "\\" in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _changes(question: ApplyChanges) -> Iterator[str]:
    if not question.changes:
        yield "changes: there is none; name at least one"
    if again := twice(change.path for change in question.changes):
        yield f"changes: {again} is changed more than once; join its changes"
    for index, change in enumerate(question.changes):
        if problem := _change(change):
            yield f"changes.{index}: {problem}"


def _change(change: FileChange) -> str | None:
    text = change.before, change.after
    if not change.path.strip():
        return "its path is empty; name the file"
    if change.diff is not None:
        return None if text == (None, None) else "it has a diff and a text; give one of them"
    match change.kind, change.before, change.after:
        case ("create", None, str()) | ("delete", str() | None, None) | ("edit", str(), str()):
            return None
        case "create", _, _:
            return "a file that is created has a diff, or after and nothing before"
        case "delete", _, _:
            return "a file that is deleted has a diff, or before and nothing after"
        case _:
            return "an edit has a diff, or before and after"


def _approval(question: Approval) -> Iterator[str]:
    if not question.tool.strip():
        yield "tool: it is empty; name the tool"
    if Remember.ONCE not in question.remember:
        yield "remember: once can always be chosen; let it be among them"
    if again := twice(question.remember):
        yield f"remember: {again} is there more than once; write each once"


def short(text: str, most: int = 60, *, quoted: bool = True) -> str:
    """Return a text of unknown length for a message, in quotes unless it is a list of names."""
    shown = repr(str(text)) if quoted else text
    return shown if len(shown) <= most else f"{shown[:most]}…"
