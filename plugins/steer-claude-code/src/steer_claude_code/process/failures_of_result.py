"""What the CLI and its SDK say went wrong, as steer's errors: by type and field, never by text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from claude_agent_sdk import (
    ClaudeSDKError,
    CLIConnectionError,
    CLINotFoundError,
    ProcessError,
    ResultError,
    ResultMessage,
)
from steer.errors import (
    BudgetExceeded,
    ErrorCategory,
    PluginError,
    ProviderError,
    RuntimeFailure,
    SteerError,
)
from steer.ports.gate import Sent

from steer_claude_code.agent.asking import PROVIDER

__all__ = ["lost", "request_failure", "result_failure", "sent_by_status"]

# The CLI's words for a request without a status (``AssistantMessage.error``). Its "server_error"
# stands for connections that failed, too: without a status it is no answer of the server's.
_BY_WORD = {
    "authentication_failed": ErrorCategory.AUTHENTICATION,
    "billing_error": ErrorCategory.QUOTA,
    "rate_limit": ErrorCategory.RATE_LIMIT,
    "invalid_request": ErrorCategory.VALIDATION,
    "model_not_found": ErrorCategory.NOT_FOUND,
    "server_error": ErrorCategory.NETWORK,
}

_FIXES = {
    ErrorCategory.AUTHENTICATION: "Log the CLI in, or give it credentials that are valid",
    ErrorCategory.NOT_FOUND: "Check the model's name",
    ErrorCategory.QUOTA: "Check the plan and the billing of the account",
}

# What a model said is an answer, although the CLI calls these errors: it declined, or its answer
# had no room to end.
_ANSWERED = frozenset({"max_output_tokens"})
_REFUSED = "refusal"

# Why the CLI's loop ended (``ResultMessage.terminal_reason``), where a provider stands behind it.
_OF_PROVIDER = {
    "api_error": ErrorCategory.UNKNOWN,
    "image_error": ErrorCategory.VALIDATION,
    "prompt_too_long": ErrorCategory.VALIDATION,
    "model_error": ErrorCategory.UNKNOWN,
}
_ABORTED = frozenset({"aborted_streaming", "aborted_tools"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ending:
    """What a result and an error made of one say alike."""

    subtype: str
    terminal_reason: str | None
    status: int | None
    said: str


def result_failure(
    result: ResultMessage, *, word: str | None = None, provider: str = PROVIDER
) -> SteerError | None:
    """Return what a run failed of that came to this result, ``None`` where it did not fail.

    ``word`` is the ``AssistantMessage.error`` of what the CLI said last of the outermost agent. A
    model that declined, or that had no room to end, has answered.
    """
    if not result.is_error or result.stop_reason == _REFUSED or word in _ANSWERED:
        return None
    ending = _Ending(
        subtype=result.subtype,
        terminal_reason=result.terminal_reason,
        status=result.api_error_status,
        said=_said(result.errors, result.result),
    )
    return _failure(ending, word, provider)


def lost(error: Exception | None) -> SteerError:
    """Return what it means that the CLI says nothing any more; ``error`` becomes the cause.

    ``None`` stands for an end without a word.
    """
    failure = _lost(error)
    if failure is not error:
        failure.__cause__ = error
    return failure


def _lost(error: Exception | None) -> SteerError:  # noqa: PLR0911 - one return for each kind
    match error:
        case None:
            return RuntimeFailure("the CLI ended before it came to a result")
        case SteerError():
            return error
        case ResultError():
            ending = _Ending(
                subtype=error.subtype or "",
                terminal_reason=error.terminal_reason,
                status=error.api_error_status,
                said=_said(error.errors, error.result),
            )
            return _failure(ending, None, PROVIDER)
        case CLINotFoundError():
            return PluginError(
                "claude-code",
                _one_line(str(error)),
                fix="Install claude-agent-sdk with its CLI, or set cli_path",
            )
        case ProcessError():
            code = "" if error.exit_code is None else f" with exit code {error.exit_code}"
            return RuntimeFailure(f"the CLI ended{code} before it came to a result")
        case CLIConnectionError():
            return RuntimeFailure(f"there is no connection to the CLI: {_one_line(str(error))}")
        case ClaudeSDKError():
            # Its text holds what the CLI said, which may be anybody's content.
            return RuntimeFailure(
                f"the SDK could not read what the CLI said ({type(error).__name__})"
            )
        case _:
            said = _one_line(str(error))
            return RuntimeFailure(f"the SDK raised {type(error).__name__}: {said}")


def request_failure(
    status: int | None, word: str | None, said: str, *, provider: str = PROVIDER
) -> ProviderError:
    """Return what a request failed of, from the HTTP status and the CLI's word for it."""
    if status is not None:
        fix = _FIXES.get(ErrorCategory.of_status(status))
        return ProviderError.answered(provider, status, said, fix=fix)
    category = _BY_WORD.get(word or "", ErrorCategory.NETWORK)
    message = f"the request to {provider} failed"
    return ProviderError(
        f"{message}: {said}" if said else message,
        category=category,
        retryable=category.retryable,
        provider=provider,
        fix=_FIXES.get(category),
    )


def sent_by_status(status: int | None) -> Sent:
    """Say how far a request got that failed with this status."""
    return Sent.UNKNOWN if status is None else Sent.REJECTED


def _failure(ending: _Ending, word: str | None, provider: str) -> SteerError:
    match ending.subtype:
        case "error_max_turns":
            return BudgetExceeded("max_turns", ending.said or "the run has had its turns")
        case "error_max_budget_usd":
            return BudgetExceeded("max_budget_usd", ending.said or "the CLI's budget is used up")
        case "error_max_structured_output_retries":
            return RuntimeFailure(
                "the model gave no answer that fits the schema", category=ErrorCategory.SCHEMA
            )
    if ending.terminal_reason in _ABORTED:
        return RuntimeFailure("the CLI was interrupted", category=ErrorCategory.CANCELLED)
    if ending.status is not None or word is not None or ending.terminal_reason in _OF_PROVIDER:
        failure = request_failure(ending.status, word, ending.said, provider=provider)
        known = _OF_PROVIDER.get(ending.terminal_reason or "", ErrorCategory.UNKNOWN)
        if ending.status is None and known is not ErrorCategory.UNKNOWN:
            failure.category, failure.retryable = known, False
        return failure
    return RuntimeFailure(f"the CLI could not run the agent: {ending.said or ending.subtype}")


def _said(errors: Sequence[str] | None, result: str | None) -> str:
    return _one_line("; ".join(errors or ()) or result or "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
