"""What the CLI and its SDK say went wrong: one error, by its fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    CLIConnectionError,
    CLIJSONDecodeError,
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
from steer_claude_code.process.failures_of_result import lost, result_failure

API_ERROR = {"subtype": "success", "terminal_reason": "api_error", "stop_reason": "stop_sequence"}


def result(**fields: Any) -> ResultMessage:
    usual: dict[str, Any] = {
        "subtype": "success",
        "duration_ms": 1,
        "duration_api_ms": 1,
        "is_error": True,
        "num_turns": 1,
        "session_id": "s",
    }
    return ResultMessage(**(usual | fields))


@pytest.mark.parametrize(
    ("status", "reason", "category", "retryable"),
    [
        (400, "api_error", ErrorCategory.VALIDATION, False),
        (401, "api_error", ErrorCategory.AUTHENTICATION, False),
        (403, "api_error", ErrorCategory.PERMISSION_DENIED, False),
        (404, "api_error", ErrorCategory.NOT_FOUND, False),
        (413, "image_error", ErrorCategory.VALIDATION, False),
        (429, "api_error", ErrorCategory.RATE_LIMIT, True),
        (500, "api_error", ErrorCategory.SERVER_ERROR, True),
        (529, "api_error", ErrorCategory.SERVER_ERROR, True),
        (418, "api_error", ErrorCategory.UNKNOWN, False),
        (None, "api_error", ErrorCategory.NETWORK, True),
        (None, "prompt_too_long", ErrorCategory.VALIDATION, False),
    ],
)
def test_a_provider_failure_is_told_by_its_status(
    status: int | None, reason: str, category: ErrorCategory, retryable: bool
) -> None:
    error = result_failure(
        result(api_error_status=status, terminal_reason=reason, result="API Error:\n no")
    )
    assert isinstance(error, ProviderError)
    assert (error.category, error.retryable) == (category, retryable)
    assert error.status_code == status
    assert error.message.endswith(": API Error: no")


@pytest.mark.parametrize(
    ("word", "category"),
    [
        ("authentication_failed", ErrorCategory.AUTHENTICATION),
        ("billing_error", ErrorCategory.QUOTA),
        ("rate_limit", ErrorCategory.RATE_LIMIT),
        ("model_not_found", ErrorCategory.NOT_FOUND),
        ("server_error", ErrorCategory.NETWORK),
        ("unknown", ErrorCategory.NETWORK),
    ],
)
def test_without_a_status_the_word_of_the_cli_says_what_it_was(
    word: str, category: ErrorCategory
) -> None:
    error = result_failure(result(**API_ERROR), word=word)
    assert error is not None
    assert error.category == category


@pytest.mark.parametrize(
    ("subtype", "limit"),
    [("error_max_turns", "max_turns"), ("error_max_budget_usd", "max_budget_usd")],
)
def test_a_limit_of_the_cli_is_a_limit(subtype: str, limit: str) -> None:
    error = result_failure(result(subtype=subtype, errors=["Reached the maximum"]))
    assert isinstance(error, BudgetExceeded)
    assert error.limit == limit
    assert error.message == "Reached the maximum"


def test_an_answer_that_never_fitted_the_schema_is_a_failure_of_the_schema() -> None:
    error = result_failure(result(subtype="error_max_structured_output_retries"))
    assert isinstance(error, RuntimeFailure)
    assert error.category == ErrorCategory.SCHEMA


@pytest.mark.parametrize("reason", ["aborted_streaming", "aborted_tools"])
def test_an_interrupted_run_was_cancelled(reason: str) -> None:
    error = result_failure(result(subtype="error_during_execution", terminal_reason=reason))
    assert isinstance(error, RuntimeFailure)
    assert error.category == ErrorCategory.CANCELLED


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"is_error": False}, None),
        ({**API_ERROR, "stop_reason": "refusal"}, "invalid_request"),
        (API_ERROR, "max_output_tokens"),
    ],
)
def test_what_a_model_answered_is_no_failure_whatever_the_cli_calls_it(
    fields: dict[str, Any], word: str | None
) -> None:
    assert result_failure(result(**fields), word=word) is None


def test_words_that_are_not_known_yet_make_a_failure_that_repeats_them() -> None:
    error = result_failure(result(subtype="error_of_tomorrow", errors=["Something\nnew."]))
    assert isinstance(error, RuntimeFailure)
    assert error.message == "the CLI could not run the agent: Something new."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "the CLI ended before it came to a result"),
        (ProcessError("gone", exit_code=9), "the CLI ended with exit code 9"),
        (CLIConnectionError("not ready"), "there is no connection to the CLI: not ready"),
        (CLIJSONDecodeError("secret words", ValueError()), "could not read what the CLI said"),
        (OSError("no pipe"), "the SDK raised OSError: no pipe"),
    ],
)
def test_a_cli_that_says_nothing_any_more_is_a_failure_with_its_cause(
    error: Exception | None, said: str
) -> None:
    failure = lost(error)
    assert isinstance(failure, RuntimeFailure)
    assert said in failure.message
    assert "secret" not in str(failure)
    assert failure.__cause__ is error


def test_an_error_of_steers_comes_out_unchanged() -> None:
    error = BudgetExceeded("max_turns", "enough")
    assert lost(error) is error
    assert error.__cause__ is None


def test_a_result_that_the_sdk_raises_is_read_as_the_result_itself() -> None:
    raised = ResultError("no", {"api_error_status": 429, **API_ERROR})
    error = lost(raised)
    assert isinstance(error, ProviderError)
    assert error.category == ErrorCategory.RATE_LIMIT
    assert error.__cause__ is raised


# ---- the real thing ------------------------------------------------------------------------------


async def start(home: Path, **options: Any) -> SteerError:
    """Start a CLI that cannot run, and return what that means."""
    settings = ClaudeAgentOptions(
        tools=[],
        cwd=home,
        setting_sources=[],
        stderr=lambda _line: None,
        env={"HOME": str(home), "CLAUDE_CONFIG_DIR": f"{home}/.claude", "ANTHROPIC_API_KEY": "x"},
        **options,
    )
    with anyio.fail_after(60):
        try:
            async with ClaudeSDKClient(settings) as client:
                await client.query("Hello?")
                said = [message async for message in client.receive_messages()]
        except Exception as error:
            return lost(error)
    raise AssertionError(f"it ran: {said}")


@pytest.mark.anyio
async def test_a_cli_that_is_not_there_is_an_error_of_the_plugin_with_the_fix(
    tmp_path: Path,
) -> None:
    error = await start(tmp_path, cli_path=tmp_path / "claude")
    assert isinstance(error, PluginError)
    assert "cli_path" in str(error)


@pytest.mark.long
@pytest.mark.anyio
async def test_a_session_that_the_cli_does_not_know_is_said_in_its_own_words(
    tmp_path: Path,
) -> None:
    session = "0117d4a7-aa01-4872-9a2c-0020750b6122"
    error = await start(tmp_path, resume=session)
    assert isinstance(error, RuntimeFailure)
    assert session in error.message
