from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steer import Redaction, RedactionRule
from steer.errors import ConfigError
from steer.redaction import Redactor, scanning, united
from steer.redaction.library import pattern_names

# The first search with an expression builds what it runs on.
unhurried = settings(deadline=None)

AWS = "AKIAIOSFODNN7EXAMPLE"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE+/x=\n"
SECRETS = {
    "anthropic-key": "sk-ant-api03-abcdefghijklmnopqrst-_0",
    "aws-key": AWS,
    "basic-auth": "://ann:hunter2@",
    "bearer-token": "Bearer abcdef0123456789abcdef==",
    "github-token": "ghp_" + "a1" * 18,
    "gitlab-token": "glpat-" + "x" * 20,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "npm-token": "npm_" + "Z" * 36,
    "openai-key": "sk-proj-" + "a" * 20 + "T3BlbkFJ" + "b" * 20,
    "private-key": PEM + "-----END RSA PRIVATE KEY-----",
    "slack-token": "xoxb-123456-abcdef",
    "stripe-key": "sk_live_" + "0" * 24,
}


def rules(**patterns: str) -> list[RedactionRule]:
    return [RedactionRule(name=name, pattern=pattern) for name, pattern in patterns.items()]


LIBRARY = Redactor(Redaction(patterns=["secrets"]))
KEYED = Redactor(Redaction(keys=["password", "*_token"]))
ACME = Redactor(Redaction(rules=rules(acme="ACME-[0-9]{4,8}")))
# Few letters, much overlap, and expressions of every kind: what is hard for a stream.
HARD = Redactor(
    Redaction(
        rules=rules(
            run="a{2,4}b?",
            either="b[ac]b|ca?|(?i:X[yz]){1,2}",
            line="x.*y",
            lazy="(?s)d.*?d(?:ab)*",
            red="[a-z]{8}",
            colon=":[^z]*z",
        ),
        keys=["a", "b*c"],
    )
)

fragments = st.one_of(
    st.text('aabbccdxyzXY"\\: {}[],\né', max_size=6),
    st.sampled_from(
        [
            AWS,
            PEM,
            '"a": "',
            '"b\\"c" : 5',
            '"password": {',
            "[redacted:run]",
            "[redacted:",
            "redacted",
            "\ud800",
            "eyJab.c",
        ]
    ),
    st.text(max_size=4),
)
texts = st.lists(fragments, max_size=8).map("".join)
redactors = st.sampled_from([LIBRARY, KEYED, HARD])


def streamed(redactor: Redactor, pieces: Sequence[str]) -> str:
    stream = redactor.stream()
    return "".join(map(stream.feed, pieces)) + stream.feed("", last=True)


def cut(text: str, places: Sequence[int]) -> list[str]:
    ends = sorted({min(place, len(text)) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize(("name", "secret"), SECRETS.items())
def test_a_known_secret_is_replaced_by_its_name(name: str, secret: str) -> None:
    assert LIBRARY.text(f"Use {secret}, please") == f"Use [redacted:{name}], please"


def test_every_pattern_can_be_chosen_alone() -> None:
    for name in pattern_names(["secrets"]):
        assert Redactor(Redaction(patterns=[name])).text("nothing to see") == "nothing to see"


def test_a_secret_of_a_kind_that_was_not_chosen_stays() -> None:
    assert Redactor(Redaction(patterns=["jwt"])).text(AWS) == AWS


def test_ordinary_text_stays_as_it_is() -> None:
    text = "See https://example.com/a?b=c, AKIA, sk-learn, 4f5e and `npm_config_cache`.\n"
    assert LIBRARY.text(text) is text


def test_a_private_key_without_its_last_line_goes_with_all_that_follows() -> None:
    assert LIBRARY.text(f"Key:\n{PEM}and so on") == "Key:\n[redacted:private-key]"


def test_matches_that_overlap_are_replaced_together() -> None:
    redactor = Redactor(Redaction(rules=rules(one="abc", two="cde")))
    assert redactor.text("abcde abc") == "[redacted:one] [redacted:one]"


def test_the_value_of_a_secret_key_in_text_is_replaced_and_the_text_stays_json() -> None:
    text = json.dumps({"user": "ann", "PassWord": 'hunter"2', "api_token": 17, "n": 1})
    redacted = {"user": "ann", "PassWord": "[redacted:key]", "api_token": "[redacted:key]", "n": 1}
    assert json.loads(KEYED.text(text)) == redacted


def test_a_secret_that_was_cut_off_after_its_key_is_replaced_too() -> None:
    assert KEYED.text('{"password": "hunt') == '{"password": "[redacted:key]'


def test_an_object_under_a_secret_key_goes_with_all_that_follows() -> None:
    assert KEYED.text('{"password": {"a": 1}, "b": 2}') == '{"password": "[redacted:key]"'


@unhurried
@given(redactors, texts)
def test_what_was_redacted_once_is_not_changed_by_doing_it_again(
    redactor: Redactor, text: str
) -> None:
    once = redactor.text(text)
    assert redactor.text(once) == once


@unhurried
@given(redactors, texts, st.lists(st.integers(0, 120)))
def test_a_stream_gives_what_the_whole_text_gives_however_it_is_cut(
    redactor: Redactor, text: str, places: list[int]
) -> None:
    assert streamed(redactor, cut(text, places)) == redactor.text(text)


@unhurried
@given(redactors, texts, st.lists(st.integers(0, 120)), st.integers(4, 24))
def test_both_hold_where_matches_are_longer_than_the_bound(
    redactor: Redactor, text: str, places: list[int], longest: int
) -> None:
    with patch.object(scanning, "LONGEST", longest):
        once = redactor.text(text)
        assert streamed(redactor, cut(text, places)) == once
        assert redactor.text(once) == once


def test_a_value_waits_for_what_may_begin_between_it_and_its_key() -> None:
    redactor = Redactor(Redaction(keys=["pin"], rules=rules(colon=":[^z]*z")))
    for text in ('"pin" : 5, and more', '"pin" : 5, and z'):
        assert streamed(redactor, list(text)) == redactor.text(text)


@unhurried
@given(st.sampled_from(list(SECRETS.values())), st.text(max_size=9), st.text(max_size=9))
def test_no_piece_of_a_secret_gets_out_before_it_is_known_to_be_one(
    secret: str, before: str, after: str
) -> None:
    stream = LIBRARY.stream()
    out = "".join(map(stream.feed, f"{before} {secret} {after}"))
    assert secret[:12] not in out
    assert secret[:12] not in out + stream.feed("", last=True)


def test_text_that_is_no_secret_is_held_back_for_no_more_than_a_word() -> None:
    stream = LIBRARY.stream()
    assert stream.feed("The answer is 4") == "The answer is "
    assert stream.feed("2, or") == "42, "


def test_a_text_that_is_cut_off_says_that_something_was_held_back() -> None:
    stream = ACME.stream()
    assert stream.feed("Ticket ACME-12") == "Ticket "
    assert stream.abandon() == "[redacted:unfinished]"
    assert ACME.stream().abandon() == ""


def test_a_match_without_an_end_takes_all_that_follows_and_bounds_what_is_held() -> None:
    redactor = Redactor(Redaction(rules=rules(long="k=[a-z]+")))
    stream = redactor.stream()
    pieces = ["see k=", *(["abcdefgh"] * 2000), " and more"]
    held = 0
    out = ""
    for piece in pieces:
        out += stream.feed(piece)
        held = max(held, len(stream._segment._text))
    out += stream.feed("", last=True)
    assert out == redactor.text("".join(pieces)) == "see [redacted:long]"
    assert held <= scanning.LONGEST + 8


def test_a_possible_beginning_that_leads_to_nothing_is_let_go() -> None:
    redactor = Redactor(Redaction(rules=rules(gap="<.*>")))
    text = "a < b " + "and so on " * 2000
    assert streamed(redactor, cut(text, range(0, len(text), 7))) == text


def test_hostile_text_does_not_make_a_search_run_on() -> None:
    # With backtracking these would take time exponential in the number of letters.
    redactor = Redactor(Redaction(rules=rules(evil="(?:a+)+b", worse="(?:a|a?)+c")))
    text = "a" * 5000
    assert redactor.text(text) == text


@unhurried
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(texts | st.just("password"), inner, max_size=3)
        ),
        max_leaves=12,
    )
)
def test_json_keeps_its_shape_and_is_the_same_when_redacted_again(value: Any) -> None:
    for redactor in (KEYED, HARD):
        once = redactor.value(value)
        assert repr(redactor.value(once)) == repr(once)
        assert same_shape(value, once)


def same_shape(value: Any, redacted: Any) -> bool:
    if redacted == "[redacted:key]":
        return True
    if isinstance(value, dict):
        return len(value) == len(redacted) and all(
            map(same_shape, value.values(), redacted.values())
        )
    if isinstance(value, list):
        return len(value) == len(redacted) and all(map(same_shape, value, redacted))
    return isinstance(redacted, type(value) | str)


def test_values_under_secret_keys_are_replaced_whole_at_any_depth() -> None:
    value = {"a": [{"Password": {"old": "x"}, "refresh_token": 7, "token": "stays"}]}
    assert KEYED.value(value) == {
        "a": [{"Password": "[redacted:key]", "refresh_token": "[redacted:key]", "token": "stays"}]
    }


def test_secrets_in_names_and_numbers_are_replaced_and_no_entry_is_lost() -> None:
    redactor = Redactor(Redaction(rules=rules(pin="[0-9]{4}")))
    assert redactor.value({"1234": 1, "5678": 2, "n": 12345, "m": 99.5}) == {
        "[redacted:pin]": 1,
        "[redacted:pin][redacted:key]": 2,
        "n": "[redacted:pin]",
        "m": 99.5,
    }


def test_json_in_a_text_is_redacted_by_what_it_means() -> None:
    text = r'{"p\u0061ssword": "hunter2", "note": "\u0041CME-1234"}'
    assert json.loads(KEYED.json_text(text))["password"] == "[redacted:key]"
    assert json.loads(ACME.json_text(text))["note"] == "[redacted:acme]"
    assert ACME.json_text('{"n":1}') == '{"n":1}'
    assert ACME.json_text('{"broken ACME-1234') == '{"broken [redacted:acme]'


def test_what_is_no_json_is_redacted_as_it_would_be_stored() -> None:
    class Ticket:
        def __str__(self) -> str:
            return "ACME-1234"

    assert ACME.value({"t": Ticket(), "pair": ("ACME-1234", 1)}) == {
        "t": "[redacted:acme]",
        "pair": ["[redacted:acme]", 1],
    }


def test_what_fails_to_be_redacted_is_replaced_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bool:
        raise MemoryError

    endless: list[Any] = []
    endless.append(endless)
    assert ACME.value({"a": endless}) == "[redacted:error]"
    assert ACME.json_text("[" * 100_000) == "[redacted:error]"
    monkeypatch.setattr(scanning.Scanner, "nothing_in", fails)
    monkeypatch.setattr(scanning.Scanner, "undecided", fails)
    assert ACME.text("hello") == "[redacted:error]"
    stream = ACME.stream()
    assert [stream.feed("a"), stream.feed("b"), stream.abandon()] == ["[redacted:error]", "", ""]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"\bkey", "looks at the text around a match"),
        ("^key$", "looks at the text around a match"),
        ("key(?=x)", "looks at the text around a match"),
        (r"(k)\1", "refers back"),
        ("k*", "matches a text of no length"),
        ("k(", "is no regular expression"),
        ("k{1001}", "repeats something 1001 times"),
    ],
)
def test_an_expression_that_cannot_be_decided_in_a_stream_is_refused(
    pattern: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        RedactionRule(name="own", pattern=pattern)


@pytest.mark.parametrize("name", ["", "Key", "a b", "key", "error", "x" * 41])
def test_a_name_that_could_not_stand_in_a_marker_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="rule of redaction"):
        RedactionRule(name=name, pattern="k")


def test_what_is_chosen_wrongly_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'secrets'"):
        Redaction(patterns=["secrts"])
    with pytest.raises(ConfigError, match="must be a list"):
        Redaction(keys="password")
    with pytest.raises(ConfigError, match="no name of a key"):
        Redaction(keys=["*"])


def test_an_expression_that_is_too_large_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="the rule of redaction big"):
        Redactor(Redaction(rules=rules(big="(?:(?:ab){900}c){900}")))


def test_the_union_redacts_what_either_does() -> None:
    one = Redaction(patterns=["jwt"], rules=rules(pin="1234"))
    other = Redaction(patterns=["aws-key"], rules=rules(pin="5678"), keys=["password"])
    both = united([one, None, other, one])
    assert both is not None
    assert (
        Redactor(both).text(f"1234 5678 {AWS}")
        == "[redacted:pin] [redacted:pin] [redacted:aws-key]"
    )
    assert united([None, Redaction()]) is None


def test_without_the_extra_there_is_one_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(
        ConfigError, match=r"steer\[redaction\], which is not installed.*pip install"
    ):
        Redactor(Redaction(keys=["password"]))
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "detect_secrets.plugins.jwt", None)
    with pytest.raises(ConfigError, match="the pattern jwt needs the extra"):
        Redactor(Redaction(patterns=["jwt"]))
