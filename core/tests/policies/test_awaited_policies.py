"""Policies that are awaited: all at once, bounded, and failing closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from stacked import ALLOW, CALL, DENY, Awaits, Says, allowing, later
from steer.errors import ConfigError
from steer.policies import PolicyStack
from steer.ports.policy import (
    Question,
    Verdict,
)

pytestmark = pytest.mark.anyio


async def test_asynchronous_policies_are_asked_at_the_same_time() -> None:
    both = [anyio.Event(), anyio.Event()]

    def meeting(mine: int) -> Callable[[Question], Awaitable[Verdict]]:
        async def evaluate(question: Question) -> Verdict:
            both[mine].set()
            await both[1 - mine].wait()
            return Verdict.allow()

        return evaluate

    stack = PolicyStack(
        async_policies=[Awaits(meeting(0), name="a"), Awaits(meeting(1), name="b")], timeout=30
    )
    assert (await stack.decide(CALL)).outcome is ALLOW


async def test_a_policy_that_is_late_has_denied_and_is_cancelled() -> None:
    cancelled = anyio.Event()

    async def slow(question: Question) -> Verdict:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()
        return Verdict.allow()

    stack = PolicyStack(
        [allowing()],
        async_policies=[Awaits(slow, name="slow"), Awaits(later(Verdict.allow()))],
        timeout=0.01,
    )
    verdict = await stack.decide(CALL)
    assert verdict.reason == "the policy slow@1 did not answer in time"
    assert verdict.outcome is DENY
    assert cancelled.is_set()


async def test_a_denial_at_once_spares_the_asynchronous_policies_the_question() -> None:
    asked: list[Question] = []

    async def note(question: Question) -> Verdict:
        asked.append(question)
        return Verdict.allow()

    stack = PolicyStack([Says(Verdict.deny("no"))], async_policies=[Awaits(note)])
    assert (await stack.decide(CALL)).reason == "no"
    assert asked == []


async def test_asynchronous_policies_fail_closed_like_the_others() -> None:
    async def broken(question: Question) -> Any:
        raise ValueError("secret")

    for answer, reason in (
        (broken, "the policy remote@1 failed with ValueError"),
        (later("allow"), "the policy remote@1 answered with str, which is no valid verdict"),
        (later(None), "no policy answered for the function tool 'refund'"),
    ):
        verdict = await PolicyStack(async_policies=[Awaits(answer)]).decide(CALL)
        assert (verdict.outcome, verdict.reason) == (DENY, reason)


async def test_a_policy_that_cancels_itself_has_not_answered() -> None:
    async def gives_up(question: Question) -> Verdict:
        raise anyio.get_cancelled_exc_class()

    stack = PolicyStack([allowing()], async_policies=[Awaits(gives_up)], timeout=30)
    verdict = await stack.decide(CALL)
    assert verdict.outcome is DENY
    assert verdict.reason == "the policy remote@1 did not answer in time"


async def test_both_rounds_of_a_rewrite_share_one_time_out() -> None:
    rounds: list[Question] = []

    async def rewrite_then_hang(question: Question) -> Verdict:
        rounds.append(question)
        if len(rounds) > 1:
            await anyio.sleep_forever()
        return Verdict.rewrite({"amount": 1})

    stack = PolicyStack(async_policies=[Awaits(rewrite_then_hang)], timeout=0.05)
    verdict = await stack.decide(CALL)
    assert verdict.reason == (
        "with the arguments as policy rewrote them: the policy remote@1 did not answer in time"
    )


async def test_cancelling_a_decision_cancels_the_policies_it_waits_for() -> None:
    asked, ended = anyio.Event(), anyio.Event()

    async def wait(question: Question) -> Any:
        asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    stack = PolicyStack(async_policies=[Awaits(wait)], timeout=30)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(stack.decide, CALL)
            await asked.wait()
            group.cancel_scope.cancel()
    assert ended.is_set()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_time_out_that_bounds_nothing_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigError, match="to answer; it must be more than 0"):
        PolicyStack(timeout=seconds)


def test_without_asynchronous_policies_a_decision_never_yields() -> None:
    decision = PolicyStack([allowing(), Says(Verdict.rewrite({"amount": 1}))]).decide(CALL)
    with pytest.raises(StopIteration) as ended:
        decision.send(None)
    assert ended.value.value.arguments == {"amount": 1}
