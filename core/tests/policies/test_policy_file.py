from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.context import ExecutionContext
from steer.errors import ConfigError
from steer.policies import (
    Condition,
    DataRule,
    ModelRule,
    PolicySet,
    Rewrite,
    RunRule,
    ToolRule,
    load_policy_file,
    parse_policy,
)
from steer.ports.policy import ModelQuestion, Outcome, ToolKind, ToolQuestion
from steer.values import Effect

SUPPORT = """
name = "support"
version = "3"
default = "deny"

[[tools]]
allow = ["search_*", "get_order", "refund"]
principals = ["*"]

[[tools]]
deny = ["refund"]
when = { amount = { min = 100 } }
reason = "refunds of 100 or more need a person"

[[models]]
allow = ["gpt-*"]
"""


@pytest.mark.parametrize(
    ("tool", "arguments", "outcome", "reason"),
    [
        ("search_orders", {}, Outcome.ALLOW, ""),
        ("refund", {"amount": 99}, Outcome.ALLOW, ""),
        ("refund", {"amount": 100}, Outcome.DENY, "refunds of 100 or more need a person"),
        ("delete", {}, Outcome.DENY, "no rule of the policy support@3 allows the tool 'delete'"),
    ],
)
def test_a_file_decides_as_it_reads(
    tool_call: Callable[..., ToolQuestion],
    tool: str,
    arguments: object,
    outcome: Outcome,
    reason: str,
) -> None:
    verdict = parse_policy(SUPPORT).evaluate(tool_call(tool, arguments))
    assert verdict is not None
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_a_file_speaks_of_models_too() -> None:
    policy = parse_policy(SUPPORT)
    for model, outcome in (("gpt-5", Outcome.ALLOW), ("claude", Outcome.DENY)):
        verdict = policy.evaluate(ModelQuestion(context=ExecutionContext(), model=model))
        assert verdict is not None
        assert verdict.outcome is outcome


def test_everything_a_rule_can_say_can_be_said_in_a_file() -> None:
    text = """
        default = "ask"

        [[tools]]
        name = "reading"
        allow = "read_*"
        scopes = "acme"
        principals = ["ann", "bob"]
        agents = "support"
        servers = "files"
        kinds = ["mcp", "native"]
        effects = "none"
        drop = "debug"
        set = { limit = 10, "options.deep" = false }
        reason = "reading is fine"

        [tools.when]
        currency = "EUR"
        urgent = false
        "user.email" = { glob = "*@example.com", max_length = 100 }
        path = { under = ["/files", "/data"] }
        amount = { min = 1, max = 9.5 }
        id = { matches = "[0-9]+", min_length = 2 }
        mode = { in = ["a", 1] }
        note = { present = false }

        [[models]]
        ask = "gpt-*"
        providers = "openai"
        agents = ["support"]

        [[runs]]
        deny = "billing"
        runtimes = "openai_*"

        [[data]]
        allow = "*"
        kinds = "session"
        actions = "read"
    """
    assert parse_policy(dedent(text), name="all") == PolicySet(
        name="all",
        default=Outcome.ASK,
        rules=[
            ToolRule(
                name="reading",
                tools="read_*",
                outcome=Outcome.ALLOW,
                scopes="acme",
                principals=("ann", "bob"),
                agents="support",
                servers="files",
                kinds=(ToolKind.MCP, ToolKind.NATIVE),
                effects=[Effect.NONE],
                rewrite=Rewrite(put={"limit": 10, "options.deep": False}, drop="debug"),
                reason="reading is fine",
                when={
                    "currency": Condition(equals="EUR"),
                    "urgent": Condition(equals=False),
                    "user.email": Condition(glob=["*@example.com"], max_length=100),
                    "path": Condition(under=["/files", "/data"]),
                    "amount": Condition(min=1, max=9.5),
                    "id": Condition(matches="[0-9]+", min_length=2),
                    "mode": Condition(one_of=["a", 1]),
                    "note": Condition(present=False),
                },
            ),
            ModelRule(models="gpt-*", outcome=Outcome.ASK, providers="openai", agents="support"),
            RunRule(agents="billing", outcome=Outcome.DENY, runtimes="openai_*"),
            DataRule(names="*", outcome=Outcome.ALLOW, kinds="session", actions=["read"]),
        ],
    )


def test_an_empty_file_denies_every_tool(
    tool_call: Callable[..., ToolQuestion], tmp_path: Path
) -> None:
    path = tmp_path / "nothing.toml"
    path.write_bytes(b"")
    policy = load_policy_file(path)
    verdict = policy.evaluate(tool_call())
    assert policy.name == "nothing"
    assert verdict is not None
    assert verdict.outcome is Outcome.DENY


def test_a_file_is_called_after_itself_where_it_says_no_name(tmp_path: Path) -> None:
    path = tmp_path / "support.toml"
    path.write_text("\ufeff[[tools]]\nallow = '*'\n", encoding="utf-8")
    assert load_policy_file(str(path)).name == "support"


def test_without_a_version_the_content_is_the_version() -> None:
    one, same, other = (
        parse_policy(text)
        for text in (
            "[[tools]]\nallow = 'a'\n[[tools]]\ndeny = 'b'",
            "# the same\n[[tools]]\ndeny = ['b']\n\n[[tools]]\nallow = ['a']",
            "[[tools]]\nallow = 'a'\n[[tools]]\ndeny = 'c'",
        )
    )
    assert one.version == same.version != other.version


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "name = 'x'\ndefualt = 'deny'",
            "p.toml, line 2: defualt: unknown key; did you mean default?",
        ),
        (
            "[[tool]]\nallow = '*'",
            "p.toml, line 1: tool: unknown key; did you mean tools?",
        ),
        (
            "[[tools]]\nallow = '*'\n\n[[tools]]\n# alow = 'x'\n  alow = 'x'",
            "p.toml, line 6: tools[1].alow: unknown key; did you mean allow?",
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { amount = { mn = 3 } }",
            "p.toml, line 3: tools[0].when.amount.mn: unknown key; did you mean min?",
        ),
        (
            "[[tools]]\nallow = '*'\n[tools.when]\n'a' = 1\n'user.age' = { mx = 3 }",
            "p.toml, line 5: tools[0].when.user.age.mx: unknown key; did you mean max?",
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { user.tier = 'gold' }",
            (
                "p.toml, line 3: tools[0].when.user.tier: unknown key; known are equals, in, glob, "
                "matches, under, min, max, min_length, max_length, present; "
                'a path with dots needs quotes: "user.tier"'
            ),
        ),
        (
            "[tools]\nallow = '*'",
            "p.toml, line 1: tools: must be a list of tables, each beginning with [[tools]]",
        ),
        (
            "\n[[tools]]\nallow = 'a'\ndeny = 'b'",
            "p.toml, line 2: tools[0]: needs exactly one of allow, ask and deny",
        ),
        (
            "[[models]]\nreason = 'none'",
            "p.toml, line 1: models[0]: needs exactly one of allow, ask and deny",
        ),
        (
            "[[tools]]\nallow = []",
            "p.toml, line 1: tools[0]: a rule has no tools. Name at least one; * is all of them",
        ),
        (
            "[[tools]]\nallow = [3]",
            "p.toml, line 2: tools[0].allow[0]: must be text",
        ),
        (
            "[[tools]]\nallow = '*'\nkinds = ['hostd']",
            (
                "p.toml, line 3: tools[0].kinds[0]: must be "
                "'function', 'mcp', 'agent', 'handoff', 'native', 'hosted' or 'ungated'"
            ),
        ),
        (
            "[[data]]\nallow = '*'\nactions = 'delete'",
            "p.toml, line 3: data[0].actions[0]: must be 'read' or 'write'",
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { id = { matches = '(' } }",
            (
                "p.toml, line 3: tools[0].when.id: the regular expression '(' cannot be used: "
                "unclosed group. Look-around and back-references are not possible; "
                "the syntax is at docs.rs/regex"
            ),
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { id = ['a', 'b'] }",
            (
                "p.toml, line 3: tools[0].when.id: must not be a list; "
                "write { in = [...] } for one of these values"
            ),
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { id = { max_length = true } }",
            "p.toml, line 3: tools[0].when.id.max_length: must be a valid integer",
        ),
        (
            "[[tools]]\nallow = '*'\nwhen = { on = 2026-01-01 }",
            (
                "p.toml, line 3: tools[0].when.on: "
                "[datetime.date(2026, 1, 1)] holds a value that JSON does not have"
            ),
        ),
        (
            "[[tools]]\nask = '*'\nset = { a = 1 }",
            (
                "p.toml, line 1: tools[0]: a rule that says ask rewrites arguments. "
                "Rewrite in an allow rule; what another rule says of the call still holds"
            ),
        ),
        ("default = 'no'", "p.toml, line 1: default: must be 'allow', 'ask' or 'deny'"),
        ("version = 3", "p.toml, line 1: version: must be text"),
        ("name = 'a b'", "p.toml: 'a b' cannot be the name or version of a policy"),
        (
            "x = [1,",
            "p.toml is not valid TOML: Invalid value (at end of document)",
        ),
        (
            "name = 'a'\nname = 'b'",
            "p.toml is not valid TOML: Cannot overwrite a value (at end of document)",
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
        ["p.toml, line 1", "nam"],
        ["p.toml, line 3", "tools[0].alow"],
        ["p.toml, line 5", "models[0].allow"],
    ]


def test_no_line_is_told_where_text_looks_like_a_table() -> None:
    text = "[[tools]]\nallow = '*'\nreason = '''\n[[tools]]\n'''\nalow = 'x'\n"
    with pytest.raises(ConfigError) as caught:
        parse_policy(text, source="p.toml")
    assert str(caught.value).startswith("p.toml: tools[0].alow: unknown key")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing, folder, binary = tmp_path / "no.toml", tmp_path, tmp_path / "binary.toml"
    binary.write_bytes(b"name = '\xff'")
    for path, complaint in (
        (missing, "cannot be read: No such file or directory. Give the path of a TOML file"),
        (folder, "cannot be read: Is a directory. Give the path of a TOML file"),
        (binary, "is not UTF-8 (byte 8)"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_policy_file(path)
        assert str(caught.value) == f"the policy file {path} {complaint}"


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
