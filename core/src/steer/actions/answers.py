"""What each type of action is answered with: one value per type, which is its resolution.

The fields are the resolution's, in JSON the same by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from steer.actions.questions import Remember
from steer.values import ActionType, JsonValue

__all__ = [
    "Answer",
    "Answered",
    "Applied",
    "Chosen",
    "Confirmed",
    "Decided",
    "Given",
    "SignedIn",
    "Uploaded",
]

_STRICT: Any = {"extra": "forbid", "strict": True, "use_attribute_docstrings": True}


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmed:
    """A yes or a no."""

    type: ClassVar[ActionType] = ActionType.CONFIRM
    __pydantic_config__: ClassVar[Any] = _STRICT

    confirmed: bool
    """Whether it is a yes."""
    comment: str = ""
    """What whoever answered wants to add."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The options that were chosen."""

    type: ClassVar[ActionType] = ActionType.CHOOSE
    __pydantic_config__: ClassVar[Any] = _STRICT

    chosen: tuple[str, ...]
    """Their ids, each once, as few and as many as the question allows."""
    comment: str = ""
    """What whoever answered wants to add."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The value that was asked for."""

    type: ClassVar[ActionType] = ActionType.INPUT
    __pydantic_config__: ClassVar[Any] = _STRICT

    value: JsonValue
    """A text within the question's limits, or what fits its schema."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploaded:
    """The files that were asked for."""

    type: ClassVar[ActionType] = ActionType.UPLOAD
    __pydantic_config__: ClassVar[Any] = _STRICT

    artifacts: tuple[str, ...]
    """The ids of stored artifacts of this job, each once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedIn:
    """Whether somebody signed in. There is no field for a credential, on purpose."""

    type: ClassVar[ActionType] = ActionType.REAUTH
    __pydantic_config__: ClassVar[Any] = _STRICT

    done: bool
    """Whether the agent can try again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """Which changes shall be made."""

    type: ClassVar[ActionType] = ActionType.APPLY_CHANGES
    __pydantic_config__: ClassVar[Any] = _STRICT

    applied: Literal["all", "none"] | tuple[str, ...]
    """All, none, or the paths of those that shall."""
    comment: str = ""
    """What whoever answered wants to add."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """Whether a tool call may run."""

    type: ClassVar[ActionType] = ActionType.APPROVAL
    __pydantic_config__: ClassVar[Any] = _STRICT

    decision: Literal["approve", "deny"]
    """Whether it may."""
    remember: Remember = Remember.ONCE
    """For how much an approval holds; one that the question offers."""
    arguments: dict[str, Any] | None = None
    """Other arguments to run with, which policy is asked about again; `null` for those asked."""
    reason: str = ""
    """Why; the model reads it where the call is denied."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """An application's answer to its own kind of question."""

    type: ClassVar[ActionType] = ActionType.CUSTOM
    __pydantic_config__: ClassVar[Any] = _STRICT

    data: JsonValue = None
    """What fits the question's schema, where it has one."""


Answer: TypeAlias = Confirmed | Chosen | Given | Uploaded | SignedIn | Applied | Decided | Answered
"""What an action is answered with."""
