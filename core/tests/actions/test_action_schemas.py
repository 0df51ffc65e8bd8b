"""Schemas that come with a question: read safely, refused when asked, checked in bounded time."""

from __future__ import annotations

from typing import Any

import pytest
from steer.actions import check_payload, check_resolution
from steer.errors import InvalidAnswer, InvalidQuestion


def asked(schema: Any) -> Any:
    return check_payload("input", {"message": "x", "schema": schema})


def given(schema: Any, value: Any) -> Any:
    return check_resolution("input", asked(schema), {"value": value})["value"]


TREE = {
    "$defs": {
        "tree": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "pattern": "^[a-z]+$"},
                "below": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "uniqueItems": True},
            },
            "required": ["name"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/tree",
}


def test_a_schema_may_refer_to_itself_where_that_leads_into_a_member() -> None:
    value = {"name": "a", "below": [{"name": "b"}, {"name": "c", "below": []}]}
    assert given(TREE, value) == value
    with pytest.raises(InvalidAnswer, match=r"below\.1\.name: 'C' does not match"):
        given(TREE, {"name": "a", "below": [{"name": "b"}, {"name": "C"}]})


def test_names_of_definitions_are_read_as_references_write_them() -> None:
    schema = {"$defs": {"a/b c": {"type": "integer"}}, "$ref": "#/$defs/a~1b%20c"}
    assert given(schema, 3) == 3
    with pytest.raises(InvalidAnswer, match="is not of type 'integer'"):
        given(schema, "3")


def doubling(times: int) -> dict[str, Any]:
    steps = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(times)
    }
    return {"$defs": {**steps, f"d{times}": {}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "sting"}, "type: 'sting' is not valid"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "write draft 2020-12"),
        ({"properties": {"a": {"$schema": "x:"}}}, "properties: \\$schema belongs to the root"),
        ({"items": {"$id": "http://x/"}}, "items: \\$id belongs to the root"),
        ({"$ref": "http://127.0.0.1:9/schema"}, "names none of its own \\$defs"),
        ({"$ref": "#/$defs/no"}, "names none of its own \\$defs"),
        ({"$ref": "#/default/x", "default": {"x": {}}}, "names none of its own \\$defs"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"allOf": [{"not": {"$ref": "#"}}]}, "leads back to itself"),
        ({"pattern": "(a"}, "the pattern '\\(a': .*unclosed group"),
        ({"pattern": "(?=a)b"}, "look-around"),
        ({"pattern": "a{1,1000}{1,1000}"}, "too large to check"),
        ({"patternProperties": {"(a+)+$": {}}}, "patternProperties is not read here"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties is not read here"),
        (doubling(40), "too many to check"),
        ({"anyOf": [{}] * 1500}, "too many to check"),
        ({"enum": [{}] * 2500}, "more than 2000 objects"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_when_it_is_asked(schema: Any, said: str) -> None:
    with pytest.raises(InvalidQuestion, match=said):
        asked(schema)


def test_names_of_keywords_are_free_where_they_are_no_keywords() -> None:
    schema = {
        "properties": {"$ref": {"type": "integer"}, "pattern": {"type": "integer"}},
        "default": {"$ref": "http://x", "patternProperties": 1},
        "enum": [{"$ref": 1, "pattern": 2}],
    }
    assert given(schema, {"$ref": 1, "pattern": 2}) == {"$ref": 1, "pattern": 2}


def test_a_pattern_takes_linear_time_even_where_other_engines_take_for_ever() -> None:
    with pytest.raises(InvalidAnswer, match="does not match"):
        given({"pattern": "^(a+)+$"}, "a" * 5000 + "b")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (
            {
                "$defs": {
                    "t": {"items": {"allOf": [{"$ref": "#/$defs/t"}, {"$ref": "#/$defs/t"}]}}
                },
                "$ref": "#/$defs/t",
            },
            nested(40),
        ),
        ({"items": {"anyOf": [{"const": n} for n in range(900)]}}, list(range(1000, 3000))),
        ({"items": {"enum": list(range(20_000))}}, [-1] * 20_000),
        ({"uniqueItems": True}, [{"n": n} for n in range(5000)]),
        ({"items": {"pattern": "([a-z]{1,30}x){1,30}"}}, ["ab" * 500] * 100),
    ],
)
def test_an_answer_that_would_take_too_long_to_check_is_refused(schema: Any, value: Any) -> None:
    with pytest.raises(InvalidAnswer, match="takes too long to check"):
        given(schema, value)


def test_large_honest_answers_are_checked() -> None:
    schema = {
        "type": "array",
        "uniqueItems": True,
        "items": {"type": "string", "pattern": "^[a-z0-9-]+$", "maxLength": 40},
    }
    names = [f"host-{n}" for n in range(5000)]
    assert given(schema, names) == names
