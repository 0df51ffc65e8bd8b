"""What an application asks for: run this agent, with this input, for this principal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from pydantic import TypeAdapter

from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE, BudgetSpec, PolicyRef, RetrySpec
from steer.errors import ConfigError
from steer.ports.runtime import PrepareOptions
from steer.values import JsonValue, Message, encode_json, user_message

__all__ = ["ExecutionRequest", "StoredRequest"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionRequest:
    """A run that is asked for.

    ``agent`` is a specification (``"file.py"``, ``"file.py:name"``, ``"package.module:name"``,
    ``"agent.toml"``), an agent reference, a ``steer.agents.Agent`` or a vendor's agent object.
    A live object runs in this process only: after a crash its job fails as ``interrupted``.

    The input is either ``prompt`` or ``messages``, the whole conversation. ``runtime`` is the
    one that fits the agent unless given. ``policies`` replaces the kernel's own selection.
    ``retries`` says how often model requests that failed are made again. ``user_context`` is the
    author's object, handed to tools and never stored.

    With an ``idempotency_key`` the same request runs once in its scope: asking again returns
    the same job. ``keep_records`` keeps what a replay needs after the job has ended.
    """

    agent: object
    prompt: str | None = None
    messages: Sequence[Message] = ()
    runtime: str | None = None
    options: PrepareOptions = field(default_factory=PrepareOptions)
    scope_id: str = DEFAULT_SCOPE
    principal_id: str = DEFAULT_PRINCIPAL
    session_id: str | None = None
    budgets: BudgetSpec = field(default_factory=BudgetSpec)
    retries: RetrySpec = field(default_factory=RetrySpec)
    policies: tuple[PolicyRef, ...] | None = None
    idempotency_key: str | None = None
    user_context: object = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    keep_records: bool = False

    def __post_init__(self) -> None:
        """Refuse a request without a scope, and one that names no input or two."""
        if not self.scope_id:
            raise ConfigError("a request needs a scope_id that is not empty")
        if (self.prompt is None) == (not self.messages):
            raise ConfigError("a request has either a prompt or messages", fix="Give one of them")

    @property
    def input(self) -> tuple[Message, ...]:
        """The conversation, the newest message last."""
        if self.prompt is not None:
            return (user_message(self.prompt),)
        return tuple(self.messages)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRequest:
    """The part of a request that another process needs to run it again. No secret is in it."""

    input: tuple[Message, ...]
    options: PrepareOptions
    budgets: BudgetSpec
    retries: RetrySpec = field(default_factory=RetrySpec)
    policies: tuple[PolicyRef, ...] | None = None
    keep_records: bool = False

    @classmethod
    def of(cls, request: ExecutionRequest) -> StoredRequest:
        """Return what is kept of a request."""
        return cls(
            input=request.input,
            options=request.options
            if request.options.api_key is None
            else replace(request.options, api_key=None),
            budgets=request.budgets,
            retries=request.retries,
            policies=request.policies,
            keep_records=request.keep_records,
        )

    def encode(self) -> str:
        """Return the request as JSON text."""
        return encode_json(self).decode()

    @staticmethod
    def decode(text: str) -> StoredRequest:
        """Return the request that ``encode`` wrote."""
        return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[StoredRequest]:
    return TypeAdapter(StoredRequest)
