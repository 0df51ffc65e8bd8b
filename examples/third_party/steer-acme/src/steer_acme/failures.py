"""What goes wrong at Acme or on the way there, as steer's errors: by code, never by text."""

from __future__ import annotations

import httpx2
from pydantic import BaseModel, ValidationError
from steer.errors import ErrorCategory, ProviderError
from steer.ports.gate import Sent

from steer_acme.wire import Failed

__all__ = ["broken_off", "declined", "garbled", "refused", "reported", "sent_by", "unreachable"]

_BY_CODE = {
    "invalid_request": ErrorCategory.VALIDATION,
    "unauthorized": ErrorCategory.AUTHENTICATION,
    "forbidden": ErrorCategory.PERMISSION_DENIED,
    "not_found": ErrorCategory.NOT_FOUND,
    "rate_limited": ErrorCategory.RATE_LIMIT,
    "quota_used_up": ErrorCategory.QUOTA,
    "blocked": ErrorCategory.CONTENT_FILTER,
    "overloaded": ErrorCategory.SERVER_ERROR,
    "internal": ErrorCategory.SERVER_ERROR,
}
_FIXES = {
    ErrorCategory.AUTHENTICATION: "Set api_key in [runtimes.acme], or give the run an API key",
    ErrorCategory.NOT_FOUND: "Check the names of model and persona",
}


class _Problem(BaseModel):
    code: str
    message: str


class _Refusal(BaseModel):
    error: _Problem


def refused(response: httpx2.Response) -> ProviderError:
    """Return the error of a request that Acme did not take; its body has been read."""
    try:
        problem = _Refusal.model_validate_json(response.content).error
    except ValidationError:
        # Some proxy on the way answered, in words of its own.
        problem = _Problem(code="", message=response.text[:200])
    category = _BY_CODE.get(problem.code) or ErrorCategory.of_status(response.status_code)
    return ProviderError.answered(
        "acme",
        response.status_code,
        problem.message,
        headers=response.headers,
        category=category,
        fix=_FIXES.get(category),
    )


def reported(event: Failed) -> ProviderError:
    """Return the error that came in the middle of an answer."""
    category = _BY_CODE.get(event.code, ErrorCategory.UNKNOWN)
    return ProviderError(
        f"acme gave up in the middle of its answer: {event.message}",
        category=category,
        retryable=category.retryable,
        retry_after=event.retry_after,
        provider="acme",
    )


def unreachable(error: httpx2.HTTPError) -> ProviderError:
    """Return the error of a connection that was not made, or did not last; raise it from that."""
    late = isinstance(error, httpx2.TimeoutException)
    return ProviderError(
        f"the connection to acme failed: {type(error).__name__} {error}",
        category=ErrorCategory.TIMEOUT if late else ErrorCategory.NETWORK,
        retryable=True,
        provider="acme",
    )


def broken_off() -> ProviderError:
    """Return the error of an answer that stopped before its end."""
    return ProviderError(
        "acme's answer broke off before its end",
        category=ErrorCategory.NETWORK,
        retryable=True,
        provider="acme",
    )


def garbled(line: bytes) -> ProviderError:
    """Return the error of a line that Acme's format does not have, or not at that place."""
    return ProviderError(
        f"acme sent what is no event there: {line[:80]!r}",
        category=ErrorCategory.SERVER_ERROR,
        retryable=True,
        provider="acme",
    )


def declined(words: str) -> ProviderError:
    """Return the error of a refusal where an answer in a fixed form was asked for."""
    return ProviderError(
        f"the model declined: {words}", category=ErrorCategory.CONTENT_FILTER, provider="acme"
    )


def sent_by(error: ProviderError) -> Sent:
    """Return how far the request got that failed so: what it may have cost follows from that."""
    if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout):
        return Sent.NO
    return Sent.UNKNOWN if error.status_code is None else Sent.REJECTED
