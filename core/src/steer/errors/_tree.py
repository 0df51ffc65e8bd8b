"""The errors steer raises, drawn as a tree in ``steer.errors``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Self

from steer.errors._categories import ErrorCategory
from steer.errors._retry_headers import retry_after_in, should_retry_in

__all__ = [
    "ActionClosed",
    "ActionExpired",
    "AgentError",
    "BudgetExceeded",
    "ConfigError",
    "Conflict",
    "DeadlineExceeded",
    "Diverged",
    "ErrorInfo",
    "EventDecodeError",
    "IdempotencyConflict",
    "Interrupted",
    "InvalidAnswer",
    "InvalidQuestion",
    "InvalidTransition",
    "NotFound",
    "OutcomeUnknown",
    "PluginError",
    "PolicyDenied",
    "ProviderError",
    "Released",
    "RuntimeFailure",
    "SessionBusy",
    "StaleFence",
    "SteerError",
    "StorageError",
    "Suspending",
    "WrongToken",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorInfo:
    """An error as a value, safe to store: no traceback, no secret, no live object.

    ``retry_after`` is in seconds. ``provider`` names the runtime or vendor that failed.
    """

    code: str
    message: str
    category: ErrorCategory = ErrorCategory.UNKNOWN
    retryable: bool = False
    status_code: int | None = None
    retry_after: float | None = None
    provider: str | None = None
    fix: str | None = None
    details: dict[str, str] = field(default_factory=dict)


class SteerError(Exception):
    """The root of everything steer raises on purpose."""

    code: ClassVar[str] = "error"
    category: ErrorCategory = ErrorCategory.UNKNOWN
    retryable: bool = False

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}. {self.fix}" if self.fix else self.message

    def info(self) -> ErrorInfo:
        """This error as a value that can be stored and shown elsewhere."""
        return ErrorInfo(
            code=self.code,
            message=self.message,
            category=self.category,
            retryable=self.retryable,
            fix=self.fix,
        )


class ConfigError(SteerError):
    """A setting, a flag or a configuration file says something that cannot be."""

    code = "config"
    category = ErrorCategory.VALIDATION


class AgentError(SteerError):
    """An agent could not be loaded, or its definition is not well formed."""

    code = "agent"
    category = ErrorCategory.VALIDATION


class PluginError(SteerError):
    """A plugin is missing, broken, or was asked for something that it cannot do."""

    code = "plugin"
    category = ErrorCategory.VALIDATION

    def __init__(self, plugin: str, message: str, *, fix: str | None = None) -> None:
        super().__init__(f"{plugin}: {message}", fix=fix)
        self.plugin = plugin


class ProviderError(SteerError):
    """The provider of a model, or a tool's server, failed.

    ``retry_after`` is in seconds; ``status_code`` is the HTTP status where there was one.
    The vendor's own exception is the ``__cause__``.
    """

    code = "provider"

    def __init__(
        self,
        message: str,
        *,
        category: ErrorCategory = ErrorCategory.UNKNOWN,
        status_code: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        provider: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(message, fix=fix)
        self.category = category
        self.status_code = status_code
        self.retryable = retryable
        self.retry_after = retry_after
        self.provider = provider

    @classmethod
    def answered(
        cls,
        provider: str,
        status: int,
        said: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        category: ErrorCategory | None = None,
        fix: str | None = None,
    ) -> Self:
        """Return the error of a request that was answered with another HTTP status than success.

        ``said`` is the provider's reason. ``category`` is what the provider's own code stands for,
        by default what the status does. Whether to ask again, and when, is what the ``headers``
        say, by default what the category does.
        """
        category = ErrorCategory.of_status(status) if category is None else category
        headers = {} if headers is None else headers
        may_pass = should_retry_in(headers)
        return cls(
            f"{provider} answered {status}: {said}" if said else f"{provider} answered {status}",
            category=category,
            status_code=status,
            retryable=category.retryable if may_pass is None else may_pass,
            retry_after=retry_after_in(headers),
            provider=provider,
            fix=fix,
        )

    def info(self) -> ErrorInfo:
        return ErrorInfo(
            code=self.code,
            message=self.message,
            category=self.category,
            retryable=self.retryable,
            status_code=self.status_code,
            retry_after=self.retry_after,
            provider=self.provider,
            fix=self.fix,
        )


class RuntimeFailure(SteerError):
    """The agent's own code or its SDK failed; the provider did not.

    ``category`` says what kind of failure it was, for example ``schema`` for output
    that does not fit the declared type.
    """

    code = "runtime"

    def __init__(
        self,
        message: str,
        *,
        category: ErrorCategory = ErrorCategory.UNKNOWN,
        fix: str | None = None,
    ) -> None:
        super().__init__(message, fix=fix)
        self.category = category


class PolicyDenied(SteerError):
    """Policy forbids the request; nothing of it ran."""

    code = "policy_denied"
    category = ErrorCategory.PERMISSION_DENIED


class BudgetExceeded(SteerError):
    """A budget or a limit of the run was reached; ``limit`` names which one.

    A ``budget`` begins anew at ``resets_at``. ``used``, reserved included, and ``cap`` are amounts.
    """

    code = "budget_exceeded"
    category = ErrorCategory.QUOTA

    def __init__(
        self,
        limit: str,
        message: str,
        *,
        fix: str | None = None,
        budget: str | None = None,
        used: str | None = None,
        cap: str | None = None,
        resets_at: datetime | None = None,
    ) -> None:
        super().__init__(message, fix=fix)
        self.limit, self.budget, self.used, self.cap = limit, budget, used, cap
        self.resets_at = resets_at

    def info(self) -> ErrorInfo:
        details = {"limit": self.limit} | ({"budget": self.budget} if self.budget else {})
        more = {"resets_at": self.resets_at.isoformat()} if self.resets_at else {}
        return replace(super().info(), details=details | more)


class DeadlineExceeded(SteerError):
    """The run's time was up before it ended."""

    code = "deadline_exceeded"
    category = ErrorCategory.TIMEOUT


class Conflict(SteerError):
    """Somebody else holds or has changed what this call wants to change."""

    code = "conflict"
    category = ErrorCategory.CONFLICT


class IdempotencyConflict(Conflict):
    """The idempotency key was used in this scope for a different request.

    ``job_id`` is the job that holds the key.
    """

    code = "idempotency_conflict"

    def __init__(self, message: str, *, job_id: str, fix: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.job_id = job_id


class SessionBusy(Conflict):
    """Another job goes on with the session; ``job_id`` says which."""

    code = "session_busy"

    def __init__(self, message: str, *, job_id: str, fix: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.job_id = job_id


class StaleFence(Conflict):
    """Another process has claimed the job since; nothing of this write was kept."""

    code = "stale_fence"


class InvalidTransition(SteerError):
    """A job or an action cannot move from the state it is in to the one asked for."""

    code = "invalid_transition"
    category = ErrorCategory.CONFLICT


class Diverged(SteerError):
    """A replay asked for something other than what the first attempt recorded."""

    code = "diverged"
    category = ErrorCategory.CONFLICT


class OutcomeUnknown(SteerError):
    """An effect began before a crash and nobody knows whether it happened."""

    code = "outcome_unknown"


class Interrupted(SteerError):
    """The process that ran the job died and the agent cannot be built again elsewhere."""

    code = "interrupted"


class Released(SteerError):
    """The kernel closed, so it takes no job, or gave this one back to be resumed by another one."""

    code = "released"


class ActionClosed(SteerError):
    """A question to a person was answered or withdrawn before; ``by`` says by whom, if known."""

    code = "action_closed"
    category = ErrorCategory.CONFLICT

    def __init__(self, message: str, *, by: str | None = None, fix: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.by = by


class ActionExpired(SteerError):
    """A person answered an action after its time was up, or nobody answered it in time."""

    code = "action_expired"
    category = ErrorCategory.TIMEOUT


class Suspending(SteerError):
    """The run is being parked until a person has answered, and nothing new begins in it."""

    code = "suspending"
    category = ErrorCategory.CANCELLED


class WrongToken(SteerError):
    """A token is malformed, or it is not the one that answers this action."""

    code = "wrong_token"
    category = ErrorCategory.PERMISSION_DENIED


class InvalidQuestion(SteerError):
    """What a person was to be asked is not well formed; nobody was asked."""

    code = "invalid_question"
    category = ErrorCategory.VALIDATION


class InvalidAnswer(SteerError):
    """An answer does not fit what was asked; the question stays open."""

    code = "invalid_answer"
    category = ErrorCategory.VALIDATION


class NotFound(SteerError):
    """There is no such job, action, agent or session in this scope."""

    code = "not_found"
    category = ErrorCategory.NOT_FOUND


class StorageError(SteerError):
    """The store could not be opened, read or written."""

    code = "storage"


class EventDecodeError(SteerError):
    """Bytes that were to be an event are not one."""

    code = "event_decode"
    category = ErrorCategory.VALIDATION
