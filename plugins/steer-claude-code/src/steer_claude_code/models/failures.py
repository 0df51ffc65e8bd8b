"""What goes wrong with a model request, as steer's errors: by status and type, never by text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
from steer.errors import ErrorCategory, ProviderError, RuntimeFailure, SteerError
from steer.ports.gate import Sent

from steer_claude_code.agent.asking import PROVIDER
from steer_claude_code.models.message import Malformed
from steer_claude_code.wire_json import read_json

__all__ = [
    "CannotSend",
    "NotAccepted",
    "answered",
    "broken_off",
    "model_failure",
    "reported",
    "sent_by",
]

# The types of errors (https://platform.claude.com/docs/en/api/errors): inside a stream there is no
# status.
_BY_TYPE = {
    "invalid_request_error": ErrorCategory.VALIDATION,
    "authentication_error": ErrorCategory.AUTHENTICATION,
    "billing_error": ErrorCategory.QUOTA,
    "permission_error": ErrorCategory.PERMISSION_DENIED,
    "not_found_error": ErrorCategory.NOT_FOUND,
    "conflict_error": ErrorCategory.CONFLICT,
    "request_too_large": ErrorCategory.VALIDATION,
    "rate_limit_error": ErrorCategory.RATE_LIMIT,
    "timeout_error": ErrorCategory.TIMEOUT,
    "api_error": ErrorCategory.SERVER_ERROR,
    "overloaded_error": ErrorCategory.SERVER_ERROR,
}

_FIXES = {
    ErrorCategory.AUTHENTICATION: "Set ANTHROPIC_API_KEY, or give the run an API key that is valid",
    ErrorCategory.NOT_FOUND: "Check the model's name and the base URL",
    ErrorCategory.QUOTA: "Check the plan and the billing of the account",
}


class NotAccepted(Exception):
    """The provider answered with another status than 200; ``content`` is what it said."""

    def __init__(self, response: httpx2.Response, content: bytes) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.status = response.status_code
        self.headers = response.headers
        self.content = content


class CannotSend(Exception):
    """A request could not even be sent, because of how this runtime is set up."""

    def __init__(self, error: SteerError) -> None:
        super().__init__(str(error))
        self.error = error


def model_failure(error: Exception) -> SteerError:
    """Return what a failed model request means; ``error`` becomes the cause."""
    failure = _failure(error)
    if failure is not error and not isinstance(error, CannotSend):
        failure.__cause__ = error
    return failure


def _failure(error: Exception) -> SteerError:  # noqa: PLR0911 - one return for each kind
    match error:
        case SteerError():
            return error
        case CannotSend():
            return error.error
        case NotAccepted():
            return answered(error.status, error.headers, error.content)
        case httpx2.SSEError():
            return _damaged("is no stream of events", fix="Check the base URL")
        case Malformed():
            return _damaged(f"arrived damaged: {error}")
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return _unreachable(error)
        case httpx2.TimeoutException():
            return ProviderError(
                f"{PROVIDER} did not answer in time",
                category=ErrorCategory.TIMEOUT,
                retryable=True,
                provider=PROVIDER,
            )
        case httpx2.HTTPError():
            return _unreachable(error)
        case _:
            return RuntimeFailure(f"the model request failed: {type(error).__name__}: {error}")


def answered(status: int, headers: Mapping[str, str], content: bytes) -> ProviderError:
    """Return the error of an answer with another status than 200."""
    said = _error_in(content)
    category = ErrorCategory.of_status(status)
    if category is ErrorCategory.UNKNOWN:
        category = _BY_TYPE.get(str(said.get("type")), category)
    if said.get("type") == "billing_error":
        category = ErrorCategory.QUOTA
    message = said.get("message")
    words = message if isinstance(message, str) and message else content.decode(errors="replace")
    return ProviderError.answered(
        PROVIDER,
        status,
        _short(words) or "no reason given",
        headers=headers,
        category=category,
        fix=_FIXES.get(category),
    )


_LONGEST = 1000
"""How many letters are repeated of what a provider says went wrong."""


def _short(words: object) -> str:
    return " ".join(str(words)[:_LONGEST].split())


def _error_in(content: bytes) -> Mapping[str, Any]:
    try:
        body = read_json(content)
    except ValueError:
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _unreachable(error: Exception) -> ProviderError:
    return ProviderError(
        f"the connection to {PROVIDER} failed: {str(error) or type(error).__name__}",
        category=ErrorCategory.NETWORK,
        retryable=True,
        provider=PROVIDER,
        fix="Check the base URL and the network" if sent_by(error) is Sent.NO else None,
    )


def reported(event: Mapping[str, Any]) -> ProviderError:
    """Return the error that a provider reports inside a stream that had begun."""
    error = event.get("error")
    said: Mapping[str, Any] = error if isinstance(error, dict) else {}
    kind = said.get("type")
    category = _BY_TYPE.get(str(kind), ErrorCategory.UNKNOWN)
    return ProviderError(
        f"{PROVIDER} failed in the middle of its answer: "
        f"{_short(said.get('message') or kind or 'no reason given')}",
        category=category,
        retryable=category.retryable,
        provider=PROVIDER,
        fix=_FIXES.get(category),
    )


def broken_off() -> ProviderError:
    """Return the error of an answer that ended too early."""
    return _damaged("broke off before its end")


def _damaged(how: str, *, fix: str | None = None) -> ProviderError:
    return ProviderError(
        f"the answer of {PROVIDER} {how}",
        category=ErrorCategory.NETWORK,
        retryable=True,
        provider=PROVIDER,
        fix=fix,
    )


def sent_by(error: Exception) -> Sent:
    """Say how far a failed request got."""
    match error:
        case NotAccepted():
            return Sent.REJECTED
        case CannotSend() | httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return Sent.NO
        case _:
            return Sent.UNKNOWN
