"""How a decision came about: which rules were considered, which applied, and why others did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from steer.context import PolicyRef
from steer.policies.sets import PolicySet
from steer.policies.stack import PolicyStack
from steer.policies.verdicts import AUTHOR_ASKS, strictest
from steer.ports.policy import Outcome, Question, ToolQuestion, Verdict
from steer.values import JsonValue

__all__ = ["ConsideredRule", "Explanation", "PolicyAnswer", "explain"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsideredRule:
    """A rule of the question's kind; ``number`` is its place in its set.

    ``why_not`` says why it does not apply, and is empty where it does; ``doubts`` then says what it
    could not judge. ``about`` says whether its globs name what the question is about.
    """

    rule: str
    number: int
    outcome: Outcome
    about: bool
    why_not: str
    doubts: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyAnswer:
    """What one policy says by itself; ``rules`` are those of a set, the strictest first."""

    policy: str
    verdict: Verdict | None
    rules: tuple[ConsideredRule, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A decision and how it came about.

    ``rewritten`` are the answers about the arguments as policy rewrote them, in ``arguments``;
    both are empty where nothing was rewritten.
    """

    question: Question
    verdict: Verdict
    answers: tuple[PolicyAnswer, ...]
    arguments: JsonValue = None
    rewritten: tuple[PolicyAnswer, ...] = ()


async def explain(stack: PolicyStack, question: Question) -> Explanation:
    """Decide a question as the gate does, and say how.

    The policies are asked a second time for it: they are functions of the question.
    """
    verdict = await stack.decide(question)
    if isinstance(question, ToolQuestion) and question.needs_approval:
        verdict = strictest([verdict, AUTHOR_ASKS])
    given = await stack.answers(question)
    answers = tuple(_answers(stack, question, given))
    explanation = Explanation(question=question, verdict=verdict, answers=answers)
    together = strictest([each for each in given if each is not None])
    if not together.rewritten or not isinstance(question, ToolQuestion):
        return explanation
    edited = replace(question, arguments=together.arguments)
    again = _answers(stack, edited, await stack.answers(edited))
    return replace(explanation, arguments=together.arguments, rewritten=tuple(again))


def _answers(
    stack: PolicyStack, question: Question, given: list[Verdict | None]
) -> Iterator[PolicyAnswer]:
    for policy, verdict in zip(stack.policies, given, strict=True):
        yield PolicyAnswer(
            policy=str(PolicyRef(name=policy.name, version=policy.version)),
            verdict=verdict,
            rules=_considered(policy, question) if isinstance(policy, PolicySet) else (),
        )


def _considered(policy: PolicySet, question: Question) -> tuple[ConsideredRule, ...]:
    name, rules = policy.rules_about(question)
    considered = []
    for rule in rules:
        why_not = rule.why_not(name, question)
        considered.append(
            ConsideredRule(
                rule=rule.verdict.rule or "",
                number=rule.number,
                outcome=rule.verdict.outcome,
                about=name in rule.subject,
                why_not=why_not,
                doubts="" if why_not else rule.doubts(question),
            )
        )
    return tuple(considered)
