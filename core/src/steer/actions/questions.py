"""What each type of action asks: one value per type, which is its payload.

The fields are the payload's, in JSON the same by name. A question is shown to a person, so none of
its text is trusted: whoever shows it makes control characters visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal, TypeAlias

from steer.ports.policy import ToolKind
from steer.values import ActionType, JsonValue

__all__ = [
    "ApplyChanges",
    "Approval",
    "Choose",
    "Confirm",
    "Custom",
    "FileChange",
    "Input",
    "Option",
    "Question",
    "Reauth",
    "Remember",
    "Upload",
]

# A field that nobody reads is a mistake of who wrote it, and so is the text "3" for a number.
_STRICT: Any = {"extra": "forbid", "strict": True, "use_attribute_docstrings": True}


class Remember(StrEnum):
    """For how much an approval holds.

    ``once``: this call. ``arguments``: each call of the job to this tool with these very arguments.
    ``tool``: each call of the job to this tool.
    """

    ONCE = "once"
    ARGUMENTS = "arguments"
    TOOL = "tool"


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirm:
    """Ask for a yes or a no."""

    type: ClassVar[ActionType] = ActionType.CONFIRM
    __pydantic_config__: ClassVar[Any] = _STRICT

    message: str
    """What is asked, in a sentence."""
    details: str = ""
    """What helps to decide; shown below the message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One of the things to choose from."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    id: str
    """What the answer calls it; no two options share one."""
    label: str
    """What a person reads."""
    description: str = ""
    """What choosing it means."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choose:
    """Ask for some of several options, for one of them unless it says otherwise."""

    type: ClassVar[ActionType] = ActionType.CHOOSE
    __pydantic_config__: ClassVar[Any] = _STRICT

    message: str
    """What is asked, in a sentence."""
    options: tuple[Option, ...]
    """What there is to choose from, in the order to show it."""
    min: int = 1
    """The fewest that an answer may choose."""
    max: int | None = 1
    """The most that an answer may choose; `null` for as many as there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """Ask for a value: for text, or for what fits a JSON schema."""

    type: ClassVar[ActionType] = ActionType.INPUT
    __pydantic_config__: ClassVar[Any] = _STRICT

    message: str
    """What is asked, in a sentence."""
    schema: dict[str, Any] | None = None
    """The JSON schema (draft 2020-12) of the value; `null` asks for text."""
    min_length: int = 0
    """The fewest characters of a text."""
    max_length: int = 10_000
    """The most characters of a text."""
    secret: bool = False
    """Whether the text is to be hidden while it is typed, and from whoever looks at the answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """Ask for files. They are stored as artifacts first, and the answer names them."""

    type: ClassVar[ActionType] = ActionType.UPLOAD
    __pydantic_config__: ClassVar[Any] = _STRICT

    message: str
    """What is asked, in a sentence."""
    media_types: tuple[str, ...] = ("*/*",)
    """Which kinds of files: `type/subtype`, or `type/*`, or `*/*`."""
    max_files: int = 1
    """The most files that an answer may name; the fewest is one."""
    max_bytes: int | None = None
    """The largest that each file may be; `null` leaves that to the store."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reauth:
    """Ask somebody to sign in again elsewhere. No credential ever comes back by the answer."""

    type: ClassVar[ActionType] = ActionType.REAUTH
    __pydantic_config__: ClassVar[Any] = _STRICT

    message: str
    """What is asked, in a sentence."""
    provider: str
    """Where to sign in."""
    url: str | None = None
    """The page to do it on: `https`, or `http` on this machine, without user or password."""
    scopes: tuple[str, ...] = ()
    """What leave the agent needs there, in the provider's words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """A change of one file, as a diff or as the text before and after it."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    path: str
    """The file; no two changes of a question share one."""
    kind: Literal["create", "edit", "delete"]
    """What becomes of the file."""
    diff: str | None = None
    """The change as a unified diff; then without `before` and `after`."""
    before: str | None = None
    """The text as it is; of a file that is created there is none."""
    after: str | None = None
    """The text as it would be; of a file that is deleted there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplyChanges:
    """Ask which of some changes to files shall be made."""

    type: ClassVar[ActionType] = ActionType.APPLY_CHANGES
    __pydantic_config__: ClassVar[Any] = _STRICT

    message: str
    """What is asked, in a sentence."""
    changes: tuple[FileChange, ...]
    """The changes, in the order to show them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Ask whether a tool call may run. The gate asks this, by a policy's verdict."""

    type: ClassVar[ActionType] = ActionType.APPROVAL
    __pydantic_config__: ClassVar[Any] = _STRICT

    tool: str
    """The tool's name."""
    arguments: JsonValue = None
    """The arguments that would be used."""
    proposed: JsonValue = None
    """What the model had proposed, where policy made other arguments of it; else `null`."""
    kind: ToolKind = ToolKind.FUNCTION
    """What stands behind the tool's name."""
    server: str | None = None
    """The MCP server that has the tool."""
    agent: str | None = None
    """The agent that wants to call it."""
    path: tuple[str, ...] = ()
    """The ids of the enclosing tool calls, outermost first."""
    reason: str = ""
    """Why a person is asked."""
    rule: str | None = None
    """The rule that wants it."""
    policy: str | None = None
    """The policy that the rule belongs to, with its version."""
    remember: tuple[Remember, ...] = (Remember.ONCE,)
    """For how much the answer may approve; `once` always."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Custom:
    """Ask something that the other types do not cover, of an application that knows the kind."""

    type: ClassVar[ActionType] = ActionType.CUSTOM
    __pydantic_config__: ClassVar[Any] = _STRICT

    kind: str
    """What is asked, by a name that the application knows."""
    message: str = ""
    """The same for people who do not know the kind."""
    data: JsonValue = None
    """What the application needs to ask it."""
    schema: dict[str, Any] | None = None
    """The JSON schema (draft 2020-12) of the answer's `data`; `null` takes any."""


Question: TypeAlias = Confirm | Choose | Input | Upload | Reauth | ApplyChanges | Approval | Custom
"""What an action asks."""
