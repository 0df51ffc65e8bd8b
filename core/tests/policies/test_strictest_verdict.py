from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from steer.policies import strictest, unattended
from steer.policies.json_values import copy_json, is_json, json_type, same_json
from steer.ports.policy import Outcome, Verdict

ORDER = (Outcome.ALLOW, Outcome.ASK, Outcome.DENY)
names = st.sampled_from(["a", "b", None])
verdicts = st.one_of(
    st.builds(
        Verdict,
        outcome=st.sampled_from(Outcome),
        reason=st.sampled_from(["", "no", "why"]),
        rule=names,
        policy=names,
    ),
    st.builds(Verdict.rewrite, st.sampled_from([{"x": 1}, {"x": 2}]), rule=names),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_a_denial_beats_an_ask_and_an_ask_beats_an_allow() -> None:
    deny, ask, allow = Verdict.deny("no"), Verdict.ask("who"), Verdict.allow("yes")
    assert strictest([allow, ask, deny]) == deny
    assert strictest([allow, ask]) == ask
    assert strictest([allow]) == allow


def test_nobody_answering_is_a_denial_unless_a_default_is_given() -> None:
    assert strictest([]) == Verdict.deny("no policy answered")
    assert strictest([], default=Verdict.allow("open")) == Verdict.allow("open")


def test_the_default_is_not_looked_at_once_somebody_answered() -> None:
    assert strictest([Verdict.allow()], default=Verdict.deny("no")) == Verdict.allow()


def test_rewritten_arguments_beat_the_proposed_ones() -> None:
    rewrite = Verdict.rewrite({"limit": 10}, "bounded")
    assert strictest([Verdict.allow("aaa"), rewrite, Verdict.allow("zzz")]) == rewrite


def test_the_same_rewrite_twice_is_one_rewrite() -> None:
    one = Verdict.rewrite({"limit": 10}, rule="b")
    two = Verdict.rewrite({"limit": 10}, rule="a")
    assert strictest([one, two]) == two


def test_two_different_rewrites_are_a_denial() -> None:
    verdict = strictest([Verdict.rewrite({"limit": 1}), Verdict.rewrite({"limit": True})])
    assert verdict == Verdict.deny("policies rewrote the arguments in different ways")


def test_a_person_is_asked_about_the_rewritten_arguments() -> None:
    verdict = strictest([Verdict.ask("check it"), Verdict.rewrite({"limit": 10})])
    assert verdict.outcome is Outcome.ASK
    assert verdict.reason == "check it"
    assert (verdict.rewritten, verdict.arguments) == (True, {"limit": 10})


def test_among_denials_the_one_with_a_reason_is_reported_then_the_first_by_name() -> None:
    silent = Verdict.deny("", rule="a")
    second, first = Verdict.deny("late", rule="c"), Verdict.deny("early", rule="b")
    assert strictest([silent, second, first]) == first


@given(st.lists(verdicts, max_size=4))
def test_the_order_of_verdicts_never_matters(given_verdicts: list[Verdict]) -> None:
    results = [strictest(order) for order in itertools.permutations(given_verdicts)]
    assert all(result == results[0] for result in results)


@given(st.lists(verdicts, min_size=1, max_size=5), verdicts)
def test_one_more_verdict_never_loosens(given_verdicts: list[Verdict], more: Verdict) -> None:
    before, after = strictest(given_verdicts), strictest([*given_verdicts, more])
    assert ORDER.index(after.outcome) >= ORDER.index(before.outcome)


@given(st.lists(verdicts, min_size=1, max_size=4), st.lists(verdicts, min_size=1, max_size=4))
def test_folding_part_by_part_decides_the_same(left: list[Verdict], right: list[Verdict]) -> None:
    together = strictest([*left, *right])
    in_parts = strictest([strictest(left), strictest(right)])
    assert in_parts.outcome is together.outcome
    assert (in_parts.rewritten, in_parts.arguments) == (together.rewritten, together.arguments)


def test_where_nobody_can_be_asked_an_ask_is_a_denial_that_says_so() -> None:
    verdict = unattended(Verdict.ask("refunds need a person", rule="refunds"))
    assert verdict == Verdict.deny(
        "refunds need a person (a person has to approve this, and nobody can be asked here)",
        rule="refunds",
    )
    assert "a person has to approve this" in unattended(Verdict.ask()).reason


def test_an_unattended_denial_keeps_no_rewritten_arguments() -> None:
    asked = strictest([Verdict.ask("check"), Verdict.rewrite({"limit": 10})])
    assert not unattended(asked).rewritten
    assert unattended(asked).arguments is None


def test_unattended_leaves_every_other_verdict_alone() -> None:
    for verdict in (Verdict.allow("yes"), Verdict.deny("no"), Verdict.rewrite({"a": 1})):
        assert unattended(verdict) is verdict


def test_json_true_is_not_one_but_one_is_one_point_zero() -> None:
    assert not same_json({"a": True}, {"a": 1})
    assert not same_json(0, False)
    assert same_json([1, {"a": 2.0}], [1.0, {"a": 2}])
    assert not same_json([1], [1, 2])
    assert not same_json("1", 1)
    assert not same_json({}, [])


def test_every_json_value_has_a_type_and_nothing_else_does() -> None:
    values = [None, False, 0, 0.5, "", [], {}, object()]
    assert [json_type(value) for value in values] == [
        *("null", "a boolean", "a number", "a number", "a string", "an array", "an object"),
        "no JSON value",
    ]
    assert [is_json(value) for value in values] == [True] * 7 + [False]


@given(json_values)
def test_a_copy_is_the_same_value_and_shares_nothing_that_can_change(value: object) -> None:
    copy = copy_json(value)
    assert same_json(copy, value)
    if isinstance(value, dict | list):
        assert copy is not value
