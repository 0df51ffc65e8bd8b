"""What came of a tool call: as it is recorded, and as a model reads it."""

from __future__ import annotations

from steer.agents import encode_result
from steer.errors import ErrorCategory, ErrorInfo, SteerError
from steer.ports.gate import ToolOutcome
from steer.values import Effect, EffectStatus, JsonValue

from steer_claude_code.calls import Told

__all__ = ["ToolFailed", "cut_short", "executed", "own_result", "recorded_result"]

_CUT_SHORT = "The call was cut short when the run ended; it may have happened in part."


class ToolFailed(SteerError):
    """A function tool raised or took too long, and the model is told ``told``."""

    code = "tool"

    def __init__(
        self, error: BaseException, told: str, *, category: ErrorCategory = ErrorCategory.UNKNOWN
    ) -> None:
        super().__init__(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        self.told = told
        self.category = category

    def info(self) -> ErrorInfo:
        # A replay tells the model the same words without running the author's code.
        return ErrorInfo(
            code=self.code,
            message=self.message,
            category=self.category,
            details={"told": self.told},
        )


def own_result(outcome: ToolOutcome) -> Told:
    """Return what a model reads of a function tool's outcome, recorded or new."""
    if outcome.status is EffectStatus.SUCCEEDED:
        return Told(content=encode_result(outcome.value).text)
    return Told(content=_failure(outcome), is_error=True)


def executed(told: Told) -> ToolOutcome:
    """Return the outcome of a call that the CLI executed, from what it tells the model."""
    if not told.is_error:
        return ToolOutcome(status=EffectStatus.SUCCEEDED, value=told.content)
    said = text_of(told.content)
    error = ErrorInfo(code="tool", message=said, details={"told": said})
    return ToolOutcome(status=EffectStatus.FAILED, error=error)


def recorded_result(outcome: ToolOutcome) -> Told:
    """Return what a model reads of a call that the CLI executed in an earlier attempt."""
    if outcome.status is EffectStatus.SUCCEEDED:
        return Told(content=outcome.value)
    return Told(content=_failure(outcome), is_error=True)


def cut_short(effect: Effect) -> ToolOutcome:
    """Return the outcome of a call that the CLI was executing when the run was taken down.

    Of what may not happen twice it is unknown: a model that is told of it would ask for it again.
    """
    error = ErrorInfo(
        code="tool",
        message="cut short when the run ended",
        category=ErrorCategory.CANCELLED,
        details={"told": _CUT_SHORT},
    )
    status = EffectStatus.UNKNOWN if effect is Effect.ONCE else EffectStatus.CANCELLED
    return ToolOutcome(status=status, error=error)


def text_of(content: JsonValue) -> str:
    """Return the text of a tool result in the API's form."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = (block.get("text") for block in blocks if isinstance(block, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def _failure(outcome: ToolOutcome) -> str:
    if outcome.error is None:
        return f"The call ended as {outcome.status.value}."
    return outcome.error.details.get("told") or outcome.error.message
