"""A person approves a tool call, denies it, or edits it, while the run waits for that."""

from __future__ import annotations

from typing import Any

import pytest
from asking import APPROVE, asked, asking, paying
from kernels import FixedPolicy, TurnedClock, all_events, noting, open_kernel, request, types
from steer import ApprovalSpec
from steer.errors import (
    ActionClosed,
    ActionExpired,
    NotFound,
    PolicyDenied,
    WrongToken,
)
from steer.ports.policy import ActionQuestion, Question, ToolQuestion, Verdict
from steer.values import ActionStatus, ActionType, Expiry, JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio


async def test_an_approved_call_runs_and_says_who_let_it() -> None:
    paid: list[Any] = []
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(paying(paid), principal_id="ann", keep_records=True))
        (action,) = await asked(kernel, handle)
        assert paid == []
        assert (action.type, action.status) == (ActionType.APPROVAL, ActionStatus.PENDING)
        assert action.asked_by == "ann"
        assert action.payload["tool"] == "pay"
        assert action.payload["arguments"] == {"amount": 3}
        assert (action.payload["reason"], action.payload["rule"]) == ("money moves", "pay")
        answered = await kernel.resolve_action(
            action.action_id, APPROVE, principal_id="bob", via="terminal"
        )
        result = await handle.result()
        events = await all_events(handle)
        records = await kernel.storage.records.load("default", handle.job_id)

    assert (answered.status, answered.resolved_by, answered.resolved_via) == (
        ActionStatus.RESOLVED,
        "bob",
        "terminal",
    )
    assert result.status is JobStatus.SUCCEEDED
    assert paid == [{"amount": 3}]
    assert [grant.by for grant in records.grants] == ["bob"]
    resolved = next(event.data for event in events if event.type == "action.resolved")
    assert (resolved.action_id, resolved.by, resolved.via) == (action.action_id, "bob", "terminal")
    assert [kind for kind in types(events) if kind.startswith(("policy", "action", "tool"))] == [
        "policy.decided",
        "action.required",
        "action.resolved",
        "tool.start",
        "tool.end",
    ]


async def test_a_denied_call_never_runs_and_the_model_reads_the_reason() -> None:
    paid: list[Any] = []
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(paying(paid)))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, {"decision": "deny", "reason": "too much"})
        result = await handle.result()
        events = await all_events(handle)

    assert (result.status, paid) == (JobStatus.SUCCEEDED, [])
    denied = next(event.data for event in events if event.type == "tool.denied")
    assert denied.reason == "a person denied this call: too much"


async def test_edited_arguments_are_what_runs() -> None:
    paid: list[Any] = []
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(paying(paid)))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, APPROVE | {"arguments": {"amount": 2}})
        await handle.result()
        events = await all_events(handle)

    assert paid == [{"amount": 2}]
    started = next(event.data for event in events if event.type == "tool.start")
    assert (started.proposed, started.effective) == ({"amount": 3}, {"amount": 2})


async def test_what_policy_denies_cannot_be_edited_into_a_call() -> None:
    def answer(question: Question) -> Verdict:
        if not isinstance(question, ToolQuestion):
            return Verdict.allow()
        over = question.arguments["amount"] > 100
        return Verdict.deny("over the limit") if over else Verdict.ask()

    paid: list[Any] = []
    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        handle = await kernel.execute(request(paying(paid)))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, APPROVE | {"arguments": {"amount": 200}})
        await handle.result()
        events = await all_events(handle)

    assert paid == []
    denied = next(event.data for event in events if event.type == "tool.denied")
    assert denied.reason == "a person edited the arguments, and policy denies them: over the limit"


async def test_who_edits_a_call_into_one_that_others_approve_does_not_approve_it() -> None:
    def answer(question: Question) -> Verdict:
        match question:
            case ToolQuestion() if question.arguments["amount"] > 100:
                return Verdict.ask("much", approvers=("boss",))
            case ToolQuestion():
                return Verdict.ask("some")
            case _:
                return Verdict.allow()

    paid: list[Any] = []
    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        handle = await kernel.execute(request(paying(paid)))
        (first,) = await asked(kernel, handle)
        edited = APPROVE | {"arguments": {"amount": 200}}
        await kernel.resolve_action(first.action_id, edited, principal_id="clerk")
        _, second = await asked(kernel, handle, 2)
        assert second.payload["arguments"] == {"amount": 200}
        with pytest.raises(PolicyDenied, match=r"clerk may not answer action .* 'approvers'"):
            await kernel.resolve_action(second.action_id, APPROVE, principal_id="clerk")
        assert paid == []
        await kernel.resolve_action(second.action_id, APPROVE, principal_id="boss")
        await handle.result()
    assert paid == [{"amount": 200}]


@pytest.mark.parametrize(
    ("remember", "asked_about"),
    [
        ("once", [{"amount": 3}, {"amount": 3}, {"amount": 4}]),
        ("arguments", [{"amount": 3}, {"amount": 4}]),
        ("tool", [{"amount": 3}]),
    ],
)
async def test_an_approval_holds_for_as_much_as_it_says(
    remember: str, asked_about: list[Any]
) -> None:
    paid: list[Any] = []
    calls = ({"amount": 3}, {"amount": 3}, {"amount": 4})
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(paying(paid, *calls)))
        for number in range(len(asked_about)):
            action = (await asked(kernel, handle, number + 1))[number]
            await kernel.resolve_action(action.action_id, APPROVE | {"remember": remember})
        await handle.result()
        actions = (await kernel.actions(job_id=handle.job_id)).items
    assert paid == list(calls)
    assert [action.payload["arguments"] for action in actions] == asked_about


async def test_an_approval_for_a_tool_does_not_hold_where_others_have_to_approve() -> None:
    def answer(question: Question) -> Verdict:
        match question:
            case ToolQuestion() if question.arguments["amount"] > 100:
                return Verdict.ask("much", approvers=("boss",))
            case ToolQuestion():
                return Verdict.ask("some")
            case _:
                return Verdict.allow()

    paid: list[Any] = []
    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        handle = await kernel.execute(request(paying(paid, {"amount": 3}, {"amount": 200})))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, APPROVE | {"remember": "tool"})
        _, second = await asked(kernel, handle, 2)
        assert (second.payload["arguments"], second.approvers) == ({"amount": 200}, ("boss",))
        await kernel.resolve_action(second.action_id, {"decision": "deny"}, principal_id="boss")
        await handle.result()
    assert paid == [{"amount": 3}]


async def test_a_token_answers_once_and_shows_nowhere() -> None:
    paid: list[Any] = []
    async with open_kernel(policies=[asking(answers=Verdict.deny("nobody"))]) as kernel:
        handle = await kernel.execute(request(paying(paid)))
        await asked(kernel, handle)
        (required,) = await handle.pending_actions()
        token = required.token
        assert token is not None
        assert token not in repr(required)
        with pytest.raises(WrongToken):
            await kernel.resolve_token(token[:-1] + "#", APPROVE)
        with pytest.raises(WrongToken, match="no token"):
            await kernel.resolve_token("secret", APPROVE)
        with pytest.raises(NotFound):
            await kernel.resolve_token(token, APPROVE, scope_id="other")
        answered = await kernel.resolve_token(token, APPROVE)
        assert answered.resolved_via == "token"
        await handle.result()
        with pytest.raises(ActionClosed, match="was answered by the holder of its token"):
            await kernel.resolve_token(token, APPROVE)
        events = await all_events(handle)
        kept = await kernel.storage.actions.get("default", required.action.action_id)
        assert await handle.pending_actions() == ()

    assert len(paid) == 1
    secret = token.partition(".")[2]
    assert secret not in repr(events)
    assert secret not in f"{kept!r} {kept.token_hash} {kept.payload} {kept.resolution}"
    assert (answered.token_hash, answered.binding) == (None, None)


async def test_the_handle_that_asked_answers_by_its_token() -> None:
    paid: list[Any] = []
    async with open_kernel(policies=[asking(answers=Verdict.deny("nobody"))]) as kernel:
        handle = await kernel.execute(request(paying(paid)))
        (action,) = await asked(kernel, handle)
        answered = await handle.resolve(action.action_id, APPROVE)
        assert answered.resolved_via == "token"
        await handle.result()
        other = await kernel.execute(request())
        with pytest.raises(NotFound, match="has no action"):
            await other.resolve(action.action_id, APPROVE)
    assert len(paid) == 1


async def test_policy_and_approvers_say_who_may_answer() -> None:
    def answer(question: Question) -> Verdict:
        match question:
            case ToolQuestion():
                return Verdict.ask(approvers=("bo*",))
            case ActionQuestion():
                told.append(question)
                allowed = question.context.principal_id != question.asked_by
                return (
                    Verdict.allow() if allowed else Verdict.deny("not your own", rule="four eyes")
                )
            case _:
                return Verdict.allow()

    told: list[ActionQuestion] = []
    paid: list[Any] = []
    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        handle = await kernel.execute(request(paying(paid), principal_id="bo"))
        (action,) = await asked(kernel, handle)
        with pytest.raises(PolicyDenied, match=r"eve may not answer action .*'approvers'"):
            await kernel.resolve_action(action.action_id, APPROVE, principal_id="eve")
        with pytest.raises(PolicyDenied, match="'four eyes' of fixed@1: not your own"):
            await kernel.resolve_action(action.action_id, APPROVE, principal_id="bo")
        with pytest.raises(NotFound):
            await kernel.resolve_action(action.action_id, APPROVE, scope_id="other")
        await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
        await handle.result()
    assert len(paid) == 1
    question = told[-1]
    assert (question.tool, question.agent, question.asked_by) == ("pay", "stepwise", "bo")
    assert question.context.job_id == handle.job_id


@pytest.mark.parametrize("on_expiry", [Expiry.DENY, Expiry.FAIL])
async def test_what_nobody_answers_in_time_is_denied_or_fails_the_job(on_expiry: Expiry) -> None:
    paid: list[Any] = []
    clock = TurnedClock()
    spec = ApprovalSpec(expires_in_seconds=60, on_expiry=on_expiry)
    async with open_kernel(policies=[asking()], clock=clock) as kernel:
        handle = await kernel.execute(request(paying(paid), approvals=spec))
        (action,) = await asked(kernel, handle)
        clock.turn(61)
        result = await handle.result()
        events = await all_events(handle)
        with pytest.raises(ActionExpired):
            await kernel.resolve_action(action.action_id, APPROVE)
        kept = await kernel.action(action.action_id)

    assert (paid, kept.status) == ([], ActionStatus.EXPIRED)
    expired = next(event.data for event in events if event.type == "action.expired")
    assert (expired.action_id, expired.rule) == (action.action_id, on_expiry.value)
    if on_expiry is Expiry.DENY:
        assert result.status is JobStatus.SUCCEEDED
        denied = next(event.data for event in events if event.type == "tool.denied")
        assert denied.reason == "nobody approved this call in time"
    else:
        assert result.error is not None
        assert (result.status, result.error.code) == (JobStatus.FAILED, "action_expired")


async def test_a_withdrawn_question_is_a_denial() -> None:
    paid: list[Any] = []
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(paying(paid)))
        (action,) = await asked(kernel, handle)
        await kernel.cancel_action(action.action_id, principal_id="bob")
        await handle.result()
        with pytest.raises(ActionClosed, match="withdrawn by bob"):
            await kernel.resolve_action(action.action_id, APPROVE)
        events = await all_events(handle)
    assert paid == []
    assert "action.cancelled" in types(events)
    denied = next(event.data for event in events if event.type == "tool.denied")
    assert "withdrawn" in denied.reason


async def test_several_questions_of_one_job_are_told_apart() -> None:
    paid: list[Any] = []
    calls = tuple(Call(tool="pay", arguments={"amount": n}, call_id=f"c{n}") for n in range(3))
    agent = Stepwise(
        turns=(Turn(calls=calls), Turn(text="Done.")), tools={"pay": ToolSpec(run=noting(paid))}
    )
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(agent))
        actions = await asked(kernel, handle, 3)
        for action in reversed(actions):
            yes = action.payload["arguments"]["amount"] != 1
            await kernel.resolve_action(
                action.action_id, {"decision": "approve" if yes else "deny"}
            )
        await handle.result()
    assert sorted(line["amount"] for line in paid) == [0, 2]


async def test_a_job_that_ends_leaves_no_question_behind() -> None:
    paid: list[Any] = []
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(paying(paid)))
        (action,) = await asked(kernel, handle)
        await handle.cancel()
        result = await handle.result()
        events = await all_events(handle)
        with pytest.raises(ActionClosed):
            await kernel.resolve_action(action.action_id, APPROVE)
        kept = await kernel.action(action.action_id)
    assert (result.status, kept.status) == (JobStatus.CANCELLED, ActionStatus.CANCELLED)
    cancelled = next(event.data for event in events if event.type == "action.cancelled")
    assert cancelled.action_id == action.action_id
    assert paid == []


async def test_calls_that_were_approved_together_pass_no_bound() -> None:
    def one_of_them(question: Question) -> Verdict:
        if not isinstance(question, ToolQuestion):
            return Verdict.allow()
        return Verdict.deny("one a turn") if question.counters.tool_calls else Verdict.ask("money")

    paid: list[Any] = []
    both = tuple(Call(tool="pay", arguments=n, call_id=f"c{n}") for n in (1, 2))
    agent = Stepwise(
        turns=(Turn(calls=both), Turn(text="Paid.")), tools={"pay": ToolSpec(run=noting(paid))}
    )
    async with open_kernel(policies=[FixedPolicy(one_of_them)]) as kernel:
        handle = await kernel.execute(request(agent))
        for action in await asked(kernel, handle, 2):
            await kernel.resolve_action(action.action_id, APPROVE)
        events = await all_events(handle)

    assert len(paid) == 1
    assert [event.data.reason for event in events if event.type == "tool.denied"] == ["one a turn"]
