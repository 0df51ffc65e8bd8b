from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from steer.context import ExecutionContext
from steer.policies import AuthorDeclared, PolicySet, PolicyStack
from steer.policies.explaining import Explanation, explain
from steer.policies.files import policy_text
from steer.ports.policy import ActionQuestion, ModelQuestion, Outcome, ToolKind, ToolQuestion
from steer.values import ActionType

pytestmark = pytest.mark.anyio

RULES = """
name = "support"
version = "3"

[[tools]]
allow = ["get_*", "refund"]

[[tools]]
deny = "refund"
when = { amount = { min = 100 } }

[[tools]]
ask = "refund"
principals = "intern-*"
agents = "triage"

[[tools]]
allow = "export"
when = { path = { under = "/files" } }
set = { "options.format" = "csv" }

[[tools]]
allow = "web_*"
effects = "none"
servers = "search"

[[models]]
allow = "gpt-*"
providers = "openai"

[[actions]]
allow = "*"
own = false
"""
SUPPORT = policy_text(RULES, source="support.toml", name="support").policy


async def explained(question: object, *others: object) -> Explanation:
    return await explain(PolicyStack([SUPPORT, *others]), question)  # type: ignore[arg-type, list-item] # a test's own


def why_not(explanation: Explanation, *, about: bool = True) -> dict[str, str]:
    rules = explanation.answers[0].rules
    return {rule.rule: rule.why_not for rule in rules if rule.about or not about}


async def test_it_says_who_decided_and_why_the_others_did_not(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    explanation = await explained(tool_call("refund", {"amount": 20}))
    assert (explanation.verdict.outcome, explanation.verdict.rule) == (
        Outcome.ALLOW,
        "allow get_*, refund",
    )
    assert why_not(explanation) == {
        "deny refund when amount": "amount is not so: min = 100",
        "ask refund": "the principal is 'ann', not intern-*",
        "allow get_*, refund": "",
    }


async def test_it_says_what_could_not_be_judged(tool_call: Callable[..., ToolQuestion]) -> None:
    explanation = await explained(tool_call("refund", {}, principal="intern-1"))
    assert explanation.verdict.rule == "deny refund when amount"
    deny, ask, _ = [rule for rule in explanation.answers[0].rules if rule.about]
    assert (deny.why_not, deny.doubts) == ("", "amount cannot be judged: it is missing")
    # The agent is not known, which counts against the call.
    assert (ask.why_not, ask.doubts) == ("", "")


async def test_rules_about_other_things_say_so(tool_call: Callable[..., ToolQuestion]) -> None:
    explanation = await explained(tool_call("refund", {"amount": 1}))
    others = [rule for rule in explanation.answers[0].rules if not rule.about]
    assert [(rule.rule, rule.why_not) for rule in others] == [
        ("allow export when path", "it is not about 'refund'"),
        ("allow web_*", "it is not about 'refund'"),
    ]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"kind": ToolKind.HOSTED, "server": "search"}, "the effect is 'once', not none"),
        ({"effect": "none"}, "the server is not known"),
        ({"effect": "none", "server": "files"}, "the server is 'files', not search"),
        (
            {"effect": "none", "server": "search", "kind": ToolKind.HOSTED},
            "it neither names the hosted tool without a glob nor lists its kind",
        ),
        (
            {"effect": "none", "server": "search", "kind": ToolKind.HOSTED, "declared": False},
            "the agent does not declare the hosted tool",
        ),
        ({"effect": "none", "server": "search", "kind": ToolKind.MCP}, ""),
    ],
)
async def test_each_thing_that_a_rule_wants_can_be_what_is_missing(
    tool_call: Callable[..., ToolQuestion], fields: dict[str, object], why: str
) -> None:
    explanation = await explained(tool_call("web_search", {}, **fields))
    assert why_not(explanation) == {"allow web_*": why}


async def test_models_and_answers_are_explained_too() -> None:
    context = ExecutionContext(principal_id="ann")
    model = await explained(ModelQuestion(context=context, model="gpt-5", provider="azure"))
    assert why_not(model) == {"allow gpt-*": "the provider is 'azure', not openai"}
    answer = ActionQuestion(context=context, action_type=ActionType.CONFIRM, asked_by="ann")
    assert why_not(await explained(answer)) == {
        "allow *": "it is about jobs of others, and this one runs for 'ann'"
    }
    assert why_not(await explained(replace(answer, asked_by="bob"))) == {"allow *": ""}


async def test_who_is_no_approver_is_told_though_the_policy_allows() -> None:
    answer = ActionQuestion(
        context=ExecutionContext(principal_id="ann"),
        action_type=ActionType.CONFIRM,
        asked_by="bob",
        approvers=("ops-*",),
    )
    explanation = await explained(answer)
    assert (explanation.verdict.rule, explanation.verdict.policy) == ("approvers", None)
    assert explanation.answers[0].verdict is not None
    assert explanation.answers[0].verdict.outcome is Outcome.ALLOW


async def test_what_a_rewrite_made_of_the_call_is_asked_about_again(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    explanation = await explained(tool_call("export", {"path": "/files/a"}))
    written = {"path": "/files/a", "options": {"format": "csv"}}
    assert explanation.arguments == explanation.verdict.arguments == written
    (again,) = explanation.rewritten
    assert again.verdict is not None
    assert (again.verdict.outcome, again.verdict.rewritten) == (Outcome.ALLOW, False)


async def test_arguments_that_cannot_be_rewritten_are_why_the_rule_does_not_apply(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    explanation = await explained(tool_call("export", {"path": "/files/a", "options": 3}))
    assert explanation.verdict.outcome is Outcome.DENY
    assert "cannot rewrite these arguments" in why_not(explanation)["allow export when path"]
    assert explanation.rewritten == ()


async def test_of_several_policies_each_says_what_it_says(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    silent = PolicySet(name="guard", version="1", default=Outcome.ALLOW)
    call = tool_call("get_order", {}, kind=ToolKind.NATIVE)
    explanation = await explained(call, AuthorDeclared(), silent)
    assert explanation.verdict.policy == "author-declared@1"
    assert [
        (answer.policy, answer.verdict and answer.verdict.outcome) for answer in explanation.answers
    ] == [("support@3", "allow"), ("author-declared@1", "ask"), ("guard@1", "allow")]


async def test_what_the_author_wants_approved_is_asked_about(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    explanation = await explained(tool_call("get_order", {}, needs_approval=True))
    assert (explanation.verdict.outcome, explanation.verdict.rule) == (
        Outcome.ASK,
        "needs approval",
    )
