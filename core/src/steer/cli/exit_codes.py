"""What ``steer`` says by its exit code: one small set, the same for every command."""

from __future__ import annotations

from enum import IntEnum

from steer.errors import (
    ActionClosed,
    ActionExpired,
    AgentError,
    BudgetExceeded,
    ConfigError,
    Conflict,
    DeadlineExceeded,
    Diverged,
    ErrorInfo,
    EventDecodeError,
    IdempotencyConflict,
    Interrupted,
    InvalidAnswer,
    InvalidQuestion,
    InvalidTransition,
    NotFound,
    OutcomeUnknown,
    PluginError,
    PolicyDenied,
    ProviderError,
    Released,
    RuntimeFailure,
    SessionBusy,
    StaleFence,
    SteerError,
    StorageError,
    Suspending,
    WrongToken,
)
from steer.values import JobStatus, RunResult

__all__ = ["ExitCode", "exit_code_of_error", "exit_code_of_result"]


class ExitCode(IntEnum):
    """How a command ended. The three above 128 are what a shell makes of the same signals."""

    SUCCESS = 0
    FAILED = 1
    USAGE = 2
    DENIED = 3
    LIMIT = 4
    TIMED_OUT = 5
    PROVIDER = 6
    CONFLICT = 7
    STORAGE = 8
    WAITING = 9
    ANSWERED = 10
    UNFIT = 11
    BUG = 70
    CANCELLED = 130
    READER_GONE = 141
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """The code in one line, for the help and the reference."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.SUCCESS: "it worked; the run succeeded",
    ExitCode.FAILED: "the run failed, in the agent or in its SDK",
    ExitCode.USAGE: "wrong usage, configuration, agent or plugin; nothing ran",
    ExitCode.DENIED: "policy does not allow the run, or this principal to answer",
    ExitCode.LIMIT: "the run reached a limit or a budget",
    ExitCode.TIMED_OUT: "the run's time was up, or the question's",
    ExitCode.PROVIDER: "the model's provider failed or could not be reached",
    ExitCode.CONFLICT: "no such job, action, agent, session or budget, or its state forbids this",
    ExitCode.STORAGE: "the storage could not be opened, read or written",
    ExitCode.WAITING: "the job waits for somebody to answer; it has not ended",
    ExitCode.ANSWERED: "the question was answered or withdrawn before",
    ExitCode.UNFIT: "the answer does not fit what was asked; the question stays open",
    ExitCode.BUG: "a bug in steer",
    ExitCode.CANCELLED: "the run was cancelled, by Ctrl-C or by somebody else",
    ExitCode.READER_GONE: "whoever read the output closed it",
    ExitCode.TERMINATED: "the run was cancelled by SIGTERM",
}

_BY_ERROR: dict[str, ExitCode] = {
    SteerError.code: ExitCode.FAILED,
    ActionClosed.code: ExitCode.ANSWERED,
    ActionExpired.code: ExitCode.TIMED_OUT,
    AgentError.code: ExitCode.USAGE,
    BudgetExceeded.code: ExitCode.LIMIT,
    ConfigError.code: ExitCode.USAGE,
    Conflict.code: ExitCode.CONFLICT,
    DeadlineExceeded.code: ExitCode.TIMED_OUT,
    Diverged.code: ExitCode.CONFLICT,
    EventDecodeError.code: ExitCode.STORAGE,
    IdempotencyConflict.code: ExitCode.CONFLICT,
    Interrupted.code: ExitCode.FAILED,
    InvalidAnswer.code: ExitCode.UNFIT,
    InvalidQuestion.code: ExitCode.USAGE,
    InvalidTransition.code: ExitCode.CONFLICT,
    NotFound.code: ExitCode.CONFLICT,
    OutcomeUnknown.code: ExitCode.FAILED,
    PluginError.code: ExitCode.USAGE,
    PolicyDenied.code: ExitCode.DENIED,
    ProviderError.code: ExitCode.PROVIDER,
    Released.code: ExitCode.FAILED,
    RuntimeFailure.code: ExitCode.FAILED,
    SessionBusy.code: ExitCode.CONFLICT,
    StaleFence.code: ExitCode.CONFLICT,
    StorageError.code: ExitCode.STORAGE,
    Suspending.code: ExitCode.WAITING,
    WrongToken.code: ExitCode.DENIED,
}


def exit_code_of_error(info: ErrorInfo) -> ExitCode:
    """Return the code for an error, raised or kept with a job; unknown kinds are failures."""
    return _BY_ERROR.get(info.code, ExitCode.FAILED)


def exit_code_of_result(result: RunResult) -> ExitCode:
    """Return the code for how a run ended."""
    match result.status:
        case JobStatus.SUCCEEDED:
            return ExitCode.SUCCESS
        case JobStatus.CANCELLED:
            return ExitCode.CANCELLED
        case JobStatus.TIMED_OUT:
            return ExitCode.TIMED_OUT
        case _:
            return ExitCode.FAILED if result.error is None else exit_code_of_error(result.error)
