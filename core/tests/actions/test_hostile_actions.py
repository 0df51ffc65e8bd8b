"""Laws: whatever comes in, it is refused in words or kept in a form that does not change again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from questions import PAIRS
from steer.actions import Answer, Question, check_payload, check_resolution
from steer.errors import InvalidAnswer, InvalidQuestion, SteerError
from steer.values import ActionType

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
)
anything = st.recursive(
    scalars | st.binary(max_size=3) | st.just(object()) | st.sets(st.integers(), max_size=2),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYWORDS = [
    "type", "properties", "items", "$ref", "$defs", "allOf", "anyOf", "not", "enum", "pattern",
    "required", "additionalProperties", "minimum", "multipleOf", "uniqueItems", "$schema", "if",
]  # fmt: skip
schemas = st.recursive(
    st.booleans()
    | st.sampled_from(["string", "object", "#", "#/$defs/a", "a*", 1, 0, 1e308, 5e-324])
    | st.builds(dict),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """Draw a good value in which something is wrong or other: one member, or all of it."""
    if not isinstance(value, dict) or draw(st.integers(0, 9)) == 0:
        return draw(anything)
    name = draw(st.sampled_from([*value, draw(st.text(max_size=5))]))
    member = value.get(name)
    if isinstance(member, list) and member and draw(st.booleans()):
        return {**value, name: [*member, draw(changed(member[0]))]}
    return {**value, name: draw(anything | schemas)}


def refused(check: Callable[[], Any], error: type[SteerError]) -> str | None:
    """Return what the check says where it refuses, in the only way it may."""
    try:
        check()
    except error as said:
        return str(said)
    return None


def is_one_short_line(said: str) -> bool:
    return "\n" not in said and len(said) < 5000


@given(data=st.data(), kind=st.sampled_from([*ActionType, "vote"]))
def test_any_payload_is_refused_in_words_or_kept_in_a_form_that_stays(
    data: st.DataObject, kind: str
) -> None:
    good = [check_payload(question.type, question) for question, _ in PAIRS]
    payload = data.draw(anything | st.sampled_from(good).flatmap(changed))
    said = refused(lambda: check_payload(kind, payload), InvalidQuestion)
    if said is not None:
        assert is_one_short_line(said)
        return
    normal = check_payload(kind, payload)
    assert json.loads(json.dumps(normal, allow_nan=False)) == normal
    assert check_payload(kind, normal) == normal


@given(data=st.data(), pair=st.sampled_from(PAIRS))
def test_any_answer_is_refused_in_words_or_kept_in_a_form_that_stays(
    data: st.DataObject, pair: tuple[Question, Answer]
) -> None:
    question, answer = pair
    resolution = data.draw(changed(check_resolution(question.type, question, answer)))
    said = refused(lambda: check_resolution(question.type, question, resolution), InvalidAnswer)
    if said is not None:
        assert is_one_short_line(said)
        return
    normal = check_resolution(question.type, question, resolution)
    assert json.loads(json.dumps(normal, allow_nan=False)) == normal
    assert check_resolution(question.type, question, normal) == normal


@given(schema=schemas, value=anything)
def test_any_schema_is_refused_when_asked_or_gives_an_answer_to_every_answer(
    schema: Any, value: Any
) -> None:
    payload = {"kind": "x", "schema": schema}
    if refused(lambda: check_payload("custom", payload), InvalidQuestion) is None:
        said = refused(lambda: check_resolution("custom", payload, {"data": value}), InvalidAnswer)
        assert said is None or is_one_short_line(said)


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def wide() -> list[Any]:
    value: list[Any] = []
    for _ in range(40):
        value = [value] * 1000
    return value


@pytest.mark.parametrize("value", [endless(), wide()], ids=["endless", "wide"])
def test_what_is_nested_or_shared_without_end_is_refused(value: list[Any]) -> None:
    with pytest.raises(InvalidQuestion, match=r"nested deeper|larger than"):
        check_payload("custom", {"kind": "x", "data": value})
    with pytest.raises(InvalidAnswer, match=r"nested deeper|larger than"):
        check_resolution("custom", {"kind": "x"}, {"data": value})
