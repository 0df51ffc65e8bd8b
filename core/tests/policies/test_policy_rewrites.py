from __future__ import annotations

from collections.abc import Callable

import pytest
from steer.errors import ConfigError
from steer.policies import Condition, PolicySet, Rewrite, ToolRule
from steer.ports.policy import Outcome, ToolQuestion, Verdict


def answer(question: ToolQuestion, *rules: ToolRule) -> Verdict:
    verdict = PolicySet(name="one", rules=rules).evaluate(question)
    assert verdict is not None
    return verdict


def rewriting(tools: str = "*", **said: object) -> ToolRule:
    return ToolRule(tools=tools, outcome=Outcome.ALLOW, rewrite=Rewrite(**said))  # type: ignore[arg-type] # passed through


def test_values_are_put_and_fields_are_dropped(tool_call: Callable[..., ToolQuestion]) -> None:
    question = tool_call("query", {"sql": "select", "force": True, "limit": 1000})
    verdict = answer(question, rewriting(put={"limit": 10, "mode": "read"}, drop="force"))
    assert verdict.outcome is Outcome.ALLOW
    assert verdict.rewritten
    assert verdict.arguments == {"sql": "select", "limit": 10, "mode": "read"}


def test_objects_on_the_way_are_made_where_they_are_missing(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    rule = rewriting(put={"options.page.size": 5}, drop=["a.b", "options.debug"])
    assert answer(tool_call(arguments=None), rule).arguments == {"options": {"page": {"size": 5}}}
    assert answer(tool_call(arguments={"options": None}), rule).arguments == {
        "options": {"page": {"size": 5}}
    }
    assert answer(
        tool_call(arguments={"a": {"b": 1, "c": 2}, "options": {"debug": True}}), rule
    ).arguments == {"a": {"c": 2}, "options": {"page": {"size": 5}}}


def test_a_rewrite_touches_neither_the_question_nor_the_rule(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    question = tool_call(arguments={"keep": {"a": [1]}})
    rule = rewriting(put={"list": [1]})
    first = answer(question, rule)
    first.arguments["list"].append(2)
    first.arguments["keep"]["a"].append(2)
    assert question.arguments == {"keep": {"a": [1]}}
    assert answer(question, rule).arguments == {"keep": {"a": [1]}, "list": [1]}


def test_a_rewrite_that_changes_nothing_is_a_plain_allow(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    verdict = answer(tool_call(arguments={"limit": 10}), rewriting(put={"limit": 10}, drop="force"))
    assert verdict.outcome is Outcome.ALLOW
    assert not verdict.rewritten


@pytest.mark.parametrize("arguments", ["{broken", [1], {"options": "text"}, {"options": [1]}])
def test_arguments_that_cannot_be_rewritten_are_not_allowed_by_the_rule(
    tool_call: Callable[..., ToolQuestion], arguments: object
) -> None:
    for rule in (rewriting(put={"options.limit": 1}), rewriting(drop="options.limit")):
        assert answer(tool_call(arguments=arguments), rule).outcome is Outcome.DENY


def test_a_rewriting_rule_still_needs_its_conditions(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    rule = ToolRule(
        tools="*",
        outcome=Outcome.ALLOW,
        when={"limit": Condition(min=10)},
        rewrite=Rewrite(put={"limit": 10}),
    )
    assert answer(tool_call(arguments={"limit": 99}), rule).arguments == {"limit": 10}
    assert answer(tool_call(arguments={"limit": 9}), rule).outcome is Outcome.DENY


def test_rules_that_rewrite_differently_deny_and_a_denial_beats_a_rewrite(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    one, two = rewriting(put={"limit": 1}), rewriting(put={"limit": 2})
    assert answer(tool_call(), one, two).reason == (
        "policies rewrote the arguments in different ways"
    )
    deny = ToolRule(tools="*", outcome=Outcome.DENY, reason="no")
    assert answer(tool_call(), one, deny).reason == "no"


def test_an_ask_keeps_the_arguments_that_an_allow_rule_rewrote(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    ask = ToolRule(tools="*", outcome=Outcome.ASK, reason="look first")
    verdict = answer(tool_call(), ask, rewriting(put={"limit": 1}))
    assert (verdict.outcome, verdict.reason) == (Outcome.ASK, "look first")
    assert verdict.arguments == {"limit": 1}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({}, "changes nothing"),
        ({"put": {"a": 1}, "drop": ["a"]}, "touches a twice"),
        ({"put": {"a": 1, "a.b": 2}}, "touches a twice"),
        ({"drop": ["a.*.b"]}, "cannot use \\* in a path"),
        ({"put": {"": 1}}, "is no path to an argument"),
        ({"put": {"a": {1, 2}}}, "which JSON does not have"),
        ({"put": {"a": {1: 2}}}, "which JSON does not have"),
    ],
)
def test_an_edit_that_cannot_be_meant_is_refused(said: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Rewrite(**said)  # type: ignore[arg-type] # what an author may write by mistake
