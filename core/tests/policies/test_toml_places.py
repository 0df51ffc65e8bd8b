from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.policies.toml_places import Place, Position, positions_in

SAMPLE = '''name = "x"  # = [not] { this }
[[tools]]
allow = ["a", "b]", """x
"y"""""]
when = { a.b = { min = 3 }, "c d" = 'q', "e\\u0301" = 1 }
[tools.more]
z = 1979-05-27 07:32:00
[[tools]]
deny = [
  # ]
  "a", [1,
  2], { k = 1 }]
[[tools.sub]]
q . r = \'\'\'
[[tools]]
\'\'\'
["odd.header".'x']
y = true
'''


def places_in(data: object, place: Place = ()) -> Iterator[Place]:
    if place:
        yield place
    if isinstance(data, dict | list):
        items = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in items:
            yield from places_in(value, (*place, key))


@pytest.mark.parametrize(
    ("place", "position"),
    [
        (("name",), (1, 1)),
        (("tools",), (2, 1)),
        (("tools", 0), (2, 1)),
        (("tools", 0, "allow", 1), (3, 15)),
        (("tools", 0, "when", "a", "b", "min"), (5, 18)),
        (("tools", 0, "when", "c d"), (5, 29)),
        (("tools", 0, "more", "z"), (7, 1)),
        (("tools", 1), (8, 1)),
        (("tools", 1, "deny", 0), (11, 3)),
        (("tools", 1, "deny", 1, 1), (12, 3)),
        (("tools", 1, "deny", 2, "k"), (12, 9)),
        (("tools", 1, "sub", 0, "q", "r"), (14, 5)),
        (("odd.header", "x", "y"), (18, 1)),
    ],
)
def test_a_place_is_found_by_line_and_column(place: Place, position: tuple[int, int]) -> None:
    assert positions_in(SAMPLE)[place] == Position(*position)


def test_everything_that_was_read_has_a_position_and_nothing_else_has() -> None:
    assert set(positions_in(SAMPLE)) == set(places_in(tomllib.loads(SAMPLE)))


def test_lines_may_end_as_on_windows() -> None:
    text = SAMPLE.replace("\n", "\r\n")
    assert positions_in(text) == positions_in(SAMPLE)


HEADERS = ("", "", "[t{n}]\n", "[[a]]\n", "[[a.b]]\n", "[ 'd{n}' . c ]\n", '["e.{n}"."\\u00e9"]\n')
KEYS = ("k{n}", "l.m{n}", '"q.r{n}"', "'s t{n}' . u", "2{n}-x")
VALUES = (
    *("1", "'x]'", '"y\\" # z"', "[1, [2], {o = 3}]", "[\n # c\n '''\n'''\n,]", "{}", "[]"),
    *(
        "{ s = 1, t.u = [{}] }",
        '"""\n[x]\n\\""""""',
        "1979-05-27 07:32:00 # d",
        "-inf",
        "'''a'''''",
    ),
)
lines = st.tuples(st.sampled_from(HEADERS), st.sampled_from(KEYS), st.sampled_from(VALUES))


def written(drawn: list[tuple[str, str, str]]) -> str:
    """Join lines to a document; the numbers keep its keys apart, and [[a]] comes before [[a.b]]."""
    return "[[a]]\n" + "".join(
        header.replace("{n}", str(n)) + key.replace("{n}", str(n)) + f"  =\t{value}\n"
        for n, (header, key, value) in enumerate(drawn)
    )


@given(st.lists(lines, max_size=12).map(written))
def test_positions_are_those_of_what_the_standard_parser_reads(text: str) -> None:
    data = tomllib.loads(text)
    positions = positions_in(text)
    assert set(positions) == set(places_in(data))
    for place, (line, column) in positions.items():
        there = text.split("\n")[line - 1][column - 1 :].replace("\\u00e9", "\u00e9")
        key = place[-1]
        assert there.startswith("[") or isinstance(key, int) or key in there.partition("=")[0]


ODD = ("[", "{", "'", '"', "=", ".", "]", "}", ",", "\n", "#", "\\")


@given(st.lists(st.sampled_from([*HEADERS, *KEYS, *VALUES, *ODD]), max_size=12))
def test_whatever_the_text_is_the_search_ends(pieces: list[str]) -> None:
    positions_in("".join(pieces))
