"""Bad arguments go back to the model in words it can use."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from steer.agents import ToolArgumentsError, tool
from steer.errors import ErrorCategory


class Item(BaseModel):
    sku: str
    count: int


@tool
def order(
    customer_id: int,
    items: list[Item],
    speed: Literal["slow", "fast"] = "slow",
    note: str | None = None,
) -> None:
    """Order."""


def complaint(arguments: Any) -> list[str]:
    with pytest.raises(ToolArgumentsError) as caught:
        order.parse(arguments)
    first, *lines, last = str(caught.value).splitlines()
    assert first == "The arguments of order do not fit its schema:"
    assert last == "Call it again with arguments that fit."
    assert caught.value.category is ErrorCategory.VALIDATION
    return lines


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            "{}",
            ["- customer_id: required, but missing", "- items: required, but missing"],
        ),
        (
            '{"customer_id": "ten", "items": []}',
            [
                (
                    "- customer_id: Input should be a valid integer, unable to parse string as an "
                    'integer, got "ten"'
                )
            ],
        ),
        (
            '{"customer_id": 1, "items": [{"sku": "a", "count": null}]}',
            ["- items.0.count: Input should be a valid integer, got null"],
        ),
        (
            '{"customer_id": 1, "items": {"sku": "a"}}',
            ["- items: Input should be a valid array, got an object"],
        ),
        (
            '{"customer_id": [1], "items": []}',
            ["- customer_id: Input should be a valid integer, got a list"],
        ),
        (
            '{"customer_id": 1, "items": [], "sped": "fast"}',
            ["- sped: no such argument (did you mean speed?)"],
        ),
        (
            '{"customer_id": 1, "items": [], "zzz": 1}',
            ["- zzz: no such argument (known: customer_id, items, speed, note)"],
        ),
        (
            '{"customer_id": 1, "items": [], "speed": "warp"}',
            ["- speed: Input should be 'slow' or 'fast', got \"warp\""],
        ),
        (
            '{"customer_id": 1, "items": [',
            ["- Invalid JSON: EOF while parsing a list at line 1 column 29"],
        ),
        ("[1]", ["- they must be one JSON object"]),
        ('"{}"', ["- they must be one JSON object"]),
        ("null", ["- they must be one JSON object"]),
    ],
)
def test_each_mistake_is_named_by_its_place(arguments: str, lines: list[str]) -> None:
    assert complaint(arguments) == lines


def test_decoded_arguments_are_checked_like_their_text() -> None:
    given_arguments = {"customer_id": "3", "items": [{"sku": "a", "count": 1}]}
    assert order.parse(given_arguments) == order.parse(json.dumps(given_arguments))
    assert complaint({"customer_id": "3"}) == ["- items: required, but missing"]


def test_many_mistakes_are_counted_not_listed() -> None:
    items = [{"sku": "a", "count": "x"} for _ in range(100)]
    lines = complaint({"customer_id": 1, "items": items})
    assert len(lines) == 6
    assert lines[-1] == "- and 95 more"


def test_a_huge_input_is_not_echoed() -> None:
    huge = "x" * 1_000_000
    arguments = {"customer_id": huge, "items": [], huge: 1}
    assert sum(map(len, complaint(arguments))) < 500


def test_a_tool_without_arguments_says_so() -> None:
    @tool
    def ping() -> None:
        """Ping."""

    with pytest.raises(ToolArgumentsError, match=r"- a: no such argument \(known: it takes none\)"):
        ping.parse('{"a": 1}')


def test_the_failing_validator_of_an_author_speaks_to_the_model() -> None:
    from_author = "must be a multiple of 5"

    class Amount(BaseModel):
        cents: int

        def model_post_init(self, _: Any) -> None:
            if self.cents % 5:
                raise ValueError(from_author)

    @tool
    def pay(amount: Amount) -> None:
        """Pay."""

    with pytest.raises(ToolArgumentsError, match=from_author):
        pay.parse('{"amount": {"cents": 3}}')


def refusal(arguments: Any) -> str:
    """What the model is told, empty where the arguments fit."""
    try:
        order.parse(arguments)
    except ToolArgumentsError as error:
        return str(error)
    return ""


@given(text=st.text() | st.text(alphabet='{}[]",:0123customer_id items\ud800'))
def test_any_text_is_parsed_or_refused_in_words(text: str) -> None:
    assert len(refusal(text)) < 2_000


@given(value=st.dictionaries(st.text(), st.floats() | st.text() | st.binary() | st.none()))
def test_any_mapping_is_parsed_or_refused_in_words(value: dict[str, Any]) -> None:
    assert len(refusal(value)) < 2_000
