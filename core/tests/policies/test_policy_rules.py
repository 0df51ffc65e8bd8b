from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from steer.context import ExecutionContext
from steer.errors import ConfigError
from steer.policies import (
    Condition,
    DataRule,
    ModelRule,
    PolicySet,
    Rewrite,
    Rule,
    RunRule,
    ToolRule,
)
from steer.ports.policy import (
    DataQuestion,
    ModelQuestion,
    Outcome,
    Question,
    RunQuestion,
    ToolKind,
    ToolQuestion,
)
from steer.values import Effect

CONTEXT = ExecutionContext(scope_id="acme", principal_id="ann")


def applies(rule: Rule, question: Question) -> bool:
    """Whether the rule, alone in a set that says something else, decides the question."""
    other = Outcome.ALLOW if rule.outcome is Outcome.DENY else Outcome.DENY
    verdict = PolicySet(name="one", rules=[rule], default=other).evaluate(question)
    assert verdict is not None
    return verdict.outcome is rule.outcome


def tool_rule(outcome: Outcome = Outcome.ALLOW, **said: Any) -> ToolRule:
    return ToolRule(tools=said.pop("tools", "*"), outcome=outcome, **said)


def test_scopes_and_principals_narrow_a_rule(tool_call: Callable[..., ToolQuestion]) -> None:
    rule = tool_rule(scopes="acme*", principals=("ann", "ops-*"))
    assert applies(rule, tool_call(scope="acme-eu", principal="ops-7"))
    assert not applies(rule, tool_call(scope="other", principal="ann"))
    assert not applies(rule, tool_call(scope="acme", principal="bob"))


def test_kinds_and_effects_narrow_a_rule(tool_call: Callable[..., ToolQuestion]) -> None:
    rule = tool_rule(kinds=[ToolKind.MCP, ToolKind.NATIVE], effects=[Effect.NONE])
    assert applies(rule, tool_call(kind=ToolKind.MCP, effect=Effect.NONE))
    assert not applies(rule, tool_call(kind=ToolKind.FUNCTION, effect=Effect.NONE))
    assert not applies(rule, tool_call(kind=ToolKind.MCP, effect=Effect.ONCE))


def test_a_rule_about_agents_counts_an_unknown_agent_against_the_call(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    allow, deny = tool_rule(agents="billing"), tool_rule(Outcome.DENY, agents="billing")
    for rule in (allow, deny):
        assert applies(rule, tool_call(agent="billing"))
        assert not applies(rule, tool_call(agent="support"))
    assert not applies(allow, tool_call(agent=None))
    assert applies(deny, tool_call(agent=None))


def test_a_rule_about_servers_counts_an_unknown_server_against_mcp_tools_alone(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    allow, deny = tool_rule(servers="git*"), tool_rule(Outcome.DENY, servers="git*")
    for rule in (allow, deny):
        assert applies(rule, tool_call(kind=ToolKind.MCP, server="github"))
        assert not applies(rule, tool_call(kind=ToolKind.MCP, server="mail"))
        assert not applies(rule, tool_call(kind=ToolKind.FUNCTION))
    assert not applies(allow, tool_call(kind=ToolKind.MCP))
    assert applies(deny, tool_call(kind=ToolKind.MCP))


@pytest.mark.parametrize("kind", [ToolKind.HOSTED, ToolKind.UNGATED])
def test_what_steer_cannot_stop_is_allowed_only_where_a_rule_and_the_agent_name_it(
    tool_call: Callable[..., ToolQuestion], kind: ToolKind
) -> None:
    question = tool_call("web_search", kind=kind)
    assert not applies(tool_rule(tools="*"), question)
    assert not applies(tool_rule(tools="web_*"), question)
    assert applies(tool_rule(tools="web_search"), question)
    assert applies(tool_rule(tools="*", kinds=[kind]), question)
    assert not applies(
        tool_rule(tools="web_search"), tool_call("web_search", kind=kind, declared=False)
    )


def test_a_glob_is_enough_to_deny_or_to_ask_about_what_steer_cannot_stop(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    question = tool_call("web_search", kind=ToolKind.HOSTED)
    assert applies(tool_rule(Outcome.DENY, tools="web_*"), question)
    assert applies(tool_rule(Outcome.ASK, tools="web_*"), question)


def test_a_rule_about_models_looks_at_provider_and_agent() -> None:
    rule = ModelRule(models="gpt-*", outcome=Outcome.ALLOW, providers="openai", agents="billing")
    known = ModelQuestion(context=CONTEXT, model="gpt-5", provider="openai", agent="billing")
    assert applies(rule, known)
    for other in (
        ModelQuestion(context=CONTEXT, model="claude", provider="openai", agent="billing"),
        ModelQuestion(context=CONTEXT, model="gpt-5", provider="azure", agent="billing"),
        ModelQuestion(context=CONTEXT, model="gpt-5", provider="openai", agent="support"),
        ModelQuestion(context=CONTEXT, model="gpt-5"),
    ):
        assert not applies(rule, other)


def test_a_denial_by_provider_covers_a_model_whose_provider_is_not_known() -> None:
    rule = ModelRule(models="*", outcome=Outcome.DENY, providers="openai")
    assert applies(rule, ModelQuestion(context=CONTEXT, model="gpt-5"))


def test_a_rule_about_runs_folds_the_names_of_runtimes() -> None:
    rule = RunRule(agents="support", outcome=Outcome.ALLOW, runtimes="openai_*")
    assert applies(rule, RunQuestion(context=CONTEXT, agent="support", runtime="openai-agents"))
    assert applies(rule, RunQuestion(context=CONTEXT, agent="support", runtime="openai_agents"))
    assert not applies(rule, RunQuestion(context=CONTEXT, agent="support", runtime="llm"))
    assert not applies(rule, RunQuestion(context=CONTEXT, agent="billing", runtime="openai-agents"))


def test_a_rule_about_data_looks_at_kind_and_action() -> None:
    rule = DataRule(names="s-*", outcome=Outcome.ALLOW, kinds="session", actions=["read"])
    assert applies(rule, DataQuestion(context=CONTEXT, action="read", kind="session", name="s-1"))
    for action, kind, name in (
        ("write", "session", "s-1"),
        ("read", "memory", "s-1"),
        ("read", "session", "t-1"),
    ):
        question = DataQuestion(context=CONTEXT, action=action, kind=kind, name=name)  # type: ignore[arg-type] # mypy widens the literal
        assert not applies(rule, question)


def test_a_condition_that_cannot_be_judged_counts_against_the_call(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    when = {"amount": Condition(min=100)}
    allow = tool_rule(when=when)
    ask, deny = tool_rule(Outcome.ASK, when=when), tool_rule(Outcome.DENY, when=when)
    doubtful: list[object] = [{}, None, {"amount": "500"}, "{broken", [], {"amount": [500]}]
    for arguments in doubtful:
        question = tool_call(arguments=arguments)
        assert not applies(allow, question)
        assert applies(ask, question)
        assert applies(deny, question)


def test_an_allow_rule_needs_every_item_to_fit_and_a_deny_rule_only_one(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    when = {"paths.*": Condition(under="/files")}
    question = tool_call(arguments={"paths": ["/files/a", "/etc/passwd"]})
    assert not applies(tool_rule(when=when), question)
    assert applies(tool_rule(Outcome.DENY, when=when), question)


def test_all_conditions_of_a_rule_must_hold(tool_call: Callable[..., ToolQuestion]) -> None:
    rule = tool_rule(
        Outcome.DENY,
        when={"currency": Condition(equals="EUR"), "amount": Condition(min=100)},
    )
    assert applies(rule, tool_call(arguments={"currency": "EUR", "amount": 100}))
    assert not applies(rule, tool_call(arguments={"currency": "USD"}))
    assert applies(rule, tool_call(arguments={"currency": "EUR"}))


def test_one_pattern_may_stand_without_a_list_and_outcomes_may_be_words() -> None:
    assert ToolRule(tools="refund", outcome="deny") == ToolRule(  # type: ignore[arg-type] # words are for authors without mypy
        tools=["refund"], outcome=Outcome.DENY
    )


def test_rules_are_values_that_can_stand_in_a_set() -> None:
    rules = [tool_rule(when={"a": Condition(equals=[1])}, rewrite=Rewrite(put={"b": {}}))] * 2
    assert len({*rules, ModelRule(models="*", outcome=Outcome.DENY)}) == 2


def test_changing_what_a_rule_was_made_from_does_not_change_the_rule(
    tool_call: Callable[..., ToolQuestion],
) -> None:
    tools, when = ["refund"], {"amount": Condition(max=1)}
    rule = ToolRule(tools=tools, outcome=Outcome.ALLOW, when=when)
    tools.append("delete")
    when.clear()
    assert not applies(rule, tool_call("delete", {"amount": 1}))
    assert not applies(rule, tool_call("refund", {"amount": 2}))


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: tool_rule(tools=()), "a rule has no tools. Name at least one; * is all of them"),
        (lambda: tool_rule(tools=("",)), "must be text or a list of texts"),
        (lambda: tool_rule(principals=[7]), "must be text or a list of texts"),
        (lambda: ToolRule(tools="a", outcome="maybe"), "'maybe' is none of allow, ask, deny"),  # type: ignore[arg-type] # a mistake
        (lambda: tool_rule(kinds=["hostd"]), "'hostd' is none of function, mcp"),
        (
            lambda: tool_rule(Outcome.DENY, rewrite=Rewrite(drop="a")),
            "a rule that says deny rewrites arguments",
        ),
        (
            lambda: RunRule(agents="a", outcome=Outcome.DENY, runtimes="[a_z]"),
            "cannot hold a set in brackets",
        ),
        (
            lambda: DataRule(names="a", outcome=Outcome.DENY, actions=["delete"]),  # type: ignore[list-item] # a mistake
            "'delete' is no action on data",
        ),
        (lambda: ModelRule(models=[], outcome=Outcome.DENY), "a rule has no models"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(make: Callable[[], Rule], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert problem in str(caught.value)
