"""How a policy that takes rules makes one answer of several of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import strategies as st
from steer.ports.policy import Outcome, Question, ToolQuestion

from steer_conformance.checks import check
from steer_conformance.suites.policy.case import PolicyCase, SampleRule, strictness
from steer_conformance.suites.policy.questions import TOOLS, about, questions, sample_rules
from steer_conformance.suites.policy.setup import PolicySetup

__all__: list[str] = []

_anything = questions(PolicySetup(config={}))
_rules = st.tuples(st.sampled_from(TOOLS), st.sampled_from(Outcome))


def _strictness(case: PolicyCase, rules: Sequence[SampleRule], tool: str) -> int:
    return strictness(case.fresh(rules).answers(about(tool)))


@check("PO-9", requires="rules")
def of_the_rules_that_apply_the_strictest_holds(case: PolicyCase) -> None:
    alone = {outcome: _strictness(case, [(TOOLS[0], outcome)], TOOLS[0]) for outcome in Outcome}
    assert alone[Outcome.ALLOW] < alone[Outcome.ASK] < alone[Outcome.DENY], f"alone: {alone}"

    @case.profile.for_all(sample_rules())
    def law(rules: list[SampleRule]) -> None:
        for tool in {name for name, _ in rules}:
            wanted = max(alone[outcome] for name, outcome in rules if name == tool)
            assert _strictness(case, rules, tool) == wanted, f"{tool} under {rules}"


@check("PO-10", requires="rules")
def the_order_of_rules_does_not_matter(case: PolicyCase) -> None:
    several = sample_rules().filter(lambda rules: len(rules) > 1)

    @case.profile.for_all(several, st.lists(_anything, max_size=4), share=0.4)
    def law(rules: list[SampleRule], others: list[Question]) -> None:
        orders = [case.fresh(order) for order in itertools.permutations(rules)]
        for question in (*map(about, TOOLS), *others):
            answers = [order.answers(question) for order in orders]
            assert all(each == answers[0] for each in answers), f"{question} under {rules}"


@check("PO-11", requires="rules")
def a_rule_that_is_added_never_loosens(case: PolicyCase) -> None:
    tool = TOOLS[0]
    for size in range(3):
        for before in itertools.product(Outcome, repeat=size):
            rules = [(tool, outcome) for outcome in before]
            least = _strictness(case, rules, tool)
            for more in Outcome:
                # What no rule decided, an added one may decide; a denial only in one way.
                if rules or more is Outcome.DENY:
                    added = _strictness(case, [*rules, (tool, more)], tool)
                    assert added >= least, f"{more} after {rules}"

    @case.profile.for_all(sample_rules(), _rules, st.lists(_anything, max_size=8), share=0.4)
    def law(rules: list[SampleRule], more: SampleRule, asked: list[Question]) -> None:
        without, added = case.fresh(rules), case.fresh([*rules, more])
        for question in asked:
            its_tool = isinstance(question, ToolQuestion) and question.tool == more[0]
            if not its_tool or more[1] is Outcome.DENY:
                least = strictness(without.answers(question))
                assert strictness(added.answers(question)) >= least, f"{more} after {rules}"


@check("PO-12", requires="rules")
def a_tool_that_no_rule_covers_is_not_allowed(case: PolicyCase) -> None:
    @case.profile.for_all(sample_rules())
    def law(rules: list[SampleRule]) -> None:
        for tool in {*TOOLS, "other"} - {name for name, _ in rules}:
            for answer in case.fresh(rules).answers(about(tool)):
                assert answer is None or answer.outcome is not Outcome.ALLOW, (
                    f"{tool} under {rules}"
                )


@check("PO-13", requires="rules")
def other_rules_make_another_version(case: PolicyCase) -> None:
    @case.profile.for_all(sample_rules(), _rules)
    def law(rules: list[SampleRule], more: SampleRule) -> None:
        before = _versions(case, rules)
        assert _versions(case, rules) == before, "the same rules, another version"
        if more not in rules:
            assert _versions(case, [*rules, more]) != before, f"{more} changes no version"


def _versions(case: PolicyCase, rules: Sequence[SampleRule]) -> list[str]:
    return [policy.version for policy in case.fresh(rules).policies]
