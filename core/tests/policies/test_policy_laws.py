"""What holds of every set of rules, over questions of every kind."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st
from steer.policies import (
    ActionRule,
    Condition,
    Constraints,
    DataRule,
    ModelRule,
    PolicySet,
    Rewrite,
    RunRule,
    ToolRule,
)
from steer.policies.explaining import explain
from steer.policies.rules import Rule
from steer.policies.stack import PolicyStack
from steer.ports.policy import Outcome, Question, ToolKind, Verdict
from steer_conformance.suites.policy.questions import questions
from steer_conformance.suites.policy.setup import PolicySetup

RANK = {Outcome.ALLOW: 0, Outcome.ASK: 1, Outcome.DENY: 2}

globs = st.lists(
    st.sampled_from(["*", "read_file", "*_file", "delete", "other"]), min_size=1, max_size=2
)
some: st.SearchStrategy[list[str]] = st.just([]) | globs
who = st.sampled_from([(), ("ann",), ("b*", "a*")])
outcomes = st.sampled_from(Outcome)
conditions = st.dictionaries(
    st.sampled_from(["amount", "path"]),
    st.sampled_from([Condition(min=0), Condition(max=10), Condition(under="/a")]),
    max_size=2,
)
rules: st.SearchStrategy[Rule] = st.one_of(
    st.builds(
        ToolRule,
        tools=globs,
        outcome=outcomes,
        principals=who,
        agents=some,
        servers=some,
        kinds=st.sampled_from([(), (ToolKind.FUNCTION, ToolKind.HOSTED)]),
        when=conditions,
    ),
    st.builds(
        ToolRule,
        tools=globs,
        outcome=st.just(Outcome.ALLOW),
        when=conditions,
        rewrite=st.just(Rewrite(put={"amount": 5})),
    ),
    st.builds(
        ToolRule,
        tools=globs,
        outcome=st.just(Outcome.ASK),
        approvers=who,
        expires_in_seconds=st.sampled_from([None, 60.0]),
        on_expiry=st.sampled_from(["deny", "fail"]),
    ),
    st.builds(ModelRule, models=globs, outcome=outcomes, principals=who, providers=some),
    st.builds(RunRule, agents=globs, outcome=outcomes, runtimes=some),
    st.builds(
        DataRule,
        names=globs,
        outcome=outcomes,
        actions=st.sampled_from([(), ("read",), ("write",)]),
    ),
    st.builds(
        ActionRule,
        types=st.sampled_from(["*", "approval", "c*"]),
        outcome=st.sampled_from([Outcome.ALLOW, Outcome.DENY]),
        principals=who,
        tools=some,
        own=st.sampled_from([None, True, False]),
    ),
)
bounds = st.builds(
    Constraints,
    max_turns=st.sampled_from([None, 5]),
    max_tool_calls_per_turn=st.sampled_from([None, 3]),
)
asked = questions(PolicySetup(config={}))


def answer(given_rules: list[Rule], question: Question, **more: object) -> Verdict | None:
    policy = PolicySet(name="p", version="1", rules=given_rules, **more)  # type: ignore[arg-type] # a test's own
    return policy.evaluate(question)


def by_a_rule(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.rule != "default"


def strictness(verdict: Verdict | None) -> int:
    return -1 if verdict is None else RANK[verdict.outcome]


@given(st.lists(rules, max_size=4), rules, outcomes, asked)
def test_a_rule_that_is_added_never_loosens_what_a_rule_decided(
    before: list[Rule], more: Rule, default: Outcome, question: Question
) -> None:
    first = answer(before, question, default=default)
    added = answer([*before, more], question, default=default)
    loosens = more.outcome is not Outcome.DENY and not by_a_rule(first)
    assert strictness(added) >= strictness(first) or loosens


@given(st.lists(rules, max_size=4), bounds, asked)
def test_bounds_never_loosen(before: list[Rule], constraints: Constraints, asked: Question) -> None:
    bounded = answer(before, asked, constraints=constraints)
    assert strictness(bounded) >= strictness(answer(before, asked))


@given(st.lists(rules, min_size=2, max_size=3), asked)
def test_the_order_of_rules_never_shows(given_rules: list[Rule], question: Question) -> None:
    answers = [answer(list(order), question) for order in itertools.permutations(given_rules)]
    assert all(each == answers[0] for each in answers)
    versions = {PolicySet(name="p", rules=o).version for o in itertools.permutations(given_rules)}
    assert len(versions) == 1


@given(st.lists(rules, max_size=4), asked, st.lists(asked, max_size=3))
def test_an_answer_depends_on_the_question_alone(
    given_rules: list[Rule], question: Question, others: list[Question]
) -> None:
    policy = PolicySet(name="p", rules=given_rules)
    first = policy.evaluate(question)
    for other in others:
        policy.evaluate(other)
    assert policy.evaluate(question) == first


@given(st.lists(rules, max_size=4), asked)
def test_the_explanation_says_of_every_rule_whether_it_applies(
    given_rules: list[Rule], question: Question
) -> None:
    policy = PolicySet(name="p", version="1", rules=given_rules)
    explanation = asyncio.run(explain(PolicyStack([policy]), question))
    (said,) = explanation.answers
    applying = {rule.number for rule in said.rules if not rule.why_not}
    for rule in said.rules:
        alone = answer([given_rules[rule.number]], question)
        assert (rule.number in applying) == by_a_rule(alone), rule
    assert said.verdict == policy.evaluate(question)
