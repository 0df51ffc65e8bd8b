"""Asking a person whether a tool call may run, and what the answer is good for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from steer._engine.asking import Asking, Question, fail_expired
from steer._engine.questions import binding_of
from steer._engine.state import JobState
from steer.context import ExecutionContext
from steer.errors import ActionExpired
from steer.events import PolicyDecided
from steer.policies import PolicyStack
from steer.ports.gate import ToolCall
from steer.ports.policy import ActionQuestion, Outcome, ToolQuestion, Verdict
from steer.ports.records import ActionRecord
from steer.values import ActionStatus, ActionType, Expiry, JsonValue, digest_of

__all__ = ["Approvals", "Approved", "Refused", "call_digest", "decided"]

REMEMBER = ("once", "arguments", "tool")


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """The call may run with these arguments; ``by`` says who let it."""

    arguments: JsonValue
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The call may not run; ``reason`` is for the model."""

    reason: str


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
    ) -> Approved | Refused:
        """Return what a person says to a call that ``verdict`` asks about."""
        place, proposed = 0, call.arguments
        while True:
            arguments = verdict.arguments if verdict.rewritten else question.arguments
            standing = self._standing(call, arguments, verdict)
            if standing is not None:
                return Approved(arguments=arguments, by=standing.resolved_by or "")
            action = await self._asking.answer(
                self._question(call, verdict, arguments, proposed, place)
            )
            if (reason := self._refusal(call, action)) is not None:
                return Refused(reason=reason)
            edited = action.resolution.get("arguments")
            if edited is None:
                return Approved(arguments=arguments, by=action.resolved_by or "")
            # Edited arguments are a new proposal: policy is asked as if the model had made it.
            question = replace(question, arguments=edited)
            verdict = await self._policies.decide(question)
            self._state.tell(decided(call, verdict), path=call.path, agent=call.agent)
            if verdict.outcome is Outcome.DENY:
                told = "a person edited the arguments, and policy denies them"
                return Refused(reason=f"{told}: {verdict.reason}" if verdict.reason else told)
            runs = verdict.arguments if verdict.rewritten else edited
            if verdict.outcome is Outcome.ALLOW or (
                digest_of(runs) == digest_of(edited) and await self._may_answer(action, verdict)
            ):
                return Approved(arguments=runs, by=action.resolved_by or "")
            # Whoever edited may not approve what came of it, so somebody else is asked.
            place, proposed = place + 1, edited

    def _question(
        self,
        call: ToolCall,
        verdict: Verdict,
        arguments: JsonValue,
        proposed: JsonValue,
        place: int,
    ) -> Question:
        spec = self._state.approvals
        expires_in = verdict.expires_in_seconds
        fails = verdict.on_expiry == "fail" or spec.on_expiry is Expiry.FAIL
        same = digest_of(arguments) == digest_of(proposed)
        return Question(
            type=ActionType.APPROVAL,
            payload={
                "tool": call.tool,
                "arguments": arguments,
                "proposed": None if same else proposed,
                "kind": call.kind.value,
                "server": call.server,
                "agent": call.agent,
                "path": list(call.path),
                "reason": verdict.reason,
                "rule": verdict.rule,
                "policy": verdict.policy,
                "remember": list(REMEMBER),
            },
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
        )

    def _refusal(self, call: ToolCall, action: ActionRecord) -> str | None:
        """Return why the call may not run, ``None`` where it may."""
        match action.status:
            case ActionStatus.RESOLVED:
                answer = action.resolution
                if answer["decision"] == "approve":
                    return None
                reason = answer.get("reason")
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
            remember = answer.get("remember", "once")
            if remember == "tool" or (remember == "arguments" and _approved(action) == digest):
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
    edited = action.resolution.get("arguments")
    if edited is None:
        return str(action.binding["digest"])
    return digest_of([action.payload["tool"], edited])
