"""Who may answer an action, and the terms on which a verdict asks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.context import ExecutionContext
from steer.policies import AuthorDeclared, PolicyStack, strictest, unattended
from steer.ports.policy import ActionQuestion, Outcome, Question, ToolQuestion, Verdict
from steer.values import ActionType

ANSWER = ActionQuestion(
    context=ExecutionContext(principal_id="ann"),
    action_type=ActionType.APPROVAL,
    tool="refund",
    asked_by="bob",
)
CALL = ToolQuestion(context=ExecutionContext(), tool="refund", arguments={"amount": 500})


@dataclass
class Says:
    """A policy of somebody else's that gives these answers, one after the other."""

    answers: Sequence[Any]
    name: str = "theirs"
    version: str = "7"
    asked: int = 0

    def evaluate(self, question: Question, /) -> Any:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def test_anybody_may_answer_where_nobody_selected_a_policy() -> None:
    verdict = AuthorDeclared().evaluate(ANSWER)
    assert (verdict.outcome, verdict.policy) == (Outcome.ALLOW, "author-declared@1")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("approvers", "allowed"),
    [
        ((), True),
        (("ann",), True),
        (("a*",), True),
        (("bob|ann",), True),
        (("a*", "*n"), True),
        (("bob",), False),
        (("ANN",), False),
        (("a*", "b*"), False),
        (("ann", ""), False),
    ],
)
async def test_who_answers_has_to_fit_every_entry_of_the_approvers(
    approvers: tuple[str, ...], allowed: bool
) -> None:
    verdict = await PolicyStack().decide(replace(ANSWER, approvers=approvers))
    assert (verdict.outcome is Outcome.ALLOW) is allowed


@pytest.mark.anyio
async def test_who_is_no_approver_is_refused_before_any_policy_is_asked() -> None:
    policy = Says([Verdict.allow()])
    verdict = await PolicyStack([policy]).decide(replace(ANSWER, approvers=("ops-*|bob", "b*")))
    assert verdict == Verdict.deny(
        "'ann' is none of those who may answer this (ops-* or bob, and b*)", rule="approvers"
    )
    assert policy.asked == 0


@pytest.mark.anyio
async def test_an_approver_still_needs_a_policy_that_allows() -> None:
    question = replace(ANSWER, approvers=("ann",))
    refused = await PolicyStack([Says([Verdict.deny("on leave")])]).decide(question)
    assert (refused.outcome, refused.reason) == (Outcome.DENY, "on leave")


@pytest.mark.anyio
async def test_asking_about_an_answer_is_refusing_it() -> None:
    verdict = await PolicyStack([Says([Verdict.ask("not alone", approvers=("bob",))])]).decide(
        ANSWER
    )
    assert verdict.outcome is Outcome.DENY
    assert verdict.reason.startswith("not alone (a person has to approve this")
    assert (verdict.policy, verdict.approvers) == ("theirs@7", ())


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tool", "about"),
    [
        ("refund", "the approval action about the tool 'refund'"),
        (None, "the approval action"),
    ],
)
async def test_nobody_answering_for_an_answer_is_a_denial(tool: str | None, about: str) -> None:
    verdict = await PolicyStack([Says([None])]).decide(replace(ANSWER, tool=tool))
    assert verdict == Verdict.deny(f"no policy answered for answering {about}")


# --- the terms of an approval

asking = st.builds(
    Verdict.ask,
    st.sampled_from(["", "look"]),
    rule=st.sampled_from(["a", "b"]),
    approvers=st.sampled_from([(), ("ops-*",), ("ann|bob", "a*")]),
    expires_in_seconds=st.sampled_from([None, 60.0, 3600.0]),
    on_expiry=st.sampled_from(["deny", "fail"]),
)


def terms(verdict: Verdict) -> tuple[object, ...]:
    return verdict.approvers, verdict.expires_in_seconds, verdict.on_expiry


def test_of_several_that_ask_the_strictest_terms_hold() -> None:
    verdict = strictest(
        [
            Verdict.allow(),
            Verdict.ask("first", rule="a", approvers=("ops-*",), expires_in_seconds=60),
            Verdict.ask("second", rule="b", approvers=("a*",), on_expiry="fail"),
            Verdict.ask("third", rule="c", expires_in_seconds=30),
        ]
    )
    assert (verdict.reason, verdict.rule) == ("first", "a")
    assert terms(verdict) == (("a*", "ops-*"), 30, "fail")


@given(st.lists(asking, min_size=1, max_size=4))
def test_the_terms_do_not_depend_on_the_order(verdicts: list[Verdict]) -> None:
    results = [strictest(order) for order in itertools.permutations(verdicts)]
    assert all(result == results[0] for result in results)


@given(st.lists(asking, min_size=1, max_size=4), asking)
def test_one_more_that_asks_never_loosens_the_terms(verdicts: list[Verdict], more: Verdict) -> None:
    before, after = strictest(verdicts), strictest([*verdicts, more])
    assert set(after.approvers) >= set(before.approvers)
    assert (after.expires_in_seconds or math.inf) <= (before.expires_in_seconds or math.inf)
    assert after.on_expiry in (before.on_expiry, "fail")


@given(st.lists(asking, min_size=1, max_size=3), st.lists(asking, min_size=1, max_size=3))
def test_terms_folded_part_by_part_are_the_same(left: list[Verdict], right: list[Verdict]) -> None:
    in_parts = strictest([strictest(left), strictest(right)])
    assert terms(in_parts) == terms(strictest([*left, *right]))


def test_where_nobody_can_be_asked_no_terms_are_left() -> None:
    asked = Verdict.ask("look", approvers=("ann",), expires_in_seconds=5, on_expiry="fail")
    assert terms(unattended(asked)) == ((), None, "deny")


@pytest.mark.anyio
async def test_arguments_that_policy_rewrote_are_asked_about_on_the_terms_of_both_rounds() -> None:
    asks = Verdict.ask("look", approvers=("ops-*",), expires_in_seconds=60)
    first = replace(asks, arguments={"amount": 100}, rewritten=True)
    again = Verdict.ask("again", approvers=("a*",), expires_in_seconds=30)
    verdict = await PolicyStack([Says([first, again])]).decide(CALL)
    assert (verdict.outcome, verdict.reason) == (Outcome.ASK, "look")
    assert (verdict.rewritten, verdict.arguments) == (True, {"amount": 100})
    assert terms(verdict) == (("a*", "ops-*"), 30, "deny")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "nonsense",
    [
        {"approvers": "ann"},
        {"approvers": ("",)},
        {"approvers": (7,)},
        {"expires_in_seconds": 0},
        {"expires_in_seconds": math.inf},
        {"expires_in_seconds": math.nan},
        {"expires_in_seconds": "1h"},
        {"on_expiry": "allow"},
    ],
)
async def test_terms_that_make_no_sense_are_a_denial(nonsense: dict[str, Any]) -> None:
    verdict = await PolicyStack([Says([replace(Verdict.ask("look"), **nonsense)])]).decide(CALL)
    assert verdict.reason == "the policy theirs@7 answered with Verdict, which is no valid verdict"


@pytest.mark.anyio
async def test_terms_of_an_answer_that_does_not_ask_mean_nothing() -> None:
    allowed = replace(Verdict.allow(), approvers=("ann",), on_expiry="fail")
    verdict = await PolicyStack([Says([allowed])]).decide(CALL)
    assert terms(verdict) == ((), None, "deny")
