from __future__ import annotations

import json

import pytest
from programs import Program

RULES = """\
name = "support"
version = "3"

[[tools]]
allow = ["get_order", "refund"]

[[tools]]
ask = "refund"
when = { amount = { min = 100 } }
approvers = "lead-*"
expires_in = "4h"

[[tools]]
allow = "export"
set = { format = "csv" }

[[models]]
allow = "gpt-*"

[[actions]]
deny = "approval"
own = true
reason = "not your own"

[[tests]]
tool = "refund"
args = { amount = 5 }
expect = "allow"
"""
WRONG = """
[[tests]]
name = "large refunds are denied"
tool = "refund"
args = { amount = 500 }
expect = "deny"
"""


@pytest.fixture
def rules(steer: Program) -> Program:
    """The program, beside support.toml."""
    (steer.folder / "support.toml").write_text(RULES)
    return steer


def test_a_file_without_mistakes_is_told_in_a_line(rules: Program) -> None:
    checked = rules("policy", "check", "support.toml")
    assert (checked.code, checked.err) == (0, "")
    assert checked.out == "support.toml: support@3, 5 rules, default deny, 1 case\n"


def test_a_mistake_is_told_by_line_and_column_with_what_was_meant(rules: Program) -> None:
    (rules.folder / "bad.toml").write_text("[[tools]]\nallow = '*'\n  alow = 'x'\n[tool]\n")
    (rules.folder / "broken.toml").write_text("name = \n")
    (rules.folder / "support.tests.toml").write_text("[[tests]]\ntool = 't'\n")
    names = ("bad.toml", "broken.toml", "support.toml", "no.toml")
    checked = rules("policy", "check", *names)
    assert (checked.code, checked.err) == (2, "")
    assert checked.out.splitlines() == [
        "bad.toml:3:3: tools[0].alow: unknown key; did you mean allow?",
        "bad.toml:4:1: tool: unknown key; did you mean tools?",
        "broken.toml:1:8: is not valid TOML: Invalid value",
        "support.tests.toml:1:1: tests[0].expect: is missing",
        (
            "no.toml: the policy file no.toml cannot be read: No such file or directory."
            " Give the path of a TOML file"
        ),
    ]
    told = rules("policy", "check", *names, "--json")
    assert told.code == 2
    assert [row["file"] for row in told.rows] == list(names)
    assert told.rows[0]["mistakes"][0] == {
        "source": "bad.toml",
        "line": 3,
        "column": 3,
        "key": "tools[0].alow",
        "what": "unknown key; did you mean allow?",
    }
    assert told.rows[2]["policy"] == "support"


def test_a_decision_is_explained(rules: Program) -> None:
    told = rules("policy", "explain", "support.toml", "--tool=refund", '--args={"amount": 500}')
    assert (told.code, told.err) == (0, "")
    assert told.out == (
        "ask  refund(amount=500)\n"
        "  why: the policy support@3 wants a person to approve this,"
        " rule 'ask refund when amount'\n"
        "  by: support@3, rule 'ask refund when amount' (support.toml, line 7)\n"
        "  answered by: lead-*\n"
        "  expires: after 4 h 00 min, then the call is denied\n"
        "\n"
        "support@3 says ask\n"
        "  ✓  line 7  ask refund when amount   applies\n"
        "  ✓  line 4  allow get_order, refund  applies\n"
        "    1 more rule is about other things\n"
    )


def test_what_a_rewrite_made_of_a_call_is_shown(rules: Program) -> None:
    told = rules("policy", "explain", "support.toml", "--tool", "export", "--all")
    assert '  runs with: {"format":"csv"}\n' in told.out
    assert 'asked again, with the arguments as they were rewritten: {"format":"csv"}' in told.out
    assert "line 4   allow get_order, refund  it is not about 'export'" in told.out


def test_models_and_answers_are_explained_for_programs(rules: Program) -> None:
    model = rules("policy", "explain", "support.toml", "--model", "claude", "--json")
    (told,) = model.rows
    assert (told["outcome"], told["rule"], told["line"]) == ("deny", "default", None)
    assert told["answers"][0]["rules"] == [
        {
            "rule": "allow gpt-*",
            "outcome": "allow",
            "applies": False,
            "why_not": "it is not about 'claude'",
            "doubts": None,
            "file": "support.toml",
            "line": 17,
        }
    ]
    own = ("--action=approval", "--tool=refund", "--principal=ann", "--asked-by=ann", "--json")
    (told,) = rules("policy", "explain", "support.toml", *own).rows
    assert (told["outcome"], told["reason"], told["line"]) == ("deny", "not your own", 20)


def test_without_a_file_the_configured_policies_are_explained(rules: Program) -> None:
    bare = rules("policy", "explain", "--tool", "bash", "--kind", "native")
    assert bare.out.startswith("ask  bash()\n")
    assert "by: author-declared@1, rule 'native'" in bare.out
    (rules.folder / "steer.toml").write_text('policy = ["author-declared", "support.toml"]')
    both = rules("policy", "explain", "--tool", "bash", "--principal", "ann")
    assert "author-declared@1 says allow" in both.out
    assert "support@3 says deny, rule 'default'" in both.out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "nothing is asked. Say what: --tool NAME, --model NAME, --run AGENT, "),
        (("--tool", "t", "--args", "{a"), "--args: this is not JSON: "),
        (("--tool", "t", "--kind", "hostd"), "'hostd' is no kind of tool. There are function, "),
        (("--model", "m", "--server", "s"), "server says nothing in a question about a model. "),
        (("--data", "d", "--access", "eat"), "--access is 'eat'; it must be 'read' or 'write'"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    rules: Program, arguments: tuple[str, ...], complaint: str
) -> None:
    told = rules("policy", "explain", "support.toml", *arguments)
    assert told.code == 2
    assert told.error.removeprefix("steer: ").startswith(complaint)


def test_cases_that_pass_are_counted_and_one_that_fails_is_explained(rules: Program) -> None:
    passed = rules("policy", "test", "support.toml")
    assert (passed.code, passed.out) == (0, "support.toml: 1 passed\n")
    (rules.folder / "support.tests.toml").write_text(WRONG)
    failed = rules("policy", "test", "support.toml")
    assert failed.code == 1
    assert failed.out.startswith(
        "support.tests.toml:2: large refunds are denied\n"
        "  expected deny, and it is ask\n"
        "\n"
        "  ask  refund(amount=500)\n"
    )
    assert failed.out.endswith("\nsupport.toml: 1 passed, 1 failed\n")
    first, second = rules("policy", "test", "support.toml", "--json").rows
    assert (first["passed"], second["passed"]) == (True, False)
    assert second["failures"] == ["expected deny, and it is ask"]
    assert second["explanation"]["rule"] == "ask refund when amount"


def test_a_file_without_cases_passes_no_test(rules: Program) -> None:
    (rules.folder / "support.toml").write_text('[[tools]]\nallow = "*"\n')
    finished = rules("policy", "test", "support.toml")
    assert finished.code == 2
    assert finished.error == (
        "steer: there are no cases for support.toml."
        " Write [[tests]] into it, or into support.tests.toml"
    )


def test_the_policies_there_are_are_listed(rules: Program) -> None:
    (rules.folder / "old.toml").write_text('name = "support"\nversion = "2"\n')
    (rules.folder / "bad.toml").write_text("x = 1")
    (rules.folder / "steer.toml").write_text(
        'policy = "support.toml"\nselectable_policy = ["old.toml", "bad.toml"]\n'
    )
    rows = rules("policy", "list", "--json").rows
    told = {(row["policy"], row["holds"], row["rules"], row["default"]) for row in rows}
    assert told == {
        ("support@3", True, 5, "deny"),
        ("support@2", False, 0, "deny"),
        (None, False, None, None),
        ("author-declared@1", False, None, None),
    }
    table = rules("policy", "list").out
    assert table.splitlines()[0].split() == ["POLICY", "HOLDS", "FROM", "RULES", "DEFAULT"]
    assert "bad.toml, line 1, column 1: x: unknown key" in table


def test_the_schema_is_printed(rules: Program) -> None:
    schema = json.loads(rules("policy", "schema").out)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert "tools" in schema["properties"]
