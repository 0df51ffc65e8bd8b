from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from steer.context import ExecutionContext
from steer.errors import ConfigError
from steer.policies import (
    Condition,
    DataRule,
    ModelRule,
    PolicySet,
    Rewrite,
    Rule,
    RunRule,
    ToolRule,
)
from steer.ports.policy import (
    DataQuestion,
    ModelQuestion,
    Outcome,
    Policy,
    Question,
    RunQuestion,
    ToolKind,
    ToolQuestion,
)
from steer.values import Effect

ORDER = (Outcome.ALLOW, Outcome.ASK, Outcome.DENY)
CONTEXT = ExecutionContext(scope_id="acme", principal_id="ann")
MODEL = ModelQuestion(context=CONTEXT, model="gpt-5")
RUN = RunQuestion(context=CONTEXT, agent="support", runtime="llm")
DATA = DataQuestion(context=CONTEXT, action="read", kind="session", name="s-1")

globs = st.sampled_from(["*", "get_*", "get_a", "delete", "d*", "[gd]*"])
few_globs = st.lists(globs, min_size=1, max_size=2)
who = st.lists(st.sampled_from(["*", "a*", "ann", "bob"]), max_size=1)
outcomes = st.sampled_from(Outcome)
conditions = st.dictionaries(
    st.sampled_from(["amount", "to.name", "items.*"]),
    st.sampled_from([Condition(min=10), Condition(equals="x"), Condition(present=True)]),
    max_size=2,
)
reasons = st.sampled_from(["", "because", "so there"])
restricting = st.builds(
    ToolRule,
    tools=few_globs,
    outcome=outcomes,
    principals=who,
    agents=who,
    kinds=st.lists(st.sampled_from(ToolKind), max_size=1),
    effects=st.lists(st.sampled_from(Effect), max_size=1),
    when=conditions,
    reason=reasons,
)
rewriting = st.builds(
    ToolRule,
    tools=few_globs,
    outcome=st.just(Outcome.ALLOW),
    when=conditions,
    rewrite=st.sampled_from([Rewrite(put={"limit": 1}), Rewrite(put={"limit": 2}, drop="amount")]),
)
model_rules = st.builds(
    ModelRule, models=few_globs, outcome=outcomes, principals=who, reason=reasons
)
denials = st.one_of(restricting, model_rules).map(lambda rule: replace(rule, outcome=Outcome.DENY))
rules = st.one_of(restricting, rewriting, model_rules)
arguments = st.sampled_from(
    [
        None,
        {},
        {"amount": 5},
        {"amount": 50, "to": {"name": "x"}, "items": [1, 50]},
        {"amount": "50", "to": "x", "items": []},
        "{broken",
    ]
)
questions = st.one_of(
    st.builds(
        ToolQuestion,
        context=st.just(CONTEXT),
        tool=st.sampled_from(["get_a", "get_b", "delete", "other"]),
        arguments=arguments,
        kind=st.sampled_from(ToolKind),
        effect=st.sampled_from(Effect),
        declared=st.booleans(),
        agent=st.sampled_from([None, "ann"]),
    ),
    st.builds(ModelQuestion, context=st.just(CONTEXT), model=st.sampled_from(["get_a", "delete"])),
)


def strictness(policy: PolicySet, question: Question) -> int:
    verdict = policy.evaluate(question)
    return -1 if verdict is None else ORDER.index(verdict.outcome)


@given(st.lists(rules, max_size=4), questions, outcomes)
def test_the_order_of_rules_never_matters(
    given_rules: list[Rule], question: Question, default: Outcome
) -> None:
    answers = [
        PolicySet(name="p", rules=order, default=default).evaluate(question)
        for order in itertools.permutations(given_rules)
    ]
    assert all(answer == answers[0] for answer in answers)


def test_rules_that_look_alike_are_told_in_one_order_too(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    # Same name, same reason, but only one of them can be judged, which shows in the reason.
    alike = [
        ToolRule(tools="refund", outcome=Outcome.DENY, when={"amount": condition}, reason="no")
        for condition in (Condition(min=10), Condition(equals="ten"))
    ]
    question = tool_call(arguments={"amount": 50})
    one, other = (PolicySet(name="p", rules=order) for order in (alike, alike[::-1]))
    assert one.evaluate(question) == other.evaluate(question)


@given(st.lists(rules, max_size=4), rules, questions)
def test_a_rule_added_to_an_open_set_never_loosens(
    given_rules: list[Rule], more: Rule, question: Question
) -> None:
    # Out of reach, an open set has no opinion, which a rule can only replace by one.
    before = PolicySet(name="p", rules=given_rules, default=Outcome.ALLOW)
    after = PolicySet(name="p", rules=[*given_rules, more], default=Outcome.ALLOW)
    assert strictness(after, question) >= strictness(before, question)


@given(st.lists(rules, max_size=4), rules, questions, outcomes)
def test_a_rule_added_to_a_question_that_a_rule_decided_never_loosens(
    given_rules: list[Rule], more: Rule, question: Question, default: Outcome
) -> None:
    before = PolicySet(name="p", rules=given_rules, default=default)
    decided = before.evaluate(question)
    assume(decided is not None and decided.rule != "default")
    after = PolicySet(name="p", rules=[*given_rules, more], default=default)
    assert strictness(after, question) >= strictness(before, question)


@given(st.lists(rules, max_size=4), denials, questions, outcomes)
def test_a_denial_added_never_loosens_whatever_decided_before(
    given_rules: list[Rule], more: Rule, question: Question, default: Outcome
) -> None:
    before = PolicySet(name="p", rules=given_rules, default=default)
    after = PolicySet(name="p", rules=[*given_rules, more], default=default)
    assert strictness(after, question) >= strictness(before, question)


@given(st.lists(rules, max_size=4), st.lists(questions, min_size=1, max_size=5))
def test_the_answer_is_a_function_of_the_question(
    given_rules: list[Rule], asked: list[Question]
) -> None:
    used = PolicySet(name="p", rules=given_rules)
    for question in asked:
        fresh = PolicySet(name="p", rules=given_rules)
        assert used.evaluate(question) == fresh.evaluate(question) == used.evaluate(question)


@given(st.lists(rules, max_size=4))
def test_the_digest_tells_contents_apart_and_nothing_else(given_rules: list[Rule]) -> None:
    policy = PolicySet(name="p", rules=given_rules)
    assert policy.version == PolicySet(name="q", rules=[*reversed(given_rules)]).version
    assert policy.version == PolicySet(name="p", rules=[*given_rules, *given_rules]).version
    more = ToolRule(tools="only_here", outcome=Outcome.DENY)
    assert policy.version != PolicySet(name="p", rules=[*given_rules, more]).version
    assert policy.version != PolicySet(name="p", rules=given_rules, default=Outcome.ASK).version


def test_the_digest_sees_every_part_of_a_rule() -> None:
    def version(**said: object) -> str:
        rule = ToolRule(tools="a", outcome=Outcome.ALLOW, **said)  # type: ignore[arg-type] # passed through
        return PolicySet(name="p", rules=[rule]).version

    versions = [
        version(),
        version(scopes="a"),
        version(principals="a"),
        version(when={"a": Condition(equals="")}),
        version(when={"a": Condition(equals="", max_length=0)}),
        version(when={"a": Condition(max_length=0)}),
        version(when={"b": Condition(max_length=0)}),
        version(rewrite=Rewrite(put={"a": False})),
        version(rewrite=Rewrite(put={"a": 0})),
        version(rewrite=Rewrite(drop="a")),
        version(kinds=[ToolKind.MCP]),
        version(reason="a"),
        version(name="a"),
    ]
    assert len(set(versions)) == len(versions)


def test_a_declared_version_stands_in_every_verdict(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    policy: Policy = PolicySet(name="support", version="3", rules=[])
    verdict = policy.evaluate(tool_call())
    assert verdict is not None
    assert (policy.version, verdict.policy, verdict.rule) == ("3", "support@3", "default")


def test_a_default_that_is_no_outcome_is_refused() -> None:
    with pytest.raises(ConfigError, match="'no' is none of allow, ask, deny"):
        PolicySet(name="p", default="no")  # type: ignore[arg-type] # a mistake


@pytest.mark.parametrize("name", ["", "a b", "a@b", "a\n"])
def test_a_name_that_cannot_stand_beside_a_version_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name or version of a policy"):
        PolicySet(name=name)


@pytest.mark.parametrize(
    ("rules", "question", "reason", "rule"),
    [
        (
            [],
            ("nope", None),
            "no rule of the policy support@3 allows the tool 'nope'",
            "default",
        ),
        (
            [ToolRule(tools=["refund", "pay_*"], outcome=Outcome.DENY)],
            ("refund", None),
            "denied by the policy support@3, rule 'deny refund, pay_*'",
            "deny refund, pay_*",
        ),
        (
            [ToolRule(tools="refund", outcome=Outcome.ASK, name="large")],
            ("refund", None),
            "the policy support@3 wants a person to approve this, rule 'large'",
            "large",
        ),
        (
            [
                ToolRule(
                    tools="refund",
                    outcome=Outcome.DENY,
                    when={"amount": Condition(min=100)},
                    reason="refunds of 100 or more need a person",
                )
            ],
            ("refund", {"amount": 100}),
            "refunds of 100 or more need a person",
            "deny refund when amount",
        ),
        (
            [
                ToolRule(
                    tools="refund",
                    outcome=Outcome.DENY,
                    when={"amount": Condition(min=100), "to": Condition(glob="*")},
                    reason="no",
                )
            ],
            ("refund", {"to": 7}),
            "no (amount cannot be judged: it is missing; to cannot be judged: it is a number)",
            "deny refund when amount, to",
        ),
        (
            [
                ToolRule(tools="*", outcome=Outcome.DENY),
                ToolRule(tools="refund", outcome=Outcome.DENY, reason="closed for today"),
            ],
            ("refund", None),
            "closed for today",
            "deny refund",
        ),
    ],
)
def test_the_reason_says_which_rule_decided_and_why(
    tool_call: Callable[..., ToolQuestion],
    rules: Sequence[Rule],
    question: tuple[str, object],
    reason: str,
    rule: str,
) -> None:
    verdict = PolicySet(name="support", version="3", rules=rules).evaluate(tool_call(*question))
    assert verdict is not None
    assert (verdict.reason, verdict.rule, verdict.policy) == (reason, rule, "support@3")


def test_a_name_that_a_model_made_up_does_not_fill_the_reason(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    verdict = PolicySet(name="p").evaluate(tool_call("x" * 1_000_000))
    assert verdict is not None
    assert len(verdict.reason) < 250


def test_a_long_rule_has_a_short_name() -> None:
    rule = ToolRule(tools=[f"tool_{n}" for n in range(100)], outcome=Outcome.DENY)
    verdict = PolicySet(name="p", rules=[rule]).evaluate(
        ToolQuestion(context=CONTEXT, tool="tool_7")
    )
    assert verdict is not None
    assert verdict.rule is not None
    assert len(verdict.rule) == 80


@pytest.mark.parametrize("default", Outcome)
def test_the_default_answers_for_tools_that_no_rule_covers(
    tool_call: Callable[..., ToolQuestion], default: Outcome
) -> None:
    verdict = PolicySet(name="p", default=default).evaluate(tool_call())
    assert verdict is not None
    assert verdict.outcome is default


def test_a_set_without_rules_of_a_kind_allows_that_kind() -> None:
    policy = PolicySet(name="p", rules=[ToolRule(tools="*", outcome=Outcome.DENY)])
    for question in (MODEL, RUN, DATA):
        verdict = policy.evaluate(question)
        assert verdict is not None
        assert verdict.outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    ("rule", "question", "reason"),
    [
        (
            ModelRule(models="claude-*", outcome=Outcome.ALLOW),
            MODEL,
            "no rule of the policy p@1 allows the model 'gpt-5'",
        ),
        (
            RunRule(agents="billing", outcome=Outcome.ALLOW),
            RUN,
            "no rule of the policy p@1 allows the agent 'support'",
        ),
        (
            DataRule(names="t-*", outcome=Outcome.ALLOW),
            DATA,
            "no rule of the policy p@1 allows the session 's-1'",
        ),
    ],
)
def test_once_there_is_a_rule_of_a_kind_the_default_answers_for_the_rest(
    rule: Rule, question: Question, reason: str
) -> None:
    verdict = PolicySet(name="p", version="1", rules=[rule]).evaluate(question)
    assert verdict is not None
    assert (verdict.outcome, verdict.reason) == (Outcome.DENY, reason)
    open_set = PolicySet(name="p", rules=[rule], default=Outcome.ALLOW)
    opened = open_set.evaluate(question)
    assert opened is not None
    assert opened.outcome is Outcome.ALLOW


@pytest.mark.parametrize("kind", [ToolKind.HOSTED, ToolKind.UNGATED])
def test_a_default_of_allow_leaves_open_what_steer_cannot_stop(
    tool_call: Callable[..., ToolQuestion], kind: ToolKind
) -> None:
    question = tool_call("web_search", kind=kind)
    assert PolicySet(name="p", default=Outcome.ALLOW).evaluate(question) is None
    denied = PolicySet(name="p", version="1").evaluate(question)
    assert denied is not None
    assert denied.reason == (
        f"the {kind} tool 'web_search' acts where steer cannot stop it: "
        "the agent and the policy p@1 must both name it"
    )
