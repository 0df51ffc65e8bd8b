"""What a run leaves in the ledger: each request and call once, and what people did."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asking import APPROVE, asked, asking, paying
from dying import DyingRuntime
from kernels import FixedPolicy, Moment, TurnedClock, all_events, noting, open_kernel, request
from steer import BudgetSpec, RetrySpec, RuntimeKernel
from steer._engine.leases import LEASE_SECONDS
from steer.errors import ErrorCategory, ProviderError
from steer.memory import open_memory
from steer.ports.changes import Change, LedgerAppended
from steer.ports.money import UsageGroup
from steer.ports.policy import ModelQuestion, ToolQuestion, Verdict
from steer.ports.records import LedgerEntry, LedgerKind
from steer.ports.storage import Committed
from steer.values import JobStatus, Usage
from stepwise import Call, Stepwise, ToolSpec, Turn, registry
from toy_prices import ToyPrices, toy_rates

pytestmark = pytest.mark.anyio

PRICES = ToyPrices(**{"toy-1": toy_rates()})
BUSY = ProviderError("toy is busy", category=ErrorCategory.RATE_LIMIT, retryable=True)


def noted(*turns: Turn, **fields: Any) -> Stepwise:
    return Stepwise(turns=turns, tools={"note": ToolSpec(run=noting([]))}, **fields)


TWO_TURNS = (
    Turn(text="Hm", calls=(Call(tool="note", arguments="a secret"),)),
    Turn(
        text="Done.",
        usage=Usage(
            requests=1, input_tokens=8, cached_tokens=4, output_tokens=5, reasoning_tokens=2
        ),
    ),
)


async def lines(kernel: RuntimeKernel, *kinds: LedgerKind) -> Sequence[LedgerEntry]:
    return (await kernel.ledger(kinds=kinds)).items


async def test_each_request_and_each_tool_call_is_one_line() -> None:
    async with open_kernel(prices=PRICES) as kernel:
        handle = await kernel.execute(request(noted(*TWO_TURNS), principal_id="ann", team_id="red"))
        result = await handle.result()
        first, tool, second = await lines(kernel)

    job = handle.job_id
    assert [first.key, tool.key, second.key] == [
        f"{job}/1/1.1",
        f"{job}/1/0/call_0",
        f"{job}/1/1.2",
    ]
    assert (first.kind, first.provider, first.model) == (LedgerKind.MODEL, "toy", "toy-1")
    assert (first.runtime, first.agent) == ("stepwise", "stepwise")
    assert (first.principal_id, first.team_id, first.job_id) == ("ann", "red", job)
    assert (first.usage, first.cost) == (TWO_TURNS[0].usage, Decimal(25))
    assert (second.usage, second.cost) == (TWO_TURNS[1].usage, Decimal(21))
    assert (tool.kind, tool.usage, tool.cost) == (LedgerKind.TOOL, None, None)
    assert (tool.details["tool"], tool.details["outcome"]) == ("note", "succeeded")
    assert "secret" not in str(tool.details)
    assert result.cost == 46


async def test_the_result_its_events_and_the_ledger_say_the_same_cost() -> None:
    async with open_kernel(prices=PRICES) as kernel:
        handle = await kernel.execute(request(noted(*TWO_TURNS)))
        result = await handle.result()
        events = await all_events(handle)
        (total,) = await kernel.usage()

    assert [event.data.cost for event in events if event.type == "usage"] == [25, 21]
    assert events[-1].data.cost == result.cost == total.cost == 46
    assert total.usage == result.usage
    assert (total.tool_calls, total.unpriced, total.jobs) == (1, 0, 1)


async def test_one_price_that_is_not_known_leaves_the_cost_of_the_run_unknown() -> None:
    async with open_kernel(prices=ToyPrices()) as kernel:
        result = await (await kernel.execute(request(noted(*TWO_TURNS)))).result()
        (total,) = await kernel.usage()
    assert result.cost is None
    assert (total.cost, total.unpriced) == (Decimal(0), 2)


async def test_no_commit_is_added_to_a_run() -> None:
    class Counting:
        def __init__(self) -> None:
            self.inner = open_memory()
            self.commits: list[list[str]] = []

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        async def commit(
            self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change], /
        ) -> Committed:
            self.commits.append([type(change).__name__ for change in changes])
            return await self.inner.commit(scope_id, job_id, fence, changes)

    storage = Counting()
    async with open_kernel(storage=storage, prices=PRICES) as kernel:
        await (await kernel.execute(request(noted(*TWO_TURNS)))).result()
    for names in storage.commits:
        assert LedgerAppended.__name__ not in names or len(set(names)) > 1


async def test_a_try_that_failed_is_a_line_of_its_own_at_the_most_it_can_have_cost() -> None:
    agent = Stepwise(turns=(Turn(text="Hello.", failures=(BUSY, BUSY)),), max_output_tokens=7)
    retries = RetrySpec(first_wait_seconds=0)
    async with open_kernel(prices=PRICES) as kernel:
        result = await (await kernel.execute(request(agent, retries=retries))).result()
        written = await lines(kernel)
    assert [(line.details["outcome"], line.cost) for line in written] == [
        ("failed", Decimal(31)),
        ("failed", Decimal(31)),
        ("completed", Decimal(25)),
    ]
    assert [line.usage.estimated for line in written if line.usage] == [True, True, False]
    assert result.cost == 87


async def test_a_failure_without_any_bound_has_no_known_cost() -> None:
    agent = Stepwise(turns=(Turn(text="Hello.", failures=(BUSY,)),), input_bound=None)
    async with open_kernel(prices=PRICES) as kernel:
        retries = RetrySpec(first_wait_seconds=0)
        result = await (await kernel.execute(request(agent, retries=retries))).result()
        failed, completed = await lines(kernel)
    assert (failed.cost, completed.cost, result.cost) == (None, Decimal(25), None)


async def test_a_request_that_was_cancelled_is_booked_and_so_is_who_did_it() -> None:
    moment = Moment("asked:0")
    agent = Stepwise(turns=(Turn(text="x"),), max_output_tokens=7, reach=moment)
    async with open_kernel(prices=PRICES) as kernel:
        handle = await kernel.execute(request(agent))
        await moment.arrive()
        await handle.cancel(reason="too late", by="bob")
        result = await handle.result()
        audit, model = await lines(kernel)
    assert (audit.kind, audit.principal_id, audit.job_id) == (
        LedgerKind.AUDIT,
        "bob",
        handle.job_id,
    )
    assert model.cost == result.cost == 31
    assert result.status is JobStatus.CANCELLED


async def test_what_a_dead_process_had_asked_is_booked_once_and_what_it_had_recorded_not_again(
    tmp_path: Path,
) -> None:
    # The process that stalls does not see its clock go on, and renews no lease.
    clock, stall = TurnedClock(), Moment("asked:1")
    storage = open_memory(clock=clock)

    def plugins(reach: Any) -> Any:
        return registry(DyingRuntime(noted(*TWO_TURNS, max_output_tokens=7, reach=reach)))

    agent = tmp_path / "agent.toml"
    agent.write_text('name = "x"\ninstructions = "x"\n')
    async with (
        open_kernel(
            storage=storage, clock=TurnedClock(), registry=plugins(stall), prices=PRICES
        ) as stalls,
        open_kernel(storage=storage, clock=clock, registry=plugins(None), prices=PRICES) as takes,
    ):
        handle = await stalls.execute(request(str(agent), runtime="stepwise"))
        await stall.arrive()
        async for event in handle.events(live=False):
            if event.type == "model.started" and event.data.call == "1.2":
                break
        clock.turn(LEASE_SECONDS * 2)
        result = await (await takes.resume(handle.job_id)).result()
        written = await lines(takes, LedgerKind.MODEL, LedgerKind.TOOL)
        events = await all_events(await takes.attach(handle.job_id))
    assert [(line.key.split("/", 1)[1], line.cost) for line in written] == [
        ("1/1.1", Decimal(25)),
        ("1/0/call_0", None),
        ("1/1.2", Decimal(31)),
        ("2/2.1", Decimal(21)),
    ]
    assert written[2].details["outcome"] == "abandoned"
    assert result.cost == sum(line.cost for line in written if line.cost is not None) == 77
    assert [event.data.call for event in events if event.type == "usage"] == ["1.1", "1.2", "2.1"]


async def test_a_refusal_by_policy_is_a_line_that_says_why() -> None:
    def refuse(question: object) -> Verdict:
        match question:
            case ToolQuestion():
                return Verdict.deny("not on a Sunday")
            case _:
                return Verdict.allow()

    async with open_kernel(policies=[FixedPolicy(refuse)]) as kernel:
        await (await kernel.execute(request(noted(*TWO_TURNS)))).result()
        (line,) = await lines(kernel, LedgerKind.POLICY)
    assert (line.details["outcome"], line.details["by"]) == ("deny", "policy")
    assert (line.details["tool"], line.details["reason"]) == ("note", "not on a Sunday")


async def test_a_refused_model_is_a_line_and_no_request() -> None:
    def refuse(question: object) -> Verdict:
        denied = isinstance(question, ModelQuestion)
        return Verdict.deny("not this one") if denied else Verdict.allow()

    async with open_kernel(policies=[FixedPolicy(refuse)]) as kernel:
        await (await kernel.execute(request(noted(*TWO_TURNS)))).result()
        (line,) = await lines(kernel)
    assert (line.kind, line.model, line.details["reason"]) == (
        LedgerKind.POLICY,
        "toy-1",
        "not this one",
    )


async def test_an_approval_is_booked_by_whoever_gave_it() -> None:
    async with open_kernel(policies=[asking()]) as kernel:
        handle = await kernel.execute(request(paying([]), principal_id="ann"))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob", via="terminal")
        await handle.result()
        audit, policy = await lines(kernel, LedgerKind.POLICY, LedgerKind.AUDIT)
    assert (audit.principal_id, audit.details["via"]) == ("bob", "terminal")
    assert (audit.details["action"], audit.details["outcome"]) == (action.action_id, "resolved")
    assert (policy.details["outcome"], policy.details["by"]) == ("approve", "bob")


async def test_a_limit_that_ends_a_run_is_a_line() -> None:
    async with open_kernel() as kernel:
        agent = noted(*TWO_TURNS)
        await (await kernel.execute(request(agent, budgets=BudgetSpec(max_turns=1)))).result()
        (line,) = await lines(kernel, LedgerKind.BUDGET)
    assert line.details == {
        "outcome": "deny",
        "limit": "max_turns",
        "reason": "the run has had its 1 turn",
    }


async def test_usage_is_summed_up_by_what_one_asks() -> None:
    async with open_kernel(prices=PRICES) as kernel:
        for team in ("red", "blue", "red"):
            await (await kernel.execute(request(noted(*TWO_TURNS), team_id=team))).result()
        totals = await kernel.usage([UsageGroup.TEAM])
    assert [(total.group, total.cost, total.jobs) for total in totals] == [
        (("blue",), Decimal(46), 1),
        (("red",), Decimal(92), 2),
    ]
