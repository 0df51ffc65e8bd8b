from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steer.redaction.expressions import shape_of
from steer.redaction.scanning import compiled

PATTERNS = [
    "abc",
    "a+b{2,3}c?",
    "(?:ab|a(c|d)?)+e",
    "[^a-c\\d]x|[\\w-]{2}y",
    "a{0}b{0,2}c{3}",
    "(?i:Ab)c(?-i:D)",
    "(?i)a(?-i:b)c",
    "a.b",
    "(?s)a.b",
    "a(?s:.)b.",
    "(?x) a b  # a comment\n c",
    "a*?b+?(c??d){2,}",
    "(?P<name>a|b)+\\.\\[\\]\\\\",
    "(?>a+)b++c",
    "\u00e9+[\u00e0-\u00ff]x",
    "((a{2}){2}b?){1,2}",
    "[^x][\\s\\S]\\D\\S\\W",
]
unhurried = settings(deadline=None)


@pytest.mark.parametrize("pattern", PATTERNS)
@unhurried
@given(data=st.data())
def test_an_expression_matches_what_it_matches_in_python(pattern: str, data: st.DataObject) -> None:
    python = re.compile(pattern, re.ASCII)
    ours = compiled(shape_of(pattern).whole)
    likely = st.from_regex(python, fullmatch=True) | st.text(
        "abcdexyABCD\n .[]\\\u00e9\u00e0", max_size=8
    )
    text = data.draw(likely)
    assert bool(python.fullmatch(text)) == bool(ours.fullmatch(text.encode()))


@pytest.mark.parametrize("pattern", PATTERNS)
@unhurried
@given(data=st.data())
def test_every_beginning_of_a_match_is_known_as_one(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    begun = compiled(shape_of(pattern).begun)
    assert all(begun.fullmatch(text[:end].encode()) for end in range(len(text) + 1))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("abc", "abd"), ("a{3}b", "aaaa"), ("a[bc]+d", "ax"), ("(?:ab){2}", "aba b")],
)
def test_what_can_never_become_a_match_is_no_beginning(pattern: str, text: str) -> None:
    assert compiled(shape_of(pattern).begun).fullmatch(text.encode()) is None


@pytest.mark.parametrize(
    "pattern", [r"\bab\b", "^ab$", "(?<!x)ab(?=y)(?!z)", r"(?:(?<=\W)|(?<=^))ab"]
)
def test_what_is_asked_of_the_text_around_can_be_left_out(pattern: str) -> None:
    shape = shape_of(pattern, context=True)
    assert compiled(shape.whole).fullmatch(b"ab")
    assert compiled(shape.begun).fullmatch(b"a")
