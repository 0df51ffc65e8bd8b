"""How a policy answers one question."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from steer.ports.policy import OnExpiry, Outcome, Question, ToolQuestion, Verdict

from steer_conformance.checks import check
from steer_conformance.suites.policy.case import Answer, OpenedPolicy, PolicyCase
from steer_conformance.suites.policy.questions import (
    TOOLS,
    about,
    questions,
    questions_about,
    tool_questions,
)
from steer_conformance.suites.policy.setup import PolicySetup

__all__: list[str] = []

_SECONDS = 10.0
"""What all policies of a kernel have together for one decision, unless it was given more."""


@check("PO-1")
def the_same_question_gets_the_same_answer(case: PolicyCase) -> None:
    setup = case.configured()
    policy = case.open(setup)

    @case.profile.for_all(questions(setup), st.lists(questions(setup), max_size=4), share=4)
    def law(question: Question, others: list[Question]) -> None:
        first = policy.answers(question)
        for other in others:
            policy.answers(other)
        assert policy.answers(question) == first, "asked again, after others"
        assert case.open(setup).answers(question) == first, "asked of another one"


def _of_all_questions(
    case: PolicyCase, setup: PolicySetup
) -> Callable[[Callable[[Question], None]], None]:
    """Try the law below on questions of every kind, and on more about each tool of the rules."""

    def tried(law: Callable[[Question], None]) -> None:
        case.profile.for_all(questions(setup), share=4)(law)
        for tool in (*TOOLS, *setup.tools):
            case.profile.for_all(questions_about(tool, setup), share=2)(law)

    return tried


@check("PO-2")
def every_question_is_answered_with_a_verdict_or_none(case: PolicyCase) -> None:
    policy = case.fresh()

    @_of_all_questions(case, policy.setup)
    def law(question: Question) -> None:
        for answer in policy.answers(question):
            assert answer is None or _is_sound(answer), f"{answer!r} is no verdict"


def _is_sound(answer: object) -> bool:
    if not isinstance(answer, Verdict):
        return False
    kinds = (("outcome", Outcome), ("reason", str), ("rule", str | None), ("approvers", tuple))
    approvers: Any = answer.approvers
    expiry: Any = answer.expires_in_seconds
    return (
        all(isinstance(getattr(answer, name), kind) for name, kind in kinds)
        and all(isinstance(entry, str) and entry for entry in approvers)
        and (expiry is None or (isinstance(expiry, int | float) and 0 < expiry < math.inf))
        and answer.on_expiry in get_args(OnExpiry)
    )


@check("PO-3")
def a_question_is_not_changed(case: PolicyCase) -> None:
    policy = case.fresh()

    @_of_all_questions(case, policy.setup)
    def law(question: Question) -> None:
        before = copy.deepcopy(question)
        policy.answers(question)
        assert question == before


@check("PO-4")
def name_and_version_are_plain_and_stay_what_they_are(case: PolicyCase) -> None:
    opened = case.fresh()
    before = [(policy.name, policy.version) for policy in opened.policies]
    for name, version in before:
        assert re.fullmatch(r"[^\s@]+", name), f"the name is {name!r}"
        assert re.fullmatch(r"[^\s@]+", version), f"the version is {version!r}"
    for tool in (*TOOLS, *opened.setup.tools):
        opened.answers(about(tool))
    assert [(policy.name, policy.version) for policy in opened.policies] == before


@check("PO-5")
def a_denial_says_why(case: PolicyCase) -> None:
    policy = case.fresh()

    @_of_all_questions(case, policy.setup)
    def law(question: Question) -> None:
        for answer in policy.answers(question):
            if answer is not None and answer.outcome is Outcome.DENY:
                assert answer.reason.strip(), "a denial without a reason"


@check("PO-6")
def arguments_are_rewritten_once_and_to_json(case: PolicyCase) -> None:
    policy = case.fresh()

    @_of_all_questions(case, policy.setup)
    def law(question: Question) -> None:
        for answer in _rewrites(policy.answers(question)):
            assert isinstance(question, ToolQuestion), "rewrote what has no arguments"
            assert _is_json(answer.arguments), f"rewrote to {answer.arguments!r}, which is no JSON"
            edited = replace(question, arguments=answer.arguments)
            for again in policy.answers(edited):
                assert again is None or again.outcome is not Outcome.DENY
                assert again is None or not again.rewritten or again.arguments == answer.arguments


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _rewrites(answers: list[Answer]) -> list[Verdict]:
    return [each for each in answers if each is not None and each.rewritten]


@check("PO-7")
def questions_asked_at_once_are_answered_as_if_alone(case: PolicyCase) -> None:
    policy = case.fresh()

    asking = st.lists(tool_questions(policy.setup), min_size=2, max_size=6)

    @case.profile.for_all(asking, share=0.4)
    def law(asked: list[ToolQuestion]) -> None:
        alone = [policy.answers(question) for question in asked]
        assert policy.together(asked) == alone, "from several tasks"
        if _answers_at_once(case):
            with ThreadPoolExecutor(4) as pool:
                assert list(pool.map(policy.answers, asked * 8)) == alone * 8, (
                    "from several threads"
                )


def _answers_at_once(case: PolicyCase) -> bool:
    return not getattr(case.plugin, "asynchronous", False)


@check("PO-8")
def evaluating_is_as_the_declaration_says(case: PolicyCase) -> None:
    declared = not _answers_at_once(case)
    opened = case.fresh()
    tools = [about(tool) for tool in (TOOLS[0], *opened.setup.tools)]
    for question in (*tools, *opened.setup.questions):
        for policy in opened.policies:
            said = policy.evaluate(question)
            awaited = inspect.isawaitable(said)
            if awaited:
                case.runner.run(_finish(said))
            assert awaited == declared, f"declared with asynchronous={declared}"


async def _finish(said: object) -> None:
    assert inspect.isawaitable(said)
    try:
        async with asyncio.timeout(_SECONDS):
            await said
    except TimeoutError as error:
        raise AssertionError(f"no answer within {_SECONDS:g} seconds") from error


@check("PO-14")
def what_it_is_about_is_answered(case: PolicyCase) -> None:
    policy = case.fresh()
    setup = policy.setup
    for tool in setup.tools:
        assert _answers_any(case, policy, questions_about(tool, setup)), (
            f"it has no opinion on the tool {tool!r}, which its author says it is about; "
            "name the arguments that make a difference in PolicySetup(arguments=...)"
        )
    for question in setup.questions:
        assert _has_opinion(policy.answers(question)), (
            f"it has no opinion on {question!r}, which its author says it is about"
        )
    assert setup.tools or setup.questions or _answers_any(case, policy, questions(setup)), (
        "it has no opinion on any question of the suite, so nothing was proved of it; "
        "name what its rules are about in PolicySetup(tools=..., arguments=..., questions=...)"
    )


def _answers_any(case: PolicyCase, policy: OpenedPolicy, asked: SearchStrategy[Any]) -> bool:
    found = False

    @case.profile.for_all(asked, share=4)
    def law(question: Question) -> None:
        nonlocal found
        found = found or _has_opinion(policy.answers(question))

    return found


def _has_opinion(answers: list[Answer]) -> bool:
    return any(answer is not None for answer in answers)
