"""What a tool returned survives JSON: the law behind replayed results."""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from steer.agents import EncodedResult, encode_result


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Word(StrEnum):
    YES = "yes"


class Pair(NamedTuple):
    left: int
    right: Any


@dataclass
class Order:
    id: int
    total: Decimal
    note: Any = None


class Model(BaseModel):
    when: datetime
    orders: list[Order] = []


class Plain:
    def __str__(self) -> str:
        return "plain one"


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")


keys = st.text() | st.integers() | st.booleans() | st.none() | st.tuples(st.integers())
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**5000, max_value=10**5001),
    st.floats(),
    st.text(),
    st.text(alphabet=st.characters(categories=["Cs", "L"])),
    st.binary(),
    st.decimals(),
    st.fractions(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.sampled_from([Colour.RED, Level.HIGH, Word.YES, Plain(), Hostile(), ValueError("x"), int]),
)
results = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(keys, inner),
        st.tuples(inner, inner),
        st.builds(Pair, st.integers(), inner),
        st.builds(Order, id=st.integers(), total=st.decimals(), note=inner),
        st.frozensets(leaves.filter(lambda leaf: not isinstance(leaf, Decimal))),
        st.builds(lambda t, v: {"$type": t, "text": v}, st.text(), inner),
    ),
    max_leaves=12,
)


@given(result=results)
def test_a_result_that_went_through_json_encodes_to_the_same(result: object) -> None:
    encoded = encode_result(result)
    wire = json.dumps(encoded.value, allow_nan=False).encode()
    assert encode_result(json.loads(wire)) == encoded
    assert encoded.text.encode().decode() == encoded.text


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_json_stays_as_it_is(value: object) -> None:
    assert encode_result(value).value == value


WHEN = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("result", "value", "text"),
    [
        ("done", "done", "done"),
        ("", "", ""),
        (None, None, "null"),
        (True, True, "true"),
        (0, 0, "0"),
        (1.5, 1.5, "1.5"),
        (float("nan"), "nan", "nan"),
        (Decimal("1.10"), "1.10", "1.10"),
        (WHEN, "2026-11-21T08:30:00Z", "2026-11-21T08:30:00Z"),
        (date(2026, 1, 2), "2026-01-02", "2026-01-02"),
        (time(1, 2), "01:02:00", "01:02:00"),
        (timedelta(minutes=90), "PT1H30M", "PT1H30M"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1)), str(uuid.UUID(int=1))),
        (Path("a/b"), "a/b", "a/b"),
        (Colour.RED, "red", "red"),
        (Level.HIGH, 3, "3"),
        ([1, "é"], [1, "é"], '[1,"é"]'),
        ({"b", "a"}, ["a", "b"], '["a","b"]'),
        (OrderedDict(a=1), {"a": 1}, '{"a":1}'),
        ({1: "a", None: "b"}, {"1": "a", "null": "b"}, '{"1":"a","null":"b"}'),
        ({1: "a", "1": "b"}, [[1, "a"], ["1", "b"]], '[[1,"a"],["1","b"]]'),
        (Pair(1, 2), {"left": 1, "right": 2}, '{"left":1,"right":2}'),
        (
            Order(id=1, total=Decimal(2)),
            {"id": 1, "total": "2", "note": None},
            '{"id":1,"total":"2","note":null}',
        ),
        (
            Model(when=WHEN, orders=[Order(id=1, total=Decimal(2))]),
            {
                "when": "2026-11-21T08:30:00Z",
                "orders": [{"id": 1, "total": "2", "note": None}],
            },
            '{"when":"2026-11-21T08:30:00Z","orders":[{"id":1,"total":"2","note":null}]}',
        ),
        (
            b"\x00\xff",
            {"$type": "bytes", "base64": "AP8="},
            '{"$type":"bytes","base64":"AP8="}',
        ),
    ],
)
def test_each_kind_has_its_form(result: object, value: object, text: str) -> None:
    assert encode_result(result) == EncodedResult(value=value, text=text)


def test_an_unknown_object_is_marked_and_reads_as_its_text() -> None:
    encoded = encode_result(Plain())
    assert encoded.value == {"$type": f"{__name__}.Plain", "text": "plain one"}
    assert encoded.text == "plain one"


def test_an_object_that_cannot_be_read_is_said_to_be_so() -> None:
    assert encode_result([Hostile()]).value == [
        {"$type": f"{__name__}.Hostile", "text": "(not readable: RuntimeError)"}
    ]


def test_a_structure_inside_itself_ends() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    loop.append({"again": loop})
    nested = {"$type": "nested", "text": "(nested too deeply)"}
    assert encode_result(loop).value == [1, nested, {"again": nested}]


def test_very_deep_nesting_is_cut_and_stays_stable() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    encoded = encode_result(deep)
    assert encode_result(json.loads(json.dumps(encoded.value))) == encoded


def test_a_lone_surrogate_is_replaced_so_that_the_text_can_be_sent() -> None:
    assert encode_result("a\ud800b").value == "a?b"


def test_a_subclass_of_text_is_text() -> None:
    class Html(str):
        __slots__ = ()

    assert encode_result(Html("<b>")).value == "<b>"
    assert type(encode_result(Html("<b>")).value) is str


def test_an_old_style_named_tuple_is_an_object() -> None:
    point = namedtuple("point", "x y")  # noqa: PYI024 - the old style is what is tested
    assert encode_result(point(1, 2)).value == {"x": 1, "y": 2}
