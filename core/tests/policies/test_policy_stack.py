from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from typing import Any

import pytest
import stacked
from stacked import ALLOW, ASK, CALL, CONTEXT, DENY, Awaits, Says, allowing, later, raising
from steer.errors import ConfigError
from steer.policies import AuthorDeclared, Condition, PolicySet, PolicyStack, Rewrite, ToolRule
from steer.ports.policy import (
    DataQuestion,
    ModelQuestion,
    Outcome,
    Policy,
    Question,
    RunQuestion,
    ToolKind,
    ToolQuestion,
    Verdict,
)
from steer.values import Effect

pytestmark = pytest.mark.anyio


async def test_no_policy_selected_is_author_declared() -> None:
    stack = PolicyStack()
    assert stack.ref == "author-declared@1"
    assert await stack.decide(CALL) == AuthorDeclared().evaluate(CALL)
    native = replace(CALL, kind=ToolKind.NATIVE, effect=Effect.ONCE)
    assert (await stack.decide(native)).outcome is ASK


async def test_the_strictest_policy_wins_in_any_order() -> None:
    policies: list[Policy] = [
        allowing(name="a"),
        Says(Verdict.ask("look first"), name="b"),
        Says(Verdict.deny("never"), name="c"),
        Says(None, name="d"),
    ]
    decided = {await PolicyStack(order).decide(CALL) for order in itertools.permutations(policies)}
    assert decided == {replace(Verdict.deny("never"), policy="c@7")}


async def test_a_verdict_is_signed_with_the_policy_that_gave_it() -> None:
    forged = Verdict(outcome=DENY, reason="no", rule="theirs", policy="author-declared@1")
    verdict = await PolicyStack([Says(forged)]).decide(CALL)
    assert (verdict.policy, verdict.rule, verdict.reason) == ("theirs@7", "theirs", "no")


async def test_the_ref_names_every_policy_with_its_version() -> None:
    stack = PolicyStack([allowing(), Says(None)], async_policies=[Awaits(later(None))])
    assert stack.ref == "open@1+remote@1+theirs@7"


async def test_two_policies_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two policies are called open"):
        PolicyStack([allowing()], async_policies=[Awaits(later(None), name="open")])


@pytest.mark.parametrize(
    ("question", "about"),
    [
        (CALL, "the function tool 'refund'"),
        (ModelQuestion(context=CONTEXT, model="gpt-5"), "the model 'gpt-5'"),
        (RunQuestion(context=CONTEXT, agent="support", runtime="llm"), "the agent 'support'"),
        (
            DataQuestion(context=CONTEXT, action="read", kind="session", name="s-1"),
            "the session 's-1'",
        ),
    ],
)
async def test_nobody_answering_is_a_denial(question: Question, about: str) -> None:
    verdict = await PolicyStack([Says(None)]).decide(question)
    assert verdict == Verdict.deny(f"no policy answered for {about}")


async def test_a_hosted_tool_that_a_set_leaves_open_needs_another_policy_to_name_it() -> None:
    search = replace(CALL, tool="web_search", kind=ToolKind.HOSTED)
    guard = PolicySet(name="guard", default=ALLOW)
    assert (await PolicyStack([guard]).decide(search)).outcome is DENY
    assert (await PolicyStack([guard, allowing("web_search")]).decide(search)).outcome is ALLOW
    assert (await PolicyStack([guard, allowing("web_*")]).decide(search)).outcome is DENY


@pytest.mark.parametrize(
    "error", [ValueError("secret"), RecursionError(), ExceptionGroup("", [KeyError()])]
)
async def test_a_policy_that_raises_has_denied_and_its_message_is_told_to_nobody(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="steer.policies"):
        verdict = await PolicyStack([allowing(), Says(raising(error))]).decide(CALL)
    assert verdict == Verdict(
        outcome=DENY,
        reason=f"the policy theirs@7 failed with {type(error).__name__}",
        policy="theirs@7",
    )
    assert "secret" not in caplog.text
    assert f"the policy theirs@7 raised {type(error).__name__} at {stacked.__file__}" in caplog.text


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_what_ends_a_program_is_not_taken_for_a_denial(error: type[BaseException]) -> None:
    with pytest.raises(error):
        await PolicyStack([Says(raising(error()))]).decide(CALL)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (True, "bool"),
        ("allow", "str"),
        (Outcome.ALLOW, "Outcome"),
        (object(), "object"),
        (Verdict, "type"),
        (Verdict(outcome="allow"), "Verdict"),  # type: ignore[arg-type] # what an untyped policy may do
        (Verdict(outcome="maybe"), "Verdict"),  # type: ignore[arg-type] # what an untyped policy may do
        (Verdict(outcome=ALLOW, reason=7), "Verdict"),  # type: ignore[arg-type] # what an untyped policy may do
        (Verdict(outcome=ALLOW, rule=7), "Verdict"),  # type: ignore[arg-type] # what an untyped policy may do
    ],
)
async def test_an_answer_that_is_no_verdict_is_a_denial(answer: object, kind: str) -> None:
    verdict = await PolicyStack([allowing(), Says(lambda _: answer)]).decide(CALL)
    assert verdict.outcome is DENY
    assert verdict.reason == (
        f"the policy theirs@7 answered with {kind}, which is no valid verdict"
    )


async def test_an_asynchronous_policy_passed_as_an_immediate_one_has_denied() -> None:
    policy: Any = Awaits(later(Verdict.allow()))
    verdict = await PolicyStack([allowing(), policy]).decide(CALL)
    assert verdict.reason == ("the policy remote@1 answers asynchronously and was not declared so")


async def test_an_immediate_policy_passed_as_an_asynchronous_one_has_denied() -> None:
    policy: Any = Says(Verdict.allow())
    verdict = await PolicyStack(async_policies=[policy]).decide(CALL)
    assert verdict.reason == "the policy theirs@7 failed with TypeError"


async def test_arguments_nested_too_deep_to_copy_are_a_denial() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    verdict = await PolicyStack([allowing(), Says(Verdict.allow())]).decide(
        replace(CALL, arguments=deep)
    )
    assert verdict.reason == "the policy theirs@7 failed with RecursionError"


async def test_a_policy_that_changes_its_question_changes_it_for_nobody_else() -> None:
    def scribble(question: Question) -> Verdict:
        assert isinstance(question, ToolQuestion)
        question.arguments["amount"] = 1
        question.arguments["to"].append("mallory")
        return Verdict.allow()

    seen: list[Any] = []

    def look(question: Question) -> Verdict:
        assert isinstance(question, ToolQuestion)
        seen.append(question.arguments)
        return Verdict.allow()

    async def scribble_later(question: Question) -> Verdict:
        return scribble(question)

    limit = PolicySet(
        name="limit",
        rules=[ToolRule(tools="*", outcome=ALLOW, when={"amount": Condition(min=500)})],
    )
    question = replace(CALL, arguments={"amount": 500, "to": ["ann"]})
    policies: list[Policy] = [Says(scribble, name="a"), Says(look, name="b"), limit]
    for order in itertools.permutations(policies):
        stack = PolicyStack(order, async_policies=[Awaits(scribble_later)])
        assert (await stack.decide(question)).outcome is ALLOW
    assert question.arguments == {"amount": 500, "to": ["ann"]}
    assert seen == [question.arguments] * 6


async def test_rewritten_arguments_come_back_as_the_policy_left_them() -> None:
    kept = {"amount": 1}
    stack = PolicyStack([Says(lambda question: Verdict.rewrite(kept))])
    verdict = await stack.decide(CALL)
    assert (verdict.rewritten, verdict.arguments) == (True, {"amount": 1})
    kept["amount"] = 1_000_000
    assert verdict.arguments == {"amount": 1}


async def test_rewritten_arguments_are_put_to_every_policy_again() -> None:
    move = PolicySet(
        name="move",
        rules=[ToolRule(tools="*", outcome=ALLOW, rewrite=Rewrite(put={"path": "/etc/passwd"}))],
    )
    guard = PolicySet(
        name="guard",
        version="1",
        default=ALLOW,
        rules=[
            ToolRule(
                tools="*", outcome=DENY, when={"path": Condition(under="/etc")}, reason="not there"
            )
        ],
    )
    question = replace(CALL, arguments={"path": "/files/a"})
    for order in ([move, guard], [guard, move]):
        verdict = await PolicyStack(order).decide(question)
        assert verdict.outcome is DENY
        assert verdict.reason == "with the arguments as policy rewrote them: not there"
        assert verdict.policy == "guard@1"


async def test_rewriting_what_was_rewritten_is_a_denial() -> None:
    def one_more(question: Question) -> Verdict:
        assert isinstance(question, ToolQuestion)
        return Verdict.rewrite({"amount": question.arguments["amount"] + 1})

    verdict = await PolicyStack([Says(one_more)]).decide(CALL)
    assert verdict.outcome is DENY
    assert verdict.reason == (
        "the arguments were rewritten, and then policy wanted to rewrite them again"
    )


async def test_rewriting_to_what_is_there_already_is_a_plain_allow() -> None:
    verdict = await PolicyStack([Says(Verdict.rewrite({"amount": 5}))]).decide(CALL)
    assert (verdict.outcome, verdict.rewritten, verdict.arguments) == (ALLOW, False, None)


async def test_a_person_is_asked_about_the_arguments_that_would_run() -> None:
    rewrite = PolicySet(
        name="limit",
        rules=[ToolRule(tools="*", outcome=ALLOW, rewrite=Rewrite(put={"amount": 1}))],
    )

    def ask_about_small(question: Question) -> Verdict:
        assert isinstance(question, ToolQuestion)
        small = question.arguments["amount"] == 1
        return Verdict.ask("so little?") if small else Verdict.allow()

    for other in (ask_about_small, Verdict.ask("so little?")):
        verdict = await PolicyStack([rewrite, Says(other)]).decide(CALL)
        assert (verdict.outcome, verdict.reason) == (ASK, "so little?")
        assert verdict.arguments == {"amount": 1}


@pytest.mark.parametrize("arguments", [{"when": object()}, {1: 2}, {"a": {1, 2}}])
async def test_rewriting_arguments_to_what_is_no_json_is_a_denial(arguments: Any) -> None:
    verdict = await PolicyStack([Says(Verdict.rewrite(arguments))]).decide(CALL)
    assert verdict.reason == (
        "the policy theirs@7 rewrote the arguments to something that is no JSON"
    )


async def test_rewriting_the_arguments_of_what_has_none_is_a_denial() -> None:
    stack = PolicyStack([Says(Verdict.rewrite({"a": 1}))])
    verdict = await stack.decide(ModelQuestion(context=CONTEXT, model="gpt-5"))
    assert verdict.reason == (
        "the policy theirs@7 rewrote the arguments of something that has none"
    )


async def test_a_denial_carries_no_arguments() -> None:
    sneaky = Verdict(outcome=DENY, reason="no", arguments={"amount": 1}, rewritten=True)
    verdict = await PolicyStack([Says(sneaky)]).decide(CALL)
    assert verdict == Verdict(outcome=DENY, reason="no", policy="theirs@7")
