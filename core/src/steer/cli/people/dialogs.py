"""Asking a person, by what they are asked for, until there is an answer of that type.

Everything here blocks, in a thread. A choice is a letter and the return key: a key that was meant
for something else, just as the question came, approves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from steer.actions import (
    Answer,
    Answered,
    Applied,
    ApplyChanges,
    Approval,
    Choose,
    Chosen,
    Confirm,
    Confirmed,
    Custom,
    Given,
    Input,
    Question,
    Reauth,
    SignedIn,
    Upload,
    check_resolution,
)
from steer.cli.people.approval_dialog import ask_approval
from steer.cli.terminal.choosing import choice, numbers
from steer.cli.terminal.editing import json_from_text
from steer.cli.terminal.person import Left, Person
from steer.errors import ConfigError, InvalidAnswer
from steer.values import JsonValue

__all__ = ["Files", "ask"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Files of this machine that answer an upload, once they are stored."""

    paths: tuple[Path, ...]


def ask(question: Question, person: Person, show: Callable[[], None]) -> Answer | Files:
    """Return what the person answers; ``show`` shows the question whole.

    Raises ``Left`` where they leave it for later, ``Dismissed`` where it was answered meanwhile.
    """
    while True:
        answer = _once(question, person, show)
        if isinstance(answer, Files):
            return answer
        try:
            check_resolution(question.type, question, answer)
        except InvalidAnswer as error:
            person.tell("error", error.message)
        else:
            return answer


def _once(question: Question, person: Person, show: Callable[[], None]) -> Answer | Files:
    answer: Answer | Files
    match question:
        case Approval():
            answer = ask_approval(question, person, show)
        case Confirm():
            answer = Confirmed(confirmed=_yes(person, show, yes="yes", no="no"))
        case Reauth():
            answer = SignedIn(done=_yes(person, show, yes="I have signed in", no="I will not"))
        case Choose():
            answer = Chosen(chosen=_options(question, person))
        case ApplyChanges():
            answer = Applied(applied=_changes(question, person, show))
        case Input():
            answer = Given(value=_value(question, person))
        case Upload():
            answer = _files(question, person)
        case Custom():
            answer = Answered(data=_json(person, "answer in JSON> "))
    return answer


def _yes(person: Person, show: Callable[[], None], *, yes: str, no: str) -> bool:
    keys = {"y": yes, "n": no}
    return choice(person, keys, show) == "y"


def _options(question: Choose, person: Person) -> tuple[str, ...]:
    ids = [option.id for option in question.options]
    label = "which> " if question.max == 1 else "which, as in 1,3> "
    while True:
        if (chosen := numbers(person, label, ids)) is not None:
            return tuple(chosen)


def _changes(
    question: ApplyChanges, person: Person, show: Callable[[], None]
) -> Literal["all", "none"] | tuple[str, ...]:
    keys = {"a": "make all changes", "p": "pick some", "n": "make none"}
    paths = [change.path for change in question.changes]
    if len(paths) == 1:
        del keys["p"]
    while True:
        match choice(person, keys, show):
            case "a":
                return "all"
            case "n":
                return "none"
            case _:
                if picked := numbers(person, "which, as in 1,3> ", paths):
                    return tuple(picked)


def _value(question: Input, person: Person) -> JsonValue:
    if question.schema is None:
        return person.asked("answer> ", secret=question.secret)
    text_will_do = question.schema.get("type") == "string"
    while True:
        typed = person.asked("answer> ", secret=question.secret)
        try:
            value = json_from_text(typed)
        except ConfigError as error:
            if text_will_do:
                return typed
            person.tell("error", error.message)
            continue
        # The text 007 is meant as it stands where a text is wanted.
        return typed if text_will_do and not isinstance(value, str) else value


def _files(question: Upload, person: Person) -> Files:
    paths: list[Path] = []
    while len(paths) < question.max_files:
        typed = person.asked("file> " if not paths else "another file, or nothing> ")
        if not typed and paths:
            break
        path = Path(typed).expanduser()
        if not typed or not path.is_file():
            person.tell("error", f"{typed or 'that'} is no file")
        else:
            paths.append(path)
    return Files(paths=tuple(paths))


def _json(person: Person, label: str) -> JsonValue:
    while True:
        try:
            return json_from_text(person.edited("", label, suffix=".json"))
        except ConfigError as error:
            person.tell("error", str(error))
            if person.has_editor and person.asked("again? [y/n]> ").casefold() != "y":
                raise Left from error
