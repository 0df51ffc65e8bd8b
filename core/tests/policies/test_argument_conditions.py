from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.errors import ConfigError
from steer.policies import Condition
from steer.policies.arguments import MAX_ITEMS, ArgumentTest
from steer.policies.conditions import MAX_TEXT

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
conditions = st.one_of(
    st.builds(Condition, equals=st.integers() | st.text() | st.booleans()),
    st.builds(Condition, one_of=st.lists(st.integers() | st.text(), min_size=1, max_size=3)),
    st.builds(Condition, glob=st.text(min_size=1)),
    st.builds(Condition, matches=st.sampled_from(["a+", "(?i)x.*", "[0-9]*"])),
    st.builds(Condition, under=st.sampled_from(["/", "/files", "data"])),
    st.builds(Condition, min=st.integers()),
    st.builds(Condition, max=st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(Condition, max_length=st.integers(min_value=0)),
    st.builds(Condition, present=st.booleans()),
)


def judged(
    condition: Condition, arguments: object, path: str = "x", *, every: bool = True
) -> object:
    return ArgumentTest(path=path, condition=condition, every=every).judge(arguments).holds


@pytest.mark.parametrize(
    ("condition", "holds", "fails", "doubtful"),
    [
        (Condition(equals=5), [5, 5.0], [6, -5], ["5", True, [5], {}, None]),
        (Condition(equals="EUR"), ["EUR"], ["eur", "EUR "], [1, ["EUR"], None]),
        (Condition(equals=False), [False], [True], [0, "false", None]),
        (Condition(equals={"a": [1]}), [{"a": [1]}], [{"a": [True]}, {}], [[1], "a"]),
        (Condition(one_of=["a", 1]), ["a", 1], ["b", 2], [True, [], None]),
        (Condition(glob="*@example.com"), ["a@example.com"], ["a@example.com.evil"], [1, None]),
        (Condition(glob=["a*", "b*"]), ["ab", "ba"], ["c"], [[]]),
        (Condition(matches="[a-z]+"), ["abc"], ["abc1", "abc\n", "ABC", ""], [1, None, ["a"]]),
        (Condition(matches="a|b"), ["a", "b"], ["ab", "xa"], []),
        (Condition(matches="(?x) a b # both"), ["ab"], ["a b"], []),
        (Condition(min=100), [100, 100.5, 10**400], [99, -1], ["100", True, math.nan, math.inf]),
        (Condition(max=0), [0, -(10**400)], [1, 0.1], [None, "0", False, -math.inf]),
        (Condition(min=1, max=2), [1, 1.5, 2], [0, 3], ["1"]),
        (Condition(max_length=2), ["ab", [1, 2], ""], ["abc", [1, 2, 3]], [12, {"a": 1}, None]),
        (Condition(min_length=1), ["a", [None]], ["", []], [0, {}]),
        (Condition(present=True), [0, "", False, [], {}], [None], []),
        (Condition(present=False), [None], [0, "", False], []),
        (Condition(present=True, min=5), [5], [4, None], ["5"]),
    ],
)
def test_each_condition_holds_fails_or_cannot_be_judged(
    condition: Condition, holds: list[object], fails: list[object], doubtful: list[object]
) -> None:
    assert [value for value in holds if judged(condition, {"x": value}) is not True] == []
    assert [value for value in fails if judged(condition, {"x": value}) is not False] == []
    assert [value for value in doubtful if judged(condition, {"x": value}) is not None] == []


def test_all_that_a_condition_says_must_hold_and_a_definite_no_outweighs_a_doubt() -> None:
    both = Condition(glob="a*", max_length=3)
    assert judged(both, {"x": "abc"}) is True
    assert judged(both, {"x": "abcd"}) is False
    assert judged(both, {"x": [1, 2]}) is None
    assert judged(both, {"x": [1, 2, 3, 4]}) is False


@pytest.mark.parametrize(
    ("arguments", "doubt"),
    [
        ({}, "x.y cannot be judged: it is missing"),
        (None, "x.y cannot be judged: it is missing"),
        ({"x": None}, "x.y cannot be judged: it is missing"),
        ({"x": {"y": None}}, "x.y cannot be judged: it is missing"),
        ({"x": {"y": "secret"}}, "x.y cannot be judged: it is a string"),
        ({"x": {"y": True}}, "x.y cannot be judged: it is a boolean"),
        ({"x": "secret"}, "x.y cannot be judged: it does not lead through objects"),
        ({"x": [{"y": 1}]}, "x.y cannot be judged: it does not lead through objects"),
        ({"x.y": 1}, "x.y cannot be judged: it is missing"),
        ("{not json", "x.y cannot be judged: the arguments are a string"),
        ([], "x.y cannot be judged: the arguments are an array"),
        (7, "x.y cannot be judged: the arguments are a number"),
    ],
)
def test_a_doubt_says_why_without_quoting_an_argument(arguments: object, doubt: str) -> None:
    judgement = ArgumentTest(path="x.y", condition=Condition(min=1), every=True).judge(arguments)
    assert judgement.holds is None
    assert judgement.doubt == doubt


def test_presence_can_be_told_of_a_missing_argument_but_not_of_no_object() -> None:
    assert judged(Condition(present=False), {}) is True
    assert judged(Condition(present=True), None) is False
    assert judged(Condition(present=True), "{broken") is None


def test_an_asterisk_stands_for_all_items_or_for_any_of_them() -> None:
    small = Condition(max=10)
    mixed = {"items": [{"price": 5}, {"price": 50}]}
    assert judged(small, mixed, "items.*.price", every=True) is False
    assert judged(small, mixed, "items.*.price", every=False) is True
    assert judged(small, {"items": [{"price": 50}]}, "items.*.price", every=False) is False


def test_one_doubtful_item_makes_the_whole_doubtful_unless_another_settles_it() -> None:
    small = Condition(max=10)
    assert judged(small, {"x": [1, "2"]}, "x.*", every=True) is None
    assert judged(small, {"x": [50, "2"]}, "x.*", every=True) is False
    assert judged(small, {"x": [50, "2"]}, "x.*", every=False) is None
    assert judged(small, {"x": [1, "2"]}, "x.*", every=False) is True


def test_an_empty_array_has_all_items_fitting_and_none() -> None:
    assert judged(Condition(max=10), {"x": []}, "x.*", every=True) is True
    assert judged(Condition(max=10), {"x": []}, "x.*", every=False) is False


def test_arrays_and_texts_beyond_the_bounds_are_not_looked_through() -> None:
    assert judged(Condition(max=10), {"x": [1] * (MAX_ITEMS + 1)}, "x.*") is None
    assert judged(Condition(max=10), {"x": [[1] * 900, [1] * 900]}, "x.*.*") is None
    long = "a" * (MAX_TEXT + 1)
    for condition in (Condition(glob="a*"), Condition(matches="a*"), Condition(under="a")):
        assert judged(condition, {"x": long}) is None
        assert judged(condition, {"x": long[:-1]}) in (True, False)


def test_a_regular_expression_that_would_backtrack_for_ever_is_harmless() -> None:
    assert judged(Condition(matches="(a+)+b"), {"x": "a" * 60_000}) is False


def test_text_that_is_no_unicode_cannot_be_matched() -> None:
    assert judged(Condition(matches=".*"), {"x": "\ud800"}) is None
    assert judged(Condition(glob="*"), {"x": "\ud800"}) is True


def test_unicode_is_compared_as_it_is_spelled() -> None:
    assert judged(Condition(equals="é"), {"x": "e\u0301"}) is False
    assert judged(Condition(glob="pay*"), {"x": "рay_all"}) is False  # noqa: RUF001 - the point


def test_deeply_nested_arguments_are_judged_like_others() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = {"x": deep}
    assert judged(Condition(equals=1), deep, "x.x.x") is None
    assert judged(Condition(equals={"y": 1}), deep, "x.x.x") is False
    assert judged(Condition(min=1), deep, "x") is None


@given(conditions, anything, st.booleans())
def test_no_argument_makes_a_condition_fail_to_answer(
    condition: Condition, value: object, every: bool
) -> None:
    for arguments in (value, {"x": value}, {"x": {"x": value}}, {"x": [value]}):
        for path in ("x", "x.x", "x.*"):
            assert judged(condition, arguments, path, every=every) in (True, False, None)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({}, "says nothing about its argument"),
        ({"present": False, "min": 1}, "wants an argument absent and says what it has to be"),
        ({"min": 2, "max": 1}, "nothing lies between"),
        ({"min_length": 2, "max_length": 1}, "nothing lies between"),
        ({"min": math.nan}, "must be a finite number"),
        ({"max": "100"}, "must be a finite number"),
        ({"min": True}, "must be a finite number"),
        ({"matches": "("}, "unclosed group"),
        ({"matches": "a)|(b"}, "unopened group"),
        (
            {"matches": "(?=a)"},
            "look-around, including look-ahead and look-behind, is not supported",
        ),
        ({"matches": r"(a)\1"}, "backreferences are not supported"),
        ({"one_of": []}, "is no list of values to compare with"),
        ({"one_of": [None]}, "is no list of values to compare with"),
        ({"one_of": "EUR"}, "is no list of values to compare with"),
        ({"equals": {1, 2}}, "holds a value that JSON does not have"),
        ({"glob": []}, "must be text or a list of texts"),
        ({"glob": [""]}, "must be text or a list of texts"),
        ({"under": [7]}, "must be text or a list of texts"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(said: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Condition(**said)  # type: ignore[arg-type] # what an author may write by mistake
    assert problem in str(caught.value)


@pytest.mark.parametrize("path", ["", ".", "a..b", ".a", "a."])
def test_a_path_with_an_empty_part_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="is no path to an argument"):
        ArgumentTest(path=path, condition=Condition(present=True), every=True)
