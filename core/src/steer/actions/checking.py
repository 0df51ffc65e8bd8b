"""The checks of what is asked and answered, and their normal form.

The normal form is plain JSON with every field of its type. It is what the store keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json, to_jsonable_python

from steer.actions.answer_rules import problems_of_answer, settled
from steer.actions.answers import Answer
from steer.actions.plain import MAX_BYTES, NotPlain, plain_json
from steer.actions.question_rules import problems_of_question
from steer.actions.questions import Question
from steer.errors import InvalidAnswer, InvalidQuestion, SteerError
from steer.values import ActionType, JsonValue

__all__ = [
    "ANSWERS",
    "QUESTIONS",
    "answer_of",
    "check_payload",
    "check_question",
    "check_resolution",
    "known_type",
    "question_of",
    "unfit",
]

QUESTIONS: Mapping[ActionType, type[Question]] = {kind.type: kind for kind in get_args(Question)}
"""The value that each type of action asks."""

ANSWERS: Mapping[ActionType, type[Answer]] = {kind.type: kind for kind in get_args(Answer)}
"""The value that each type of action is answered with."""

_MAX_PROBLEMS = 5
_MAX_ECHO = 60


def check_question(
    asked: Question | ActionType | str, payload: JsonValue = None
) -> tuple[ActionType, JsonValue]:
    """Return the type and the payload, in normal form, of a question that is given in either way.

    That is: as a value such as ``Confirm(message=...)``, or as a type and its payload. Raises
    ``InvalidQuestion``.
    """
    if isinstance(asked, Question):
        if payload is not None:
            raise InvalidQuestion(
                f"a {type(asked).__name__} was given beside another payload",
                fix="Give one of them",
            )
        return asked.type, check_payload(asked.type, asked)
    return ActionType(known_type(asked)), check_payload(asked, payload)


def check_payload(kind: ActionType | str, payload: Question | JsonValue) -> JsonValue:
    """Return the payload of a question in normal form. Raises ``InvalidQuestion``.

    ``payload`` is JSON, or the value of the type (``Confirm``, ``Choose`` and so on).
    """
    return _normal(question_of(kind, payload))


def question_of(kind: ActionType | str, payload: Question | JsonValue) -> Question:
    """Return the payload as the value of its type. Raises ``InvalidQuestion``."""
    expected = QUESTIONS[known_type(kind)]
    what = f"the payload of an action of type {expected.type}"
    question: Question = _read(payload, expected, what, InvalidQuestion)
    if problems := list(problems_of_question(question)):
        raise unfit(problems, what, InvalidQuestion)
    return question


def check_resolution(
    kind: ActionType | str, payload: Question | JsonValue, resolution: Answer | JsonValue
) -> JsonValue:
    """Return the answer in normal form, where it fits the payload that was asked.

    Raises ``InvalidAnswer``, and ``InvalidQuestion`` for a payload that ``check_payload`` refuses.
    Of an upload this checks the ids alone; ``check_upload`` looks at what is stored under them.
    """
    return _normal(answer_of(kind, payload, resolution))


def answer_of(
    kind: ActionType | str, payload: Question | JsonValue, resolution: Answer | JsonValue
) -> Answer:
    """Return the answer as the value of its type. Raises as ``check_resolution`` does."""
    question = question_of(kind, payload)
    expected = ANSWERS[question.type]
    what = f"the answer to an action of type {question.type}"
    answer: Answer = _read(resolution, expected, what, InvalidAnswer)
    if problems := list(problems_of_answer(question, answer)):
        raise unfit(problems, what, InvalidAnswer)
    return settled(question, answer)


def known_type(kind: ActionType | str) -> ActionType:
    """Return the type of that name. Raises ``InvalidQuestion``."""
    try:
        return ActionType(kind)
    except ValueError as error:
        raise InvalidQuestion(
            f"there is no action of type {_echo(kind)}", fix=f"Use one of {', '.join(ActionType)}"
        ) from error


def _read(
    given: Any, expected: type[Question | Answer], what: str, refuse: Callable[..., SteerError]
) -> Any:
    if isinstance(given, (*QUESTIONS.values(), *ANSWERS.values())) and type(given) is not expected:
        raise refuse(f"{what} is no {type(given).__name__}", fix=f"Use {expected.__name__}")
    try:
        text = to_json(plain_json(given))
    except NotPlain as error:
        raise refuse(f"{what} cannot be kept: {error}") from error
    if len(text) > MAX_BYTES:
        raise refuse(
            f"{what} is larger than {MAX_BYTES // 1024} KiB",
            fix="Store what is large as an artifact",
        )
    try:
        return _adapter(expected).validate_json(text)  # type: ignore[arg-type]  # a class is hashable
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)
    # Here it has no cause: pydantic's error shows the input, which can be a secret.
    raise unfit([_problem(each, expected) for each in wrong], what, refuse)


def unfit(problems: Sequence[str], what: str, refuse: Callable[..., SteerError]) -> SteerError:
    """Return the error that tells of these problems, of the first few where there are many."""
    shown = list(problems[:_MAX_PROBLEMS])
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    told = "; ".join(shown).replace("\n", "\\n")
    return refuse(f"{what} does not fit: {told}")


def _problem(problem: Mapping[str, Any], expected: type[Question | Answer]) -> str:
    where = ".".join(map(str, problem["loc"]))
    # A name that somebody made up may hold what ends a line.
    place = _echo(where, quoted=" ".join(where.split()) != where or not where.isprintable())
    names = ", ".join(field.name for field in fields(expected))
    match problem["type"]:
        case "missing":
            return f"{place}: is missing"
        case "unexpected_keyword_argument" if expected.type is ActionType.REAUTH:
            return f"{place}: there is no such field, a credential least of all (it has {names})"
        case "unexpected_keyword_argument" if "." not in place:
            return f"{place}: there is no such field (it has {names})"
        case "unexpected_keyword_argument":
            return f"{place}: there is no such field"
        case "dataclass_type" | "dataclass_exact_type" if not place:
            return f"it is no object (its fields are {names})"
        case _:
            said = str(problem["msg"])
            said = f"{said[:1].lower()}{said[1:]}, not {_echo(problem['input'])}"
            return f"{place}: {said}" if place else said


def _echo(value: Any, *, quoted: bool = True) -> str:
    match value:
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            text = repr(value) if quoted else str(value)
            return text if len(text) <= _MAX_ECHO else f"{text[:_MAX_ECHO]}…"


@cache
def _adapter(kind: type[Question | Answer]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _normal(value: Question | Answer) -> JsonValue:
    return to_jsonable_python(value)
