from __future__ import annotations

import pytest
from steer import Redaction, RedactionRule
from steer.errors import ConfigError
from steer.policies import PolicySet, PolicyStack, parse_policy

FILE = """
[redaction]
patterns = ["secrets"]
keys = ["password", "*_token"]

[[redaction.rules]]
name = "acme"
pattern = "ACME-[0-9]{4}"
"""
ACME = RedactionRule(name="acme", pattern="ACME-[0-9]{4}")


def test_a_file_says_what_is_redacted() -> None:
    assert parse_policy(FILE).redaction == Redaction(
        patterns=["secrets"], keys=["password", "*_token"], rules=[ACME]
    )
    assert parse_policy("").redaction is None


def test_one_name_may_stand_without_a_list() -> None:
    redaction = parse_policy('[redaction]\npatterns = "jwt"\nkeys = "password"\n').redaction
    assert redaction == Redaction(patterns=["jwt"], keys=["password"])


def test_a_set_without_redaction_has_the_version_it_always_had() -> None:
    assert parse_policy("").version == PolicySet(name="policy").version
    assert parse_policy(FILE).version != parse_policy("").version


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('patterns = "secrts"', "redaction: there is no pattern .* Did you mean 'secrets'"),
        ('pattern = "secrets"', r"redaction\.pattern: unknown key; did you mean patterns"),
        ('[[redaction.rules]]\nname = "a"\npatern = "b"', r"rules\[0\]\.patern: unknown key"),
        ('[[redaction.rules]]\nname = "a"', r"redaction\.rules\[0\]\.pattern: is missing"),
        (
            '[[redaction.rules]]\nname = "a"\npattern = "b("',
            r"rules\[0\]: .* no regular expression",
        ),
        ('rules = {name = "a"}', "redaction.rules: must be a list of tables"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(table: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_policy(f"[redaction]\n{table}\n")


def test_several_sets_redact_what_any_of_them_does() -> None:
    other = PolicySet(name="other", redaction=Redaction(keys=["pin"]))
    stack = PolicyStack([parse_policy(FILE), PolicySet(name="silent"), other])
    assert stack.redaction == Redaction(
        patterns=["secrets"], keys=["password", "*_token", "pin"], rules=[ACME]
    )
    assert PolicyStack([PolicySet(name="silent")]).redaction is None
