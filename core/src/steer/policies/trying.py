"""Trying a policy on its cases: what each was expected to be, and what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic_core import to_json

from steer.policies.explaining import Explanation, explain
from steer.policies.files import Case
from steer.policies.json_values import same_json
from steer.policies.stack import PolicyStack
from steer.ports.policy import ToolQuestion
from steer.values import JsonValue

__all__ = ["TriedCase", "try_cases"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedCase:
    """A case and how it was decided; ``failures`` say what is not as expected."""

    case: Case
    explanation: Explanation
    failures: tuple[str, ...]


async def try_cases(stack: PolicyStack, cases: Sequence[Case]) -> list[TriedCase]:
    """Put every case to the policies."""
    tried = []
    for case in cases:
        explanation = await explain(stack, case.table.question())
        failures = tuple(_failures(case, explanation))
        tried.append(TriedCase(case=case, explanation=explanation, failures=failures))
    return tried


def _failures(case: Case, explanation: Explanation) -> Iterator[str]:
    table, verdict = case.table, explanation.verdict
    if verdict.outcome is not table.expect:
        yield f"expected {table.expect}, and it is {verdict.outcome}"
    if table.rule is not None and verdict.rule != table.rule:
        yield f"expected the rule {table.rule!r}, and it is {verdict.rule!r}"
    if "runs_with" in table.model_fields_set:
        runs_with = verdict.arguments if verdict.rewritten else _proposed(explanation)
        if not same_json(runs_with, table.runs_with):
            yield f"expected to run with {_shown(table.runs_with)}, and it is {_shown(runs_with)}"


def _proposed(explanation: Explanation) -> JsonValue:
    question = explanation.question
    return question.arguments if isinstance(question, ToolQuestion) else None


def _shown(value: JsonValue) -> str:
    return to_json(value, fallback=str).decode()
