from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.policies.globs import Globs

patterns = st.text(alphabet="ab*?[]!-_.^&~|\\\n", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("refund", "refund", "refund_all"),
        ("search_*", "search_web", "my_search_web"),
        ("*", "anything at all\n/even.this", None),
        ("get_?", "get_a", "get_ab"),
        ("[ab]_tool", "a_tool", "c_tool"),
        ("[!ab]_tool", "c_tool", "a_tool"),
        ("[*]", "*", "a"),
        ("Refund", "Refund", "refund"),
        ("a.b", "a.b", "axb"),
        ("run", "run", "run\n"),
    ],
)
def test_a_glob_matches_whole_names_with_their_case(
    pattern: str, matching: str, other: str | None
) -> None:
    assert matching in Globs([pattern])
    assert other is None or other not in Globs([pattern])


def test_one_matching_pattern_of_several_is_enough() -> None:
    globs = Globs(["refund", "get_*", "list_?"])
    assert all(name in globs for name in ("refund", "get_order", "list_1"))
    assert "delete" not in globs


def test_no_pattern_matches_nothing() -> None:
    assert "" not in Globs([])
    assert "x" not in Globs([])


@given(st.lists(patterns, max_size=4), st.text(alphabet="ab_-.!\\\n", max_size=6))
def test_globs_agree_with_fnmatch_and_every_text_is_a_pattern(
    given_patterns: list[str], name: str
) -> None:
    assert (name in Globs(given_patterns)) is any(
        fnmatchcase(name, pattern) for pattern in given_patterns
    )


def test_many_asterisks_on_a_long_name_do_not_explode() -> None:
    # Backtracking would need far more than the age of the universe here.
    assert "a" * 5_000 not in Globs(["*a" * 40 + "b"])
