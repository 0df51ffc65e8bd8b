"""Rules about who may answer, terms of approvals, and the bounds of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from steer.context import ExecutionContext
from steer.errors import ConfigError
from steer.policies import ActionRule, Constraints, ModelRule, PolicySet, PolicyStack, ToolRule
from steer.ports.policy import (
    ActionQuestion,
    Counters,
    ModelQuestion,
    Outcome,
    RunQuestion,
    ToolQuestion,
)
from steer.values import ActionType

ALLOW, ASK, DENY = Outcome.ALLOW, Outcome.ASK, Outcome.DENY
ANSWER = ActionQuestion(
    context=ExecutionContext(scope_id="acme", principal_id="ann"),
    action_type=ActionType.APPROVAL,
    tool="refund",
    agent="support",
    asked_by="bob",
)


def outcome(question: ActionQuestion, *rules: ActionRule, default: Outcome = DENY) -> Outcome:
    verdict = PolicySet(name="p", rules=rules, default=default).evaluate(question)
    assert verdict is not None
    return verdict.outcome


def allowing(**fields: object) -> ActionRule:
    return ActionRule(**({"types": "*", "outcome": ALLOW} | fields))  # type: ignore[arg-type] # a test's own


# --- who may answer


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        (allowing(), True),
        (allowing(types="approval"), True),
        (allowing(types=["input", "ch*"]), False),
        (allowing(principals="a*"), True),
        (allowing(principals="bob"), False),
        (allowing(scopes="acme"), True),
        (allowing(scopes="other"), False),
        (allowing(tools="re*"), True),
        (allowing(tools="export"), False),
        (allowing(agents="support"), True),
        (allowing(agents="sales"), False),
        (allowing(own=False), True),
        (allowing(own=True), False),
    ],
)
def test_a_rule_lets_those_answer_whom_it_names(rule: ActionRule, applies: bool) -> None:
    assert (outcome(ANSWER, rule) is ALLOW) is applies
    assert (outcome(ANSWER, replace(rule, outcome=DENY), allowing()) is DENY) is applies


def test_whoever_asked_may_be_kept_from_approving_their_own() -> None:
    rules = (allowing(), ActionRule(types="approval", outcome=DENY, own=True))
    own = replace(ANSWER, asked_by="ann")
    assert (outcome(ANSWER, *rules), outcome(own, *rules)) == (ALLOW, DENY)
    assert outcome(replace(own, action_type=ActionType.INPUT), *rules) is ALLOW


def test_an_action_without_a_tool_counts_against_the_answer() -> None:
    confirm = replace(ANSWER, action_type=ActionType.CONFIRM, tool=None)
    assert outcome(confirm, allowing(tools="*")) is DENY
    assert outcome(confirm, allowing(), allowing(tools="refund", outcome=DENY)) is DENY


def test_a_set_without_rules_about_answers_lets_everybody_answer() -> None:
    assert outcome(ANSWER) is ALLOW


@pytest.mark.parametrize(("default", "expected"), [(DENY, DENY), (ASK, DENY), (ALLOW, ALLOW)])
def test_with_one_such_rule_the_default_holds_for_the_rest(
    default: Outcome, expected: Outcome
) -> None:
    assert outcome(ANSWER, allowing(types="input"), default=default) is expected


def test_a_refusal_says_who_and_what() -> None:
    policy = PolicySet(name="p", version="1", rules=[allowing(types="input")])
    verdict = policy.evaluate(ANSWER)
    assert verdict is not None
    assert verdict.reason == "no rule of the policy p@1 lets 'ann' answer this approval"


# --- terms


@pytest.mark.anyio
async def test_a_rule_that_asks_says_who_may_answer_and_how_long(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    rule = ToolRule(
        tools="refund",
        outcome=ASK,
        approvers=["lead-*", "ann"],
        expires_in_seconds=60,
        on_expiry="fail",
    )
    stack = PolicyStack([PolicySet(name="p", rules=[rule])])
    asked = await stack.decide(tool_call("refund", {}))
    assert asked.outcome is ASK
    assert (asked.approvers, asked.expires_in_seconds, asked.on_expiry) == (
        *(("ann|lead-*",), 60.0, "fail"),
    )
    for principal, allowed in (("ann", True), ("lead-1", True), ("bob", False)):
        question = replace(
            ANSWER, context=ExecutionContext(principal_id=principal), approvers=asked.approvers
        )
        assert ((await stack.decide(question)).outcome is ALLOW) is allowed


def test_the_strictest_terms_of_all_rules_hold(tool_call: Callable[..., ToolQuestion]) -> None:
    rules = [
        ToolRule(tools="refund", outcome=ASK, approvers="a*", expires_in_seconds=600),
        ToolRule(tools="re*", outcome=ASK, approvers="*n", expires_in_seconds=60),
        ToolRule(tools="*", outcome=ASK, on_expiry="fail", reason="everything is looked at"),
    ]
    asked = PolicySet(name="p", rules=rules).evaluate(tool_call("refund", {}))
    assert asked is not None
    assert asked.reason == "everything is looked at"
    assert (asked.approvers, asked.expires_in_seconds, asked.on_expiry) == (
        *(("*n", "a*"), 60.0, "fail"),
    )


def test_other_terms_make_another_version() -> None:
    rule = ToolRule(tools="refund", outcome=ASK, expires_in_seconds=60)
    versions = [
        PolicySet(name="p", rules=[each]).version
        for each in (rule, replace(rule, expires_in_seconds=60.0), replace(rule, approvers="ann"))
    ]
    assert versions[0] == versions[1] != versions[2]


# --- bounds


def denied_by(question: ToolQuestion | ModelQuestion, **bounds: int) -> str | None:
    policy = PolicySet(
        name="p",
        version="1",
        rules=[ToolRule(tools="*", outcome=ALLOW), ModelRule(models="*", outcome=ALLOW)],
        constraints=Constraints(**bounds),
    )
    verdict = policy.evaluate(question)
    assert verdict is not None
    return None if verdict.outcome is ALLOW else f"{verdict.rule}: {verdict.reason}"


def test_the_turn_after_the_last_one_is_denied() -> None:
    def model(turns: int) -> ModelQuestion:
        return ModelQuestion(context=ExecutionContext(), model="m", counters=Counters(turns=turns))

    assert denied_by(model(2), max_turns=2) is None
    assert denied_by(model(3), max_turns=2) == (
        "max_turns: a run may take 2 turns under the policy p@1"
    )
    assert denied_by(model(1), max_turns=0) is not None


def test_the_call_after_the_last_one_is_denied(tool_call: Callable[..., ToolQuestion]) -> None:
    def call(*, turns: int = 0, tool_calls: int = 0, turn_tool_calls: int = 0) -> ToolQuestion:
        counters = Counters(turns=turns, tool_calls=tool_calls, turn_tool_calls=turn_tool_calls)
        return tool_call("refund", {}, counters=counters)

    assert denied_by(call(tool_calls=1), max_tool_calls=2) is None
    assert denied_by(call(tool_calls=2), max_tool_calls=2) == (
        "max_tool_calls: a run may make 2 tool calls under the policy p@1"
    )
    assert denied_by(call(tool_calls=9, turn_tool_calls=0), max_tool_calls_per_turn=1) is None
    assert denied_by(call(turn_tool_calls=1), max_tool_calls_per_turn=1) == (
        "max_tool_calls_per_turn: a turn may make 1 tool call under the policy p@1"
    )
    assert denied_by(call(turns=99), max_turns=1) is None


def test_a_run_and_an_answer_are_beyond_no_bound() -> None:
    policy = PolicySet(name="p", constraints=Constraints(max_turns=0, max_tool_calls=0))
    run = RunQuestion(context=ExecutionContext(), agent="a", runtime="r")
    for verdict in (policy.evaluate(run), policy.evaluate(ANSWER)):
        assert verdict is not None
        assert verdict.outcome is ALLOW


def test_other_bounds_make_another_version() -> None:
    plain, bounded, other = (
        PolicySet(name="p", constraints=constraints).version
        for constraints in (Constraints(), Constraints(max_turns=1), Constraints(max_tool_calls=1))
    )
    assert len({plain, bounded, other}) == 3


@pytest.mark.parametrize("bound", [-1, True, 1.5, "3"])
def test_a_bound_is_a_whole_number_from_zero_on(bound: object) -> None:
    with pytest.raises(ConfigError, match="max_turns is"):
        Constraints(max_turns=bound)  # type: ignore[arg-type] # that is the test
