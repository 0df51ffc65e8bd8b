"""Asking a person whether a tool call may run, and what the answer is good for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from steer._engine.asking import Asking, Question, fail_expired
from steer._engine.questions import binding_of
from steer._engine.state import JobState
from steer.actions import Approval, Remember, check_payload
from steer.context import ExecutionContext
from steer.errors import ActionExpired, InvalidQuestion
from steer.events import PolicyDecided
from steer.policies import PolicyStack
from steer.ports.gate import ToolCall
from steer.ports.policy import ActionQuestion, Outcome, ToolQuestion, Verdict
from steer.ports.records import ActionRecord
from steer.values import ActionStatus, ActionType, Expiry, JsonValue, digest_of

__all__ = ["Approvals", "Approved", "Refused", "call_digest", "decided"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """The call may run with these arguments; ``by`` says who let it."""

    arguments: JsonValue
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The call may not run; ``reason`` is for the model, ``by`` says who decided."""

    reason: str
    by: str = "policy"


class Approvals:
    """Puts the calls that policy wants approved to people, one question per proposal.

    An approval is good for the call, the tool, the arguments and the policies it was asked under.
    One for the rest of the job is the answered action itself, so it outlives the process; it counts
    where policy would ask again on the same terms, and is never looked at where policy denies.
    """

    def __init__(self, state: JobState, policies: PolicyStack) -> None:
        self._state = state
        self._policies = policies
        self._asking = Asking(state)

    async def decide(
        self, call: ToolCall, question: ToolQuestion, verdict: Verdict
    ) -> Approved | Refused | None:
        """Return what a person says to a call that ``verdict`` asks about.

        ``None`` where the run leaves before anybody has.
        """
        place, proposed = 0, call.arguments
        while True:
            arguments = verdict.arguments if verdict.rewritten else question.arguments
            answer = await self._answer(call, verdict, arguments, proposed, place)
            if not isinstance(answer, ActionRecord):
                return answer
            # Edited arguments are a new proposal: policy is asked as if the model had made it.
            edited = answer.resolution["arguments"]
            question = replace(question, arguments=edited)
            verdict = await self._policies.decide(question)
            self._state.tell(decided(call, verdict), path=call.path, agent=call.agent)
            if verdict.outcome is Outcome.DENY:
                told = "a person edited the arguments, and policy denies them"
                return Refused(reason=f"{told}: {verdict.reason}" if verdict.reason else told)
            runs = verdict.arguments if verdict.rewritten else edited
            if verdict.outcome is Outcome.ALLOW or (
                digest_of(runs) == digest_of(edited) and await self._may_answer(answer, verdict)
            ):
                return Approved(arguments=runs, by=answer.resolved_by or "")
            # Whoever edited may not approve what came of it, so somebody else is asked.
            place, proposed = place + 1, edited

    async def _answer(
        self,
        call: ToolCall,
        verdict: Verdict,
        arguments: JsonValue,
        proposed: JsonValue,
        place: int,
    ) -> Approved | Refused | ActionRecord | None:
        """Return what a person says to one proposal: the action itself where they edited it."""
        covered = partial(self._standing, call, arguments, verdict)
        try:
            asked = self._question(call, verdict, arguments, proposed, place)
        except InvalidQuestion as error:
            told = f"this call cannot be put to a person: {error.message}"
            return _approved_by(covered(), arguments) or Refused(reason=told)
        # The answer to this very question comes first: it may have been another one.
        if self._asking.known(asked) is None and (standing := covered()) is not None:
            return _approved_by(standing, arguments)
        action = await self._asking.answer(asked, covered=covered)
        if action is None:
            return None
        if action.binding != asked.binding:
            return _approved_by(action, arguments)
        if (reason := self._refusal(call, action)) is not None:
            return Refused(reason=reason, by=action.resolved_by or "policy")
        return _approved_by(action, arguments) if action.resolution["arguments"] is None else action

    def _question(
        self,
        call: ToolCall,
        verdict: Verdict,
        arguments: JsonValue,
        proposed: JsonValue,
        place: int,
    ) -> Question:
        spec, parking = self._state.approvals, self._state.parking
        expires_in = verdict.expires_in_seconds
        fails = verdict.on_expiry == "fail" or spec.on_expiry is Expiry.FAIL
        same = digest_of(arguments) == digest_of(proposed)
        payload = Approval(
            tool=call.tool,
            arguments=arguments,
            proposed=None if same else proposed,
            kind=call.kind,
            server=call.server,
            agent=call.agent,
            path=call.path,
            reason=verdict.reason,
            rule=verdict.rule,
            policy=verdict.policy,
            remember=tuple(Remember),
        )
        return Question(
            type=ActionType.APPROVAL,
            payload=check_payload(ActionType.APPROVAL, payload),
            binding=binding_of(
                call.key,
                asked="call",
                place=place,
                digest=call_digest(call, arguments),
                policy=self._policies.ref,
            ),
            approvers=verdict.approvers,
            expires_in=spec.expires_in_seconds if expires_in is None else expires_in,
            on_expiry=Expiry.FAIL if fails else Expiry.DENY,
            path=call.path,
            agent=call.agent,
            held="inline" if parking.held(call.key) else "suspended",
            left_by=call.key if parking.can_leave(call.key) else None,
        )

    def _refusal(self, call: ToolCall, action: ActionRecord) -> str | None:
        """Return why the call may not run, ``None`` where it may."""
        match action.status:
            case ActionStatus.RESOLVED:
                answer = action.resolution
                if answer["decision"] == "approve":
                    return None
                reason = answer["reason"]
                return f"a person denied this call{f': {reason}' if reason else ''}"
            case ActionStatus.EXPIRED:
                reason = "nobody approved this call in time"
                if action.on_expiry is Expiry.FAIL:
                    error = ActionExpired(f"{call.tool} was to be approved, and nobody did in time")
                    fail_expired(self._state, error)
                    raise error
                return reason
            case _:
                return "the question whether this call may run was withdrawn"

    def _standing(
        self, call: ToolCall, arguments: JsonValue, verdict: Verdict
    ) -> ActionRecord | None:
        """Return an earlier approval of this job that is good for this call too."""
        digest = call_digest(call, arguments)
        for action in self._state.questions.resolved():
            if action.type is not ActionType.APPROVAL or action.binding is None:
                continue
            answer, asked = action.resolution, action.payload
            if answer["decision"] != "approve" or action.approvers != verdict.approvers:
                continue
            if action.binding["policy"] != self._policies.ref or asked["tool"] != call.tool:
                continue
            if (asked["kind"], asked["server"], asked["agent"]) != (
                call.kind.value,
                call.server,
                call.agent,
            ):
                continue
            remember = answer["remember"]
            if remember == Remember.TOOL or (
                remember == Remember.ARGUMENTS and _approved(action) == digest
            ):
                return action
        return None

    async def _may_answer(self, action: ActionRecord, verdict: Verdict) -> bool:
        """Whether who approved one proposal may approve one that is asked about so."""
        if action.resolved_via == "token":
            # A token stands for whoever was to be asked, and only for them.
            return action.approvers == verdict.approvers
        context = self._state.context
        answer = await self._policies.decide(
            ActionQuestion(
                context=ExecutionContext(
                    scope_id=context.scope_id,
                    principal_id=action.resolved_by or "",
                    job_id=context.job_id,
                ),
                action_type=action.type,
                tool=action.payload["tool"],
                agent=action.payload["agent"],
                asked_by=action.asked_by,
                approvers=verdict.approvers,
            )
        )
        return answer.outcome is Outcome.ALLOW


def _approved_by(action: ActionRecord | None, arguments: JsonValue) -> Approved | None:
    return None if action is None else Approved(arguments=arguments, by=action.resolved_by or "")


def call_digest(call: ToolCall, arguments: JsonValue) -> str:
    """Return what tells one call to a tool from another with other arguments."""
    return digest_of([call.tool, arguments])


def decided(call: ToolCall, verdict: Verdict) -> PolicyDecided:
    """Return the event that tells what policy said to a call."""
    return PolicyDecided(
        subject="tool",
        name=call.tool,
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        rule=verdict.rule,
        policy=verdict.policy,
        call_id=call.call_id,
    )


def _approved(action: ActionRecord) -> str:
    """Return the digest of what an approval let run."""
    edited = action.resolution["arguments"]
    if edited is None:
        return str(action.binding["digest"])
    return digest_of([action.payload["tool"], edited])
