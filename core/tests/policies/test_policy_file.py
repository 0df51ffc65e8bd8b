from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from steer.context import ExecutionContext
from steer.errors import ConfigError
from steer.policies import (
    ActionRule,
    Condition,
    Constraints,
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

        [[tools]]
        ask = "refund"
        approvers = ["lead-*", "ann"]
        expires_in = "4h"
        on_expiry = "fail"

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

        [[actions]]
        deny = ["approval", "conf*"]
        tools = "refund"
        agents = "support"
        own = true

        [constraints]
        max_turns = 8
        max_tool_calls = 20
        max_tool_calls_per_turn = 4
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
            ToolRule(
                tools="refund",
                outcome=Outcome.ASK,
                approvers=["lead-*", "ann"],
                expires_in_seconds=4 * 3600,
                on_expiry="fail",
            ),
            ModelRule(models="gpt-*", outcome=Outcome.ASK, providers="openai", agents="support"),
            RunRule(agents="billing", outcome=Outcome.DENY, runtimes="openai_*"),
            DataRule(names="*", outcome=Outcome.ALLOW, kinds="session", actions=["read"]),
            ActionRule(
                types=["approval", "conf*"],
                outcome=Outcome.DENY,
                tools="refund",
                agents="support",
                own=True,
            ),
        ],
        constraints=Constraints(max_turns=8, max_tool_calls=20, max_tool_calls_per_turn=4),
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
