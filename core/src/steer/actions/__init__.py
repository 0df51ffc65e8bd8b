"""What people are asked, and what they answer: the eight types of actions.

A question is a value such as ``Confirm`` or ``Approval``, an answer one such as ``Confirmed`` or
``Decided``. The store keeps both as plain JSON in a normal form, which ``check_payload`` and
``check_resolution`` return.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steer.actions.answers import (
        Answer,
        Answered,
        Applied,
        Chosen,
        Confirmed,
        Decided,
        Given,
        SignedIn,
        Uploaded,
    )
    from steer.actions.checking import (
        answer_of,
        check_payload,
        check_question,
        check_resolution,
        question_of,
    )
    from steer.actions.plain import MAX_BYTES
    from steer.actions.questions import (
        ApplyChanges,
        Approval,
        Choose,
        Confirm,
        Custom,
        FileChange,
        Input,
        Option,
        Question,
        Reauth,
        Remember,
        Upload,
    )
    from steer.actions.schemas import ActionSchemas, schema_of
    from steer.actions.showing import shown_resolution
    from steer.actions.uploads import check_upload

__all__ = [
    "MAX_BYTES",
    "ActionSchemas",
    "Answer",
    "Answered",
    "Applied",
    "ApplyChanges",
    "Approval",
    "Choose",
    "Chosen",
    "Confirm",
    "Confirmed",
    "Custom",
    "Decided",
    "FileChange",
    "Given",
    "Input",
    "Option",
    "Question",
    "Reauth",
    "Remember",
    "SignedIn",
    "Upload",
    "Uploaded",
    "answer_of",
    "check_payload",
    "check_question",
    "check_resolution",
    "check_upload",
    "question_of",
    "schema_of",
    "shown_resolution",
]

# Where each name is defined: importing the package imports none of it, pydantic least of all.
_HOMES = {
    "MAX_BYTES": "plain",
    "ActionSchemas": "schemas",
    "Answer": "answers",
    "Answered": "answers",
    "Applied": "answers",
    "ApplyChanges": "questions",
    "Approval": "questions",
    "Choose": "questions",
    "Chosen": "answers",
    "Confirm": "questions",
    "Confirmed": "answers",
    "Custom": "questions",
    "Decided": "answers",
    "FileChange": "questions",
    "Given": "answers",
    "Input": "questions",
    "Option": "questions",
    "Question": "questions",
    "Reauth": "questions",
    "Remember": "questions",
    "SignedIn": "answers",
    "Upload": "questions",
    "Uploaded": "answers",
    "answer_of": "checking",
    "check_payload": "checking",
    "check_question": "checking",
    "check_resolution": "checking",
    "check_upload": "uploads",
    "question_of": "checking",
    "schema_of": "schemas",
    "shown_resolution": "showing",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, once it is asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
