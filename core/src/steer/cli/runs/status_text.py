"""The last line of a run: how it ended, what it took, and its job."""

from __future__ import annotations

from steer.cli.terminal.amounts import cost_text, duration_text, tokens_text
from steer.cli.terminal.printable import one_line, shortened
from steer.values import RunResult

__all__ = ["ending_text", "totals_text"]

_REASON_LENGTH = 120


def ending_text(result: RunResult) -> str:
    """Return the status, and for a cancelled run why."""
    word = result.status.replace("_", " ")
    if result.status == "cancelled" and result.error is not None:
        return f"{word}: {shortened(result.error.message, _REASON_LENGTH)}"
    return word


def totals_text(result: RunResult) -> str:
    """Return tokens, cost, calls, time and the job's id, in one line."""
    facts = [tokens_text(result.usage), cost_text(result.cost)]
    if result.tools_invoked:
        facts.append(f"{result.tools_invoked} tool call{'s'[: result.tools_invoked != 1]}")
    facts.append(duration_text(result.elapsed_ms))
    if result.still_running:
        facts.append(f"still running: {one_line(', '.join(result.still_running))}")
    facts.append(f"job {result.job_id}")
    return " \u00b7 ".join(fact for fact in facts if fact is not None)
