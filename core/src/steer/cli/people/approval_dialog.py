"""Asking a person whether a tool call may run."""

from __future__ import annotations

from collections.abc import Callable

from steer.actions import Approval, Decided, Remember
from steer.cli.people.question_text import difference
from steer.cli.terminal.choosing import choice
from steer.cli.terminal.editing import json_from_text, json_to_text
from steer.cli.terminal.person import Person
from steer.cli.terminal.printable import one_line
from steer.cli.terminal.telling import BAR
from steer.errors import ConfigError
from steer.values import JsonValue

__all__ = ["ask_approval", "edited_arguments"]

_APPROVE = {"y": Remember.ONCE, "a": Remember.ARGUMENTS, "t": Remember.TOOL}


def ask_approval(question: Approval, person: Person, show: Callable[[], None]) -> Decided:
    """Return what the person decides; ``show`` shows the whole call.

    Raises ``Left`` and ``Dismissed``.
    """
    tool = one_line(question.tool)
    meanings = {
        Remember.ONCE: "approve once",
        Remember.ARGUMENTS: "approve, and further calls with these arguments",
        Remember.TOOL: f"approve, and further calls of {tool}",
    }
    keys = {key: meanings[rule] for key, rule in _APPROVE.items() if rule in question.remember}
    keys |= {"n": "deny", "e": "edit the arguments"}
    while True:
        match choice(person, keys, show):
            case "n":
                reason = person.asked("why, for the model to read (may be empty)> ")
                return Decided(decision="deny", reason=reason)
            case "e":
                arguments = edited_arguments(question, person)
                if arguments is not None:
                    return Decided(decision="approve", arguments=arguments)
            case key:
                return Decided(decision="approve", remember=_APPROVE[key])


def edited_arguments(question: Approval, person: Person) -> dict[str, JsonValue] | None:
    """Return the arguments as the person changed and confirmed them, ``None`` where they did not.

    Raises ``Left`` and ``Dismissed``.
    """
    indent = 2 if person.has_editor else None
    text = json_to_text(question.arguments, indent=indent)
    while True:
        try:
            text = person.edited(text, "arguments> ", suffix=".json")
            arguments = _object(text)
        except ConfigError as error:
            person.tell("error", str(error))
            if choice(person, {"e": "edit it again", "n": "leave it as it was"}, None) == "n":
                return None
            continue
        if arguments == question.arguments:
            person.tell("note", "nothing was changed")
            return None
        for style, line in difference(question.arguments, arguments):
            person.tell(style, f"{BAR}{line}")
        keys = {"y": "approve it so", "e": "edit it again", "n": "leave it as it was"}
        match choice(person, keys, None):
            case "y":
                return arguments
            case "n":
                return None


def _object(text: str) -> dict[str, JsonValue]:
    value = json_from_text(text)
    if not isinstance(value, dict):
        raise ConfigError("the arguments are JSON, but no object", fix='They look like {"name": 1}')
    return value
