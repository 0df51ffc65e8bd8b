"""The closed form of schemas: same values, no free keys, nothing optional."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from steer.agents import json_schema, strict_schema
from steer.errors import AgentError
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str
    city: str | None = None


class Customer(BaseModel):
    name: str = Field(description="as on the invoice", max_length=80)
    home: Address
    work: Address = Field(description="where they work")
    colour: Annotated[Colour, Field(description="favourite")] = Colour.RED
    since: datetime | None = None
    limit: int = 10


class Node(BaseModel):
    label: str
    children: list[Node] = []


class Described(BaseModel):
    """A type whose members are described references to itself."""

    parts: list[Annotated[Described, Field(description="a part")]]


@dataclass
class Point:
    x: float
    y: float = 0.0


class Options(TypedDict, total=False):
    deep: bool


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Money(BaseModel):
    amount: Decimal


CLOSABLE = [Customer, Node, Described, Point, Options, Owner, Money]


def objects_of(schema: Any) -> list[dict[str, Any]]:
    """Every object schema anywhere in a schema."""
    found: list[dict[str, Any]] = []
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            found.append(schema)
        for word, value in schema.items():
            members = value.values() if word in {"properties", "$defs"} else [value]
            for member in members:
                found += objects_of(member)
    elif isinstance(schema, list):
        for member in schema:
            found += objects_of(member)
    return found


@pytest.mark.parametrize("kind", CLOSABLE)
def test_every_object_is_closed_and_everything_is_required(kind: Any) -> None:
    closed = strict_schema(json_schema(kind))
    assert objects_of(closed)
    for schema in objects_of(closed):
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])


@pytest.mark.parametrize("kind", CLOSABLE)
def test_closing_twice_changes_nothing_more(kind: Any) -> None:
    once = strict_schema(json_schema(kind))
    assert strict_schema(once) == once


@pytest.mark.parametrize("kind", CLOSABLE)
def test_the_argument_stays_as_it_was(kind: Any) -> None:
    schema = json_schema(kind)
    before = copy.deepcopy(schema)
    strict_schema(schema)
    assert schema == before


leaves = st.sampled_from([{"type": "string"}, {"type": ["integer", "null"]}, {"enum": [1, "a"]}])
notes = st.fixed_dictionaries(
    {}, optional={"description": st.just("d"), "default": st.integers(), "title": st.just("t")}
)


def _extended(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    named = st.dictionaries(st.sampled_from(["a", "default", "$ref", "type"]), inner, max_size=3)
    return st.one_of(
        st.builds(lambda p, n: {"type": "object", "properties": p, **n}, named, notes),
        st.builds(lambda i, n: {"type": "array", "items": i, **n}, inner, notes),
        st.builds(lambda v: {"anyOf": v}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda v: {"oneOf": v}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda v: {"allOf": [v]}, inner),
        st.builds(lambda n: {"$ref": "#/$defs/T", **n}, notes),
    )


trees = st.recursive(leaves, _extended, max_leaves=8)


@given(members=st.dictionaries(st.sampled_from("xyz"), trees), definition=trees)
def test_closing_is_idempotent_for_any_schema_it_accepts(
    members: dict[str, Any], definition: dict[str, Any]
) -> None:
    schema = {"type": "object", "properties": members, "$defs": {"T": definition}}
    try:
        once = strict_schema(schema)
    except AgentError:
        return
    assert strict_schema(once) == once


words = st.sampled_from(
    ["type", "properties", "items", "$ref", "$defs", "allOf", "anyOf", "oneOf", "pattern"]
)
scalars = st.sampled_from([None, True, 1, "object", "array", "string", "#", "#/$defs/T", "T", "("])


@given(
    schema=st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=4),
    ).filter(lambda schema: isinstance(schema, dict))
)
def test_anything_that_is_json_is_closed_or_refused(schema: Any) -> None:
    try:
        closed = strict_schema(schema)
    except AgentError:
        return
    assert closed["type"] == "object"


def test_a_schema_nested_too_deeply_is_refused() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(2_000):
        deep = {"anyOf": [deep]}
    with pytest.raises(AgentError, match="is nested too deeply"):
        strict_schema({"type": "object", "properties": {"a": deep}})


def test_a_described_reference_is_written_out_and_a_bare_one_stays() -> None:
    properties = strict_schema(json_schema(Customer))["properties"]
    assert properties["home"] == {"$ref": "#/$defs/Address"}
    assert properties["work"]["description"] == "where they work"
    assert list(properties["work"]["properties"]) == ["street", "city"]
    assert properties["colour"] == {
        "type": "string",
        "enum": ["red", "blue"],
        "title": "Colour",
        "description": 'favourite (default: "red")',
    }


def test_definitions_that_nothing_refers_to_are_left_out() -> None:
    assert set(strict_schema(json_schema(Customer))["$defs"]) == {"Address"}


def test_a_default_is_told_in_the_description() -> None:
    assert strict_schema(json_schema(Customer))["properties"]["limit"] == {
        "type": "integer",
        "description": "(default: 10)",
    }


def test_a_type_that_describes_itself_is_written_out_once() -> None:
    closed = strict_schema(json_schema(Described))
    assert closed["type"] == "object"
    assert closed["properties"]["parts"]["items"]["description"] == "a part"
    assert "Described" in closed["$defs"]


def test_alternatives_by_discriminator_become_plain_ones() -> None:
    pet = strict_schema(json_schema(Owner))["properties"]["pet"]
    assert pet == {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]}


@pytest.mark.parametrize(
    ("pattern", "kept"), [("^a(?!b)", False), ("(?<=a)b", False), ("^(?:a|b)+$", True)]
)
def test_a_pattern_with_look_around_is_left_to_validation(pattern: str, kept: bool) -> None:
    member = {"type": "string", "pattern": pattern}
    closed = strict_schema({"type": "object", "properties": {"a": member}})
    assert closed["properties"]["a"] == (member if kept else {"type": "string"})


class Free(BaseModel):
    tags: dict[str, int]


class Holder(BaseModel):
    inner: list[Free]


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Pair(BaseModel):
    pair: tuple[int, str]


class Anything(BaseModel):
    value: Any


class Unique(BaseModel):
    items: set[int]


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Free, "the schema: tags accepts free keys"),
        (Holder, "the schema: inner[].tags accepts free keys"),
        (Open, "the schema accepts free keys"),
        (Pair, "the schema: pair uses 'prefixItems'"),
        (Anything, "the schema: value accepts anything"),
        (Unique, "the schema: items uses 'uniqueItems'"),
        (dict[str, int], "the schema accepts free keys"),
        (list[int], "the schema is no object at its root"),
    ],
)
def test_what_cannot_be_strict_is_named_by_its_path(kind: Any, complaint: str) -> None:
    with pytest.raises(AgentError) as caught:
        strict_schema(json_schema(kind))
    assert caught.value.message == f"{complaint}, which strict decoding does not allow"


@pytest.mark.parametrize(
    ("member", "complaint"),
    [
        ({"$ref": "#/$defs/gone"}, "the schema: a refers to '#/$defs/gone', which is not in it"),
        ({"$ref": "https://example.org/x"}, "refers to 'https://example.org/x'"),
        ({"$ref": "#/properties/b"}, "refers to '#/properties/b', which is no definition"),
        ({"$ref": "#/$defs/T", "minLength": 3}, "the schema: a narrows a reference"),
        ({"allOf": [{"type": "string"}, {"minLength": 2}]}, "the schema: a uses 'allOf'"),
        ({"type": "object"}, "the schema: a accepts free keys"),
        (True, "the schema: a accepts anything"),
        ({"not": {"type": "null"}}, "the schema: a uses 'not'"),
    ],
)
def test_raw_schemas_are_refused_for_what_strict_decoding_lacks(
    member: Any, complaint: str
) -> None:
    schema = {
        "type": "object",
        "properties": {"a": member, "b": {"type": "null"}},
        "$defs": {"T": {"type": "string"}},
    }
    with pytest.raises(AgentError) as caught:
        strict_schema(schema)
    assert complaint in caught.value.message


def test_an_object_may_go_without_saying_so() -> None:
    member = {"properties": {"x": {"type": "null"}}}
    closed = strict_schema({"type": "object", "properties": {"a": member}})
    assert closed["properties"]["a"]["type"] == "object"
    assert closed["properties"]["a"]["additionalProperties"] is False


def test_a_root_that_refers_to_nothing_is_refused() -> None:
    with pytest.raises(AgentError, match="refers to '#/\\$defs/gone', which is not in it"):
        strict_schema({"$ref": "#/$defs/gone"})


def test_a_schema_that_explodes_when_written_out_is_refused() -> None:
    definitions: dict[str, Any] = {"L0": {"type": "string"}}
    for level in range(1, 40):
        step = {"$ref": f"#/$defs/L{level - 1}", "description": "again"}
        definitions[f"L{level}"] = {"type": "object", "properties": {"a": step, "b": step}}
    schema = {
        "type": "object",
        "properties": {"top": {"$ref": "#/$defs/L39", "description": "all"}},
        "$defs": definitions,
    }
    with pytest.raises(AgentError, match="is too large"):
        strict_schema(schema)


def test_a_type_without_a_schema_is_an_error_that_says_what_it_is_for() -> None:
    class Handle:
        pass

    with pytest.raises(AgentError) as caught:
        json_schema(Handle, what="the output")
    assert str(caught.value).startswith("the output has a type that JSON cannot carry: ")
    assert str(caught.value).endswith(". Use plain types, dataclasses or pydantic models")


def test_a_type_that_validates_but_has_no_schema_is_refused_too() -> None:
    with pytest.raises(AgentError, match="the output has a type that JSON cannot carry"):
        json_schema(Callable[[int], int], what="the output")
