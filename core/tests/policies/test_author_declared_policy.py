from __future__ import annotations

from collections.abc import Callable

import pytest
from steer.context import ExecutionContext
from steer.policies import AuthorDeclared
from steer.ports.policy import (
    DataQuestion,
    ModelQuestion,
    Outcome,
    RunQuestion,
    ToolKind,
    ToolQuestion,
)
from steer.values import Effect

ALLOW, ASK, DENY = Outcome.ALLOW, Outcome.ASK, Outcome.DENY


@pytest.mark.parametrize(
    ("kind", "declared", "effect", "outcome"),
    [
        (ToolKind.FUNCTION, True, Effect.ONCE, ALLOW),
        (ToolKind.MCP, True, Effect.ONCE, ALLOW),
        (ToolKind.AGENT, True, Effect.ONCE, ALLOW),
        (ToolKind.HANDOFF, True, Effect.ONCE, ALLOW),
        (ToolKind.FUNCTION, False, Effect.NONE, DENY),
        (ToolKind.MCP, False, Effect.NONE, DENY),
        (ToolKind.HANDOFF, False, Effect.NONE, DENY),
        (ToolKind.NATIVE, True, Effect.ONCE, ASK),
        (ToolKind.NATIVE, True, Effect.IDEMPOTENT, ASK),
        (ToolKind.NATIVE, True, Effect.NONE, ALLOW),
        (ToolKind.NATIVE, False, Effect.NONE, ASK),
        (ToolKind.HOSTED, True, Effect.NONE, DENY),
        (ToolKind.UNGATED, True, Effect.NONE, DENY),
    ],
)
def test_what_the_author_declared_is_allowed_and_the_rest_is_not(
    tool_call: Callable[..., ToolQuestion],
    kind: ToolKind,
    declared: bool,
    effect: Effect,
    outcome: Outcome,
) -> None:
    question = tool_call(kind=kind, declared=declared, effect=effect)
    verdict = AuthorDeclared().evaluate(question)
    assert verdict.outcome is outcome
    assert verdict.policy == "author-declared@1"
    assert verdict.rule
    assert verdict.reason or outcome is ALLOW


@pytest.mark.parametrize("kind", [ToolKind.HOSTED, ToolKind.UNGATED])
def test_what_steer_cannot_stop_runs_where_author_and_policy_both_name_it(
    tool_call: Callable[..., ToolQuestion], kind: ToolKind
) -> None:
    policy = AuthorDeclared(named=["web_search"])
    assert policy.evaluate(tool_call("web_search", kind=kind)).outcome is ALLOW
    assert policy.evaluate(tool_call("file_search", kind=kind)).outcome is DENY
    undeclared = tool_call("web_search", kind=kind, declared=False)
    assert policy.evaluate(undeclared).outcome is DENY


def test_a_single_name_is_not_taken_apart_and_globs_name_nothing(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    policy = AuthorDeclared(named="web*")
    assert policy.named == ("web*",)
    assert policy.evaluate(tool_call("web_search", kind=ToolKind.HOSTED)).outcome is DENY


def test_runs_models_and_data_are_allowed() -> None:
    context = ExecutionContext()
    for question in (
        RunQuestion(context=context, agent="a", runtime="r"),
        ModelQuestion(context=context, model="m"),
        DataQuestion(context=context, action="write", kind="session", name="s"),
    ):
        assert AuthorDeclared().evaluate(question).outcome is ALLOW
