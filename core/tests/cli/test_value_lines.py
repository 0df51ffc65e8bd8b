"""What somebody approves is shown so that nothing in it hides."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from steer.cli.terminal.printable import exact, exact_json
from steer.cli.terminal.value_lines import changed_lines, cut, value_lines

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
HIDING = st.sampled_from(
    "\x1b\x07\x7f\x9b\r\t\u200b\u200d\u202e\u2066\u2028\ufeff\u00a0\u3000\ud800"
)
TEXTS = st.text(st.one_of(st.characters(), HIDING, st.sampled_from("\\uU20b\n |-:")), max_size=20)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)


@given(VALUES)
def test_no_line_of_a_value_has_a_character_that_cannot_be_told_by_its_looks(value: object) -> None:
    shown = "".join(value_lines(value))
    assert all(char == " " or unicodedata.category(char) not in UNSEEN for char in shown)


@given(VALUES, VALUES)
def test_values_that_differ_never_look_the_same(one: object, other: object) -> None:
    if json.dumps(one) != json.dumps(other):
        assert value_lines(one) != value_lines(other)


@given(TEXTS)
def test_a_text_can_be_read_back_from_how_it_is_shown(text: str) -> None:
    # What is no escape is what it was, so that two texts never look the same.
    assert unescaped(exact(text)) == text
    assert json.loads(exact_json(text)) == text


def unescaped(shown: str) -> str:
    text, at = "", 0
    while at < len(shown):
        slashes = len(shown) - at - len(shown[at:].lstrip("\\"))
        if not slashes:
            text, at = text + shown[at], at + 1
            continue
        at += slashes
        if shown[at : at + 1] not in {"u", "U"} or not shown[at:]:
            text += "\\" * slashes
            continue
        text += "\\" * (slashes // 2)
        if slashes % 2:
            width = 4 if shown[at] == "u" else 8
            text, at = text + chr(int(shown[at + 1 : at + 1 + width], 16)), at + 1 + width
    return text


@given(VALUES, VALUES)
def test_a_difference_has_all_that_goes_and_all_that_comes(one: object, other: object) -> None:
    shown = changed_lines(one, other)
    if json.dumps(one) == json.dumps(other):
        assert shown == []
    gone = [line[2:] for line in shown if line.startswith("- ")]
    come = [line[2:] for line in shown if line.startswith("+ ")]
    # Taking what goes out of the one, and putting in what comes, is the other.
    kept = list(value_lines(one))
    for line in gone:
        kept.remove(line)
    assert sorted([*kept, *come]) == sorted(value_lines(other))


def test_a_text_of_several_lines_is_shown_line_by_line() -> None:
    value = {"path": "a.txt", "content": "one\n\ttwo\n", "more": [1, {"deep": []}], "a b": None}
    assert value_lines(value) == [
        'path: "a.txt"',
        "content:",
        "  | one",
        "  | \\u0009two",
        "  | ",
        "more:",
        "  - 1",
        "  -",
        "    deep: []",
        '"a b": null',
    ]


def test_a_difference_shows_what_is_around_it_and_nothing_else() -> None:
    old = {"lines": "\n".join(f"line {number}" for number in range(20))}
    new = {"lines": old["lines"].replace("line 9", "line nine")}
    assert changed_lines(old, new) == [
        "    | line 7",
        "    | line 8",
        "-   | line 9",
        "+   | line nine",
        "    | line 10",
        "    | line 11",
    ]


def test_what_is_cut_is_counted() -> None:
    shown, hidden = cut(["short", "x" * 1000, "third"], 2)
    assert (len(shown), len(shown[1]), hidden) == (2, 200, 2)
