"""What came of the checks: one result each, and the report that they make up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CheckOutcome", "Report", "Result"]


class CheckOutcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPECTED = "failed as expected"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One check and how it ended.

    ``message`` says what was wrong, with the smallest example that was found, or why the check
    was skipped or expected to fail. ``reproduce`` is the command that runs it alone.
    """

    port: str
    clause: str
    check: str
    outcome: CheckOutcome
    seconds: float = 0.0
    message: str = ""
    reproduce: str = ""

    @property
    def id(self) -> str:
        """The check as ``-k`` and known failures call it."""
        return f"{self.clause}/{self.check}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All that came of checking one plugin.

    ``shortfalls`` are sentences about checks that the contract has and that were not there to
    run. ``left_out`` is how many were not selected.
    """

    plugin: str
    profile: str
    results: tuple[Result, ...]
    shortfalls: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def failures(self) -> tuple[Result, ...]:
        """The checks that failed and were not expected to, or passed and were expected to fail."""
        return tuple(each for each in self.results if each.outcome is CheckOutcome.FAILED)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and no check was missing."""
        return not self.failures and not self.shortfalls

    @property
    def counts(self) -> Counter[CheckOutcome]:
        """How many checks ended in which way."""
        return Counter(each.outcome for each in self.results)
