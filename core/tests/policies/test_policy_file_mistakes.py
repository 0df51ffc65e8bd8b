from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.errors import ConfigError
from steer.policies import parse_policy


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "name = 'x'\ndefualt = 'deny'",
            "p.toml, line 2, column 1: defualt: unknown key; did you mean default?",
        ),
        (
            "[[tool]]\nallow = '*'",
            "p.toml, line 1, column 1: tool: unknown key; did you mean tools?",
        ),
        (
            "[[tools]]\nallow = '*'\n\n[[tools]]\n# alow = 'x'\n  alow = 'x'",
            "p.toml, line 6, column 3: tools[1].alow: unknown key; did you mean allow?",
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { amount = { mn = 3 } }",
            "p.toml, line 3, column 21: tools[0].when.amount.mn: unknown key; did you mean min?",
        ),
        (
            "[[tools]]\nallow = '*'\n[tools.when]\n'a' = 1\n'user.age' = { mx = 3 }",
            "p.toml, line 5, column 16: tools[0].when.user.age.mx: unknown key; did you mean max?",
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { user.tier = 'gold' }",
            (
                "p.toml, line 3, column 15: tools[0].when.user.tier: unknown key; "
                "known are equals, in, glob, matches, under, min, max, "
                "min_length, max_length, present; "
                'a path with dots needs quotes: "user.tier"'
            ),
        ),
        (
            "[tools]\nallow = '*'",
            (
                "p.toml, line 1, column 1: tools: "
                "must be a list of tables, each beginning with [[tools]]"
            ),
        ),
        (
            "\n[[tools]]\nallow = 'a'\ndeny = 'b'",
            "p.toml, line 2, column 1: tools[0]: needs exactly one of allow, ask and deny",
        ),
        (
            "[[models]]\nreason = 'none'",
            "p.toml, line 1, column 1: models[0]: needs exactly one of allow, ask and deny",
        ),
        (
            "[[tools]]\nallow = []",
            (
                "p.toml, line 1, column 1: tools[0]: "
                "a rule has no tools. Name at least one; * is all of them"
            ),
        ),
        (
            "[[tools]]\nallow = [3]",
            "p.toml, line 2, column 10: tools[0].allow[0]: must be text",
        ),
        (
            "[[tools]]\nallow = '*'\nkinds = ['hostd']",
            (
                "p.toml, line 3, column 10: tools[0].kinds[0]: must be "
                "'function', 'mcp', 'agent', 'handoff', 'native', 'hosted' or 'ungated'; "
                "did you mean hosted?"
            ),
        ),
        (
            "[[data]]\nallow = '*'\nactions = 'delete'",
            "p.toml, line 3, column 1: data[0].actions[0]: must be 'read' or 'write'",
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { id = { matches = '(' } }",
            (
                "p.toml, line 3, column 10: tools[0].when.id: "
                "the regular expression '(' cannot be used: "
                "unclosed group. Look-around and back-references are not possible; "
                "the syntax is at docs.rs/regex"
            ),
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { id = ['a', 'b'] }",
            (
                "p.toml, line 3, column 10: tools[0].when.id: must not be a list; "
                "write { in = [...] } for one of these values"
            ),
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { id = { max_length = true } }",
            "p.toml, line 3, column 17: tools[0].when.id.max_length: must be a valid integer",
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { on = 2026-01-01 }",
            (
                "p.toml, line 3, column 10: tools[0].when.on: "
                "[datetime.date(2026, 1, 1)] holds a value that JSON does not have"
            ),
        ),
        (
            "[[tools]]\nask = '*'\nset = { a = 1 }",
            (
                "p.toml, line 1, column 1: tools[0]: a rule that says ask rewrites arguments. "
                "Rewrite in an allow rule; what another rule says of the call still holds"
            ),
        ),
        (
            "[[actions]]\nallow = 'aproval'",
            (
                "p.toml, line 1, column 1: actions[0]: 'aproval' matches no type of action. "
                "Did you mean 'approval'?"
            ),
        ),
        (
            "[[actions]]\nask = 'approval'",
            (
                "p.toml, line 1, column 1: actions[0]: "
                "nobody is asked whether somebody may answer. Say allow or deny"
            ),
        ),
        (
            "[[actions]]\nown = true",
            "p.toml, line 1, column 1: actions[0]: needs exactly one of allow and deny",
        ),
        (
            "[[tools]]\nallow = '*'\napprovers = 'ann'",
            (
                "p.toml, line 1, column 1: tools[0]: "
                "a rule that says allow has terms of an approval. "
                "approvers, expires_in and on_expiry belong to a rule that asks"
            ),
        ),
        (
            "[[tools]]\nask = '*'\napprovers = ['a|b']",
            (
                "p.toml, line 1, column 1: tools[0]: the approver 'a|b' holds a |. "
                "Make it two globs in a list"
            ),
        ),
        (
            "[[tools]]\nask = '*'\nexpires_in = 'soon'",
            (
                "p.toml, line 3, column 1: tools[0].expires_in: "
                "must be seconds, or text such as 30s, 15m, 4h or 2d"
            ),
        ),
        (
            "[[tools]]\nask = '*'\nexpires_in = 0",
            (
                "p.toml, line 1, column 1: tools[0]: "
                "an approval expires in 0 s; it must be more than 0"
            ),
        ),
        (
            "[[tools]]\nask = '*'\non_expiry = 'allow'",
            "p.toml, line 3, column 1: tools[0].on_expiry: must be 'deny' or 'fail'",
        ),
        (
            "[constraints]\nmax_turn = 3",
            "p.toml, line 2, column 1: constraints.max_turn: unknown key; did you mean max_turns?",
        ),
        (
            "[constraints]\nmax_turns = -1",
            "p.toml, line 2, column 1: constraints.max_turns: must be greater than or equal to 0",
        ),
        (
            "[[constraints]]\nmax_turns = 1",
            (
                "p.toml, line 1, column 1: constraints: "
                "must be one table, beginning with [constraints]"
            ),
        ),
        (
            "[[tests]]\ntool = 'x'\nexpcet = 'deny'",
            (
                "p.toml, line 1, column 1: tests[0].expect: is missing;\n"
                "p.toml, line 3, column 1: tests[0].expcet: unknown key; did you mean expect?"
            ),
        ),
        (
            "[[tests]]\nexpect = 'deny'",
            (
                "p.toml, line 1, column 1: tests[0]: asks about nothing. "
                "Give one of tool, model, run, data, action"
            ),
        ),
        (
            "[[tests]]\nmodel = 'm'\nargs = { a = 1 }\nexpect = 'deny'",
            (
                "p.toml, line 1, column 1: tests[0]: "
                "args says nothing in a question about a model. "
                "Beside model there are "
                "provider, agent, turns, tool_calls, turn_tool_calls, principal, scope"
            ),
        ),
        (
            "x = " + "[" * 100_000,
            "p.toml: is nested too deeply",
        ),
        ("default = 'no'", "p.toml, line 1, column 1: default: must be 'allow', 'ask' or 'deny'"),
        ("version = 3", "p.toml, line 1, column 1: version: must be text"),
        (
            "name = 'a b'",
            "p.toml, line 1, column 1: name: 'a b' cannot be the name or version of a policy",
        ),
        (
            "x = [1,",
            "p.toml, line 1, column 8: is not valid TOML: Invalid value",
        ),
        (
            "name = 'a'\nname = 'b'",
            "p.toml, line 2, column 11: is not valid TOML: Cannot overwrite a value",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_its_key_and_the_way_out(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_policy(text, source="p.toml")
    assert str(caught.value) == complaint


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = "nam = 'x'\n[[tools]]\nalow = 'x'\n[[models]]\nallow = 1\n"
    with pytest.raises(ConfigError) as caught:
        parse_policy(text, source="p.toml")
    assert [line.split(": ")[:2] for line in str(caught.value).splitlines()] == [
        ["p.toml, line 1, column 1", "nam"],
        ["p.toml, line 3, column 1", "tools[0].alow"],
        ["p.toml, line 5, column 1", "models[0].allow"],
    ]


def test_text_that_looks_like_a_table_misleads_nobody() -> None:
    text = "[[tools]]\nallow = '*'\nreason = '''\n[[tools]]\n'''\nalow = 'x'\n"
    with pytest.raises(ConfigError) as caught:
        parse_policy(text, source="p.toml")
    assert str(caught.value).startswith("p.toml, line 6, column 1: tools[0].alow: unknown")


PIECES = (
    *("[[tools]]\n", "[[models]]\n", "[tools.when]\n", "[[x]]\n", "allow", "deny", "when"),
    *("name", "default", "x", " = ", "'*'", "{ a = 1 }", "[1]", "3", "'''", "\n"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_whatever_a_file_holds_it_is_a_policy_or_a_named_mistake(text: str) -> None:
    try:
        policy = parse_policy(text, source="p.toml")
    except ConfigError as error:
        complaint = str(error)
    else:
        complaint = f"p.toml is {policy.ref}"
    assert complaint.startswith("p.toml")
