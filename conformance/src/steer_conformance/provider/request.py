"""A request for a turn: what it says in neutral words, and how it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

__all__ = ["Conversation", "Message", "PastCall", "Request", "Role", "ToolResult", "Unacceptable"]

Role: TypeAlias = Literal["system", "user", "assistant"]


class Unacceptable(Exception):
    """A request that the vendor would refuse with status 400, and the words of the refusal."""


@dataclass(frozen=True, slots=True)
class Message:
    """The text of one message of the conversation; images and files are left out."""

    role: Role
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PastCall:
    """A tool call that the request repeats from an earlier turn."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolResult:
    """What a tool returned, as the request tells the model."""

    call_id: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """What a request says, whatever dialect it says it in."""

    model: str = ""
    stream: bool = False
    messages: tuple[Message, ...] = ()
    tools: tuple[str, ...] = ()
    past_calls: tuple[PastCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    # History the vendor keeps may hold the calls that the results of this request belong to.
    complete: bool = True

    @property
    def last_user_text(self) -> str:
        """The text of the last message of the user, empty if there is none."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    def check_pairs(self) -> None:
        """Refuse what every vendor refuses: a tool result without its call, or the reverse.

        Raises:
            Unacceptable: naming the call that has no partner.
        """
        if not self.complete:
            return
        called = {call.id for call in self.past_calls}
        answered = {result.call_id for result in self.tool_results}
        for lonely in sorted(answered - called):
            raise Unacceptable(f"No tool call found for the tool result of call {lonely!r}.")
        for lonely in sorted(called - answered):
            raise Unacceptable(f"No tool result found for tool call {lonely!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request(Conversation):
    """One request for a turn.

    ``index`` counts requests from 1. Header names are in lower case. ``body`` is the decoded
    JSON, ``raw`` the bytes; a body that is no JSON object is empty here.
    """

    index: int = 1
    dialect: str = ""
    path: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = b""

    @classmethod
    def of(cls, conversation: Conversation, **arrival: Any) -> Request:
        """A conversation together with how it arrived."""
        said = {each.name: getattr(conversation, each.name) for each in fields(Conversation)}
        return cls(**said | arrival)
