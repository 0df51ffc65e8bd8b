"""What the SDK and its HTTP client raise, as steer's errors: by type and code, never by text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import openai
from agents import exceptions as sdk
from steer.errors import (
    BudgetExceeded,
    ErrorCategory,
    ProviderError,
    RuntimeFailure,
    SteerError,
)
from steer.ports.gate import Sent

__all__ = [
    "broken_off",
    "carried_failure",
    "chain",
    "model_failure",
    "no_room",
    "refused",
    "reported_failure",
    "run_failure",
    "sent_by",
]

# Codes that say more than the status they come with
# (https://platform.openai.com/docs/guides/error-codes).
_REFINED = {
    "insufficient_quota": ErrorCategory.QUOTA,
    "billing_hard_limit_reached": ErrorCategory.QUOTA,
    "content_filter": ErrorCategory.CONTENT_FILTER,
    "content_policy_violation": ErrorCategory.CONTENT_FILTER,
}

# Codes of an error inside a stream, where there is no status; the second half is what
# compatible servers send.
_BY_CODE = {
    **_REFINED,
    "rate_limit_exceeded": ErrorCategory.RATE_LIMIT,
    "context_length_exceeded": ErrorCategory.VALIDATION,
    "invalid_prompt": ErrorCategory.VALIDATION,
    "server_error": ErrorCategory.SERVER_ERROR,
    "invalid_request_error": ErrorCategory.VALIDATION,
    "authentication_error": ErrorCategory.AUTHENTICATION,
    "permission_error": ErrorCategory.PERMISSION_DENIED,
    "not_found_error": ErrorCategory.NOT_FOUND,
    "rate_limit_error": ErrorCategory.RATE_LIMIT,
    "overloaded_error": ErrorCategory.SERVER_ERROR,
    "internal_error": ErrorCategory.SERVER_ERROR,
    "timeout_error": ErrorCategory.TIMEOUT,
}

_FIXES = {
    ErrorCategory.AUTHENTICATION: "Set OPENAI_API_KEY, or give the run an API key that is valid",
    ErrorCategory.NOT_FOUND: "Check the model's name and the base URL",
    ErrorCategory.QUOTA: "Check the plan and the billing of the account",
}

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, the outermost first, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def model_failure(error: Exception, *, provider: str, answering: bool) -> SteerError:
    """Return what a failed model request means; ``error`` becomes the cause.

    ``answering`` says that the request had left: what the SDK then stumbles over came from the
    provider.
    """
    failure = _vendor_failure(error, provider)
    if failure is None:
        failure = broken_off(provider) if answering else run_failure(error)
    if failure is not error:
        failure.__cause__ = error
    return failure


def _vendor_failure(error: Exception, provider: str) -> SteerError | None:  # noqa: PLR0911 - one return for each kind
    match error:
        case SteerError():
            return error
        case openai.APIStatusError():
            return _answered(error, provider)
        case openai.APITimeoutError():
            return ProviderError(
                f"{provider} did not answer in time",
                category=ErrorCategory.TIMEOUT,
                retryable=True,
                provider=provider,
            )
        case openai.APIConnectionError():
            return _unreachable(error, provider)
        case openai.APIError():
            return reported_failure(
                code=error.code or error.type, message=error.message, provider=provider
            )
        case openai.OpenAIError():
            # The client refuses to be made or to send: no key, or settings that exclude each other.
            return ProviderError(
                str(error),
                category=ErrorCategory.AUTHENTICATION,
                provider=provider,
                fix=_FIXES[ErrorCategory.AUTHENTICATION],
            )
        case httpx2.HTTPError():
            return _unreachable(error, provider)
        case sdk.AgentsException():
            return run_failure(error)
        case _:
            return None


def _answered(error: openai.APIStatusError, provider: str) -> ProviderError:
    status = error.status_code
    category = _REFINED.get(error.code or "") or ErrorCategory.of_status(status)
    return ProviderError.answered(
        provider,
        status,
        _said(error),
        headers=error.response.headers,
        category=category,
        fix=_FIXES.get(category),
    )


def _said(error: openai.APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, Mapping) else None
    # Without a message of the provider's own, the client's holds the whole body.
    text = message if isinstance(message, str) and message else error.message
    return " ".join(text.split())


def _unreachable(error: Exception, provider: str) -> ProviderError:
    cause = error.__cause__ or error
    # The client's own text is only "Connection error.".
    detail = str(cause) or type(cause).__name__
    return ProviderError(
        f"the connection to {provider} failed: {detail}",
        category=ErrorCategory.NETWORK,
        retryable=True,
        provider=provider,
        fix="Check the base URL and the network" if sent_by(error) is Sent.NO else None,
    )


def reported_failure(*, code: str | None, message: str | None, provider: str) -> ProviderError:
    """Return what a provider said inside a stream that had begun."""
    category = _BY_CODE.get(code or "", ErrorCategory.UNKNOWN)
    return ProviderError(
        f"{provider} failed in the middle of its answer: {message or code or 'no reason given'}",
        category=category,
        retryable=category.retryable,
        provider=provider,
        fix=_FIXES.get(category),
    )


def broken_off(provider: str) -> ProviderError:
    """Return the error of an answer that ended too early or arrived damaged."""
    return ProviderError(
        f"the answer of {provider} broke off before its end",
        category=ErrorCategory.NETWORK,
        retryable=True,
        provider=provider,
    )


def no_room(model: str) -> BudgetExceeded:
    """Return the error of an answer that its limit left no room for."""
    return BudgetExceeded(
        "max_output_tokens",
        f"{model} had no room to finish its answer",
        fix="Raise max_output_tokens",
    )


def refused(message: str, *, fix: str) -> RuntimeFailure:
    """Return the error of what an author's code asks for in a run and cannot have under steer."""
    return RuntimeFailure(message, category=ErrorCategory.VALIDATION, fix=fix)


def sent_by(error: Exception) -> Sent:
    """Say how far a failed request got."""
    for each in chain(error):
        match each:
            case openai.APIStatusError():
                return Sent.REJECTED
            case _ if isinstance(each, _NEVER_SENT):
                return Sent.NO
    return Sent.UNKNOWN


def carried_failure(
    error: BaseException, known: Mapping[int, SteerError] | None = None
) -> SteerError | None:
    """Return the error of steer's that the SDK carries inside its own, ``None`` without one.

    The SDK wraps what passes through it. ``known`` says what an exception of a vendor's means,
    by its identity.
    """
    for each in chain(error):
        if isinstance(each, SteerError):
            return each
        if known is not None and id(each) in known:
            return known[id(each)]
    return None


def run_failure(error: BaseException, known: Mapping[int, SteerError] | None = None) -> SteerError:
    """Return what a run that raised ``error`` failed of; steer's own errors come out unchanged."""
    failure = carried_failure(error, known)
    if failure is None:
        failure = _sdk_failure(error)
        failure.__cause__ = error
    return failure


def _sdk_failure(error: BaseException) -> SteerError:  # noqa: PLR0911 - one return for each kind
    match error:
        case sdk.MaxTurnsExceeded():
            return BudgetExceeded("max_turns", str(error))
        case sdk.ModelTimeoutError():
            return ProviderError(str(error), category=ErrorCategory.TIMEOUT, retryable=True)
        case sdk.ModelRefusalError():
            return ProviderError(str(error), category=ErrorCategory.CONTENT_FILTER)
        case sdk.ModelBehaviorError():
            return RuntimeFailure(f"the model's answer: {error}", category=ErrorCategory.SCHEMA)
        case sdk.InputGuardrailTripwireTriggered() | sdk.OutputGuardrailTripwireTriggered():
            name = error.guardrail_result.guardrail.get_name()
            return RuntimeFailure(
                f"the guardrail {name!r} stopped the run", category=ErrorCategory.CONTENT_FILTER
            )
        case sdk.ToolInputGuardrailTripwireTriggered() | sdk.ToolOutputGuardrailTripwireTriggered():
            name = error.guardrail.get_name()
            return RuntimeFailure(
                f"the tool guardrail {name!r} stopped the run",
                category=ErrorCategory.CONTENT_FILTER,
            )
        case sdk.UserError():
            return RuntimeFailure(_one_line(error), category=ErrorCategory.VALIDATION)
        case openai.OpenAIError():
            # Of a client that the author's own code uses; a model's request is known by identity.
            return RuntimeFailure(f"{type(error).__name__}: {_one_line(error)}")
        case _:
            return RuntimeFailure(f"the agent raised {type(error).__name__}: {_one_line(error)}")


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())
