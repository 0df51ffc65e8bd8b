"""Cases beside the rules, and what a question of a table is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from steer.context import ExecutionContext
from steer.errors import ConfigError
from steer.policies import PolicyStack, parse_policy
from steer.policies.files import cases_beside, policy_text
from steer.policies.toml_cases import QuestionTable
from steer.policies.trying import TriedCase, try_cases
from steer.ports.policy import (
    ActionQuestion,
    Counters,
    DataQuestion,
    ModelQuestion,
    Question,
    RunQuestion,
    ToolKind,
    ToolQuestion,
)
from steer.values import ActionType, Effect

RULES = """
[[tools]]
allow = "refund"
when = { amount = { max = 100 } }
name = "small"

[[tools]]
allow = "export"
set = { format = "csv" }
"""
CONTEXT = ExecutionContext(scope_id="acme", principal_id="ann")
WHO = {"scope": "acme", "principal": "ann"}


@pytest.mark.parametrize(
    ("table", "question"),
    [
        ({"tool": "t"}, ToolQuestion(context=CONTEXT, tool="t")),
        (
            {
                "tool": "t",
                "args": {"a": [1]},
                "kind": "mcp",
                "effect": "none",
                "declared": False,
                "server": "s",
                "agent": "a",
                "needs_approval": True,
                "turns": 3,
                "tool_calls": 2,
                "turn_tool_calls": 1,
            },
            ToolQuestion(
                context=CONTEXT,
                tool="t",
                arguments={"a": [1]},
                kind=ToolKind.MCP,
                effect=Effect.NONE,
                declared=False,
                server="s",
                agent="a",
                needs_approval=True,
                counters=Counters(turns=3, tool_calls=2, turn_tool_calls=1),
            ),
        ),
        (
            {"model": "m", "provider": "p", "agent": "a", "turns": 3},
            ModelQuestion(
                context=CONTEXT, model="m", provider="p", agent="a", counters=Counters(turns=3)
            ),
        ),
        (
            {"run": "a", "runtime": "r", "model": "m"},
            RunQuestion(context=CONTEXT, agent="a", runtime="r", model="m"),
        ),
        (
            {"data": "s-1"},
            DataQuestion(context=CONTEXT, action="read", kind="session", name="s-1"),
        ),
        (
            {"data": "x", "kind": "file", "access": "write"},
            DataQuestion(context=CONTEXT, action="write", kind="file", name="x"),
        ),
        (
            {
                "action": "approval",
                "tool": "t",
                "agent": "a",
                "asked_by": "bob",
                "approvers": "a*",
            },
            ActionQuestion(
                context=CONTEXT,
                action_type=ActionType.APPROVAL,
                tool="t",
                agent="a",
                asked_by="bob",
                approvers=("a*",),
            ),
        ),
    ],
)
def test_a_table_is_a_question(table: Mapping[str, object], question: Question) -> None:
    assert QuestionTable.model_validate({**WHO, **table}).question() == question


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({}, "asks about nothing. Give one of tool, model, run, data, action"),
        ({"tool": "t", "provider": "p"}, "provider says nothing in a question about a tool"),
        ({"model": "m", "data": "d"}, "model says nothing in a question about data"),
        ({"action": "input", "args": 1}, "args says nothing in a question about an action"),
        ({"run": "a"}, "a question about a run names its runtime. Give runtime as well"),
        ({"tool": "t", "kind": "hostd"}, "'hostd' is no kind of tool. There are function, mcp"),
    ],
)
def test_what_makes_no_question_is_refused(table: Mapping[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        QuestionTable.model_validate(table).question()
    assert str(caught.value).startswith(complaint)


async def tried(cases: str) -> list[TriedCase]:
    text = policy_text(RULES + cases, source="p.toml", name="p")
    return await try_cases(PolicyStack([text.policy]), text.cases())


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("case", "failures"),
    [
        ('tool = "refund"\nargs = { amount = 5 }\nexpect = "allow"', []),
        ('tool = "refund"\nargs = { amount = 5 }\nexpect = "allow"\nrule = "small"', []),
        (
            'tool = "refund"\nargs = { amount = 500 }\nexpect = "ask"',
            ["expected ask, and it is deny"],
        ),
        (
            'tool = "refund"\nargs = { amount = 500 }\nexpect = "deny"\nrule = "small"',
            ["expected the rule 'small', and it is 'default'"],
        ),
        ('tool = "export"\nexpect = "allow"\nruns_with = { format = "csv" }', []),
        (
            'tool = "refund"\nargs = { amount = 5 }\nexpect = "allow"\nruns_with = { amount = 5 }',
            [],
        ),
        (
            'tool = "export"\nexpect = "allow"\nruns_with = { format = "xml" }',
            ['expected to run with {"format":"xml"}, and it is {"format":"csv"}'],
        ),
        ('model = "gpt-5"\nexpect = "allow"', []),
    ],
)
async def test_a_case_passes_or_says_what_is_unexpected(case: str, failures: list[str]) -> None:
    (result,) = await tried(f"[[tests]]\n{case}\n")
    assert list(result.failures) == failures


@pytest.mark.anyio
async def test_a_case_knows_its_line() -> None:
    first, second = await tried(
        '[[tests]]\nmodel = "m"\nexpect = "deny"\n\n[[tests]]\nmodel = "m"\nexpect = "allow"\n'
    )
    start = RULES.count("\n") + 1
    assert [(each.case.source, each.case.line) for each in (first, second)] == [
        ("p.toml", start),
        ("p.toml", start + 4),
    ]


def test_cases_can_stand_in_a_file_beside(tmp_path: Path) -> None:
    rules, cases = tmp_path / "support.toml", tmp_path / "support.tests.toml"
    assert cases_beside(rules) == []
    cases.write_text('[[tests]]\ntool = "refund"\nexpect = "deny"\n')
    (case,) = cases_beside(rules)
    assert (case.table.tool, case.source, case.line) == ("refund", str(cases), 1)
    cases.write_text('[[tools]]\nallow = "*"\n')
    with pytest.raises(ConfigError, match=r"line 1, column 1: tools: unknown key"):
        cases_beside(rules)


def test_cases_change_no_version() -> None:
    with_cases = RULES + '[[tests]]\ntool = "refund"\nexpect = "deny"\n'
    assert parse_policy(with_cases).version == parse_policy(RULES).version
