"""Several policies asked as one: the strictest answer wins, and every failure is a denial."""

from __future__ import annotations

import inspect
import logging
import math
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard, get_args

import anyio

from steer.context import PolicyRef
from steer.errors import ConfigError
from steer.policies.author_declared import AuthorDeclared
from steer.policies.json_values import copy_json, is_json, same_json
from steer.policies.sets import PolicySet
from steer.policies.verdicts import (
    approvers_text,
    is_approver,
    on_terms_of,
    shortened,
    strictest,
    unattended,
)
from steer.ports.policy import (
    ActionQuestion,
    AsyncPolicy,
    ModelQuestion,
    OnExpiry,
    Outcome,
    Policy,
    Question,
    RunQuestion,
    ToolQuestion,
    Verdict,
)
from steer.redaction import Redaction, united

__all__ = ["DEFAULT_TIMEOUT", "PolicyStack"]

DEFAULT_TIMEOUT = 10.0

# What an answer that does not ask says of an approval means nothing.
_NO_TERMS: Mapping[str, Any] = {"approvers": (), "expires_in_seconds": None, "on_expiry": "deny"}

_logger = logging.getLogger("steer.policies")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Member:
    policy: Policy
    ref: str
    # Ours neither change a question nor answer nonsense, so they need no copy and no check.
    ours: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _AsyncMember:
    policy: AsyncPolicy
    ref: str


class PolicyStack:
    """The policies that hold for a run; ``author-declared`` where none is given.

    ``policies`` answer at once, ``async_policies`` have ``timeout`` seconds together for one
    decision. Raises ``ConfigError`` where two policies have the same name.
    """

    def __init__(
        self,
        policies: Iterable[Policy] = (),
        *,
        async_policies: Iterable[AsyncPolicy] = (),
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        if not (timeout > 0 and math.isfinite(timeout)):
            raise ConfigError(f"policies have {timeout} s to answer; it must be more than 0")
        self._timeout = timeout
        waiting = tuple(async_policies)
        at_once = tuple(policies) or (() if waiting else (AuthorDeclared(),))
        names = [policy.name for policy in at_once] + [policy.name for policy in waiting]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(
                f"two policies are called {', '.join(twice)}", fix="Give each its own name"
            )
        self._members = tuple(map(_member, at_once))
        self._async_members = tuple(map(_async_member, waiting))
        refs = [member.ref for member in self._members]
        refs += [member.ref for member in self._async_members]
        self._ref = "+".join(sorted(refs))
        self._redaction = united(
            policy.redaction for policy in at_once if isinstance(policy, PolicySet)
        )

    @property
    def ref(self) -> str:
        """Names and versions of all, in one text: what an approval is bound to."""
        return self._ref

    @property
    def redaction(self) -> Redaction | None:
        """What any of the sets wants to be redacted, ``None`` where none does."""
        return self._redaction

    @property
    def policies(self) -> tuple[Policy | AsyncPolicy, ...]:
        """The policies themselves, in the order they were given."""
        members: tuple[_Member | _AsyncMember, ...] = (*self._members, *self._async_members)
        return tuple(member.policy for member in members)

    async def answers(self, question: Question) -> list[Verdict | None]:
        """Return what each of ``policies`` says by itself, arguments not judged again."""
        at_once = [_answer(member, question) for member in self._members]
        waiting = await self._wait_for_answers(question, self._deadline())
        return [*at_once, *waiting]

    async def decide(self, question: Question) -> Verdict:
        """Ask every policy and return the strictest answer; never raises an ``Exception``.

        A policy that raises, is late or answers with something that is no verdict has denied.
        Nobody answering is a denial. Arguments that a policy rewrote are put to all policies
        again, so nothing runs that one of them would have refused, and may not be rewritten a
        second time. Without ``async_policies`` this never yields to the event loop.

        Whether somebody may answer an action is a yes or a no: who is none of the approvers that
        the question names is refused without asking anybody, and an ``ask`` is a refusal.
        """
        if isinstance(question, ActionQuestion):
            return await self._decide_on_answering(question)
        deadline = self._deadline()
        verdict = await self._round(question, deadline)
        if not verdict.rewritten or not isinstance(question, ToolQuestion):
            return verdict
        edited = replace(question, arguments=verdict.arguments)
        return _confirmed(verdict, await self._round(edited, deadline))

    async def _decide_on_answering(self, question: ActionQuestion) -> Verdict:
        who = question.context.principal_id
        if not is_approver(who, question.approvers):
            reason = (
                f"{shortened(who)} is none of those who may answer this"
                f" ({approvers_text(question.approvers)})"
            )
            return Verdict.deny(reason, rule="approvers")
        return unattended(await self._round(question, self._deadline()))

    def _deadline(self) -> float:
        return anyio.current_time() + self._timeout if self._async_members else 0.0

    async def _round(self, question: Question, deadline: float) -> Verdict:
        verdicts = [
            verdict
            for member in self._members
            if (verdict := _answer(member, question)) is not None
        ]
        # A denial that is certain already spares the others the question.
        denied = any(verdict.outcome is Outcome.DENY for verdict in verdicts)
        if self._async_members and not denied:
            waiting = await self._wait_for_answers(question, deadline)
            verdicts += [verdict for verdict in waiting if verdict is not None]
        return strictest(verdicts) if verdicts else _unanswered(question)

    async def _wait_for_answers(self, question: Question, deadline: float) -> list[Verdict | None]:
        answers: dict[str, Verdict | None] = {
            member.ref: _denied(member.ref, "did not answer in time")
            for member in self._async_members
        }

        async def ask(member: _AsyncMember) -> None:
            answers[member.ref] = await _answer_of(member, question)

        with anyio.CancelScope(deadline=deadline):
            async with anyio.create_task_group() as group:
                for member in self._async_members:
                    group.start_soon(ask, member, name=f"policy {member.ref}")
        return list(answers.values())


def _member(policy: Policy) -> _Member:
    return _Member(
        policy=policy, ref=_ref(policy), ours=type(policy) in (PolicySet, AuthorDeclared)
    )


def _async_member(policy: AsyncPolicy) -> _AsyncMember:
    return _AsyncMember(policy=policy, ref=_ref(policy))


def _answer(member: _Member, question: Question) -> Verdict | None:
    try:
        if member.ours:
            return member.policy.evaluate(question)
        return _checked(member.policy.evaluate(_private_copy(question)), member.ref, question)
    except Exception as error:
        return _failed(member.ref, error)


async def _answer_of(member: _AsyncMember, question: Question) -> Verdict | None:
    try:
        answer = await member.policy.evaluate(_private_copy(question))
        return _checked(answer, member.ref, question)
    except Exception as error:
        return _failed(member.ref, error)


def _checked(answer: object, ref: str, question: Question) -> Verdict | None:
    """Accept a verdict of a policy that is not ours, sign it, and deny for anything else."""
    if answer is None:
        return None
    if inspect.iscoroutine(answer):
        answer.close()
        return _denied(ref, "answers asynchronously and was not declared so")
    if not _is_sound(answer):
        return _denied(ref, f"answered with {type(answer).__name__}, which is no valid verdict")
    arguments, rewritten = None, False
    if answer.rewritten and answer.outcome is not Outcome.DENY:
        if not isinstance(question, ToolQuestion):
            return _denied(ref, "rewrote the arguments of something that has none")
        if not is_json(answer.arguments):
            return _denied(ref, "rewrote the arguments to something that is no JSON")
        rewritten = not same_json(answer.arguments, question.arguments)
        arguments = copy_json(answer.arguments) if rewritten else None
    answer = replace(answer, policy=ref, arguments=arguments, rewritten=rewritten)
    return answer if answer.outcome is Outcome.ASK else replace(answer, **_NO_TERMS)


def _confirmed(first: Verdict, again: Verdict) -> Verdict:
    """Join the verdict that rewrote the arguments with the one on the rewritten arguments."""
    if again.rewritten:
        reason = "the arguments were rewritten, and then policy wanted to rewrite them again"
        return Verdict(outcome=Outcome.DENY, reason=reason, rule=again.rule, policy=again.policy)
    if again.outcome is Outcome.DENY:
        return replace(again, reason=f"with the arguments as policy rewrote them: {again.reason}")
    if first.outcome is Outcome.ASK:
        return on_terms_of(first, [first, again])
    if again.outcome is Outcome.ALLOW:
        return first
    return replace(again, arguments=first.arguments, rewritten=True)


def _is_sound(answer: object) -> TypeGuard[Verdict]:
    return (
        isinstance(answer, Verdict)
        and all(
            isinstance(getattr(answer, name), kind)
            for name, kind in (("outcome", Outcome), ("reason", str), ("rule", str | None))
        )
        and _are_terms(answer.approvers, answer.expires_in_seconds, answer.on_expiry)
    )


def _are_terms(approvers: object, expires_in_seconds: object, on_expiry: object) -> bool:
    return (
        isinstance(approvers, tuple)
        and all(isinstance(entry, str) and entry for entry in approvers)
        and (
            expires_in_seconds is None
            or (isinstance(expires_in_seconds, int | float) and 0 < expires_in_seconds < math.inf)
        )
        and on_expiry in get_args(OnExpiry)
    )


def _failed(ref: str, error: Exception) -> Verdict:
    # The text of the error may quote arguments: neither a log nor the model gets to see it.
    kind = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    _logger.error("the policy %s raised %s at %s", ref, kind, place)
    return _denied(ref, f"failed with {kind}")


def _denied(ref: str, why: str) -> Verdict:
    return Verdict(outcome=Outcome.DENY, reason=f"the policy {ref} {why}", policy=ref)


def _unanswered(question: Question) -> Verdict:
    match question:
        case ToolQuestion():
            about = f"the {question.kind} tool {shortened(question.tool)}"
        case ModelQuestion():
            about = f"the model {shortened(question.model)}"
        case RunQuestion():
            about = f"the agent {shortened(question.agent)}"
        case ActionQuestion():
            about = f"answering the {question.action_type} action"
            if question.tool is not None:
                about += f" about the tool {shortened(question.tool)}"
        case _:
            about = f"the {question.kind} {shortened(question.name)}"
    return Verdict.deny(f"no policy answered for {about}")


def _private_copy(question: Question) -> Question:
    """What a foreign policy may scribble on without anybody else noticing."""
    if isinstance(question, ToolQuestion) and isinstance(question.arguments, dict | list):
        return replace(question, arguments=copy_json(question.arguments))
    return question


def _ref(policy: Policy | AsyncPolicy) -> str:
    return str(PolicyRef(name=policy.name, version=policy.version))
