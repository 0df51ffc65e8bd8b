"""What the model is asked for, and what becomes of an answer that does not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel, Field
from steer.agents import OutputSpec, output_spec
from steer.errors import AgentError, ErrorCategory, RuntimeFailure


class Weather(BaseModel):
    city: str
    celsius: float = Field(ge=-90)


class Tags(BaseModel):
    tags: dict[str, int]


class Node(BaseModel):
    children: list[Node] = []


@dataclass
class Point:
    x: int


class Size(Enum):
    SMALL = "small"


RAW: dict[str, Any] = {
    "title": "Order",
    "type": "object",
    "properties": {"id": {"type": "integer"}, "note": {"$ref": "#/$defs/Note"}},
    "required": ["id"],
    "$defs": {"Note": {"type": "string", "maxLength": 5}},
}


def spec_of(output_type: Any, *, strict: bool | None = None) -> OutputSpec:
    spec = output_spec(output_type, strict=strict)
    assert spec is not None
    return spec


@pytest.mark.parametrize("plain", [None, str])
def test_text_needs_no_schema(plain: Any) -> None:
    assert output_spec(plain) is None


def test_a_model_is_validated_into_an_instance() -> None:
    spec = spec_of(Weather)
    assert (spec.name, spec.strict) == ("Weather", True)
    assert spec.schema["required"] == ["city", "celsius"]
    assert spec.validate('{"city": "Bonn", "celsius": 3}') == Weather(city="Bonn", celsius=3)


@pytest.mark.parametrize(
    ("output_type", "text", "value"),
    [
        (list[int], '{"response": [1, 2]}', [1, 2]),
        (int | None, '{"response": null}', None),
        (Size, '{"response": "small"}', Size.SMALL),
        (Weather | Point, '{"response": {"x": 3}}', Point(x=3)),
    ],
)
def test_what_is_no_object_travels_as_the_member_of_one(
    output_type: Any, text: str, value: Any
) -> None:
    spec = spec_of(output_type)
    assert spec.schema["type"] == "object"
    assert list(spec.schema["properties"]) == ["response"]
    assert spec.strict
    assert spec.validate(text) == value


def test_a_dataclass_and_a_recursive_model_have_an_object_at_their_root() -> None:
    assert spec_of(Point).schema["type"] == "object"
    assert spec_of(Node).schema["type"] == "object"
    nested = spec_of(Node).validate('{"children": [{"children": []}]}')
    assert nested == Node(children=[Node()])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"city": "Bonn"}', "celsius: Field required"),
        ('{"celsius": "warm"}', "city: Field required (and 1 more)"),
        (
            '{"city": "Bonn", "celsius": -91}',
            "celsius: Input should be greater than or equal to -90",
        ),
        ("Rather cold.", "Invalid JSON: expected value at line 1 column 1"),
        ("", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
    ],
)
def test_an_answer_that_does_not_fit_is_one_clear_line(text: str, reason: str) -> None:
    with pytest.raises(RuntimeFailure) as caught:
        spec_of(Weather).validate(text)
    assert str(caught.value) == f"the model's answer is not a valid Weather: {reason}"
    assert caught.value.category is ErrorCategory.SCHEMA
    assert caught.value.__cause__ is not None


def test_a_long_answer_is_not_repeated_in_the_error() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        spec_of(RAW).validate(json.dumps({"id": "x" * 100_000}))
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_a_type_that_cannot_be_strict_is_asked_for_openly_and_still_checked() -> None:
    spec = spec_of(Tags)
    assert not spec.strict
    assert spec.schema["properties"]["tags"]["additionalProperties"] == {"type": "integer"}
    assert spec.validate('{"tags": {"a": 1}}') == Tags(tags={"a": 1})
    with pytest.raises(RuntimeFailure, match=r"tags\.a: Input should be a valid integer"):
        spec.validate('{"tags": {"a": "one"}}')


def test_strict_can_be_insisted_on_and_declined() -> None:
    with pytest.raises(AgentError, match="the output: tags accepts free keys"):
        output_spec(Tags, strict=True)
    assert not spec_of(Weather, strict=False).strict


def test_a_raw_schema_is_closed_for_the_model_and_checked_as_written() -> None:
    spec = spec_of(RAW)
    assert (spec.name, spec.strict) == ("Order", True)
    assert spec.schema["required"] == ["id", "note"]
    assert spec.validate('{"id": 1}') == {"id": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "'id' is a required property"),
        ('{"id": "1"}', "id: '1' is not of type 'integer'"),
        ('{"id": 1, "note": "too long"}', "note: 'too long' is too long"),
        ("[1", "Invalid JSON: EOF while parsing a list at line 1 column 2"),
        ('{"id": NaN}', "Invalid JSON: expected value at line 1 column 8"),
    ],
)
def test_an_answer_that_a_raw_schema_refuses_is_one_clear_line(text: str, reason: str) -> None:
    with pytest.raises(RuntimeFailure) as caught:
        spec_of(RAW).validate(text)
    assert str(caught.value) == f"the model's answer is not a valid Order: {reason}"


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "array"}, "the output schema is no object at its root"),
        (
            {"type": "object", "properties": {"a": {"type": "text"}}},
            (
                "the output schema is wrong at properties.a.type: "
                "'text' is not valid under any of the given schemas"
            ),
        ),
        (
            {"type": "object", "properties": {"a": {"$ref": "https://example.org/a"}}},
            "the output schema refers to 'https://example.org/a', which is not in it",
        ),
        ({"type": object()}, "the output schema is no JSON"),
    ],
)
def test_a_raw_schema_that_makes_no_sense_is_refused_at_once(
    schema: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(AgentError) as caught:
        output_spec(schema)
    assert caught.value.message.startswith(complaint)


def test_the_schema_does_not_follow_later_changes_of_the_authors_own() -> None:
    schema = json.loads(json.dumps(RAW))
    spec = spec_of(schema)
    schema["properties"].clear()
    assert list(spec.schema["properties"]) == ["id", "note"]


def test_a_generic_type_gets_a_name_that_vendors_take() -> None:
    assert spec_of(list[Weather]).name == "list"
    assert spec_of({**RAW, "title": "an order!"}).name == "output"


def test_jsonschema_is_imported_only_for_raw_schemas() -> None:
    program = (
        "import sys; from steer.agents import output_spec; from dataclasses import make_dataclass\n"
        "output_spec(make_dataclass('A', [('x', int)])); assert 'jsonschema' not in sys.modules\n"
        "output_spec({'type': 'object'}); assert 'jsonschema' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
