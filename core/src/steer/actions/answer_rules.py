"""What must hold of an answer besides the types of its fields: that it fits what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from steer.actions.answers import (
    Answer,
    Answered,
    Applied,
    Chosen,
    Decided,
    Given,
    Uploaded,
)
from steer.actions.question_rules import short, twice
from steer.actions.questions import (
    ApplyChanges,
    Approval,
    Choose,
    Custom,
    Input,
    Question,
    Remember,
    Upload,
)
from steer.actions.value_schema import TooMuchWork, misfit
from steer.values import JsonValue

__all__ = ["problems_of_answer", "settled"]


def problems_of_answer(question: Question, answer: Answer) -> Iterator[str]:
    """Yield what of an answer does not fit a question of its type, each with the fix."""
    match question, answer:
        case Choose(), Chosen():
            yield from _chosen(question, answer)
        case Input(schema=None), Given():
            yield from _text(question, answer.value)
        case Input(schema=schema), Given():
            yield from _fitting("value", schema, answer.value)
        case Upload(), Uploaded():
            yield from _uploaded(question, answer)
        case ApplyChanges(), Applied():
            if not isinstance(answer.applied, str):
                yield from _known("applied", answer.applied, _paths(question))
        case Approval(), Decided():
            yield from _decided(question, answer)
        case Custom(), Answered():
            yield from _fitting("data", question.schema, answer.data)
        case _:
            pass


def settled(question: Question, answer: Answer) -> Answer:
    """Return the answer in the one form that answers with this meaning have."""
    match question, answer:
        case ApplyChanges(), Applied() if not isinstance(answer.applied, str):
            # In the order of the question, so that what is asked first is applied first.
            paths = tuple(path for path in _paths(question) if path in answer.applied)
            if len(paths) == len(question.changes):
                return replace(answer, applied="all")
            return replace(answer, applied=paths or "none")
        case Approval(), Decided() if answer.arguments == question.arguments:
            return replace(answer, arguments=None)
        case _:
            return answer


def _chosen(question: Choose, answer: Chosen) -> Iterator[str]:
    yield from _known("chosen", answer.chosen, [option.id for option in question.options])
    most = len(question.options) if question.max is None else question.max
    count = len(answer.chosen)
    if not question.min <= count <= most:
        wanted = str(most) if question.min == most else f"{question.min} to {most}"
        yield f"chosen: {count} are chosen; choose {wanted}"


def _known(field: str, given: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    names, all_known = list(given), list(known)
    if again := twice(names):
        yield f"{field}: {again} is there more than once; name each once"
    for name in dict.fromkeys(names):
        if name not in all_known:
            listed = short(", ".join(all_known), 200, quoted=False)
            yield f"{field}: {short(name)} was not asked; use {listed}"


def _text(question: Input, value: JsonValue) -> Iterator[str]:
    if not isinstance(value, str):
        yield "value: it is no text; write it as one"
    elif not question.min_length <= len(value) <= question.max_length:
        # The value itself is not shown: it may be secret.
        yield (
            f"value: it has {len(value)} characters; "
            f"write {question.min_length} to {question.max_length}"
        )


def _fitting(field: str, schema: Mapping[str, Any] | None, value: JsonValue) -> Iterator[str]:
    if schema is None:
        return
    try:
        problem = misfit(schema, value)
    except TooMuchWork:
        yield f"{field}: it takes too long to check against the schema; write a smaller one"
        return
    if problem is not None:
        yield f"{field}: it does not fit the schema: {problem}"


def _uploaded(question: Upload, answer: Uploaded) -> Iterator[str]:
    if again := twice(answer.artifacts):
        yield f"artifacts: {again} is there more than once; name each once"
    if not 1 <= len(answer.artifacts) <= question.max_files:
        wanted = "1" if question.max_files == 1 else f"1 to {question.max_files}"
        yield f"artifacts: {len(answer.artifacts)} are named; name {wanted}"


def _paths(question: ApplyChanges) -> list[str]:
    return [change.path for change in question.changes]


def _decided(question: Approval, answer: Decided) -> Iterator[str]:
    if answer.decision == "deny":
        if answer.remember is not Remember.ONCE:
            yield "remember: a denial is of this call only; leave it out, or write once"
        if answer.arguments is not None:
            yield "arguments: nothing runs with them after a denial; leave them out, or approve"
    elif answer.remember not in question.remember:
        offered = ", ".join(question.remember)
        yield f"remember: {answer.remember} is not offered; choose of {offered}"
