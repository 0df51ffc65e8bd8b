"""What is particular to this policy: the limits."""

from __future__ import annotations

import pytest
from steer.context import ExecutionContext
from steer.ports.policy import Outcome, RunQuestion, ToolQuestion
from steer.values import JsonValue
from steer_spending.policy import SpendingConfig, SpendingPolicy

POLICY = SpendingPolicy(SpendingConfig())


def outcome(arguments: JsonValue) -> Outcome | None:
    question = ToolQuestion(context=ExecutionContext(), tool="pay", arguments=arguments)
    verdict = POLICY.evaluate(question)
    return None if verdict is None else verdict.outcome


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (100, Outcome.ALLOW),
        (100.01, Outcome.ASK),
        (1000, Outcome.ASK),
        (1000.01, Outcome.DENY),
        (float("nan"), Outcome.DENY),
        (float("inf"), Outcome.DENY),
        ("12", Outcome.DENY),
        (True, Outcome.DENY),
        (None, Outcome.DENY),
    ],
)
def test_an_amount_is_judged(amount: JsonValue, expected: Outcome) -> None:
    assert outcome({"amount": amount}) is expected


@pytest.mark.parametrize("arguments", [{}, {"to": "Ann"}, "no JSON", None, [1]])
def test_what_spends_nothing_is_left_to_others(arguments: JsonValue) -> None:
    assert outcome(arguments) is None


def test_a_run_is_left_to_others() -> None:
    assert POLICY.evaluate(RunQuestion(context=ExecutionContext(), agent="a", runtime="r")) is None


def test_other_limits_are_another_version() -> None:
    assert SpendingPolicy(SpendingConfig(ask_above=1)).version != POLICY.version
    assert SpendingPolicy(SpendingConfig()).version == POLICY.version
