"""How a tool call ended, as an outcome and as the event that tells of it."""

from __future__ import annotations

import asyncio
from typing import Literal

from steer.errors import ErrorCategory, ErrorInfo, SteerError
from steer.events import ToolEnded, ToolFailed, ToolUnknown
from steer.ports.gate import ToolCall, ToolOutcome
from steer.values import EffectStatus

__all__ = ["ending", "failed"]


def ending(
    call: ToolCall, outcome: ToolOutcome, elapsed_ms: int, origin: Literal["tool", "vendor"]
) -> ToolEnded | ToolFailed | ToolUnknown:
    """Return the event that tells how a call ended."""
    if outcome.status is EffectStatus.SUCCEEDED:
        return ToolEnded(
            call_id=call.call_id, tool=call.tool, result=outcome.value, elapsed_ms=elapsed_ms
        )
    error = outcome.error or ErrorInfo(code="tool", message="the tool failed")
    if outcome.status is EffectStatus.UNKNOWN:
        return ToolUnknown(call_id=call.call_id, tool=call.tool, reason=error.message)
    return ToolFailed(
        call_id=call.call_id, tool=call.tool, origin=origin, error=error, elapsed_ms=elapsed_ms
    )


def failed(status: EffectStatus, error: BaseException) -> ToolOutcome:
    """Return the outcome of an effect that raised."""
    if isinstance(error, SteerError):
        return ToolOutcome(status=status, error=error.info(), exception=error)
    if isinstance(error, asyncio.CancelledError):
        message = _CANCELLED if status is EffectStatus.CANCELLED else _CUT_SHORT
        category = ErrorCategory.CANCELLED
    else:
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        timed_out = status is EffectStatus.TIMED_OUT
        category = ErrorCategory.TIMEOUT if timed_out else ErrorCategory.UNKNOWN
    info = ErrorInfo(code="tool", message=message, category=category)
    return ToolOutcome(status=status, error=info, exception=error)


_CANCELLED = "cancelled"
_CUT_SHORT = "it was cancelled while it ran; it may have happened or not"
